import { byDefault, need } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { followNothing } from "./axes.js";
import {
  broadcast,
  dimOf,
  inputOf,
  numberOf,
  operandShape,
  operandType,
  resultShape,
  tensor,
  textOf,
} from "./call.js";
import { matmulKernel } from "./launch.js";
import { type AxisTarget, type Operator, type ShapedNode, ShapeError } from "./operator.js";

/** Matrix products: MatMul, Gemm, their fused variants and Einsum. */

interface Product {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** numpy matmul of two shapes; vectors get an axis of one. Throws ShapeError if they do not fit. */
function product(a: readonly number[], b: readonly number[]): Product {
  if (a.length === 0 || b.length === 0) throw new ShapeError(0, "a scalar has no matrix product");
  const m = a.length === 1 ? 1 : dimOf(a, -2);
  const n = b.length === 1 ? 1 : dimOf(b, -1, 1);
  const k = dimOf(a, -1);
  if (k !== (b.length === 1 ? dimOf(b, 0, 1) : dimOf(b, -2, 1))) {
    throw new ShapeError(1, `[${a}] and [${b}] do not multiply`);
  }
  return { batch: broadcast(a.slice(0, -2), b.slice(0, -2)), m, n, k };
}

const matmul: Operator = {
  ops: ["MatMul", "MatMulInteger", "com.microsoft::TransposeMatMul", "com.microsoft::FusedMatMul"],
  infer: (call) => {
    const [a, b] = [inputOf(call, 0), inputOf(call, 1)];
    const { batch, m, n } = product(matmulShape(call, 0, a.shape), matmulShape(call, 1, b.shape));
    const shape = [
      ...batch,
      ...(a.shape.length > 1 ? [m] : []),
      ...(b.shape.length > 1 ? [n] : []),
    ];
    return [tensor(call.op === "MatMulInteger" ? "int32" : a.dtype, shape)];
  },
  follow: (node, input, axis) => [followMatmul(node, input, axis)],
  work: (node) => {
    const [a, b] = node.inputs;
    if (!a || !b) return { kind: "free" };
    const left = matmulShape(node, 0, a.shape);
    const right = matmulShape(node, 1, b.shape);
    const { batch, m, n, k } = product(left, right);
    // A weight shared by the whole batch makes one tall product.
    const shared = elementCount(right.slice(0, -2)) === 1;
    const count = elementCount(batch);
    return matmulKernel({
      b: shared ? 1 : count,
      m: shared ? count * m : m,
      n,
      k,
      dtype: a.dtype,
    });
  },
};

/** Where each axis of a stored operand is in the product: FusedMatMul may transpose either side. */
function matmulOrder(node: Pick<ShapedNode, "attributes" | "op">, input: number, rank: number) {
  const order = Array.from({ length: rank }, (_, axis) => axis);
  const side = input === 0 ? "A" : "B";
  if (numberOf(node, `transBatch${side}`, 0) === 1 && rank > 2) {
    // The stored axis 0 is the matrix's row axis: it moves behind the batch axes.
    order.splice(rank - 2, 0, ...order.splice(0, 1));
  }
  if (numberOf(node, `trans${side}`, 0) === 1 && rank > 1) {
    order.push(...order.splice(rank - 2, 1));
  }
  return order;
}

function matmulShape(
  node: Pick<ShapedNode, "attributes" | "op">,
  input: number,
  shape: readonly number[],
): readonly number[] {
  return matmulOrder(node, input, shape.length).map((axis) => dimOf(shape, axis));
}

function followMatmul(node: ShapedNode, input: number, axis: number): AxisTarget {
  const shape = operandShape(node, input);
  const other = operandShape(node, 1 - input);
  const output = resultShape(node, 0);
  const at = matmulOrder(node, input, shape.length).indexOf(axis);
  const contracted = input === 0 || shape.length === 1 ? shape.length - 1 : shape.length - 2;
  if (at === contracted && (input === 0 || shape.length > 0)) return "reduced";
  if (input === 0 && at === shape.length - 2) return output.length - (other.length > 1 ? 2 : 1);
  if (input === 1 && at === shape.length - 1) return output.length - 1;
  const fromRear = shape.length - 2 - at;
  const target = output.length - (shape.length > 1 && other.length > 1 ? 2 : 1) - fromRear;
  return target >= 0 && output[target] === shape[axis] ? target : "lost";
}

const gemm: Operator = {
  ops: ["Gemm"],
  infer: (call) => {
    const [a, b] = [inputOf(call, 0), inputOf(call, 1)];
    const { batch, m, n } = gemmSizes(call, a.shape, b.shape);
    return [tensor(a.dtype, [...batch, m, n])];
  },
  follow: (node, input, axis) => {
    if (input === 2) {
      const rank = operandShape(node, 2).length;
      const target = axis + 2 - rank;
      const same = node.outputs[0]?.shape[target] === node.inputs[2]?.shape[axis];
      return [same ? target : "lost"];
    }
    const lead = operandShape(node, input).length - 2;
    if (axis < lead) return [input === 0 ? axis : "lost"];
    const transposed = numberOf(node, input === 0 ? "transA" : "transB", 0) === 1;
    const at = transposed ? 1 - (axis - lead) : axis - lead;
    const rank = resultShape(node, 0).length;
    return [at === 1 - input ? "reduced" : rank - 2 + input];
  },
  work: (node) => {
    const [a, b] = node.inputs;
    if (!a || !b) return { kind: "free" };
    const { batch, ...sizes } = gemmSizes(node, a.shape, b.shape);
    return matmulKernel({ b: elementCount(batch), ...sizes, dtype: a.dtype });
  },
};

/** Matrices, or (some writers) stacks of them. */
function gemmSizes(
  node: Pick<ShapedNode, "attributes" | "op">,
  a: readonly number[],
  b: readonly number[],
): Product {
  if (a.length < 2) throw new ShapeError(0, `Gemm wants matrices, not [${a}]`);
  if (b.length < 2) throw new ShapeError(1, `Gemm wants matrices, not [${b}]`);
  const flip = (shape: readonly number[], yes: boolean) =>
    yes ? [...shape.slice(0, -2), dimOf(shape, -1), dimOf(shape, -2)] : shape;
  return product(
    flip(a, numberOf(node, "transA", 0) === 1),
    flip(b, numberOf(node, "transB", 0) === 1),
  );
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Letters of each operand; axes under an ellipsis get the letters "0", "1"... from the rear. */
function einsumEquation(
  node: Pick<ShapedNode, "attributes" | "op">,
  shapes: readonly (readonly number[])[],
): Equation {
  const [left = "", right] = textOf(node, "equation", "").replaceAll(" ", "").split("->");
  const sizes = new Map<string, number>();
  let ellipsis: readonly string[] = [];
  const inputs = left.split(",").map((term, index) => {
    const shape = shapes[index];
    if (shape === undefined) throw new ShapeError(0, "the equation has more operands");
    const letters = termLetters(term, shape.length);
    const hidden = letters.filter((letter) => /\d/.test(letter));
    if (hidden.length > ellipsis.length) ellipsis = hidden;
    if (letters.length !== shape.length) throw new ShapeError(index, `${term} is not [${shape}]`);
    letters.forEach((letter, axis) => {
      sizes.set(letter, Math.max(byDefault(sizes.get(letter), 1), dimOf(shape, axis)));
    });
    return letters;
  });
  if (inputs.length !== shapes.length) throw new ShapeError(0, "the equation has other operands");
  const all = inputs.flat().filter((letter) => !/\d/.test(letter));
  const once = [...new Set(all)].filter(
    (letter) => all.indexOf(letter) === all.lastIndexOf(letter),
  );
  const output =
    right === undefined
      ? [...ellipsis, ...once.sort()]
      : right.includes("...")
        ? termLetters(right, ellipsis.length + right.length - 3)
        : [...right];
  return { inputs, output, sizes };
}

function termLetters(term: string, rank: number): string[] {
  const [before = "", after] = term.split("...");
  if (after === undefined) return [...before];
  const hidden = Math.max(0, rank - before.length - after.length);
  const names = Array.from({ length: hidden }, (_, index) => String(hidden - 1 - index));
  return [...before, ...names, ...after];
}

const einsum: Operator = {
  ops: ["Einsum"],
  infer: (call) => {
    const inputs = call.inputs.map((_, index) => inputOf(call, index));
    const { output, sizes } = einsumEquation(
      call,
      inputs.map((input) => input.shape),
    );
    return [
      tensor(
        inputOf(call, 0).dtype,
        output.map((letter) => need(sizes, letter)),
      ),
    ];
  },
  follow: (node, input, axis) => {
    const shapes = node.inputs.map((_, index) => operandShape(node, index));
    const { inputs, output } = einsumEquation(node, shapes);
    const letter = inputs[input]?.[axis];
    if (letter === undefined) return followNothing(node, input, axis);
    const target = output.indexOf(letter);
    return [target === -1 ? "reduced" : target];
  },
  work: (node) => {
    const shapes = node.inputs.map((_, index) => operandShape(node, index));
    return matmulKernel({
      ...einsumSizes(einsumEquation(node, shapes)),
      dtype: operandType(node, 0),
    });
  },
};

/** Batch letters are in all operands and the output, m and n in one operand, k is summed. */
function einsumSizes({ inputs, output, sizes }: Equation) {
  const [left = [], right = []] = inputs;
  const result = { b: 1, m: 1, n: 1, k: 1 };
  for (const [letter, size] of sizes) {
    const kept = output.includes(letter);
    const key = kept ? (!right.includes(letter) ? "m" : left.includes(letter) ? "b" : "n") : "k";
    result[key] *= size;
  }
  return result;
}

/** Distances of all pairs of rows: a product and an epilogue. */
const distances: Operator = {
  ops: ["com.microsoft::CDist"],
  infer: (call) => {
    const [a, b] = [inputOf(call, 0), inputOf(call, 1)];
    return [tensor(a.dtype, [dimOf(a.shape, 0), dimOf(b.shape, 0, 1)])];
  },
  follow: (_node, input, axis) => [axis === 0 ? input : "lost"],
  work: (node) => {
    const [a, b] = node.inputs;
    if (!a || !b) return { kind: "free" };
    const [m, n, k] = [dimOf(a.shape, 0), dimOf(b.shape, 0, 1), dimOf(a.shape, 1)];
    return matmulKernel({ b: 1, m, n, k, dtype: a.dtype });
  },
};

export const linears: readonly Operator[] = [matmul, gemm, einsum, distances];
