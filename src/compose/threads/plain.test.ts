import { expect, test } from "vitest";
import { richProblem } from "../../../test/support/pipelines.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { reachedUnder } from "../solver.js";
import { SolverThreads } from "./beside.js";
import { plainProblem, plainReached, problemOf, reachedOf } from "./plain.js";

/** Every option at a clock of its own. */
function problemOfClocks(size: number, switch_time_s: number): PipelineProblem {
  const { options, ...rest } = richProblem(2, 4, size);
  const clocked = options.map((kinds) =>
    Object.fromEntries(
      Object.entries(kinds).map(([kind, list]) => [
        kind,
        list.map((option, k) => ({ ...option, freq_mhz: 900 + k })),
      ]),
    ),
  );
  return { ...rest, options: clocked, switch_time_s };
}

/** As another thread answers. */
function crossed(problem: PipelineProblem, peak_w: number | null) {
  const there = problemOf(structuredClone(plainProblem(problem)));
  const reached = plainReached(there, reachedUnder(there, { points: 6, peak_w }));
  return reachedOf(problem, structuredClone(reached));
}

const spelledOut = ({ points, ...rest }: ReturnType<typeof crossed>) => ({
  ...rest,
  points: points.map((point) => ({ ...point, instructions: point.instructions })),
});

test.each([
  ["free switches", 0, null],
  ["switches that take time", 0.02, null],
  ["a peak that none keeps", 0, 1],
])("what another thread reaches is what this one does, with %s", (_, switch_time_s, peak_w) => {
  const problem = problemOfClocks(8, switch_time_s);
  const here = reachedUnder(problem, { points: 6, peak_w });
  expect(spelledOut(crossed(problem, peak_w))).toEqual(spelledOut(here));
  const used = here.points.flatMap(({ instructions }) => instructions.flat());
  expect(used.some(({ option }) => option.switched !== undefined)).toBe(switch_time_s > 0);
});

test("threads solve, and refuse, what this one would", async () => {
  const sought = { points: 30, peak_w: null };
  const problem = problemOfClocks(8, 0);
  const other = problemOfClocks(9, 0);
  for (const count of [0, 1, 2, 3]) {
    const threads = new SolverThreads(count);
    const reached = await threads.solve([problem, other], sought)();
    await threads.end();
    for (const each of [problem, other]) {
      const found = reached.get(each);
      expect(found && spelledOut(found)).toEqual(spelledOut(reachedUnder(each, sought)));
    }
  }
  const threads = new SolverThreads(1);
  const refused = threads.solve([problemOfClocks(2100, 0.01)], sought);
  await expect(refused()).rejects.toMatchObject({
    diagnostics: [{ code: "KRS4009" }],
    exitCode: 2,
  });
  await threads.end();
});
