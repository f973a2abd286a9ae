import type { Report } from "../base/diagnostics/diagnostic.js";
import { statesGuessed } from "../base/diagnostics/graph.js";
import { need } from "../base/need.js";
import {
  type DType,
  elementCount,
  isFloating,
  showsAll,
  type Tensor,
  type TensorRole,
} from "../ir/tensor-graph.js";
import { type BatchPlace, type BatchTarget, followBatch, placeInInput } from "./batch-axis.js";
import { ancestors, bringsBackward, forwardEnds, isOptimizer, shapeKey } from "./forward-end.js";
import { nameAt } from "./names.js";
import type { Fact, Operand, ShapedNode } from "./operators/operator.js";
import { LAYOUT_ONLY, REPEATS, roleOfResult } from "./result-roles.js";
import type { SourceGraph, SourceNode } from "./source.js";
import { untrained } from "./untrained.js";

/** Operators whose results arrive from another stage with every microbatch. */
const ARRIVALS: ReadonlySet<string> = new Set(["com.microsoft::Recv"]);

/** Operators that fold gradients into their first input. */
const ACCUMULATORS: ReadonlySet<string> = new Set([
  "com.microsoft::InPlaceAccumulatorV2",
  "com.microsoft::InPlaceAccumulator",
]);

/** Rows put at given places: a table's gradient, or results of experts where their tokens were. */
const SCATTERS: ReadonlySet<string> = new Set(["ScatterElements", "ScatterND"]);

/** Other layers that multiply by weights. */
const WEIGHS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose"]);

/** Matrix products: of two activations they make attention, or the gradient of a parameter. */
export const PRODUCTS: ReadonlySet<string> = new Set([
  "MatMul",
  "Gemm",
  "Einsum",
  "com.microsoft::FusedMatMul",
]);

/**
 * Gives every tensor its role and batch axis, following axis 0 of the data inputs through the
 * nodes. A floating result from which the batch was summed away is a gradient. Types are those that
 * `retyped` makes of the facts'. Says which stored tensors it takes for states by a guess.
 */
export function assignRoles(
  graph: SourceGraph,
  training: Training,
  facts: ReadonlyMap<string, Fact>,
  retyped: (dtype: DType) => DType,
  report: Report,
): Map<string, Tensor> {
  const { nodes } = graph;
  const roles = rolesOfInputs(graph, training, facts);
  const microbatch = microbatchSize(nodes, roles, facts);
  const states: string[] = [];
  for (const [name, isGuess] of untrained(graph, facts, microbatch)) {
    if (graph.trained.get(name) === true) continue;
    if (isGuess && roles.get(name) === "parameter") states.push(name);
    roles.set(name, "constant");
  }
  if (states.length > 0) report(statesGuessed(states));
  const propagate = (isForward: (name: string) => boolean) => {
    const propagation = new Propagation(facts, microbatch, retyped, isForward);
    for (const [name, role] of roles) propagation.addInput(name, role);
    for (const node of nodes) propagation.visit(node);
    return propagation.tensors;
  };
  const tensors = propagate(() => false);
  const isGradient = (name: string) => tensors.get(name)?.role === "gradient";
  if (![...tensors.keys()].some(isGradient)) return tensors;
  // What the loss depends on is never a gradient, and where no backward follows nothing is.
  const whole = { nodes, outputs: [...graph.outputs.keys()] };
  const ends = forwardEnds(whole, (name) => tensors.get(name));
  if (ends === null) return tensors;
  const forward = ancestors(nodes, ends).tensors;
  if (!bringsBackward(whole, tensors, forward)) return propagate(() => true);
  const beside = statesBeside(graph, tensors, forward);
  for (const name of beside) roles.set(name, "constant");
  const isWrong = beside.length > 0 || [...forward].some(isGradient);
  return isWrong ? propagate((name) => forward.has(name)) : tensors;
}

/**
 * What meets gradients alone, in the shape of a parameter that the loss is made of: sums of earlier microbatches,
 * states of an optimizer that is written out, averages of weights.
 */
