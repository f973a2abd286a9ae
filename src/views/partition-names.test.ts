import { expect, it } from "vitest";
import { PLANS } from "../../test/support/run.js";
import { partitionName, partitionNames } from "./partition-names.js";

const key = "forward.f9727d9dcc71";
const plain = { key, direction: "forward", communication: null };

it.each<[string, string[], number[], string, string | null]>([
  [
    "attention, layers 1-27, forward (f9727d)",
    ["norm", "rope", "attn"],
    range(1, 27),
    "forward",
    null,
  ],
  ["attention again, layers 0-1, backward (f9727d)", ["rope", "attn"], [1, 0], "backward", null],
  ["attention, layer 3, backward (f9727d)", ["attn", "rope"], [3], "backward", null],
  ["MLP, layers 0 and 2-3, forward (f9727d)", ["linear", "activation"], [0, 2, 3], "forward", null],
  ["output head, forward (f9727d)", ["norm", "linear"], [], "forward", null],
  ["linear, layer 0, forward (f9727d)", ["linear"], [0], "forward", null],
  ["embedding, forward (f9727d)", ["gather"], [], "forward", "all_reduce"],
  ["reduce-scatter, tail (f9727d)", [], [], "tail", "reduce_scatter"],
])("%s", (name, classes, layers, direction, communication) => {
  expect(partitionName({ ...plain, classes, layers, direction, communication })).toBe(name);
});

it("tells every partition type of a plan apart", () => {
  for (const plan of PLANS) {
    const names = partitionNames(plan);
    expect([...names.keys()]).toEqual(plan.partitions.map(({ key }) => key));
    expect(new Set(names.values()).size).toBe(names.size);
  }
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
