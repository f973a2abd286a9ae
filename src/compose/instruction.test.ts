import fc from "fast-check";
import { expect, test } from "vitest";
import type { Evaluation, InstructionFrontier, InstructionOption } from "../ir/configuration.js";
import type { Execution, ExecutionModel, InstructionShape, PartitionUse } from "../ir/partition.js";
import { paretoIndices } from "../math/pareto.js";
import { instructionComposer } from "./instruction.js";

const STATIC_W = 10;

function evaluation(
  partition: string,
  freq_mhz: number,
  sms: number,
  time_s: number,
  energy_j: number,
) {
  return {
    partition,
    freq_mhz,
    sms,
    launch_slot: null,
    time_s,
    energy_j,
    source: "modelled",
  } as const;
}

function use(partition: string, layers: readonly number[], nanobatch: 0 | 1 | null): PartitionUse {
  return { partition, layers, nanobatch };
}

const nanobatched: Execution = {
  model: "nanobatched",
  uses: [use("a", [3, 4], 0), use("b", [], null), use("a", [3], 1)],
};
const sequential: Execution = { model: "sequential", uses: [use("b", [3, 4], null)] };
const shape: InstructionShape = {
  stage: 1,
  chunk: 0,
  kind: "forward",
  executions: [sequential, nanobatched],
};

function table(evaluations: readonly Evaluation[]): Map<string, Evaluation[]> {
  const of = (key: string) => evaluations.filter(({ partition }) => partition === key);
  return new Map(["a", "b"].map((key) => [key, of(key)]));
}

const EVERYTHING = {
  static_power_w: STATIC_W,
  models: ["sequential", "nanobatched"] as const,
  allow: (_: Evaluation): boolean => true,
};

/** The options of one instruction by itself. */
function composeInstruction(
  instruction: InstructionShape,
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  {
    models,
    ...options
  }: Omit<typeof EVERYTHING, "models"> & {
    models: readonly ExecutionModel[];
    atEveryClock?: boolean;
  },
): InstructionFrontier {
  return instructionComposer(evaluations, options)(instruction, models);
}

/** Every combination: [time_s, energy_j] for each frequency and model. */
function brute(evaluations: readonly Evaluation[]): [number, number][] {
  return [1, 2].flatMap((freq_mhz) => {
    const at = (key: string) =>
      evaluations.filter((e) => e.partition === key && e.freq_mhz === freq_mhz);
    const sums = (keys: readonly string[]) =>
      keys.reduce<[number, number][]>(
        (all, key) =>
          all.flatMap(([t, e]) =>
            at(key).map((x): [number, number] => [t + x.time_s, e + x.energy_j]),
          ),
        [[0, 0]],
      );
    return [...sums(["a", "a", "b", "a"]), ...sums(["b", "b"])];
  });
}

function expectSpelledOut({ freq_mhz, execution, time_s, energy_j, use }: InstructionOption): void {
  const model = execution === "sequential" ? sequential : nanobatched;
  const chosen = use();
  const totals = chosen.reduce(
    ({ t, e }, { evaluation, layers }) => {
      const count = Math.max(1, layers.length);
      return { t: t + count * evaluation.time_s, e: e + count * evaluation.energy_j };
    },
    { t: 0, e: 0 },
  );
  expect(totals.t).toBeCloseTo(time_s, 9);
  expect(totals.e).toBeCloseTo(energy_j, 9);
  const spelled = chosen.flatMap(({ evaluation, layers, nanobatch }) => {
    expect(evaluation.freq_mhz).toBe(freq_mhz);
    return (layers.length > 0 ? layers : [null]).map(
      (layer) => `${evaluation.partition} ${layer} ${nanobatch}`,
    );
  });
  const wanted = model.uses.flatMap(({ partition, layers, nanobatch }) =>
    (layers.length > 0 ? layers : [null]).map((layer) => `${partition} ${layer} ${nanobatch}`),
  );
  expect(spelled.sort()).toEqual(wanted.sort());
}

