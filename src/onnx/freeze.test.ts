import { expect, it } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import type { Tensor } from "../ir/tensor-graph.js";
import { frozen } from "./freeze.js";
import type { SourceNode } from "./source.js";

const tensor = (name: string, role: Tensor["role"] = "parameter"): Tensor => ({
  name,
  role,
  dtype: "bfloat16",
  shape: [8, 8],
  batch_axis: null,
});
const NAMES = ["h.0.q.weight", "h.0.q.lora_A", "h.1.q.weight", "h.1.q.lora_A"];
const TENSORS = new Map(
  [...NAMES.map((name) => tensor(name)), tensor("turned"), tensor("x", "data")].map((each) => [
    each.name,
    each,
  ]),
);
const turned = { op: "Transpose", inputs: ["h.0.q.weight"], outputs: ["turned"] };
const NODES = [turned] as unknown as readonly SourceNode[];
const of = (...patterns: readonly string[]) => found(patterns, new Set());
const found = (patterns: readonly string[], noted: ReadonlySet<string>) =>
  [...frozen(TENSORS, NODES, patterns, noted).values()].flatMap((each) =>
    each.frozen ? [each.name] : [],
  );

it("a pattern freezes what it names, and what is made of that alone", () => {
  expect(of()).toEqual([]);
  expect(of("*.weight")).toEqual(["h.0.q.weight", "h.1.q.weight", "turned"]);
  expect(of("h.1")).toEqual(["h.1.q.weight", "h.1.q.lora_A"]);
  expect(of("h.0.*", "h.1.*A")).toEqual(["h.0.q.weight", "h.0.q.lora_A", "h.1.q.lora_A", "turned"]);
});

it("what the exporter noted is frozen beside it, whatever else it names", () => {
  const noted = new Set(["h.0.q.weight", "x", "elsewhere"]);
  expect(found([], noted)).toEqual(["h.0.q.weight", "turned"]);
  expect(found(["h.1.*A"], noted)).toEqual(["h.0.q.weight", "h.1.q.lora_A", "turned"]);
});

it("an exclamation mark freezes all others: what low-rank adaptation trains", () => {
  expect(of("!*lora*")).toEqual(["h.0.q.weight", "h.1.q.weight", "turned"]);
});

it("a pattern that names nothing is an error with names to choose from", () => {
  expect(() => of("decoder.*")).toThrow(DiagnosticError);
  // A dot is a dot, brackets are brackets.
  expect(() => of("h.[01]*")).toThrow(DiagnosticError);
});
