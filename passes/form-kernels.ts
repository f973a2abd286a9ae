import { fail, refuse } from "../src/base/diagnostics/diagnostic.js";
import {
  batchNotSplittable,
  collectiveRanksConflict,
  collectiveRanksUnknown,
  nothingToSchedule,
} from "../src/base/diagnostics/lowering.js";
import { at } from "../src/base/need.js";
import type { ExecutionMode } from "../src/ir/choices.js";
import { ranksPerNode } from "../src/ir/groups.js";
import type {
  CommunicationKernel,
  ComputeKernel,
  Held,
  Kernel,
  KernelBase,
} from "../src/ir/kernel-graph.js";
import type { LoweringContext, Pass } from "../src/ir/pass.js";
import {
  elementCount,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../src/ir/tensor-graph.js";
import { dtypeBytes, type MemoryWork, type Work } from "../src/ir/work.js";
import { isOptimizer } from "../src/onnx/forward-end.js";
import { accumulations } from "./kernels/accumulation.js";
import { expertParameters } from "./kernels/expert-parameters.js";
import { heldBytes } from "./kernels/held-bytes.js";
import {
  communicationBytes,
  computeWork,
  hasBatch,
  oddBatch,
  splitTensors,
} from "./kernels/launch-work.js";
import { formLaunches, type Launch } from "./kernels/launches.js";
import { narrowed } from "./kernels/narrow-products.js";
import { orderLaunches } from "./kernels/order-launches.js";
import { pieceWork } from "./kernels/pieces.js";
import { parameterRead, storedParameters } from "./kernels/stored-parameter.js";
import { compilesWhole, WrittenOutOperators } from "./kernels/written-out.js";
import { degreeOf } from "./rewriting/facts.js";

/**
 * Forms kernels: one per launch. Connected element-wise nodes fuse into one memory-bound kernel,
 * views and layout changes that a neighbour reads by strides vanish, every other node is a kernel of
 * its own with its FLOPs and bytes, for the microbatch and for a nanobatch.
 * Needs directions, layers and local shapes. Guarantees an order in which results precede readers.
 *
 *   before: Linear -> Add -> Mul -> Reshape -> AllReduce
 *   after:  [linear] [other: Add, Mul] [all_reduce]
 */
export const formKernels: Pass<"tensor", "kernel"> = {
  name: "form-kernels",
  from: "tensor",
  to: "kernel",
  run: (graph, context) => {
    const { execution, microbatches, optimizer } = context.options;
    const launches = orderLaunches(formLaunches(graph, fusing(graph, execution)));
    if (launches.every(({ launch }) => launch.kind === "communication")) {
      refuse(nothingToSchedule(graph.name));
    }
    const written = new WrittenOutOperators(graph, execution);
    const former = new KernelFormer(graph, context, written);
    const held = heldBytes(graph, launches, written);
    const added = microbatches > 1 ? accumulations(graph, launches, optimizer) : new Map();
    const kernels = inOneList(
      launches.map(({ launch }, i) => former.form(launch, at(held, i))),
      launches,
      added,
    );
    const layers = kernels.reduce((most, { layer }) => Math.max(most, 1 + (layer ?? -1)), 0);
    const { name, sha256 } = graph;
    const updates_parameters = graph.nodes.some((node) => isOptimizer(node.op));
    return {
      level: "kernel",
      name,
      sha256,
      kernels,
      layers,
      updates_parameters,
      stages: 1,
      chunks: 1,
      parameters: [],
    };
  },
};

/**
 * Which element-wise nodes share launches: none where the framework runs operator by operator; else
 * those of compiled layers, or all of a graph without layers, which is compiled as a whole.
 */
function fusing(graph: TensorGraph, execution: ExecutionMode): (node: TensorNode) => boolean {
  if (execution === "eager") return () => false;
  const whole = compilesWhole(graph);
  return ({ layer }) => whole || layer !== null;
}

type Base = Omit<KernelBase, "after">;

/** A kernel before it is known which kernels make what it reads. */
type Formed = Omit<ComputeKernel, "after"> | Omit<CommunicationKernel, "after">;

/**
 * The kernels of all launches, one after the other: the first of a launch reads what the last of
 * other launches make, the others the one before them.
 * @param orders which launches each launch reads
 * @param added sums of gradients behind launches: of what several launches make, which wait for none
 */
function inOneList(
  formed: readonly (readonly Formed[])[],
  orders: readonly { readonly after: readonly number[] }[],
  added: ReadonlyMap<number, MemoryWork>,
): Kernel[] {
  const ends: number[] = [];
  const kernels: Kernel[] = [];
  for (const [i, members] of formed.entries()) {
    for (const [k, kernel] of members.entries()) {
      const after =
        k === 0 ? at(orders, i).after.map((launch) => at(ends, launch)) : [kernels.length - 1];
      kernels.push({ ...kernel, after });
    }
    ends.push(kernels.length - 1);
    const sums = added.get(i);
    if (sums !== undefined) kernels.push(accumulation(at(members, -1), sums, kernels.length - 1));
  }
  return kernels;
}

/** The kernel that adds gradients, in the place of the one that it follows. */
function accumulation(
  { kind: _, ...place }: Formed,
  work: MemoryWork,
  before: number,
): ComputeKernel {
  const name = `${place.name}/accumulate`;
  return {
    kind: "compute",
    name,
    nodes: [name],
    after: [before],
    direction: "backward",
    origin: "weight-gradient",
    layer: place.layer,
    stage: 0,
    chunk: 0,
    saved_bytes: 0,
    released_bytes: 0,
    working_bytes: place.working_bytes,
    input_bytes: 0,
    class: "other",
    work,
    nanobatch: work,
    parameters: [],
  };
}

class KernelFormer {
  readonly #graph: TensorGraph;
  readonly #written: WrittenOutOperators;
  /** The same tensors for one nanobatch; null when the batch does not split evenly. */
  readonly #nanobatch: Pick<TensorGraph, "tensors"> | null;
  readonly #context: LoweringContext;
  readonly #experts: ReadonlySet<string>;
  readonly #warned = new Set<string>();
  readonly #works = new Map<string, Work>();

  constructor(graph: TensorGraph, context: LoweringContext, written: WrittenOutOperators) {
    this.#graph = graph;
    this.#written = written;
    this.#experts = expertParameters(graph);
    this.#context = context;
    const odd = oddBatch(graph);
    const splits = odd === null && hasBatch(graph);
    this.#nanobatch = splits ? { tensors: splitTensors(graph) } : null;
    if (odd !== null) context.report(batchNotSplittable(graph.name, odd, graph.batch_symbol));
  }

  /** The kernels of a launch: one, or the pieces of an operator that runs written out. */
  form(launch: Launch, held: Held): readonly Formed[] {
    const base = { ...common(launch.nodes), ...held };
    if (launch.kind === "communication") return [this.#communication(launch, base)];
    return (
      this.#pieces(launch, base) ?? narrowed(launch, this.#compute(launch, base), this.#context)
    );
  }

  /** One object for all equal works: layers repeat, and so do their kernels. */
  #shared(work: Work): Work {
    const key = JSON.stringify(work);
    const known = this.#works.get(key);
    if (known !== undefined) return known;
    this.#works.set(key, work);
    return work;
  }

  #compute(launch: Launch, base: Base): Omit<ComputeKernel, "after"> {
    return {
      kind: "compute",
      ...base,
      class: launch.class,
      work: this.#shared(computeWork(this.#graph, launch)),
      nanobatch: this.#nanobatch && this.#shared(computeWork(this.#nanobatch, launch)),
      parameters: this.#parameters(launch.nodes),
    };
  }

  /** One kernel for each piece. The first makes what is saved, the last is done with what it read. */
  #pieces(launch: Launch, base: Base): Omit<ComputeKernel, "after">[] | null {
    const [node, ...others] = launch.nodes;
    const pieces = node && others.length === 0 ? this.#written.piecesOf(node, this.#graph) : null;
    if (node === undefined || pieces === null) return null;
    const halves = this.#nanobatch && this.#written.piecesOf(node, this.#nanobatch);
    const { dtype } = tensorOf(this.#graph, at(node.inputs, 0));
    const parameters = this.#parameters(launch.nodes);
    return pieces.map((piece, k) => ({
      kind: "compute",
      ...base,
      name: k === 0 ? base.name : `${base.name}/${piece.name}`,
      nodes: k === 0 ? base.nodes : [`${base.name}/${piece.name}`],
      saved_bytes: k === 0 ? base.saved_bytes : 0,
      released_bytes: k === pieces.length - 1 ? base.released_bytes : 0,
      class: launch.class,
      work: pieceWork(piece, launch.class, dtype),
      nanobatch: halves && pieceWork(at(halves, k), launch.class, dtype),
      parameters: k === 0 ? parameters : [],
    }));
  }

  #communication(launch: Launch, base: Base): Omit<CommunicationKernel, "after"> {
    const [node] = launch.nodes;
    if (node === undefined || launch.collective === null) throw new Error("empty communication");
    const { collective, group } = launch.collective;
    const ranks = this.#ranks(node, group, launch.collective.ranks);
    return {
      kind: "communication",
      ...base,
      collective,
      size_bytes: communicationBytes(this.#graph, node, collective),
      nanobatch_size_bytes:
        this.#nanobatch && communicationBytes(this.#nanobatch, node, collective),
      group,
      ranks,
      ranks_per_node: this.#ranksPerNode(group, ranks),
    };
  }

  #ranksPerNode(group: string, ranks: number): number {
    const { options } = this.#context;
    const kind = degreeOf(group);
    return ranksPerNode([kind], { ...options, [kind]: ranks }, options.gpus_per_node);
  }

  #parameters(nodes: readonly TensorNode[]): ComputeKernel["parameters"] {
    const names = new Set(
      nodes.flatMap(({ inputs }) => inputs.map((input) => parameterRead(this.#graph, input))),
    );
    return [...names].flatMap((name) => {
      if (name === null) return [];
      const expert = this.#experts.has(name);
      return storedParameters(this.#graph, name).map((stored) => {
        const { shape, dtype, frozen } = tensorOf(this.#graph, stored);
        const elements = elementCount(shape);
        const size_bytes = elements * dtypeBytes(dtype);
        return { name: stored, elements, size_bytes, frozen: frozen === true, expert };
      });
    });
  }

  /** The graph's own count, else the degree of the group that the collective belongs to. */
  #ranks(node: TensorNode, group: string, ranks: number | null): number {
    const { options, report } = this.#context;
    const name = degreeOf(group);
    const degree = options[name];
    if (ranks !== null && degree > 1 && ranks !== degree) {
      fail(collectiveRanksConflict(node.name, ranks, `--${name}`, degree));
    }
    if (ranks === null && degree === 1 && !this.#warned.has(group)) {
      this.#warned.add(group);
      report(collectiveRanksUnknown(node.name, group, `--${name}`));
    }
    return ranks ?? degree;
  }
}

/** What every kernel takes from the nodes it stands for. */
function common(nodes: readonly TensorNode[]) {
  const [first] = nodes;
  if (first === undefined) throw new Error("a launch stands for at least one node");
  const { name, direction, layer } = first;
  // A sum of weight gradients may end a launch that computes what it sums.
  const origin = nodes.at(-1)?.origin ?? first.origin;
  const covered = nodes.flatMap((node) => node.covers);
  const label = first.covers[0] ?? name;
  return {
    name: label,
    nodes: covered.length > 0 ? covered : [name],
    direction,
    origin,
    layer,
    stage: 0,
    chunk: 0,
  };
}