test("equals every combination, pruned, and spells out what it chose", () => {
  const number = fc.integer({ min: 1, max: 30 });
  const rows = fc.array(
    fc.tuple(fc.constantFrom("a", "b"), fc.constantFrom(1, 2), number, number),
    { maxLength: 14 },
  );
  fc.assert(
    fc.property(rows, (list) => {
      const evaluations = list.map(([key, freq, t, e], i) =>
        evaluation(key, freq, i, t, e + STATIC_W * t),
      );
      const { options } = composeInstruction(shape, table(evaluations), EVERYTHING);
      const all = brute(evaluations);
      const expected = paretoIndices(
        all.map(([t]) => t),
        all.map(([t, e]) => e - STATIC_W * t),
      ).map((i) => all[i]);
      expect(options.map(({ time_s, energy_j }) => [time_s, energy_j])).toEqual(expected);
      options.forEach(expectSpelledOut);
    }),
    { seed: 12, numRuns: 300 },
  );
});

test("the first uses in order get the fastest configuration", () => {
  const evaluations = [
    evaluation("a", 1, 3, 2, 100),
    evaluation("a", 1, 9, 3, 60),
    evaluation("b", 1, 0, 1, 20),
  ];
  const { options } = composeInstruction(shape, table(evaluations), {
    ...EVERYTHING,
    models: ["nanobatched"],
  });
  const twoFast = options.find(({ time_s }) => time_s === 8);
  expect(
    twoFast?.use().map(({ evaluation: { sms }, layers, nanobatch }) => [sms, layers, nanobatch]),
  ).toEqual([
    [3, [3, 4], 0],
    [0, [], null],
    [9, [3], 1],
  ]);
  const oneFast = options.find(({ time_s }) => time_s === 9);
  expect(oneFast?.use().map(({ evaluation: { sms }, layers }) => [sms, layers])).toEqual([
    [3, [3]],
    [9, [4]],
    [0, []],
    [9, [3]],
  ]);
});

test("models and evaluations can be restricted, down to nothing", () => {
  const evaluations = table([
    evaluation("a", 1, 3, 1, 20),
    evaluation("b", 1, 0, 1, 20),
    evaluation("b", 2, 0, 9, 99),
  ]);
  const compose = (restriction: Partial<typeof EVERYTHING>) =>
    composeInstruction(shape, evaluations, { ...EVERYTHING, ...restriction }).options;
  const only = { ...EVERYTHING, models: ["nanobatched"] as const };
  // Partition a was never evaluated at 2 MHz.
  expect(composeInstruction(shape, evaluations, only).options.map((o) => o.freq_mhz)).toEqual([1]);
  const slow = composeInstruction(shape, evaluations, {
    ...EVERYTHING,
    allow: (e) => e.freq_mhz === 2,
  });
  expect(slow.options.map(({ execution, time_s }) => [execution, time_s])).toEqual([
    ["sequential", 18],
  ]);
  expect(compose({ allow: () => false })).toEqual([]);
});

test("hundreds of options are merged to 256 real ones, the fastest and cheapest among them", () => {
  const evaluations = Array.from({ length: 900 }, (_, i) =>
    evaluation("b", 1, i, 1 + i / 900, 50 / (1 + i / 900) + STATIC_W * (1 + i / 900)),
  );
  const single = { ...shape, executions: [{ ...sequential, uses: [use("b", [], null)] }] };
  const { options } = composeInstruction(single, table(evaluations), EVERYTHING);
  expect(options.length).toBeLessThanOrEqual(256);
  expect(options.length).toBeGreaterThan(120);
  const few = { ...EVERYTHING, instructions: 2048 };
  const { options: fewer } = composeInstruction(single, table(evaluations), few);
  expect(fewer.length).toBeLessThanOrEqual(64);
  expect([fewer[0], fewer.at(-1)]).toMatchObject(
    [options[0], options.at(-1)].map((option) => ({ time_s: option?.time_s })),
  );
  const times = new Set(evaluations.map(({ time_s }) => time_s));
  expect(options.every(({ time_s }) => times.has(time_s))).toBe(true);
  expect(options[0]?.time_s).toBe(1);
  expect(options.at(-1)?.time_s).toBe(1 + 899 / 900);
  for (const { time_s, energy_j } of evaluations) {
    const dynamic_j = (energy: number, time: number) => energy - STATIC_W * time + 1e-9;
    const soon = options.filter((o) => o.time_s <= time_s + 1 / 128);
    const least_j = Math.min(...soon.map((o) => dynamic_j(o.energy_j, o.time_s)));
    expect(least_j).toBeLessThanOrEqual(dynamic_j(energy_j, time_s) + 1e-9);
  }
});