function statesBeside(
  { inputs, initializers }: SourceGraph,
  tensors: ReadonlyMap<string, Tensor>,
  forward: ReadonlySet<string>,
): readonly string[] {
  const stored = [...new Set([...inputs.keys(), ...initializers.keys()])].flatMap((name) => {
    const tensor = tensors.get(name);
    return tensor?.role === "parameter" ? [tensor] : [];
  });
  const trained = new Set(
    stored.filter(({ name }) => forward.has(name)).map(({ shape }) => shape.join()),
  );
  const isState = ({ name, shape }: Tensor) => !forward.has(name) && trained.has(shape.join());
  return stored.filter(isState).map(({ name }) => name);
}

/** What the graph's own training operators tell of its tensors. */
export interface Training {
  /** All that is trained; null: every floating tensor that is stored. */
  readonly trained: ReadonlySet<string> | null;
  /** States of optimizers. */
  readonly states: ReadonlySet<string>;
}

function rolesOfInputs(
  graph: SourceGraph,
  { trained, states }: Training,
  facts: ReadonlyMap<string, Fact>,
): Map<string, TensorRole> {
  const roles = new Map<string, TensorRole>();
  const { nodes } = graph;
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  const multiplied = multipliedIn(nodes);
  for (const [name, fact] of facts) {
    // Initializers of the graph and of taken branches; inputs follow.
    if (produced.has(name)) continue;
    const isTrained = trained?.has(name) ?? graph.trained.get(name) !== false;
    const isStored = isTrained && !states.has(name);
    roles.set(name, isStored ? storedRole(fact, multiplied.has(name)) : "constant");
  }
  const names = [...graph.inputs.keys()].filter(
    (name) =>
      facts.has(name) &&
      !graph.initializers.has(name) &&
      !states.has(name) &&
      trained?.has(name) !== true,
  );
  const comesWithData = dataInputs(graph, names, facts);
  for (const name of names) if (comesWithData.has(name)) roles.set(name, "data");
  for (const { op, inputs } of nodes) {
    const [buffer = ""] = inputs;
    if (ACCUMULATORS.has(op) && roles.get(buffer) === "parameter") roles.set(buffer, "gradient");
  }
  return roles;
}

/** What changes how a weight lies before it is multiplied. */
const LAID_OUT = /^(Transpose|Cast|Identity|Reshape|Squeeze|Unsqueeze)$/;

/** What matrix products and convolutions read, laid out otherwise or not. */
function multipliedIn(nodes: readonly SourceNode[]): ReadonlySet<string> {
  const multiplied = new Set<string>();
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    const isLaidOut = LAID_OUT.test(op) && multiplied.has(nameAt(outputs, 0));
    if (PRODUCTS.has(op) || WEIGHS.has(op)) for (const name of inputs) multiplied.add(name);
    else if (isLaidOut) multiplied.add(nameAt(inputs, 0));
  }
  return multiplied;
}

/**
 * Floating tensors are trained; integers, flags, lone scalars and masks are constants.
 * @param isMultiplied whether it is a factor: weights may begin as a triangle, masks are added
 */
function storedRole({ dtype, shape, band }: Fact, isMultiplied: boolean): TensorRole {
  // What shows all is two numbers less than a mask: zeros, as weights may begin.
  const hides = band === null || (band !== undefined && !showsAll(band, shape));
  const isMask = hides && !isMultiplied;
  return isFloating(dtype) && elementCount(shape) > 1 && !isMask ? "parameter" : "constant";
}

/**
 * Integer inputs and floating inputs with a symbolic leading dimension. Exporters list the model's
 * arguments before its parameters: what precedes the first of these is data too, and without any,
 * the first floating input is.
 */
function dataInputs(
  graph: SourceGraph,
  names: readonly string[],
  facts: ReadonlyMap<string, Fact>,
): ReadonlySet<string> {
  const hasRank = (name: string) => need(facts, name).shape.length > 0;
  const certain = names.filter(
    (name) => hasRank(name) && isSurelyData(graph, name, need(facts, name).dtype),
  );
  const first = certain[0] === undefined ? -1 : names.indexOf(certain[0]);
  const before = first < 0 ? names.filter(hasRank).slice(0, 1) : names.slice(0, first);
  const found = new Set([...certain, ...before.filter(hasRank)]);
  return new Set([...found, ...beside(graph, names, facts, found)]);
}

/** Integers come with the data, and so does what has a first size of its own name. */
function isSurelyData({ inputs }: SourceGraph, name: string, dtype: DType): boolean {
  const input = inputs.get(name);
  if (input === undefined || input.shape?.length === 0) return false;
  return typeof input.shape?.[0] !== "number" || /^u?int/.test(dtype);
}

