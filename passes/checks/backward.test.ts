import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import { tensorGraph } from "../../test/support/tensor-graph.js";
import { checkBackward } from "./backward.js";

const BACKWARD = { direction: "backward" } as const;
const product = (name: string, a: string, b: string) =>
  [name, "MatMul", [a, b], {}, BACKWARD] as const;
const turned = (name: string) =>
  [`${name}_t`, "Transpose", [name], { perm: [1, 0] }, BACKWARD] as const;

/** Two projections of one layer's result, their sum projected; without a gradient, or with one twice. */
function said(without: readonly string[], twice: readonly string[] = []): readonly string[] {
  const square = [8, 8];
  const weights = Object.fromEntries(["w0", "w1", "w2", "w3"].map((name) => [name, square]));
  const turns = ["x", "h", "s", "w1", "w2", "w3"];
  const all = [
    product("ds", "dy", "w3_t"),
    product("dw3", "s_t", "dy"),
    product("dh1", "ds", "w1_t"),
    product("dh2", "ds", "w2_t"),
    product("dw1", "h_t", "ds"),
    product("dw2", "h_t", "ds"),
    ["dh", "Add", ["dh1", "dh2"], {}, BACKWARD] as const,
    product("dw0", "x_t", "dh"),
  ];
  const made = all.filter(([name]) => !without.includes(name));
  const again = twice.flatMap((name) =>
    all.flatMap((node) => (node[0] === name ? [product(`${name}_2`, node[2][0], node[2][1])] : [])),
  );
  const gradients = ["dw0", "dw1", "dw2", "dw3", ...twice.map((name) => `${name}_2`)];
  const activations = ["h", "p", "q", "s", "y", "dy", "ds", "dh1", "dh2", "dh"];
  const graph = tensorGraph({
    data: { x: square },
    parameters: weights,
    gradients: Object.fromEntries(gradients.map((name) => [name, square])),
    activations: Object.fromEntries(
      [...activations, ...turns.map((name) => `${name}_t`)].map((name) => [name, square]),
    ),
    nodes: [
      ["h", "MatMul", ["x", "w0"]],
      ["p", "MatMul", ["h", "w1"]],
      ["q", "MatMul", ["h", "w2"]],
      ["s", "Add", ["p", "q"]],
      ["y", "MatMul", ["s", "w3"]],
      ["dy", "Neg", ["y"], {}, BACKWARD],
      ...turns.map(turned),
      ...made,
      ...again,
    ],
  });
  const reports: Diagnostic[] = [];
  checkBackward(graph, (each) => reports.push(each));
  return reports.map(({ code, message }) => `${code} ${message}`);
}

describe("checkBackward", () => {
  it("says nothing where each linear has its two products", () => {
    expect(said([])).toEqual([]);
  });

  it("names the linear that takes no gradient", () => {
    const [total, each, ...others] = said(["dw3", "ds"]);
    expect(total).toMatch(/^KRS1414 .*1.25 times the forward's work.*1.75 times is expected/);
    expect(each).toMatch(/^KRS1419 .* y \(0.00, not 2.00\)$/);
    expect(others).toEqual([]);
  });

  it("names linears whose faults cancel out", () => {
    const [each, ...others] = said(["dw3"], ["dw0"]);
    expect(each).toMatch(/^KRS1419 .* h \(2.00, not 1.00\), y \(1.00, not 2.00\)$/);
    expect(others).toEqual([]);
  });
});