test("merging keeps the lower hull, so that further candidates never cost more at any price", () => {
  const single = { ...shape, executions: [{ ...sequential, uses: [use("b", [], null)] }] };
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 })),
    {
      minLength: 400,
      maxLength: 600,
    },
  );
  fc.assert(
    fc.property(steps, (list) => {
      let [time_s, energy_j] = [1, 1e6];
      const evaluations = list.map(([later, cheaper], i) => {
        time_s += later;
        // Steeper at first: a hull with corners in many places.
        energy_j -= cheaper * (list.length - i);
        return evaluation("b", 1, i, time_s, energy_j + STATIC_W * time_s);
      });
      const { options } = composeInstruction(single, table(evaluations), EVERYTHING);
      expect(options.length).toBeLessThanOrEqual(256);
      for (let price = 0.5; price < 1e5; price *= 1.5) {
        const least = (of: readonly { time_s: number; energy_j: number }[]) =>
          Math.min(...of.map((each) => each.energy_j + price * each.time_s));
        expect(least(options)).toBe(least(evaluations));
      }
    }),
    { seed: 5, numRuns: 40 },
  );
});

test("on demand a clock keeps what only other clocks beat", () => {
  const evaluations = table([
    evaluation("b", 1, 0, 2, 60),
    evaluation("b", 1, 1, 3, 70),
    evaluation("b", 1, 2, 3, 95),
    evaluation("b", 2, 0, 1, 40),
  ]);
  const single = { ...shape, executions: [{ ...sequential, uses: [use("b", [], null)] }] };
  const spelled = (atEveryClock: boolean) =>
    composeInstruction(single, evaluations, { ...EVERYTHING, atEveryClock }).options.map(
      ({ freq_mhz, time_s }) => [freq_mhz, time_s],
    );
  // Dynamic energies: 40, 40 and 65 at the first clock, 30 at the second.
  expect(spelled(false)).toEqual([[2, 1]]);
  expect(spelled(true)).toEqual([
    [2, 1],
    [1, 2],
  ]);
});

test("instructions of equal uses are composed once, and each spells out its own layers", () => {
  const evaluations = table([evaluation("a", 1, 3, 1, 20), evaluation("b", 1, 0, 1, 20)]);
  let asked = 0;
  const allow = () => {
    asked += 1;
    return true;
  };
  const compose = instructionComposer(evaluations, { static_power_w: STATIC_W, allow });
  const other = {
    ...nanobatched,
    uses: nanobatched.uses.map((u) => ({ ...u, layers: u.layers.map((l) => l + 5) })),
  };
  const first = compose({ ...shape, executions: [nanobatched] }, ["nanobatched"]);
  const before = asked;
  const second = compose({ ...shape, stage: 2, executions: [other] }, ["nanobatched"]);
  expect(asked).toBe(before);
  expect(second.stage).toBe(2);
  const layers = ({ options }: InstructionFrontier) => options[0]?.use().map((u) => u.layers);
  expect(layers(first)).toEqual([[3, 4], [], [3]]);
  expect(layers(second)).toEqual([[8, 9], [], [8]]);
});

test("an instruction takes no less than its launches, and waits at static power", () => {
  const evaluations = table([evaluation("b", 1, 0, 1, 10)]);
  const alone = { ...shape, executions: [sequential] };
  const optionOf = (launch_s: number) => {
    const options = { ...EVERYTHING, launchTime: () => launch_s };
    return instructionComposer(evaluations, options)(alone, ["sequential"]).options[0];
  };
  const runs = 2;
  const fast = optionOf(0.5);
  expect(fast).toMatchObject({ time_s: runs, energy_j: 10 * runs, launch_time_s: 0.5 * runs });
  const slow = optionOf(3);
  expect(slow?.time_s).toBe(3 * runs);
  expect(slow?.energy_j).toBeCloseTo(10 * runs + 2 * runs * STATIC_W, 9);
});
