import { at, present } from "../../src/base/need.js";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { inDependencyOrder, withTensors } from "../rewriting/rewrite.js";

/**
 * Experts written one after the other (a list of modules, each on the rows that were routed to it)
 * as batched products, one for all, as training runs them: rows are laid side by side, weights are
 * stacked, and results taken apart again. The same graph where there are none.
 */
export function batchExperts(graph: TensorGraph): TensorGraph {
  const index = indexOf(graph);
  const groups = new Map<string, TensorNode[]>();
  for (const node of graph.nodes) {
    const [rows = "", places = ""] = node.inputs;
    if (!PICKS_ROWS.has(node.op) || !isRouted(index, places)) continue;
    const key = `${rows} ${index.tensor(at(node.outputs, 0)).shape}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  let batched = graph;
  for (const gathers of groups.values()) {
    const region = new ExpertBatch(index, gathers);
    if (region.hasProducts) batched = region.applyTo(batched);
  }
  return batched === graph ? graph : inDependencyOrder(batched);
}

const PICKS_ROWS = new Set(["Gather", "GatherND"]);

/** What may lie between the positions that were found and their use. */
const PLACES = new Set([
  ...["Squeeze", "Split", "Transpose", "Cast", "Reshape", "Identity", "Slice"],
  ...["Unsqueeze", "Expand", "Concat"],
]);

function isRouted(index: GraphIndex, name: string): boolean {
  let node = index.producer(name);
  while (node !== undefined && PLACES.has(node.op)) node = index.producer(node.inputs[0]);
  return node?.op === "NonZero";
}

/** Nodes of equal experts in step: what the first does, each does with its own rows and weights. */
class ExpertBatch {
  readonly #index: GraphIndex;
  readonly #gathers: readonly TensorNode[];
  /** By a tensor of the first expert: the same of each. */
  readonly #rows = new Map<string, readonly string[]>();
  /** The nodes of each expert, in the order of the first one's. */
  readonly #steps: (readonly TensorNode[])[] = [];
  readonly #tensors: Tensor[] = [];

  constructor(index: GraphIndex, gathers: readonly TensorNode[]) {
    this.#index = index;
    this.#gathers = gathers;
    const made = gathers.map(({ outputs }) => at(outputs, 0));
    if (gathers.length > 1) this.#follow(made);
  }

  get hasProducts(): boolean {
    return this.#steps.some(([first]) => first?.op === "kareus::Linear");
  }

  /** Takes in what all experts do next with their rows, as long as it is the same. */
  #follow(made: readonly string[]): void {
    this.#rows.set(at(made, 0), made);
    const readers = made.map((name) => this.#index.consumers(name));
    const count = at(readers, 0).length;
    if (readers.some((each) => each.length !== count)) return;
    for (let reader = 0; reader < count; reader++) {
      const step = readers.map((each) => at(each, reader));
      if (this.#steps.some(([first]) => first === step[0]) || !this.#isAlike(step)) continue;
      this.#steps.push(step);
      this.#follow(step.map(({ outputs }) => at(outputs, 0)));
    }
  }

  #isAlike(step: readonly TensorNode[]): boolean {
    const [first] = step;
    if (first === undefined || first.outputs.length !== 1) return false;
    const work = workOf(shapedNode(this.#index.graph, first));
    const simple = work.kind === "pointwise" || (work.kind === "free" && first.op === "Reshape");
    if (first.op !== "kareus::Linear" && !simple) return false;
    const key = (node: TensorNode) => JSON.stringify([node.op, node.attributes]);
    return step.every((node, expert) => {
      const matches = node.inputs.every((name, input) => {
        const own = at(first.inputs, input);
        if (name === "" || own === "") return name === own;
        const rows = this.#rows.get(own);
        if (rows !== undefined) return rows[expert] === name;
        const [a, b] = [this.#index.tensor(name), this.#index.tensor(own)];
        return a.role !== "activation" && a.role === b.role && a.shape.join() === b.shape.join();
      });
      return matches && node.inputs.length === first.inputs.length && key(node) === key(first);
    });
  }

  /** The graph with one node for each step; experts' own nodes go. */
  applyTo(graph: TensorGraph): TensorGraph {
    const gone = new Set(this.#steps.flat());
    const stacked = this.#steps.flatMap((step) => this.#stackedNodes(step));
    const nodes = [
      ...graph.nodes.filter((node) => !gone.has(node)),
      ...this.#entrance(),
      ...stacked,
    ];
    nodes.push(...[...this.#rows.values()].flatMap((rows) => this.#apart(rows, gone)));
    return withTensors({ ...graph, nodes }, this.#tensors);
  }

  /** Every expert's rows, one behind the other. */
  #entrance(): TensorNode[] {
    const rows = this.#gathers.map(({ outputs }) => at(outputs, 0));
    const first = at(rows, 0);
    const { shape } = this.#index.tensor(first);
    const long = this.#add(first, "joined", [rows.length * at(shape, 0), ...shape.slice(1)]);
    const joined = this.#node(long, "Concat", rows, [long], { axis: 0 });
    const name = this.#stackedRows(first);
    return [joined, this.#node(name, "Reshape", [long], [name])];
  }

  #stackedNodes([first, ...rest]: readonly TensorNode[]): TensorNode[] {
    if (first === undefined) return [];
    const covers = [first, ...rest].flatMap((node) => node.covers);
    const output = this.#stackedRows(at(first.outputs, 0));
    const rank = this.#index.tensor(at(first.outputs, 0)).shape.length;
    const inputs = first.inputs.map((name, input) => {
      if (name === "" || this.#rows.has(name)) return name === "" ? "" : this.#stackedRows(name);
      const own = [first, ...rest].map((node) => at(node.inputs, input));
      return new Set(own).size === 1 ? name : this.#stackedWeights(name, first, input, rank);
    });
    const name = `${first.name}/experts`;
    if (first.op !== "kareus::Linear") {
      return [{ ...first, name, inputs, outputs: [output], attributes: shifted(first), covers }];
    }
    const [x = "", weight = "", bias = ""] = inputs;
    const product = bias === "" ? output : this.#add(output, "product", this.#shapeOf(output));
    const matmul = { ...first, name, op: "MatMul", attributes: {}, covers };
    const node = { ...matmul, inputs: [x, weight], outputs: [product] };
    if (bias === "") return [node];
    return [node, this.#node(`${name}/bias`, "Add", [product, bias], [output])];
  }

  /** Weights of a linear as [experts, in, out]; others aligned with the rows they meet. */
  #stackedWeights(name: string, { op, attributes }: TensorNode, input: number, rank: number) {
    const { shape } = this.#index.tensor(name);
    const product = op === "kareus::Linear" && input === 1;
    const turned = product && attributes.k_axis === 1 ? shape.toReversed() : shape;
    const fill = product ? [] : Array.from({ length: rank - shape.length }, () => 1);
    return this.#add(name, "experts", [this.#gathers.length, ...fill, ...turned]);
  }

  #stackedRows(name: string): string {
    return this.#add(name, "experts", [this.#gathers.length, ...this.#index.tensor(name).shape]);
  }

  /** Gives back to each expert's own name what others read. */
  #apart(rows: readonly string[], inside: ReadonlySet<TensorNode>): TensorNode[] {
    const [first = ""] = rows;
    const isRoot = this.#gathers.some(({ outputs }) => outputs[0] === first);
    const read = rows.some(
      (name) =>
        this.#index.isGraphOutput(name) || this.#index.consumers(name).some((r) => !inside.has(r)),
    );
    if (isRoot || !read) return [];
    const shape = this.#index.tensor(first).shape;
    const parts = rows.map((name) => this.#add(name, "part", [1, ...shape]));
    const name = this.#stackedRows(first);
    const split = this.#node(`${name}/split`, "Split", [name], parts, { axis: 0 });
    const views = rows.map((own, i) => this.#node(`${own}/row`, "Reshape", [at(parts, i)], [own]));
    return [split, ...views];
  }

  #shapeOf(name: string): readonly number[] {
    const added = this.#tensors.find((tensor) => tensor.name === name);
    return present(added, `tensor ${name}`).shape;
  }

  /** A tensor like another, of another shape; its samples stay along the axis of that size. */
  #add(like: string, suffix: string, shape: readonly number[]): string {
    const name = `${like}/${suffix}`;
    const known = this.#tensors.find((tensor) => tensor.name === like);
    const { dtype, role, batch_axis } = known ?? this.#index.tensor(like);
    const grown = shape.length - (known ?? this.#index.tensor(like)).shape.length;
    const axis = batch_axis === null ? null : batch_axis + grown;
    if (!this.#tensors.some((tensor) => tensor.name === name)) {
      this.#tensors.push({ name, dtype, shape, role, batch_axis: axis });
    }
    return name;
  }

  #node(
    name: string,
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: TensorNode["attributes"] = {},
  ): TensorNode {
    const near = { direction: "forward", origin: "inserted", layer: null, covers: [] } as const;
    return { ...near, name, op, inputs, outputs, attributes };
  }
}

/** Attributes that count axes from the front count one more. */
function shifted({ attributes }: TensorNode): TensorNode["attributes"] {
  const { axis } = attributes;
  return typeof axis === "number" && axis >= 0 ? { ...attributes, axis: axis + 1 } : attributes;
}
