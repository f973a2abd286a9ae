import { type Body, type BodyOfSome, has, MOST_OPERANDS, type Part, wants } from "./composite.js";
import { nameAt } from "./names.js";
import { numberOf, numbersOf, textOf } from "./operators/call.js";

/** Composite operators around attention. */

/** Query, key and value in one projection, then attention; the cache holds keys and values. */
export const attention: Body = (node) => {
  const sizes = numbersOf(node, "qkv_hidden_sizes");
  const [biased, past, present] = [has(node, 2), has(node, 4), wants(node, 1)];
  const pastNames = past ? ["past_key", "past_value"] : ["", ""];
  return [
    ["MatMul", ["in0", "in1"], ["projected"]],
    ...(biased ? [["Add", ["projected", "in2"], ["biased"]] as const] : []),
    [
      "Split",
      [biased ? "biased" : "projected"],
      ["query", "key", "value"],
      { axis: -1, ...(sizes === null ? {} : { split: sizes }) },
    ],
    ...(past ? cacheParts() : []),
    [
      "com.microsoft::MultiHeadAttention",
      ["query", "key", "value", "", "in3", "in5", ...pastNames],
      ["out0", ...(present ? ["present_key", "present_value"] : [])],
      node.attributes,
    ],
    ...(present ? presentParts() : []),
  ];
};

/** The same with a projection of scaled integers: their scales and zero points lie between. */
export const quantisedAttention: Body = (node) => {
  const places = ["in0", "in1", "in2", "in5", "in8"];
  const inputs = [0, 1, 2, 5, 8].map((input) => nameAt(node.inputs, input));
  const renamed = new Map([...places.entries()].map(([i, name]) => [`in${i}`, name]));
  return attention({ ...node, inputs }).map(([op, ins, outs, attributes = {}]): Part => {
    const read = ins.map((name) => renamed.get(name) ?? name);
    if (op !== "MatMul") return [op, read, outs, attributes];
    const scaled = ["in0", "in1", "in3", "in4", "in6", "in7"];
    return ["com.microsoft::MatMulIntegerToFloat", scaled, outs];
  });
};

/** Queries, keys and values side by side, told apart: what is known of each then holds. */
export const unpacked: BodyOfSome = (node) => {
  if (has(node, 1)) return null;
  const heads = numberOf(node, "num_heads", 1);
  const kv_heads = numberOf(node, "kv_num_heads", heads);
  const rest = Array.from({ length: MOST_OPERANDS - 3 }, (_, i) => `in${i + 3}`);
  const outputs = node.outputs.map((_, i) => `out${i}`);
  const names = ["query", "key", "value"];
  return [
    ["Constant", [], ["apart"], { value_ints: [0, 0, heads + 2 * kv_heads, -1] }],
    ["Constant", [], ["flat"], { value_ints: [0, 0, -1] }],
    ["Reshape", ["in0", "apart"], ["all_heads"]],
    [
      "Split",
      ["all_heads"],
      names.map((name) => `${name}_heads`),
      { axis: 2, split: [heads, kv_heads, kv_heads] },
    ],
    ...names.map((name) => ["Reshape", [`${name}_heads`, "flat"], [name]] as const),
    [
      node.op,
      [...names, ...rest.slice(0, Math.max(0, node.inputs.length - 3))],
      outputs,
      node.attributes,
    ],
  ];
};

/**
 * An Einsum of two operands that is one matrix product, as exporters of attention write it: with its
 * axes in order, recognition sees the product.
 */
