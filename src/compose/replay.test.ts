import fc from "fast-check";
import { expect, test } from "vitest";
import { problemOf, richProblem } from "../../test/support/pipelines.js";
import { networkOf } from "./network.js";
import { replay } from "./replay.js";

test("1F1B of two stages by hand", () => {
  const stages: [number, number][][][] = [
    [[[1, 10]], [[2, 20]], [[0.5, 3]]],
    [[[1, 11]], [[2, 22]]],
  ];
  const network = networkOf(problemOf(stages, 2, 5));
  // Stage 0: F0 F1 B0 B1 tail; stage 1: F0 B0 F1 B1.
  const { start_s, time_s, energy_j } = replay(network, new Int32Array(network.sets.length));
  expect([...start_s]).toEqual([0, 1, 4, 7, 9, 1, 2, 4, 5]);
  expect(time_s).toBe(9.5);
  const work_j = 2 * (10 + 20 + 11 + 22) + 3;
  expect(energy_j).toBeCloseTo(work_j + 5 * (2 * 9.5 - 12.5), 12);
});

test("the longest stage decides, not the last one alone", () => {
  const network = networkOf(
    problemOf(
      [
        [[[1, 1]], [[1, 1]], [[50, 1]]],
        [[[1, 1]], [[1, 1]]],
      ],
      1,
      0,
    ),
  );
  expect(replay(network, new Int32Array(network.sets.length)).time_s).toBe(54);
});

test("equals the rules of the pipeline, applied until nothing moves", () => {
  const network = networkOf(richProblem(4, 6, 5));
  const n = network.sets.length;
  const number = new Map(
    network.instructions.map(({ kind, stage, microbatch }, i) => [
      `${kind} ${stage} ${microbatch}`,
      i,
    ]),
  );
  const numbers = fc.array(fc.nat({ max: 99 }), { minLength: n, maxLength: n });
  fc.assert(
    fc.property(numbers, (list) => {
      const choice = network.sets.map((set, i) => (list[i] ?? 0) % set.options.length);
      const start = new Array<number>(n).fill(0);
      const end = (i: number | undefined) =>
        i === undefined ? 0 : (start[i] ?? 0) + (network.sets[i]?.time_s[choice[i] ?? 0] ?? 0);
      for (let round = 0; round <= n; round++) {
        network.instructions.forEach(({ kind, stage, microbatch }, i) => {
          const from = kind === "forward" ? stage - 1 : stage + 1;
          const turn = kind === "backward" && stage === 3 ? `forward 3 ${microbatch}` : "";
          const before = network.instructions[i - 1]?.stage === stage ? i - 1 : undefined;
          start[i] = Math.max(
            end(before),
            end(number.get(`${kind} ${from} ${microbatch}`)),
            end(number.get(turn)),
          );
        });
      }
      expect([...replay(network, choice).start_s]).toEqual(start);
    }),
    { seed: 6, numRuns: 50 },
  );
});
