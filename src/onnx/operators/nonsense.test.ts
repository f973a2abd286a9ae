import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttributeValue, DType, TensorRole } from "../../ir/tensor-graph.js";
import { bytesOf, flopsOf } from "../../ir/work.js";
import { activations } from "./activation.js";
import { attentions } from "./attention.js";
import { collectives } from "./collective.js";
import { constants } from "./constant.js";
import { convolutions } from "./convolution.js";
import { dropouts } from "./dropout.js";
import { elementwise } from "./elementwise.js";
import { mixtures } from "./experts.js";
import { gathers } from "./gather.js";
import { images } from "./image.js";
import { operatorFor } from "./index.js";
import { linears } from "./linear.js";
import { losses } from "./loss.js";
import { movements } from "./movement.js";
import { normalizations } from "./normalization.js";
import { type Fact, type InferenceCall, type ShapedNode, ShapeError } from "./operator.js";
import { optimizers } from "./optimizer.js";
import { quantizations } from "./quantization.js";
import { recurrents } from "./recurrent.js";
import { reductions } from "./reduction.js";
import { selections } from "./selection.js";
import { trainings } from "./training.js";
import { views } from "./view.js";

/**
 * Every operator on nonsense: any number of inputs of any shape, any attributes. A rule answers or
 * refuses with a ShapeError; it never fails otherwise.
 */

const FAMILIES = [
  ...[activations, attentions, collectives, constants, convolutions, dropouts, elementwise],
  ...[gathers, images, linears, losses, mixtures, movements, normalizations, optimizers],
  ...[quantizations, recurrents, reductions, selections, trainings, views],
];
const OPERATOR_NAMES = FAMILIES.flat().flatMap(({ ops }) => ops);

const DTYPES: readonly DType[] = ["float32", "float16", "int64", "bool", "uint8", "unknown"];
const dim = fc.oneof(fc.constantFrom(1, 2, 4, 8, 16), fc.nat({ max: 6 }));
const shape = fc.array(dim, { maxLength: 5 });
const element = fc.oneof(fc.integer({ min: -9, max: 20 }), fc.constantFrom(-(2 ** 62), 2 ** 40));
const fact: fc.Arbitrary<Fact | null> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ dtype: fc.constantFrom(...DTYPES), shape, value: fc.constant(null) }),
  },
  {
    weight: 3,
    arbitrary: fc
      .array(element, { maxLength: 5 })
      .map((value): Fact => ({ dtype: "int64", shape: [value.length], value })),
  },
  {
    weight: 1,
    arbitrary: element.map((value): Fact => ({ dtype: "int64", shape: [], value: [value] })),
  },
  { weight: 2, arbitrary: fc.constant(null) },
);

const NUMBERS = [
  "axis",
  "group",
  "to",
  "k",
  "keepdims",
  "num_heads",
  "kv_num_heads",
  "q_num_heads",
  "transA",
  "transB",
  "transBatchA",
  "transBatchB",
  "ceil_mode",
  "blocksize",
  "batch_dims",
  "group_size",
  "num_outputs",
  "allowzero",
  "layout",
  "K",
  "N",
  "output_height",
  "start",
  "end",
  "dtype",
  "quantize_axis",
  "gather_axis",
  "block_size",
  "expert_weight_bits",
  "noop_with_empty_axes",
];
const LISTS = [
  "axes",
  "perm",
  "kernel_shape",
  "pads",
  "strides",
  "dilations",
  "split",
  "shape",
  "starts",
  "ends",
  "output_shape",
  "output_padding",
  "scales",
  "pooled_shape",
  "value_ints",
  "non_differentiable_outputs",
];
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  auto_pad: ["SAME_UPPER", "VALID", "NOTSET", "?"],
  equation: ["bij,bjk->bik", "ij,jk", "...i,ij->...j", "i", "->", "ii->i", ",", "ab,cd,ef->ace"],
  reduction: ["none", "mean", "?"],
  operator: ["embedding", "embedding_dense_backward", "relu"],
};
const attribute: fc.Arbitrary<readonly [string, AttributeValue]> = fc.oneof(
  fc.tuple(fc.constantFrom(...NUMBERS), fc.integer({ min: -4, max: 9 })),
  fc.tuple(fc.constantFrom(...LISTS), fc.array(fc.integer({ min: -4, max: 9 }), { maxLength: 5 })),
  fc
    .constantFrom(...Object.entries(TEXTS))
    .chain(([name, values]) => fc.tuple(fc.constant(name), fc.constantFrom(...values))),
  fc.tuple(fc.constantFrom(...NUMBERS, ...LISTS), fc.string({ maxLength: 3 })),
);

const call = fc.record({
  op: fc.constantFrom(...OPERATOR_NAMES),
  inputs: fc.array(fact, { maxLength: 7 }),
  attributes: fc.array(attribute, { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
  outputs: fc.integer({ min: 1, max: 5 }),
  opset: fc.integer({ min: 1, max: 24 }),
  role: fc.constantFrom<TensorRole>("activation", "constant", "data", "parameter"),
});

/** What a rule returns; null where it refuses. */
function answer<T>(rule: () => T): T | null {
  try {
    return rule();
  } catch (error) {
    if (error instanceof ShapeError) return null;
    throw error;
  }
}

const isSize = (size: number) => Number.isInteger(size) && size >= 0;

describe("operator rules on nonsense", () => {
  test("answer or refuse", () => {
    fc.assert(
      fc.property(call, ({ op, inputs, attributes, outputs, opset, role }) => {
        const operator = operatorFor(op);
        if (operator === undefined) throw new Error(`no entry for ${op}`);
        const names = Array.from({ length: outputs }, (_, index) => `y${index}`);
        const asked: InferenceCall = { name: "n", op, attributes, inputs, outputs: names, opset };
        const facts = answer(() => operator.infer(asked));
        const operand = (known: Fact | null) => known && { ...known, role };
        const made = names.map((_, index) => facts?.[index] ?? inputs[index] ?? null);
        const sound = made.every((each) => each === null || each.shape.every(isSize));
        const node: ShapedNode = {
          ...{ name: "n", op, attributes },
          inputs: inputs.map(operand),
          outputs: made.map((each) => each && { ...each, role: "activation" as const }),
        };
        inputs.forEach((input, index) => {
          input?.shape.forEach((_, axis) => {
            for (const [output, target] of operator.follow(node, index, axis).entries()) {
              if (typeof target !== "number" || !sound) continue;
              const rank = node.outputs[output]?.shape.length;
              if (rank !== undefined && facts !== null) expect(target).toBeLessThan(rank);
            }
          });
        });
        const launched = operator.work(node);
        if (!sound || facts === null || launched.kind !== "kernel") return;
        expect(flopsOf(launched.work)).toBeGreaterThanOrEqual(0);
        expect(bytesOf(launched.work)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 5, numRuns: 20_000 },
    );
  });
});
