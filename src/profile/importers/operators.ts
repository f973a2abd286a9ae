import { parseJson } from "../../base/json.js";
import { at } from "../../base/need.js";
import type { DType } from "../../ir/tensor-graph.js";
import { dtypeBytes, type Work } from "../../ir/work.js";

/** A call of a framework operator, as traces of PyTorch record it. */
export interface OperatorCall {
  /** `aten::mm`. */
  readonly name: string;
  /** Dimensions of each argument; empty for scalars and what is no tensor. */
  readonly shapes: readonly (readonly number[])[];
  /** Element type of each argument. */
  readonly types: readonly DType[];
  /** Arguments other than tensors; null where none is known. */
  readonly values: readonly unknown[];
}

const TYPES: Readonly<Record<string, DType>> = {
  float: "float32",
  double: "float64",
  half: "float16",
  bfloat16: "bfloat16",
  "long int": "int64",
  long: "int64",
  int: "int32",
  short: "int16",
  bool: "bool",
  "signed char": "int8",
  char: "int8",
  "unsigned char": "uint8",
  byte: "uint8",
};

/** The element type that PyTorch writes as `c10::BFloat16`, `float` or `Tensor(float)`. */
export function elementType(written: string): DType {
  const bare = written.replace(/^Tensor\((.*)\)$/, "$1").replace(/^c10::/, "");
  return TYPES[bare.toLowerCase()] ?? "unknown";
}

/** The dimensions of an argument; none of what is no tensor. */
export function shapeOf(written: unknown): number[] {
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size);
  return Array.isArray(written) && written.every(isSize) ? written : [];
}

/** Arguments of a shape: all of them, or none where one is missing or empty. */
function tensors(call: OperatorCall, places: readonly number[], rank: number): number[][] | null {
  const found = places.flatMap((place) => {
    const shape = call.shapes[place];
    const sound = shape?.length === rank && shape.every((size) => size > 0);
    return sound ? [[...shape]] : [];
  });
  return found.length === places.length ? found : null;
}

/** `places`: where the two factors stand among the arguments. */
function matmul(places: readonly [number, number], rank: 2 | 3) {
  return (call: OperatorCall): Work | null => {
    const factors = tensors(call, places, rank);
    if (factors === null) return null;
    const [left, right] = [at(factors, 0), at(factors, 1)];
    const [m, k] = [at(left, -2), at(left, -1)];
    const [depth, n] = [at(right, -2), at(right, -1)];
    const dtype = call.types[places[0]] ?? "unknown";
    const b = rank === 3 ? at(left, 0) : 1;
    return k === depth ? { op: "matmul", b, m, n, k, dtype } : null;
  };
}

/** Flash attention: query, key, value of [batch, length, heads, head size] from place `first` on. */
function attention(first: number, causal_at: number, direction: "forward" | "backward") {
  return (call: OperatorCall): Work | null => {
    const operands = tensors(call, [first, first + 1], 4);
    const causal = boolean(call.values[causal_at]);
    if (operands === null || causal === null) return null;
    const [query, key] = [at(operands, 0), at(operands, 1)];
    const [b, q_len, heads, head_dim] = [at(query, 0), at(query, 1), at(query, 2), at(query, 3)];
    const [kv_len, kv_heads] = [at(key, 1), at(key, 2)];
    const dtype = call.types[first] ?? "unknown";
    const shape = { b, heads, kv_heads, q_len, kv_len, head_dim };
    return { op: "attention", ...shape, causal, direction, dtype };
  };
}

function boolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (value === "True" || value === "False") return value === "True";
  return null;
}

/** A list of integers, one for each of two axes, or the text of one. */
function pair(value: unknown): number[] | null {
  const list: unknown = typeof value === "string" ? parseJson(value) : value;
  const isInteger = (item: unknown): item is number => Number.isInteger(item);
  return Array.isArray(list) && list.length === 2 && list.every(isInteger) ? list : null;
}

