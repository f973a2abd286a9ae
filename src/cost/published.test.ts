import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCsv } from "../../test/support/csv.js";
import { partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import { ROOT } from "../../test/support/paths.js";
import { forkRng } from "../base/rng.js";
import { loadDevice } from "../gpu/device.js";
import type { PartitionType } from "../ir/partition.js";
import type { KernelClass } from "../ir/work.js";
import { partitionRecord } from "../profile/records.js";
import { blendedOracle } from "./blended.js";
import { modelledOracle } from "./modelled.js";
import type { CostOracle } from "./oracle.js";

/*
 * The overlap sweep that the authors of Kareus measured on two A100: a forward attention partition,
 * its all-reduce launched before one of its kernels, on 1 to 20 SMs. Here those of its windows in
 * which communication may run to the end, and the sequential one; blocks of 1024 threads.
 */

const SWEEP = join(ROOT, "../shared/data/kareus/overlap_sweep_a100_default_clock.csv");
const LAST_KERNEL = 6;
const [TOKENS, HIDDEN] = [8192, 2048];

type Kernel = PartitionType["kernels"][number];
const shape = { b: 1, dtype: "float16" } as const;
const linear = (n: number, k: number): Kernel => ({
  class: "linear",
  work: { op: "matmul", m: TOKENS, n, k, ...shape },
});
const memory = (name: KernelClass, read: number, written: number): Kernel => ({
  class: name,
  work: {
    ...{ op: "memory", class: name, flops: 0, dtype: "float16" },
    ...{ bytes_read: 2 * TOKENS * read, bytes_written: 2 * TOKENS * written },
  },
});
const attention: Kernel = {
  class: "attn",
  work: {
    ...{ op: "attention", b: 2, heads: 16, kv_heads: 16, q_len: 4096, kv_len: 4096, head_dim: 64 },
    ...{ causal: true, direction: "forward", dtype: "float16" },
  },
};
const PARTITION: PartitionType = {
  ...partitionOf(
    "forward.0",
    [
      memory("norm", 2 * HIDDEN, HIDDEN),
      memory("norm", HIDDEN, HIDDEN),
      linear(3072, HIDDEN),
      memory("other", 3072, 3072),
      memory("rope", HIDDEN, HIDDEN),
      attention,
      linear(HIDDEN, 1024),
    ],
    null,
  ),
  communication: {
    kind: "all_reduce",
    size_bytes: 2 * TOKENS * HIDDEN,
    ranks: 2,
    ranks_per_node: 2,
    group: "tp",
  },
};

/** Measured time and energy of one GPU by configuration. */
function measured() {
  return readCsv(SWEEP).flatMap(({ number }) => {
    const [start, end] = [number("overlap_start"), number("overlap_end")];
    if (number("block") !== 1024 || (end !== LAST_KERNEL && end !== -1)) return [];
    const launch_slot = start < 0 ? null : (PARTITION.slots[start]?.name ?? null);
    const configuration = { freq_mhz: 1410, launch_slot, sms: number("sm") };
    const [time_s, time_s_std] = [number("time_s"), number("time_s_std")];
    return [{ configuration, time_s, time_s_std, energy_j: number("energy_j_2gpus") / 2 }];
  });
}

describe.skipIf(!existsSync(SWEEP))("a measured overlap sweep", () => {
  const device = loadDevice("a100-sxm4-40gb");
  const rows = existsSync(SWEEP) ? measured() : [];

  /** Mean relative errors over the rows that an oracle was not told. */
  function errors(oracle: CostOracle, unseen: typeof rows) {
    const off = unseen.map(({ configuration, time_s, energy_j }) => {
      const cost = oracle.cost(PARTITION, configuration);
      return [Math.abs(cost.time_s / time_s - 1), Math.abs(cost.energy_j / energy_j - 1)] as const;
    });
    const mean = (of: 0 | 1) => off.reduce((sum, each) => sum + each[of], 0) / off.length;
    return { time: mean(0), energy: mean(1) };
  }

  test("a fifth of it makes the rest far better known than the model alone", () => {
    expect(rows).toHaveLength(120);
    const sums = { blended: { time: 0, energy: 0 }, model: { time: 0, energy: 0 } };
    const seeds = [0, 1, 2, 3, 4];
    for (const seed of seeds) {
      const rng = forkRng(seed, "sweep");
      const told = rows.filter(() => rng.uniform() < 0.2);
      const partitions = told.map(({ configuration, time_s, time_s_std, energy_j }) => {
        const cost = { time_s, energy_j, source: "measured" as const, time_s_std };
        return partitionRecord({ partition: PARTITION.key, ...configuration, ...cost });
      });
      const measurements = { ...NO_MEASUREMENTS, profiles: ["sweep"], partitions };
      const unseen = rows.filter((row) => !told.includes(row));
      for (const [name, oracle] of [
        ["blended", blendedOracle(device, measurements)],
        ["model", modelledOracle(device)],
      ] as const) {
        const { time, energy } = errors(oracle, unseen);
        sums[name].time += time / seeds.length;
        sums[name].energy += energy / seeds.length;
      }
    }
    expect(sums.blended.time).toBeLessThan(0.05);
    expect(sums.blended.energy).toBeLessThan(0.025);
    expect(sums.blended.time).toBeLessThan(sums.model.time);
    expect(sums.blended.energy).toBeLessThan(sums.model.energy);
  });
});
