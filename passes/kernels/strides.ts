import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { dtypeBytes } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { NodeWork } from "../../src/onnx/operators/operator.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { swapsLastTwoAxes } from "../rewriting/transposes.js";
import type { Access } from "./pieces.js";

/** Which nodes may share a launch with others. */
export type Fuses = (node: TensorNode) => boolean;

/** Layout changes: free beside a kernel that addresses its operands by strides. */
const LAYOUT = new Set(["Transpose", "Slice", "Split", "Expand", "com.microsoft::SplitTraining"]);

/** Which layout changes are free, and how lone element-wise kernels get at their elements. */
export class Strides {
  readonly #index: GraphIndex;
  readonly #fuses: Fuses;
  readonly #works = new Map<TensorNode, NodeWork>();

  constructor(index: GraphIndex, fuses: Fuses) {
    this.#index = index;
    this.#fuses = fuses;
  }

  work(node: TensorNode): NodeWork {
    const known = this.#works.get(node);
    if (known !== undefined) return known;
    const work = workOf(shapedNode(this.#index.graph, node));
    this.#works.set(node, work);
    return work;
  }

  /** How an element-wise node that nothing fuses with gets at its elements; null for any other. */
  access(node: TensorNode): Access | null {
    if (this.work(node).kind !== "pointwise" || this.#fuses(node)) return null;
    if (node.op === "Concat") return "joined";
    const made = this.#index.tensor(at(node.outputs, 0));
    const read = node.inputs.filter((name) => name !== "").map((name) => this.#index.tensor(name));
    const elements = elementCount(made.shape);
    const other = read.some(({ shape }) => ![1, elements].includes(elementCount(shape)));
    if (other || node.inputs.some((name) => this.#isStridedView(name))) return "indexed";
    const widens = read.some(({ dtype }) => dtypeBytes(dtype) < dtypeBytes(made.dtype));
    return node.op === "Cast" && widens ? "converted" : "streamed";
  }

  /** Whether a tensor is looked at in another order or in part. */
  #isStridedView(name: string): boolean {
    const node = this.#index.producer(name);
    if (node === undefined || !this.#mayBeView(node)) return false;
    const [viewed] = node.inputs;
    return LAYOUT.has(node.op) || (viewed !== undefined && this.#isStridedView(viewed));
  }

  /** Whether a node is a layout change with only kernels that address by strides on one side of it. */
  isLayoutRead(node: TensorNode): boolean {
    return LAYOUT.has(node.op) && this.#readByStrides(node);
  }

  #readByStrides(node: TensorNode): boolean {
    const readers = node.outputs.flatMap((output) => this.#readersThroughViews(output));
    if (node.op === "Transpose" && swapsLastTwoAxes(node)) {
      if (readers.every((reader) => this.#isStrided(reader) || this.#isProduct(reader)))
        return true;
    } else if (readers.length > 0 && readers.every((reader) => this.#isStrided(reader))) {
      return true;
    }
    const [input = ""] = node.inputs;
    const maker = this.#makerThroughViews(input);
    // A product writes its result turned as well as not.
    const product = maker !== undefined && this.#isProduct(maker);
    if (product && swapsLastTwoAxes(node) && this.#index.consumers(input).length === 1) return true;
    return maker !== undefined && this.#isStrided(maker) && !this.#copiesFor(maker, readers);
  }

  /**
   * Whether the framework makes a copy because a product wants its operand in order: what a lone
   * element-wise kernel makes is laid out as its operands are, what attention makes as products read it.
   */
  #copiesFor(maker: TensorNode, readers: readonly TensorNode[]): boolean {
    const attention = this.work(maker);
    const orders = attention.kind === "kernel" && attention.class === "attn";
    return !orders && !this.#fuses(maker) && readers.some((reader) => this.#isProduct(reader));
  }

  #readersThroughViews(name: string): TensorNode[] {
    return this.#index.consumers(name).flatMap((reader) => {
      return this.#mayBeView(reader)
        ? reader.outputs.flatMap((o) => this.#readersThroughViews(o))
        : [reader];
    });
  }

  #makerThroughViews(name: string): TensorNode | undefined {
    const node = this.#index.producer(name);
    if (node === undefined) return undefined;
    const looksAt = this.#mayBeView(node) ? node.inputs[0] : undefined;
    return looksAt === undefined ? node : this.#makerThroughViews(looksAt);
  }

  #mayBeView(node: TensorNode): boolean {
    return this.work(node).kind === "free" || LAYOUT.has(node.op);
  }

  #isStrided(node: TensorNode): boolean {
    const work = this.work(node);
    if (work.kind === "pointwise") return true;
    // A norm that the framework brings wants its rows in order.
    if (work.kind === "rows") return work.class !== "norm" || this.#fuses(node);
    return work.kind === "kernel" && (work.class === "attn" || work.class === "rope");
  }

  #isProduct(node: TensorNode): boolean {
    const work = this.work(node);
    return work.kind === "kernel" && work.work.op === "matmul";
  }
}
