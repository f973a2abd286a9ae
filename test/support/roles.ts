import { expect } from "vitest";
import { type Fields, modelBytes, node, read, temporaryFile, value } from "./onnx-model.js";

/** What tells `role` or `role@axis` of tensors of a graph, by name; its files go away after the test file. */
export function roleReader() {
  const file = temporaryFile();
  return (graph: Fields, names: readonly string[], bind: Record<string, number> = {}) => {
    const { graph: tensors, errors } = read(file(modelBytes(graph)), bind);
    expect(errors).toEqual([]);
    return names.map((name) => {
      const tensor = tensors?.tensors.get(name);
      return tensor?.batch_axis === null ? tensor.role : `${tensor?.role}@${tensor?.batch_axis}`;
    });
  };
}

/** Eight sequences of 16 tokens, a table of a hundred rows, and what is looked up of it. */
export const ids = value("ids", [8, 16], 7);
export const table = value("table", [100, 32]);
export const embedding = node("Gather", ["table", "ids"], ["h"]);

/** A constant that says a shape. */
export function shape(name: string, dims: readonly number[]) {
  return node("Constant", [], [name], {
    value: { t: { dims: [dims.length], dataType: 7, int64Data: dims } },
  });
}
