import { expect, test } from "vitest";
import { PIPELINES } from "./choices.js";
import { partOf, placementOf, placeOf } from "./placement.js";

test("parts go round after round, or down the stages and back up", () => {
  const parts = [0, 1, 2, 3, 4, 5];
  const stages = (placement: "rounds" | "v") => parts.map((p) => placeOf(p, 3, placement).stage);
  expect(stages("rounds")).toEqual([0, 1, 2, 0, 1, 2]);
  expect(stages("v")).toEqual([0, 1, 2, 2, 1, 0]);
  for (const placement of ["rounds", "v"] as const) {
    for (const part of parts) {
      const { stage, chunk } = placeOf(part, 3, placement);
      expect(partOf(stage, chunk, 3, placement)).toBe(part);
    }
  }
  expect(PIPELINES.filter((each) => placementOf(each) === "v")).toEqual(["zb-v", "dualpipe-v"]);
});
