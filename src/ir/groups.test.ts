import { expect, it } from "vitest";
import { ranksPerNode, replicasOf } from "./groups.js";

const DEGREES = { tp: 4, cp: 2, ep: 1, dp: 4 };

it("fills nodes with tensor-parallel ranks first, replicas last", () => {
  expect(ranksPerNode(["tp"], DEGREES, 8)).toBe(4);
  expect(ranksPerNode(["cp"], DEGREES, 8)).toBe(2);
  expect(ranksPerNode(["dp"], DEGREES, 8)).toBe(1);
  expect(ranksPerNode(["dp", "cp"], DEGREES, 8)).toBe(2);
  expect(ranksPerNode(["tp"], { ...DEGREES, tp: 16 }, 8)).toBe(8);
  expect(ranksPerNode(["dp"], { tp: 1, cp: 1, ep: 1, dp: 4 }, 8)).toBe(4);
});

it("shares experts among fewer ranks than the rest", () => {
  const { dense, experts } = replicasOf({ ...DEGREES, ep: 2 });
  expect(dense).toMatchObject({ name: "dp-cp-ep", ranks: 16 });
  expect(experts).toMatchObject({ name: "dp-cp", ranks: 8 });
});
