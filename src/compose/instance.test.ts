import { expect, test } from "vitest";
import { SOLUTION_FORMAT } from "../plan/solution.js";
import type { StageProfileRow } from "../profile/stage-profile.js";
import { instanceOfProfile, instanceProblem, solutionOf } from "./instance.js";
import { networkOf } from "./network.js";
import { replay } from "./replay.js";
import { solveDeadlines } from "./solve.js";

const FRAME = { name: "p", microbatches: 2, pipeline: "1f1b", static_power_w: 5 } as const;

const row = (
  stage: number,
  kind: StageProfileRow["kind"],
  time_s: number,
  energy_j: number,
): StageProfileRow => ({ stage, kind, freq_mhz: 1000, time_s, energy_j });

/** Two stages; the second has two clocks for its forward, and both have a tail. */
const ROWS = [
  row(1, "tail", 0.25, 4),
  row(0, "forward", 1, 10),
  row(0, "backward", 2, 20),
  row(1, "forward", 2, 4),
  row(1, "forward", 1, 11),
  row(1, "backward", 2, 22),
  row(0, "tail", 0.5, 3),
];

test("a profile becomes an instance with its lines in order", () => {
  const instance = instanceOfProfile(ROWS, FRAME, 1, "p.csv");
  expect(instance.stages).toBe(2);
  expect(instance.options[1]?.forward.map(({ time_s }) => time_s)).toEqual([2, 1]);
  expect(instance.tail?.map((list) => list[0]?.time_s)).toEqual([0.5, 0.25]);
});

test("transfers count once for each crossing and way, tails run at the end: by hand", () => {
  const instance = instanceOfProfile(ROWS, { ...FRAME, transfer_s: 0.125 }, 1, "p.csv");
  const problem = instanceProblem(instance, "p.csv");
  const network = networkOf(problem);
  // Stage 0: F0 F1 B0 B1 tail; stage 1: F0 B0 F1 B1 tail. Fastest options come first.
  const { start_s, time_s } = replay(network, new Int32Array(network.sets.length));
  expect([...start_s]).toEqual([
    ...[0, 1, 4.25, 7.25, 9.25],
    ...[1.125, 2.125, 4.125, 5.125, 7.125],
  ]);
  expect(time_s).toBe(9.75);
});

test("a solution names options as the instance counts them", () => {
  const instance = instanceOfProfile(ROWS, FRAME, 1, "p.csv");
  const problem = instanceProblem(instance, "p.csv");
  const solution = solutionOf(problem, solveDeadlines(problem, [9.5]));
  expect(solution.points).toHaveLength(1);
  const [point] = solution.points;
  expect(point?.time_s).toBe(9.5);
  expect(point?.choice).toEqual([
    [0, 0, 0, 0, 0],
    [1, 0, 1, 0, 0],
  ]);
  expect(JSON.stringify(SOLUTION_FORMAT.schema.parse(solution))).toBe(JSON.stringify(solution));
  const work_j = 2 * (10 + 20 + 11 + 22) + 3 + 4;
  expect(point?.energy_j).toBe(work_j + 5 * (2 * 9.5 - 12.75));
});

test("a tail of one stage alone is incomplete", () => {
  const rows = ROWS.filter(({ stage, kind }) => !(stage === 0 && kind === "tail"));
  expect(() => instanceOfProfile(rows, FRAME, 1, "p.csv")).toThrow(/KRS2021.*tail of stage 0/);
});

test("the last microbatch has its own options where the instance says so", () => {
  const own = [
    { time_s: 5, energy_j: 30 },
    { time_s: 4, energy_j: 60 },
  ];
  const plain = instanceOfProfile(ROWS, FRAME, 1, "p.csv");
  const options = plain.options.map((cell, k) =>
    k === 0 ? { ...cell, last_backward: own } : cell,
  );
  const instance = { ...plain, options };
  const problem = instanceProblem(instance, "p.csv");
  const [fastest] = solutionOf(problem, solveDeadlines(problem, [11.5])).points;
  // Stage 0: F0 F1 B0 B1 tail, of which B1 takes 4 instead of 2 seconds; stage 1 as before.
  expect(fastest?.choice).toEqual([
    [0, 0, 0, 1, 0],
    [1, 0, 1, 0, 0],
  ]);
  expect(fastest?.time_s).toBe(11.5);
  const single = { ...instance, microbatches: 1 };
  const alone = networkOf(instanceProblem(single, "p.csv"));
  expect(alone.sets.map((set) => set.time_s[0])).toEqual([1, 4, 0.5, 1, 2, 0.25]);
});
