import { expect, test } from "vitest";
import type { PipelineInstruction } from "../../ir/iteration.js";
import { dataDependencies } from "./dependencies.js";
import { oneForwardOneBackward } from "./one-forward-one-backward.js";

function spelled(order: readonly PipelineInstruction[]): string {
  return order.map(({ kind, microbatch }) => `${kind.charAt(0)}${microbatch}`).join(" ");
}

test("1F1B warms up with one forward per stage that follows, itself included", () => {
  const size = { stages: 3, microbatches: 4 };
  const orders = [0, 1, 2].map((stage) => spelled(oneForwardOneBackward.orderOf(stage, size)));
  expect(orders).toEqual([
    "f0 f1 f2 b0 f3 b1 b2 b3",
    "f0 f1 b0 f2 b1 f3 b2 b3",
    "f0 b0 f1 b1 f2 b2 f3 b3",
  ]);
});

test("1F1B with one stage, and with fewer microbatches than stages", () => {
  expect(spelled(oneForwardOneBackward.orderOf(0, { stages: 1, microbatches: 2 }))).toBe(
    "f0 b0 f1 b1",
  );
  expect(spelled(oneForwardOneBackward.orderOf(0, { stages: 4, microbatches: 2 }))).toBe(
    "f0 f1 b0 b1",
  );
});

test("a microbatch waits its way forward and back; the tail and a missing stage wait for nothing", () => {
  const at = (
    stage: number,
    kind: PipelineInstruction["kind"],
    chunk = 0,
  ): PipelineInstruction => ({
    stage,
    kind,
    microbatch: kind === "tail" ? null : 0,
    chunk,
  });
  const plain = [
    [at(0, "forward"), at(0, "tail")],
    [at(1, "forward"), at(1, "backward")],
  ];
  expect([...dataDependencies(plain)]).toEqual([4, 4, 0, 2]);
  const chunks = [
    [at(0, "forward"), at(0, "forward", 1), at(0, "backward", 1), at(0, "backward")],
    [at(1, "forward"), at(1, "forward", 1), at(1, "backward", 1), at(1, "backward")],
  ];
  // F(0,1) after F(1,0); B(1,1) after F(1,1); B(1,0) after B(0,1).
  expect([...dataDependencies(chunks)]).toEqual([8, 4, 6, 7, 0, 1, 5, 2]);
});