/** Two-dimensional convolution; where stride, padding, dilation and groups stand. */
function convolution(
  places: Readonly<Record<"stride" | "padding" | "dilation" | "groups", number>>,
) {
  return (call: OperatorCall): Work | null => {
    const operands = tensors(call, [0, 1], 4);
    const [stride, padding, dilation] = [places.stride, places.padding, places.dilation].map(
      (place) => pair(call.values[place]),
    );
    const groups = Number(call.values[places.groups]);
    if (!operands || !stride || !padding || !dilation || !(groups >= 1)) return null;
    const [input, weight] = [at(operands, 0), at(operands, 1)];
    const [n, c_in, size] = [at(input, 0), at(input, 1), input.slice(2)];
    const [c_out, window] = [at(weight, 0), weight.slice(2)];
    const out = size.map((length, axis) => {
      const reach = at(dilation, axis) * (at(window, axis) - 1) + 1;
      return Math.floor((length + 2 * at(padding, axis) - reach) / at(stride, axis)) + 1;
    });
    const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
    const dtype = call.types[0] ?? "unknown";
    const spatial = { out_spatial: product(out), in_spatial: product(size) };
    if (!(spatial.out_spatial > 0)) return null;
    const kernel_spatial = product(window);
    return { op: "conv", n, c_in, c_out, ...spatial, kernel_spatial, groups, dtype };
  };
}

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Element-wise: every tensor read once, one of the largest size written in the first one's type. */
function pointwise(flops_per_element: number) {
  return (call: OperatorCall): Work | null => {
    const dtype = call.types[0] ?? "unknown";
    const read = call.shapes.map((shape, i) => {
      const type = call.types[i] ?? "unknown";
      return shape.length === 0 || type === "unknown" ? 0 : elements(shape) * dtypeBytes(type);
    });
    const written = Math.max(0, ...call.shapes.filter((s) => s.length > 0).map(elements));
    if (dtype === "unknown" || written === 0) return null;
    return {
      op: "memory",
      class: "other",
      dtype,
      bytes_read: read.reduce((a, b) => a + b, 0),
      bytes_written: written * dtypeBytes(dtype),
      flops: flops_per_element * written,
    };
  };
}

/** `copy_(to, from)`: the one is only written, the other only read. */
function copy(call: OperatorCall): Work | null {
  const [to, from] = call.shapes;
  const [dtype = "unknown", read = "unknown"] = call.types;
  if (!to?.length || !from?.length || dtype === "unknown" || read === "unknown") return null;
  return {
    op: "memory",
    class: "other",
    dtype,
    flops: 0,
    bytes_read: elements(from) * dtypeBytes(read),
    bytes_written: elements(to) * dtypeBytes(dtype),
  };
}

/** Operators whose launches are one kernel of ours, and which. Argument orders are PyTorch's. */
const OPERATORS: Readonly<Record<string, (call: OperatorCall) => Work | null>> = {
  "aten::mm": matmul([0, 1], 2),
  "aten::addmm": matmul([1, 2], 2),
  "aten::bmm": matmul([0, 1], 3),
  "aten::baddbmm": matmul([1, 2], 3),
  "aten::_flash_attention_forward": attention(0, 8, "forward"),
  "aten::_flash_attention_backward": attention(1, 11, "backward"),
  "aten::conv2d": convolution({ stride: 3, padding: 4, dilation: 5, groups: 6 }),
  "aten::cudnn_convolution": convolution({ padding: 2, stride: 3, dilation: 4, groups: 5 }),
  "aten::copy_": copy,
  ...Object.fromEntries(
    ["add", "add_", "sub", "mul", "mul_", "div", "neg", "relu"].map((name) => [
      `aten::${name}`,
      pointwise(1),
    ]),
  ),
  ...Object.fromEntries(
    ["silu", "gelu", "sigmoid", "tanh", "rsqrt"].map((name) => [`aten::${name}`, pointwise(4)]),
  ),
};

/** The kernel that an operator call is to this compiler; null if it is none, or is underdescribed. */
export function workOfCall(call: OperatorCall): Work | null {
  const made = OPERATORS[call.name]?.(call) ?? null;
  return made === null || made.dtype === "unknown" ? null : made;
}

/** A call as far as a profile needs it: the kernel that it is to this compiler, null if it is none. */
export interface Called {
  readonly name: string;
  readonly work: Work | null;
}
