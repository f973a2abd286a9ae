import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import {
  readOverlapSweep,
  SWEEP_FILE,
  SWEEP_PARTITION,
  sweepConfigurations,
} from "../../test/support/overlap-sweep.js";
import { ROOT } from "../../test/support/paths.js";
import { forkRng } from "../base/rng.js";
import { loadDevice } from "../gpu/device.js";
import { partitionRecord } from "../profile/records.js";
import { blendedOracle } from "./blended.js";
import { modelledOracle } from "./modelled.js";
import type { CostOracle } from "./oracle.js";

const SWEEP = join(ROOT, "../shared/data", SWEEP_FILE);

describe.skipIf(!existsSync(SWEEP))("a measured overlap sweep", () => {
  const device = loadDevice("a100-sxm4-40gb");
  const rows = existsSync(SWEEP) ? sweepConfigurations(readOverlapSweep(SWEEP)) : [];

  /** Mean relative errors over the rows that an oracle was not told. */
  function errors(oracle: CostOracle, unseen: typeof rows) {
    const off = unseen.map(({ configuration, time_s, energy_j }) => {
      const cost = oracle.cost(SWEEP_PARTITION, configuration);
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
        return partitionRecord({ partition: SWEEP_PARTITION.key, ...configuration, ...cost });
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
    expect(sums.blended.time).toBeLessThan(0.02);
    expect(sums.blended.energy).toBeLessThan(0.01);
    expect(sums.blended.time).toBeLessThan(sums.model.time);
    expect(sums.blended.energy).toBeLessThan(sums.model.energy);
  });
});
