import { expect, test } from "vitest";
import { at } from "../../src/base/need.js";
import type { Band } from "../../src/ir/tensor-graph.js";
import { tensorOf } from "../../src/ir/tensor-graph.js";
import { runPass, tensorGraph } from "../../test/support/tensor-graph.js";
import { recognizeAttention } from "../recognize-attention.js";

type Input = Parameters<typeof tensorGraph>[0];
type Node = Input["nodes"][number];

const [B, H, T, D] = [2, 4, 16, 8];
const HEADS = [B, H, T, D];
const SCORES = [B, H, T, T];
const SQUARE = [B, 1, T, T];

interface Known {
  readonly value?: number;
  readonly band?: Band | null;
}

/** Whether attention whose scores are shown where these nodes make `shown` true is causal, and what is said of it. */
function said(shown: readonly Node[], known: Readonly<Record<string, Known>> = {}) {
  const graph = tensorGraph({
    data: {
      ...{ q: HEADS, k: HEADS, v: HEADS, square: SQUARE },
      ...{ of_rows: [B, 1, T, 1], of_keys: [B, 1, 1, T] },
      ...{ first: [B, 1, T, 1], last: [B, 1, T, 1] },
    },
    constants: {
      ...{
        low: [],
        zero: [],
        one: [],
        some: [],
        ones: [T, T],
        stored: [T, T],
        rows: [T, 1],
        keys: [1, T],
      },
      ...{ later: [T, T], rows_of: [T, 1], keys_of: [1, T] },
    },
    activations: {
      ...{ kt: [B, H, D, T], raw: SCORES, masked: SCORES, weights: SCORES, y: HEADS },
      ...{ shown: SQUARE, other: SQUARE, apart: SQUARE, far: SQUARE },
      ...{ wide: SQUARE, tall: SQUARE, turned: [B, 1, 1, T] },
    },
    nodes: [
      ["kt", "Transpose", ["k"], { perm: [0, 1, 3, 2] }],
      ["raw", "MatMul", ["q", "kt"]],
      ...shown,
      ["masked", "Where", ["shown", "raw", "low"]],
      ["weights", "Softmax", ["masked"], { axis: -1 }],
      ["y", "MatMul", ["weights", "v"]],
    ],
    outputs: ["y"],
  });
  const tensors = new Map(graph.tensors);
  const numbers: typeof known = { low: { value: -1e9 }, zero: { value: 0 }, one: { value: 1 } };
  for (const [name, more] of Object.entries({ ...numbers, ...known })) {
    tensors.set(name, { ...tensorOf(graph, name), ...more });
  }
  const codes: string[] = [];
  const fused = runPass(recognizeAttention, { ...graph, tensors }, {}, ({ code }) =>
    codes.push(code),
  );
  const attributes = fused.nodes.find(({ op }) => op === "Attention")?.attributes;
  const { is_causal, local_window_size } = attributes ?? {};
  return [is_causal, ...(local_window_size === undefined ? [] : [local_window_size]), ...codes];
}

const below: Node = ["later", "Trilu", ["ones"], { upper: 0 }];
const under = (name: string): Node => ["shown", "And", [name, "later"]];

test.each<readonly [string, readonly Node[]]>([
  ["numbers", [["other", "Equal", ["of_rows", "of_keys"]]]],
  [
    "numbers that are not apart",
    [
      ["apart", "Sub", ["of_rows", "of_keys"]],
      ["other", "Equal", ["apart", "zero"]],
    ],
  ],
  [
    "distances below one",
    [
      ["apart", "Sub", ["of_rows", "of_keys"]],
      ["far", "Abs", ["apart"]],
      ["other", "Less", ["far", "one"]],
    ],
  ],
  [
    "repeated numbers",
    [
      ["tall", "Expand", ["of_rows"]],
      ["wide", "Expand", ["of_keys"]],
      ["other", "Equal", ["tall", "wide"]],
    ],
  ],
  [
    "a product of numbers",
    [
      ["apart", "MatMul", ["of_rows", "of_keys"]],
      ["other", "Greater", ["apart", "zero"]],
    ],
  ],
  [
    "first and last places that come with the data",
    [
      ["far", "GreaterOrEqual", ["keys", "first"]],
      ["apart", "LessOrEqual", ["keys", "last"]],
      ["other", "And", ["far", "apart"]],
    ],
  ],
])("documents told by %s are costed whole, or below the diagonal, and said to be", (_, nodes) => {
  expect(said([...nodes, ["shown", "Identity", ["other"]]])).toEqual([0, "KRS1433"]);
  expect(said([...nodes, below, under("other")])).toEqual([1, "KRS1433"]);
});

test("places that come with the data are places", () => {
  const causal: Node = ["other", "GreaterOrEqual", ["of_rows", "turned"]];
  const turned: Node = ["turned", "Transpose", ["of_rows"], { perm: [0, 1, 3, 2] }];
  expect(said([turned, causal, ["shown", "Identity", ["other"]]])).toEqual([1]);
  expect(said([["shown", "GreaterOrEqual", ["first", "keys"]]])).toEqual([1]);
  const gathered: readonly Node[] = [
    ["tall", "GatherND", ["first", "rows"]],
    ["wide", "Transpose", ["tall"]],
    ["shown", "GreaterOrEqual", ["tall", "wide"]],
  ];
  expect(said(gathered)).toEqual([1]);
  const twice: Node = ["wide", "GatherND", ["first", "keys"]];
  expect(said([at(gathered, 0), twice, at(gathered, 2)])).toEqual([1]);
});

test("documents that are counted off positions in order are one, chunks of positions are not", () => {
  const counted: readonly Node[] = [
    ["rows_of", "CumSum", ["rows", "zero"]],
    ["keys_of", "CumSum", ["keys", "one"]],
    ["shown", "Equal", ["rows_of", "keys_of"]],
  ];
  expect(said(counted)).toEqual([0]);
  const chunks: readonly Node[] = [
    ["rows_of", "Div", ["rows", "some"]],
    ["keys_of", "Div", ["keys", "some"]],
    ["shown", "Equal", ["rows_of", "keys_of"]],
  ];
  expect(said(chunks)).toEqual([0, "KRS1433"]);
});

test("padding hides some keys of rows that all see as many", () => {
  const both: Node = ["apart", "Mul", ["of_rows", "of_keys"]];
  expect(said([both, ["shown", "Greater", ["apart", "zero"]]])).toEqual([0]);
  expect(
    said([
      ["turned", "Equal", ["of_keys", "some"]],
      ["shown", "Expand", ["turned"]],
    ]),
  ).toEqual([0]);
});

test("what a mask hides that comes with the data is a guess", () => {
  expect(said([["shown", "Greater", ["square", "zero"]]])).toEqual([0, "KRS1429"]);
  expect(said([below, ["other", "Cast", ["square"]], under("other")])).toEqual([1, "KRS1429"]);
});

test("a stored triangle that hides more says so", () => {
  const band = { behind: T - 1, ahead: 0 };
  const shown: readonly Node[] = [["shown", "Cast", ["stored"]]];
  expect(said([below, under("stored")], { stored: { band: null } })).toEqual([1, "KRS1433"]);
  expect(said(shown, { stored: { band } })).toEqual([1]);
  expect(said(shown, { stored: { band: { ...band, hides_more: true } } })).toEqual([1, "KRS1433"]);
});
