import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { formLaunches } from "./launches.js";
import { orderLaunches } from "./order-launches.js";

const tensor = (name: string, role: Tensor["role"], shape: readonly number[]): Tensor => ({
  name,
  dtype: "bfloat16",
  shape,
  role,
  batch_axis: null,
});

const node = (name: string, op: string, inputs: readonly string[]): TensorNode => ({
  name,
  op,
  inputs,
  outputs: [name],
  attributes: op === "kareus::Linear" ? { k_axis: 0 } : {},
  direction: "forward",
  origin: "graph",
  layer: null,
  covers: [name],
});

/** A graph of additions and linear layers over 8 x 8 activations, from (is linear, two sources). */
function randomGraph(steps: readonly (readonly [boolean, number, number])[]): TensorGraph {
  const tensors = new Map([
    ["x", tensor("x", "data", [8, 8])],
    ["w", tensor("w", "parameter", [8, 8])],
  ]);
  const made = ["x"];
  const nodes = steps.map(([isLinear, a, b], i) => {
    const [left = "x", right = "x"] = [made[a % made.length], made[b % made.length]];
    const name = `t${i}`;
    made.push(name);
    tensors.set(name, tensor(name, "activation", [8, 8]));
    return isLinear ? node(name, "kareus::Linear", [left, "w"]) : node(name, "Add", [left, right]);
  });
  return { level: "tensor", name: "random", sha256: "", nodes, tensors, outputs: [] };
}

describe("forming and ordering launches", () => {
  it("fuses a chain and keeps what a linear layer separates apart", () => {
    const graph = randomGraph([
      [false, 0, 0],
      [false, 1, 0],
      [true, 2, 0],
      [false, 3, 1],
    ]);
    const launches = orderLaunches(formLaunches(graph));
    expect(launches.map(({ launch }) => launch.nodes.map((n) => n.name).join())).toEqual([
      "t0,t1",
      "t2",
      "t3",
    ]);
    expect(launches.map(({ after }) => after)).toEqual([[], [0], [0, 1]]);
  });

  it("covers every node once, in an order in which results precede readers", () => {
    const step = fc.tuple(fc.boolean(), fc.nat({ max: 99 }), fc.nat({ max: 99 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const graph = randomGraph(steps);
        const launches = orderLaunches(formLaunches(graph));
        const order = launches.flatMap(({ launch }) => launch.nodes.map((n) => n.name));
        expect([...order].sort()).toEqual(graph.nodes.map((n) => n.name).sort());
        for (const [position, { after, launch }] of launches.entries()) {
          for (const from of after) expect(from).toBeLessThan(position);
          const linear = launch.nodes.filter((n) => n.op === "kareus::Linear");
          if (linear.length > 0) expect(launch.nodes).toHaveLength(1);
        }
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});
