import {
  type DType,
  elementCount,
  isFloating,
  type Tensor,
  type TensorRole,
} from "../../ir/tensor-graph.js";
import { type BatchPlace, type BatchTarget, followBatch, placeInInput } from "../batch-axis.js";
import { shapeKey } from "../forward-end.js";
import { nameAt } from "../names.js";
import type { Fact, Operand, ShapedNode } from "../operators/operator.js";
import type { SourceNode } from "../source.js";
import { ARRIVALS, PRODUCTS } from "./operator-kinds.js";
import { REPEATS, roleOfResult } from "./result-roles.js";

/** Rows put at given places: a table's gradient, or results of experts where their tokens were. */
const SCATTERS: ReadonlySet<string> = new Set(["ScatterElements", "ScatterND"]);

/** Carries roles and the batch from tensor to tensor. */
export class Propagation {
  readonly tensors = new Map<string, Tensor>();
  readonly #places = new Map<string, BatchPlace>();
  /** Places of tokens that were picked out for something. */
  readonly #routed = new Set<string>();
  readonly #parameterShapes = new Set<string>();
  readonly #facts: ReadonlyMap<string, Fact>;
  readonly #microbatch: number;
  readonly #retyped: (dtype: DType) => DType;
  /** Tensors that are known to be no gradients. */
  readonly #isForward: (name: string) => boolean;

  constructor(
    facts: ReadonlyMap<string, Fact>,
    microbatch: number,
    retyped: (dtype: DType) => DType,
    isForward: (name: string) => boolean,
  ) {
    this.#facts = facts;
    this.#microbatch = microbatch;
    this.#retyped = retyped;
    this.#isForward = isForward;
  }

  addInput(name: string, role: TensorRole): void {
    const fact = this.#facts.get(name);
    if (fact === undefined) return;
    if (role === "parameter") this.#parameterShapes.add(shapeKey(fact.shape));
    this.#add(
      name,
      fact,
      role,
      role === "data" ? placeInInput(fact.shape, this.#microbatch) : null,
    );
  }

  visit(node: SourceNode): void {
    const inputs = node.inputs.map((name) => this.tensors.get(name) ?? null);
    const outputs = node.outputs.map((name) =>
      name === "" ? null : (this.#facts.get(name) ?? null),
    );
    const arrives = ARRIVALS.has(node.op);
    const role = arrives ? "activation" : this.#roleOfResult(node, inputs, outputs);
    const places = node.inputs.map((name) => this.#places.get(name) ?? null);
    const unplaced = places.every((place) => place === null);
    const shaped: ShapedNode = {
      ...node,
      inputs,
      outputs: outputs.map((fact): Operand | null => fact && { ...fact, role }),
    };
    if (node.op === "NonZero" || node.inputs.some((name) => this.#routed.has(name))) {
      for (const [index, name] of node.outputs.entries()) {
        const fact = outputs[index];
        if (!fact || !isFloating(fact.dtype)) this.#routed.add(name);
      }
    }
    const targets = role === "activation" ? followBatch(shaped, places, this.#microbatch) : [];
    node.outputs.forEach((name, index) => {
      const fact = outputs[index];
      if (name === "" || !fact) return;
      const target = targets[index] ?? "lost";
      const returns = SCATTERS.has(node.op) && this.#routed.has(nameAt(node.inputs, 1));
      const begins = arrives || returns || this.#repeats(node.op, inputs[0], fact);
      const place = begins ? placeInInput(fact.shape, this.#microbatch) : target;
      const found = place !== null && typeof place === "object" ? place : null;
      const gradient =
        found === null &&
        role === "activation" &&
        !this.#isForward(name) &&
        this.#isGradient(shaped, fact, target, unplaced);
      this.#add(name, fact, gradient ? "gradient" : role, found);
    });
  }

  /** Whether each sample of the microbatch gets its own copy of a parameter. */
  #repeats(op: string, input: Tensor | null | undefined, { shape }: Fact): boolean {
    if (!REPEATS.has(op) || input?.role !== "parameter" || shape[0] !== this.#microbatch)
      return false;
    return this.#microbatch > 1 && (input.shape.length < shape.length || input.shape[0] === 1);
  }

  /** A product of two parameters in the shape of a third is an update of low rank, made every time. */
  #roleOfResult(
    node: SourceNode,
    inputs: readonly (Tensor | null)[],
    outputs: readonly (Fact | null)[],
  ): TensorRole {
    const [fact] = outputs;
    const isUpdate =
      PRODUCTS.has(node.op) &&
      inputs.every((input) => input?.role === "parameter") &&
      this.#parameterShapes.has(shapeKey(fact?.shape ?? []));
    return isUpdate ? "activation" : roleOfResult(node, inputs, outputs);
  }

  /**
   * Summed over the batch, or over axes that may hold it where it was lost. A product of one sample
   * cannot be told from attention by its axes: there the shape of a parameter decides.
   */
  #isGradient(node: ShapedNode, fact: Fact, target: BatchTarget, unplaced: boolean): boolean {
    if (!isFloating(fact.dtype) || elementCount(fact.shape) <= 1) return false;
    const shaped = this.#parameterShapes.has(shapeKey(fact.shape));
    if (target === "reduced") return shaped || this.#microbatch > 1 || !PRODUCTS.has(node.op);
    const activations = node.inputs.every(
      (input) => input === null || input.role === "activation" || input.role === "constant",
    );
    const sums = PRODUCTS.has(node.op) || node.op === "ReduceSum";
    return shaped && unplaced && activations && sums;
  }

  #add(name: string, fact: Fact, role: TensorRole, place: BatchPlace | null): void {
    const { shape } = fact;
    const dtype = this.#retyped(fact.dtype);
    const value = role === "constant" && fact.value?.length === 1 ? fact.value[0] : undefined;
    const { band } = fact;
    const tensor = { name, dtype, shape, role, batch_axis: place?.axis ?? null };
    const shown = band === undefined ? tensor : { ...tensor, band };
    this.tensors.set(name, value === undefined ? shown : { ...shown, value });
    if (place !== null) this.#places.set(name, place);
  }
}
