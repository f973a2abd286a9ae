import { expect, it } from "vitest";
import { PLANS } from "../../../test/support/run.js";
import { criticalPath } from "./critical-path.js";

const [plan] = PLANS;

it("is one way without a gap from the start of a plan to its end", () => {
  if (plan === undefined) throw new Error("the run has no plan");
  // F0 on stage 0, F0 B0 F1 B1 on stage 1, B1 and the tail on stage 0.
  expect(criticalPath(plan)).toEqual([
    [0, 3, 4],
    [0, 1, 2, 3],
  ]);
});

it("counts what a result takes to another stage", () => {
  if (plan === undefined) throw new Error("the run has no plan");
  const transfer_s = 0.1;
  const late = (stage: number, index: number) => (stage === 1 ? 0.1 : index < 2 ? 0 : 0.2);
  const stages = plan.stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map((each, index) => ({
      ...each,
      start_s: each.start_s + late(stage, index),
    })),
  }));
  const point = { ...plan.point, time_s: plan.point.time_s + 0.2 };
  expect(criticalPath({ ...plan, transfer_s, stages, point })).toEqual(criticalPath(plan));
  expect(criticalPath({ ...plan, stages, point })).not.toEqual(criticalPath(plan));
});
