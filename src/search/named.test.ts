import { expect, test } from "vitest";
import { at, present } from "../base/need.js";
import { forkRng } from "../base/rng.js";
import { loadDevice } from "../gpu/device.js";
import { hypervolume } from "../math/hypervolume.js";
import { paretoIndices } from "../math/pareto.js";
import type { NamedPartition } from "../profile/header.js";
import type { TableRow } from "../profile/table.js";
import { namedPrior, unnamedSlot } from "./named.js";
import { searchTable, type TablePrior } from "./table.js";
import { typicalPrior } from "./typical/prior.js";

const DEVICE = loadDevice("a100-sxm4-40gb");
const { static_power_w } = DEVICE;

const product = (slot: string, n: number, k: number) => ({
  ...{ slot, work: { op: "matmul", b: 1, m: 16384, n, k, dtype: "bfloat16" } as const },
});
const PARTITION: NamedPartition = {
  kernels: [product("linear_0", 1024, 3072), product("linear_1", 3072, 1024)],
  communication: { kind: "all_reduce", size_bytes: 100_663_296, ranks: 8 },
};

const SETTINGS = [1410, 1320, 1230, 1140, 1050, 960, 870].flatMap((freq_mhz) =>
  ["linear_0", "linear_1", null].flatMap((launch_slot) =>
    [3, 6, 9, 12, 18, 24, 30].map((sms) => ({
      settings: new Map<string, string | number | null>(
        Object.entries({ freq_mhz, launch_slot, sms }),
      ),
    })),
  ),
);

/** The model's costs of other sizes on another board, with a percent of noise: the truth of a table. */
function truth(): TableRow[] {
  const rng = forkRng(1, "table");
  const other = { ...DEVICE, gemm: { ...DEVICE.gemm, k_half: 2 * DEVICE.gemm.k_half } };
  const costs = namedPrior(SETTINGS, PARTITION, other, static_power_w);
  return SETTINGS.map(({ settings }, index) => {
    const { time_s, energy_j } = present(costs.cost(index), "cost");
    const noise = () => 1 + 0.02 * (rng.uniform() - 0.5);
    return { settings, time_s: time_s * noise(), energy_j: energy_j * noise() };
  });
}

test("the model of named kernels makes the first batch worth more", () => {
  const rows = truth();
  const times = rows.map(({ time_s }) => time_s);
  const energies = rows.map(({ energy_j }) => energy_j);
  const best = [...paretoIndices(times, energies)];
  const nadir = (values: readonly number[]) => 1.1 * Math.max(...best.map((i) => at(values, i)));
  const worth = (prior: TablePrior | null, seed: number) => {
    const setting = { budget: 8, seed, static_power_w, converge: false };
    const found = searchTable(rows, { ...setting, ...(prior && { prior }) });
    const of = (values: readonly number[]) => found.frontier.map((i) => at(values, i));
    return hypervolume({ x: of(times), y: of(energies) }, nadir(times), nadir(energies));
  };
  const mean = (prior: () => TablePrior | null) =>
    [0, 1, 2].reduce((sum, seed) => sum + worth(prior(), seed), 0) / 3;
  const named = mean(() => namedPrior(rows, PARTITION, DEVICE, static_power_w));
  expect(named).toBeGreaterThan(mean(() => typicalPrior(rows, static_power_w)));
});

test("a slot that no kernel begins is told", () => {
  const rows = truth();
  expect(unnamedSlot(rows, PARTITION)).toBeNull();
  const fewer = { ...PARTITION, kernels: PARTITION.kernels.slice(1) };
  expect(unnamedSlot(rows, fewer)).toBe("linear_0");
});