/**
 * Floating inputs that come with the data: of as many samples as its first input, in a file that stores
 * its weights, or that hands back as much for each of them. A file that stores its weights takes data
 * of other sizes too, but for what is multiplied like a weight or handed back in its shape. Where
 * nothing but updates reads them, a size that happens to be equal says nothing.
 */
function beside(
  graph: SourceGraph,
  names: readonly string[],
  facts: ReadonlyMap<string, Fact>,
  found: ReadonlySet<string>,
): readonly string[] {
  const others = names.filter((name) => !found.has(name) && isFloating(need(facts, name).dtype));
  if (others.length === 0) return [];
  const samples = [...found].map((name) => need(facts, name).shape[0])[0];
  const stored = [...graph.initializers.keys()].filter((name) => {
    const fact = facts.get(name);
    return fact !== undefined && isFloating(fact.dtype) && fact.shape.length > 1;
  });
  const matrices = others.filter((name) => need(facts, name).shape.length > 1);
  const isBeside = (name: string) => need(facts, name).shape[0] === samples && read.has(name);
  const computes = graph.nodes.filter(({ op }) => !isOptimizer(op) && !ACCUMULATORS.has(op));
  const read = new Set(computes.flatMap(({ inputs }) => inputs));
  // Of weights that come as inputs, a joint graph hands gradients or updates back.
  const shapes = new Set([...graph.outputs.keys()].map((name) => facts.get(name)?.shape.join()));
  const returns = (name: string) => shapes.has(need(facts, name).shape.join());
  if (stored.length >= matrices.length) {
    const weights = weightOperands(graph);
    const isOther = (name: string) =>
      stored.length > 0 &&
      elementCount(need(facts, name).shape) > 1 &&
      read.has(name) &&
      !returns(name) &&
      !weights.has(name);
    return others.filter((name) => isBeside(name) || isOther(name));
  }
  const isJoint = 2 * matrices.filter(returns).length >= matrices.length;
  return isJoint ? others.filter((name) => isBeside(name) && !returns(name)) : [];
}

/**
 * Matrices among the inputs of a forward graph that stores none and has no input that is surely data: by
 * place alone they are taken for parameters.
 */
export function guessedParameters(
  graph: SourceGraph,
  { trained }: Training,
  tensors: ReadonlyMap<string, Tensor>,
): readonly string[] {
  const all = [...tensors.values()];
  if (trained !== null || all.some(({ role }) => role === "gradient")) return [];
  const isSure = ({ name, role, dtype }: Tensor) =>
    role === "data" && isSurelyData(graph, name, dtype);
  if (all.some(isSure)) return [];
  const matrices = all.filter(({ role, shape }) => role === "parameter" && shape.length > 1);
  if (matrices.some(({ name }) => graph.initializers.has(name))) return [];
  return matrices.flatMap(({ name }) => (graph.inputs.has(name) ? [name] : []));
}

/** What stands where layers have their weights, as it is or in another layout. */
function weightOperands(graph: SourceGraph): ReadonlySet<string> {
  const weights = new Set<string>();
  for (const { op, inputs, outputs } of graph.nodes.toReversed()) {
    const [first, second] = [nameAt(inputs, 0), nameAt(inputs, 1)];
    const isLayer = PRODUCTS.has(op) || op === "Conv" || op.endsWith("Normalization");
    if (isLayer) for (const name of inputs.slice(1)) weights.add(name);
    const looksUp = op === "Gather" && graph.inputs.has(second);
    if (looksUp || (LAYOUT_ONLY.has(op) && weights.has(nameAt(outputs, 0)))) weights.add(first);
  }
  return weights;
}

/** The leading size of the first data input, else of the first tensor that arrives. */
function microbatchSize(
  nodes: readonly SourceNode[],
  roles: ReadonlyMap<string, TensorRole>,
  facts: ReadonlyMap<string, Fact>,
): number {
  const data = [...roles].flatMap(([name, role]) => (role === "data" ? [name] : []));
  const arrived = nodes.flatMap((node) => (ARRIVALS.has(node.op) ? node.outputs : []));
  for (const name of [...data, ...arrived]) {
    const leading = facts.get(name)?.shape[0];
    if (leading !== undefined) return leading;
  }
  return 1;
}

/** Carries roles and the batch from tensor to tensor. */
class Propagation {
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
