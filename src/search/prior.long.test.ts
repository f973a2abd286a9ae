import { expect, test } from "vitest";
import { present } from "../base/need.js";
import type { Setting, TableRow } from "../profile/table.js";
import { priorOf, sharedKnobs } from "./prior.js";
import { searchTable } from "./table.js";

interface Gpu {
  readonly clocks_mhz: readonly number[];
  readonly sms: readonly number[];
  readonly slots: readonly string[];
  readonly static_power_w: number;
}

/** Time falls with clock and SMs until they are enough, dynamic energy rises with the clock. */
function table(gpu: Gpu, { time = 1, dynamic = 1, enough = 0.02 } = {}): TableRow[] {
  return gpu.clocks_mhz.flatMap((freq_mhz) =>
    gpu.sms.flatMap((sms) =>
      gpu.slots.map((launch_slot, slot): TableRow => {
        const settings = new Map<string, Setting>(Object.entries({ freq_mhz, launch_slot, sms }));
        const time_s = time * (1 + 0.05 * slot) * Math.max(1.4 / freq_mhz, enough / sms);
        const dynamic_j = dynamic * (0.1 + 0.001 * sms) * (freq_mhz / 900) ** 3;
        return { settings, time_s, energy_j: gpu.static_power_w * time_s + dynamic_j };
      }),
    ),
  );
}

const HERE: Gpu = {
  clocks_mhz: Array.from({ length: 18 }, (_, i) => 1410 - 30 * i),
  sms: [3, 6, 9, 12, 15, 18],
  slots: ["norm_0", "linear_1"],
  static_power_w: 85,
};
const THERE: Gpu = { ...HERE, clocks_mhz: [1400, 1250, 1100, 950], static_power_w: 60 };
const ROWS = table(HERE);

function priorFrom(...tables: TableRow[][]) {
  const earlier = tables.map((rows) => ({ rows, static_power_w: THERE.static_power_w }));
  return priorOf(ROWS, earlier, HERE.static_power_w);
}

const observed = (index: number) => ({ ...(ROWS[index] as TableRow), index });

test("a few evaluations tell the scale; all other rows are foretold, energy by its dynamic part", () => {
  const prior = priorFrom(table(THERE, { time: 3, dynamic: 0.2 }));
  prior.learn([0, 77, 141, 203].map(observed));
  ROWS.forEach(({ time_s, energy_j }, index) => {
    const expected = present(prior.cost(index), "cost");
    expect(Math.abs(Math.log(expected.time_s / time_s))).toBeLessThan(0.08);
    expect(Math.abs(Math.log(expected.energy_j / energy_j))).toBeLessThan(0.08);
  });
});

test("what foretells observations worse than they each other counts for nothing", () => {
  const scattered = Array.from({ length: 24 }, (_, k) => observed((k * 83) % ROWS.length));
  const expecting = (rows: TableRow[]) => {
    const prior = priorFrom(rows);
    prior.learn(scattered);
    return ROWS.filter((_, index) => prior.cost(index) !== undefined).length;
  };
  expect(expecting(table(THERE))).toBe(ROWS.length);
  // The same costs, each of another configuration.
  const costs = table(THERE);
  const mixed = costs.map(({ settings }, i) => {
    return { ...(costs[(i * 37 + 11) % costs.length] as TableRow), settings };
  });
  expect(expecting(mixed)).toBe(0);
});

test("parts of a table that differ in what is not searched are tables by themselves", () => {
  const part = (partition: string, time: number) =>
    table(THERE, { time }).map(({ settings, ...costs }): TableRow => {
      return { settings: new Map([...settings, ["partition", partition]]), ...costs };
    });
  const both = priorFrom([...part("a", 1), ...part("b", 1)]);
  const one = priorFrom(part("a", 1));
  for (const index of [0, 50, 215]) {
    const [expected, alone] = [both, one].map(({ cost }) => present(cost(index), "cost").time_s);
    expect(expected).toBeCloseTo(alone ?? Number.NaN, 9);
  }
});

test("a good prior finds with 24 evaluations what takes more without", () => {
  const options = { budget: 24, seed: 0, static_power_w: HERE.static_power_w, converge: false };
  const found = (prior: ReturnType<typeof priorFrom> | undefined) => {
    const { frontier } = searchTable(ROWS, { ...options, prior });
    const enough = ({ settings }: TableRow) => settings.get("launch_slot") === "norm_0";
    return frontier.filter((index) => enough(ROWS[index] as TableRow)).length;
  };
  expect(found(priorFrom(table(THERE, { time: 2, enough: 0.022 })))).toBeGreaterThan(
    found(undefined),
  );
});

test("shared knobs vary in both, with numbers or with words in common", () => {
  expect(sharedKnobs(ROWS, table(THERE))).toEqual(["freq_mhz", "launch_slot", "sms"]);
  expect(sharedKnobs(ROWS, table({ ...THERE, slots: ["rope_0", "rope_1"], sms: [4] }))).toEqual([
    "freq_mhz",
  ]);
  expect(sharedKnobs(ROWS.slice(0, 1), table(THERE))).toEqual([]);
});
