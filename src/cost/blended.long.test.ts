import { describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import { forkRng } from "../base/rng.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { Measurements } from "../profile/library.js";
import { type KernelRecord, type PartitionRecord, partitionRecord } from "../profile/records.js";
import { blendedOracle } from "./blended.js";
import { modelledOracle } from "./modelled.js";
import type { CostOracle } from "./oracle.js";

const device = loadDevice("a100-sxm4-40gb");
const model = modelledOracle(device);

/** A board that the device file describes badly: what "measurements" here are taken from. */
const board = modelledOracle({
  ...device,
  gemm: { ...device.gemm, bfloat16_flop_per_s: 0.85 * device.gemm.bfloat16_flop_per_s, k_half: 40 },
  memory: { ...device.memory, energy_j_per_byte: 1.5 * device.memory.energy_j_per_byte },
  communication: { ...device.communication, cta_bytes_per_s: 6e9, link_bytes_per_s: 1.5e11 },
});

const layer = llamaLayer(4, 4096);
const partition = partitionOf("forward.a", layer.forward_attention, layer.reduced_bytes);
const slots = [null, ...partition.slots.map(({ name }) => name)];
const all: Configuration[] = device.searched_clocks_mhz.flatMap((freq_mhz) =>
  device.searched_comm_sms.flatMap((sms) =>
    slots.map((launch_slot) => ({ freq_mhz, launch_slot, sms })),
  ),
);

function measure(type: PartitionType, configuration: Configuration): PartitionRecord {
  const cost = board.cost(type, configuration);
  return {
    ...partitionRecord({ partition: type.key, ...configuration, ...cost, source: "measured" }),
    time_s_std: 0.001 * cost.time_s,
    trials: 5,
  };
}

function measurements(parts: Partial<Measurements>): Measurements {
  return { ...NO_MEASUREMENTS, profiles: ["p"], ...parts };
}

/** Mean relative errors of an oracle over configurations, against the board. */
function errors(oracle: CostOracle, configurations: readonly Configuration[]) {
  const sums = { time: 0, energy: 0 };
  for (const configuration of configurations) {
    const [truth, cost] = [board, oracle].map((o) => o.cost(partition, configuration));
    if (truth === undefined || cost === undefined) continue;
    sums.time += Math.abs(cost.time_s / truth.time_s - 1) / configurations.length;
    sums.energy += Math.abs(cost.energy_j / truth.energy_j - 1) / configurations.length;
  }
  return sums;
}

const rng = forkRng(1, "measured");
const tenth = all.filter(() => rng.uniform() < 0.1);
const rest = all.filter((configuration) => !tenth.includes(configuration));

describe("without measurements", () => {
  test("the blended oracle is the model", () => {
    const oracle = blendedOracle(device, NO_MEASUREMENTS);
    for (const configuration of tenth) {
      expect(oracle.cost(partition, configuration)).toEqual(model.cost(partition, configuration));
    }
  });
});

describe("measurements of the partition", () => {
  const records = tenth.map((configuration) => measure(partition, configuration));
  const oracle = blendedOracle(device, measurements({ partitions: records }));

  test("what was measured is answered as it was measured, and says so", () => {
    for (const record of records) {
      const { freq_mhz, launch_slot, time_s, energy_j } = record;
      const cost = oracle.cost(partition, { freq_mhz, launch_slot, sms: record.sms ?? 0 });
      expect(cost).toEqual({ time_s, energy_j, source: "measured", time_s_std: 0.001 * time_s });
    }
  });

  test("what was not measured is never called measured", () => {
    const sources = rest.map((configuration) => oracle.cost(partition, configuration).source);
    expect(sources).not.toContain("measured");
    expect(new Set(sources)).toEqual(new Set(["modelled", "interpolated"]));
  });

  test("a tenth of the space brings the rest far nearer than the model alone", () => {
    const [before, after] = [errors(model, rest), errors(oracle, rest)];
    expect(before.time).toBeGreaterThan(0.1);
    expect(after.time).toBeLessThan(0.01);
    expect(after.energy).toBeLessThan(0.01);
  });

  test("interpolations keep within 3 of their error bars, nearly all of them", () => {
    const interpolated = rest
      .map((configuration) => [oracle, board].map((o) => o.cost(partition, configuration)))
      .filter(([cost]) => cost?.source === "interpolated");
    const close = interpolated.filter(
      ([cost, truth]) =>
        Math.abs((cost?.time_s ?? 0) - (truth?.time_s ?? 0)) <= 3 * (cost?.time_s_std ?? 0),
    );
    expect(interpolated.length).toBeGreaterThan(10);
    expect(close.length / interpolated.length).toBeGreaterThan(0.9);
  });

  test("one clock alone tells most of what the model misses at others", () => {
    const top = all.filter(({ freq_mhz }) => freq_mhz === 1410).map((c) => measure(partition, c));
    const known = blendedOracle(device, measurements({ partitions: top }));
    const low = all.filter(({ freq_mhz }) => freq_mhz <= 1080);
    expect(errors(model, low).time).toBeGreaterThan(0.1);
    expect(errors(known, low).time).toBeLessThan(errors(model, low).time / 5);
  });

  test("another partition is as modelled", () => {
    const other = partitionOf("forward.b", layer.forward_mlp, layer.reduced_bytes);
    const configuration = { freq_mhz: 1200, launch_slot: "norm_0", sms: 6 };
    expect(oracle.cost(other, configuration)).toEqual(model.cost(other, configuration));
  });

  test("time alone corrects the model, and is no measured cost", () => {
    const times = records.map((record) => ({ ...record, energy_j: null }));
    const timed = blendedOracle(device, measurements({ partitions: times }));
    const [first] = tenth;
    if (first === undefined) throw new Error("nothing measured");
    const cost = timed.cost(partition, first);
    expect(cost.source).toBe("modelled");
    expect(cost.energy_j_std).toBeUndefined();
    expect(cost.time_s / board.cost(partition, first).time_s).toBeCloseTo(1, 2);
  });

  test("a slot that the partition does not have is passed over", () => {
    const stray = records.map((record) => ({ ...record, launch_slot: "conv_7" }));
    const strayed = blendedOracle(device, measurements({ partitions: stray }));
    expect(strayed.cost(partition, rest[0] as Configuration)).toEqual(
      model.cost(partition, rest[0] as Configuration),
    );
  });
});

describe("measurements of kernels and collectives", () => {
  const clocks = [900, 1080, 1260, 1410];
  const alone = (work: PartitionType["kernels"][number]["work"], freq_mhz: number) => {
    const single = partitionOf("single", [{ class: "other", work }], null);
    const { time_s, energy_j } = board.cost(single, { freq_mhz, launch_slot: null, sms: 0 });
    return { time_s: time_s - device.launch_time_s, energy_j };
  };
  const outcome = { source: "measured", time_s_std: null, energy_j_std: null, trials: 3 } as const;
  const kernels = partition.kernels.flatMap(({ work }) =>
    clocks.flatMap((freq_mhz): KernelRecord[] => {
      const base = { record: "kernel", freq_mhz, sms: null, ...outcome } as const;
      const cost = alone(work, freq_mhz);
      switch (work.op) {
        case "matmul": {
          const { op, ...key } = work;
          return [{ ...base, op, key, ...cost }];
        }
        case "memory": {
          const { op, ...key } = work;
          return [{ ...base, op, key, ...cost }];
        }
        default:
          return [];
      }
    }),
  );
  const transfer = partitionOf("transfer", [], layer.reduced_bytes);
  const collectives = [2, 6, 15, 30].flatMap((sms) =>
    clocks.map((freq_mhz) => ({
      ...({ record: "collective", op: "all_reduce", freq_mhz, sms, ...outcome } as const),
      ...{ size_bytes: layer.reduced_bytes, ranks: 8 },
      ...board.cost(transfer, { freq_mhz, launch_slot: null, sms }),
      source: "measured" as const,
    })),
  );

  test("correct partitions that hold them, which stay modelled", () => {
    const oracle = blendedOracle(device, measurements({ kernels, collectives }));
    const [before, after] = [errors(model, all), errors(oracle, all)];
    expect(before.time).toBeGreaterThan(0.1);
    expect(after.time).toBeLessThan(0.02);
    expect(after.energy).toBeLessThan(before.energy);
    const sources = all.map((configuration) => oracle.cost(partition, configuration).source);
    expect(new Set(sources)).toEqual(new Set(["modelled"]));
  });

  test("correct a like kernel as well, and leave an unlike one alone", () => {
    const oracle = blendedOracle(device, measurements({ kernels }));
    const at = { freq_mhz: 1200, launch_slot: null, sms: 0 };
    const like = llamaLayer(3, 4096).forward_mlp.filter(({ work }) => work.op === "matmul");
    const near = partitionOf("near", like, null);
    const truth = board.cost(near, at).time_s;
    const miss = (o: CostOracle) => Math.abs(o.cost(near, at).time_s / truth - 1);
    expect(miss(oracle)).toBeLessThan(miss(model) / 2);
    const unlike = partitionOf(
      "far",
      [{ class: "linear", work: { op: "matmul", b: 1, m: 64, n: 64, k: 64, dtype: "float32" } }],
      null,
    );
    expect(oracle.cost(unlike, at)).toEqual(model.cost(unlike, at));
  });
});
