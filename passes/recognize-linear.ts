import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { permutationOf } from "../src/onnx/operators/call.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns a product with a 2-D parameter (MatMul, Gemm, any stored orientation, bias folded in) into
 * one `kareus::Linear(x, weight, bias?)`; attribute `k_axis` is the weight axis that is summed over.
 * Needs roles. Guarantees that sharding and backward see a linear layer as one node whose weight is
 * the parameter itself.
 *
 *   before: W -> Transpose -> MatMul(x, .) -> Add(bias)
 *   after:  Linear(x, W, bias)
 */
export const recognizeLinear: Pass<"tensor", "tensor"> = {
  name: "recognize-linear",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) => matchLinear(index, node) ?? []);
    return applyFusions(graph, fusions);
  },
};

function matchLinear(index: GraphIndex, node: TensorNode): Fusion | null {
  const [x, right, addend] = node.inputs;
  if (x === undefined || right === undefined || !isPlainProduct(node)) return null;
  if (index.tensor(x).role === "parameter") return null;
  const weight = parameterBehind(index, right);
  if (weight === null || index.tensor(weight.name).shape.length !== 2) return null;
  const transposed = node.op !== "MatMul" && node.attributes.transB === 1;
  const kAxis = weight.transposed === transposed ? 0 : 1;
  const own = node.op === "MatMul" || isNothing(index, addend) ? undefined : addend;
  const bias = own === undefined ? biasAfter(index, node) : null;
  const inputs = [x, weight.name, bias?.name ?? own].filter((name) => name !== undefined);
  return fuse("kareus::Linear", bias ? [node, bias.add] : [node], inputs, { k_axis: kAxis });
}

/** Whether an addend is left out, or one number for all: no bias of each column. */
function isNothing(index: GraphIndex, addend: string | undefined): boolean {
  return addend === undefined || addend === "" || index.tensor(addend).shape.length === 0;
}

function isPlainProduct(node: TensorNode): boolean {
  if (node.op === "MatMul") return true;
  if (node.op !== "Gemm" && node.op !== "com.microsoft::FusedMatMul") return false;
  const { transA, transBatchA, transBatchB } = node.attributes;
  return transA !== 1 && transBatchA !== 1 && transBatchB !== 1;
}

/** The 2-D parameter that a tensor is a view of, and whether the view swaps its axes. */
function parameterBehind(
  index: GraphIndex,
  name: string,
): { name: string; transposed: boolean } | null {
  let transposed = false;
  let current = name;
  for (;;) {
    if (index.tensor(current).role !== "parameter") return null;
    const node = index.producer(current);
    const input = node?.inputs[0];
    if (node === undefined || input === undefined) return { name: current, transposed };
    if (node.op === "Transpose" && index.tensor(current).shape.length === 2) {
      if (permutationOf(node, 2)[0] !== 0) transposed = !transposed;
    } else if (node.op !== "Cast" && node.op !== "Identity") {
      return { name: current, transposed };
    }
    current = input;
  }
}

/** The Add of a 1-D parameter that is the product's only reader. */
function biasAfter(
  index: GraphIndex,
  product: TensorNode,
): { name: string; add: TensorNode } | null {
  const add = index.soleConsumer(product, "Add");
  const name = add && otherInput(add, at(product.outputs, 0));
  if (add === undefined || name === undefined) return null;
  const { role, shape } = index.tensor(name);
  return role === "parameter" && shape.length === 1 ? { name, add } : null;
}