const contraction: BodyOfSome = (node) => {
  const equation = textOf(node, "equation", "").replaceAll(" ", "");
  const terms = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(equation)?.slice(1);
  if (terms === undefined) return null;
  const [left = [], right = [], out = []] = terms.map((term) => [...term]);
  const batch = left.filter((axis) => right.includes(axis) && out.includes(axis));
  const rows = left.filter((axis) => !right.includes(axis));
  const columns = right.filter((axis) => !left.includes(axis));
  const summed = left.filter((axis) => right.includes(axis) && !out.includes(axis));
  const made = [...batch, ...rows, ...columns];
  const distinct = [left, right, out].every((axes) => new Set(axes).size === axes.length);
  const kept = made.length === out.length && made.every((axis) => out.includes(axis));
  const plain = batch.length === 0 ? rows.length > 0 : rows.length === 1;
  if (!distinct || !kept || !plain || summed.length !== 1 || columns.length !== 1) return null;
  const turned = (
    from: readonly string[],
    to: readonly string[],
    input: string,
    output: string,
  ): Part => {
    const perm = to.map((axis) => from.indexOf(axis));
    const inOrder = perm.every((axis, place) => axis === place);
    return inOrder ? ["Identity", [input], [output]] : ["Transpose", [input], [output], { perm }];
  };
  return [
    turned(left, [...batch, ...rows, ...summed], "in0", "rows"),
    turned(right, [...batch, ...summed, ...columns], "in1", "columns"),
    ["MatMul", ["rows", "columns"], ["product"]],
    turned(made, out, "product", "out0"),
  ];
};

/**
 * An Einsum of three operands or more as torch runs it: two at a time, from the left. Its backward then has
 * the products that come between, and does not make them again for each operand.
 */
export const contractions: BodyOfSome = (node) => {
  const equation = textOf(node, "equation", "").replaceAll(" ", "");
  const sides = /^((?:[a-zA-Z]+,){2,}[a-zA-Z]+)->([a-zA-Z]*)$/.exec(equation);
  if (sides === null) return contraction(node);
  const [, left = "", out = ""] = sides;
  const [first = "", ...others] = left.split(",");
  let term = first;
  let from = "in0";
  return others.map((other, place): Part => {
    const rest = new Set([...others.slice(place + 1).join(""), ...out]);
    const isLast = place === others.length - 1;
    const kept = [...new Set(term + other)].filter((axis) => rest.has(axis)).join("");
    const [to, made] = isLast ? ["out0", out] : [`product${place}`, kept];
    const part: Part = [
      "Einsum",
      [from, `in${place + 1}`],
      [to],
      { equation: `${term},${other}->${made}` },
    ];
    [term, from] = [made, to];
    return part;
  });
};

/** Every query sees `window` keys on either side; a few tokens that see all are left out. */
export const longformer: Body = (node) => [
  ["MatMul", ["in0", "in1"], ["product"]],
  ["Add", ["product", "in2"], ["projected"]],
  ["Split", ["projected"], ["query", "key", "value"], { axis: -1 }],
  [
    "com.microsoft::MultiHeadAttention",
    ["query", "key", "value"],
    ["out0"],
    { ...node.attributes, local_window_size: 2 * numberOf(node, "window", 0) + 1 },
  ],
];

/** Keys and values of the past, stacked on the first axis. */
function cacheParts(): Part[] {
  return [
    ["Constant", [], ["first"], { value_int: 0 }],
    ["Constant", [], ["second"], { value_int: 1 }],
    ["Gather", ["in4", "first"], ["past_key"], { axis: 0 }],
    ["Gather", ["in4", "second"], ["past_value"], { axis: 0 }],
  ];
}

function presentParts(): Part[] {
  return [
    ["Unsqueeze", ["present_key"], ["stacked_key"], { axes: [0] }],
    ["Unsqueeze", ["present_value"], ["stacked_value"], { axes: [0] }],
    ["Concat", ["stacked_key", "stacked_value"], ["out1"], { axis: 0 }],
  ];
}

/** Sequences packed without padding: what attends is found in the token offsets. */
export const packedAttention: Body = (node) => {
  const sizes = numbersOf(node, "qkv_hidden_sizes");
  return [
    ["MatMul", ["in0", "in1"], ["projected"]],
    ["Add", ["projected", "in2"], ["biased"]],
    [
      "Split",
      ["biased"],
      ["query", "key", "value"],
      { axis: -1, ...(sizes === null ? {} : { split: sizes }) },
    ],
    [
      "com.microsoft::PackedMultiHeadAttention",
      ["query", "key", "value", "", "in3", "in4", "in5"],
      ["out0"],
      { num_heads: numberOf(node, "num_heads", 0) },
    ],
  ];
};
