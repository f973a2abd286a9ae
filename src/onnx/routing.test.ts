import { describe, expect, test } from "vitest";
import {
  int64s,
  modelBytes,
  node,
  read,
  temporaryFile,
  value,
} from "../../test/support/onnx-model.js";

const file = temporaryFile();
const constant = (name: string, content: number, dims: readonly number[] = []) =>
  node("Constant", [], [name], { value: { t: int64s([content], dims) } });

/** Tokens, scores of 4 experts, the best 2 for each, and what finds the tokens of an expert. */
const routed = (find: readonly ReturnType<typeof node>[]) =>
  read(
    file(
      modelBytes({
        input: [value("x", ["batch", 16, 8])],
        initializer: [
          { name: "router", dims: [8, 4], dataType: 1 },
          { name: "w", dims: [8, 8], dataType: 1 },
          { name: "zeros", dims: [64, 8], dataType: 1 },
        ],
        node: [
          node("Constant", [], ["merged"], { value: { t: int64s([-1, 8]) } }),
          node("Reshape", ["x", "merged"], ["t"]),
          node("MatMul", ["t", "router"], ["scores"]),
          constant("two", 2, [1]),
          node("TopK", ["scores", "two"], ["best", "chosen"]),
          ...find,
          constant("last", 1, [1]),
          node("Split", ["found"], ["slots", "tokens"], { axis: 0 }),
          node("Squeeze", ["tokens"], ["flat"]),
          node("Gather", ["t", "flat"], ["rows"]),
          node("MatMul", ["rows", "w"], ["made"]),
          node("Unsqueeze", ["flat", "last"], ["column"]),
          node("Shape", ["made"], ["shape"]),
          node("Expand", ["column", "shape"], ["places"]),
          node("ScatterElements", ["zeros", "places", "made"], ["y"], { axis: 0 }),
        ],
        output: [value("y", [64, 8])],
      }),
    ),
    { batch: 4 },
  );

const compared = [0, 1, 2, 3].flatMap((expert) => [
  constant(`e${expert}`, expert),
  node("Equal", ["chosen", `e${expert}`], [`is${expert}`]),
]);
const ONE_HOT = [
  constant("depth", 4),
  node("Constant", [], ["values"], { value: { t: int64s([0, 1]) } }),
  node("OneHot", ["chosen", "depth", "values"], ["hot"], { axis: -1 }),
  node("Transpose", ["hot"], ["mask"], { perm: [2, 1, 0] }),
  constant("third", 2),
  node("Gather", ["mask", "third"], ["one"], { axis: 0 }),
  node("Cast", ["one"], ["flags"], { to: 9 }),
  node("NonZero", ["flags"], ["found"]),
];

describe("tokens that are routed to one of four experts", () => {
  test.each([
    ["by comparing", [...compared, node("NonZero", ["is2"], ["found"])]],
    ["by a one-hot mask", ONE_HOT],
  ])("%s are a fourth of all choices, and are activations that come back", (_name, find) => {
    const { graph, errors, warnings } = routed(find);
    expect(errors).toEqual([]);
    expect(warnings.map(({ code }) => code)).toEqual(["KRS1304"]);
    const shapes = ["found", "rows", "y"].map((name) => graph?.tensors.get(name)?.shape);
    // 64 tokens x 2 choices / 4 experts.
    expect(shapes).toEqual([
      [2, 32],
      [32, 8],
      [64, 8],
    ]);
    expect(graph?.tensors.get("y")).toMatchObject({ role: "activation", batch_axis: 0 });
    expect(graph?.tensors.get("rows")?.batch_axis).toBe(0);
  });

  test("a list of tensors that comes from elsewhere is refused with its reason", () => {
    const { errors } = routed([node("SequenceAt", ["chosen", "two"], ["found"])]);
    expect(errors.map(({ code }) => code)).toEqual(["KRS1107"]);
  });

  test("flags may be compared, squeezed and reduced before they are looked through", () => {
    const flags = [
      ...compared,
      node("Cast", ["is2"], ["whole"], { to: 7 }),
      node("ReduceMax", ["whole"], ["any"], { axes: [-1], keepdims: 1 }),
      constant("none", 0),
      node("Greater", ["any", "none"], ["hit"]),
      node("NonZero", ["hit"], ["found"]),
    ];
    const { graph, warnings } = routed(flags);
    expect(warnings.map(({ code }) => code)).toEqual(["KRS1304"]);
    expect(graph?.tensors.get("found")?.shape).toEqual([2, 32]);
  });

  test("of anything else than experts the number stays unknown", () => {
    const { errors } = routed([node("NonZero", ["chosen"], ["found"])]);
    expect(errors.map(({ code }) => code)).toEqual(["KRS1302"]);
  });
});
