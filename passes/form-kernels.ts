import { fail, refuse } from "../src/base/diagnostics/diagnostic.js";
import {
  batchNotSplittable,
  collectiveRanksConflict,
  collectiveRanksUnknown,
  nothingToSchedule,
} from "../src/base/diagnostics/lowering.js";
import { at } from "../src/base/need.js";
import { ranksPerNode } from "../src/ir/groups.js";
import type {
  CommunicationKernel,
  ComputeKernel,
  Held,
  Kernel,
  KernelBase,
} from "../src/ir/kernel-graph.js";
import type { LoweringContext, Pass } from "../src/ir/pass.js";
import { elementCount, type TensorGraph, type TensorNode } from "../src/ir/tensor-graph.js";
import { dtypeBytes } from "../src/ir/work.js";
import { isOptimizer } from "../src/onnx/forward-end.js";
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
import { orderLaunches } from "./kernels/order-launches.js";
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
    const launches = orderLaunches(formLaunches(graph));
    if (launches.every(({ launch }) => launch.kind === "communication")) {
      refuse(nothingToSchedule(graph.name));
    }
    const former = new KernelFormer(graph, context);
    const held = heldBytes(graph, launches);
    const kernels = launches.map(({ launch, after }, i) => former.form(launch, after, at(held, i)));
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

class KernelFormer {
  readonly #graph: TensorGraph;
  /** The same tensors for one nanobatch; null when the batch does not split evenly. */
  readonly #nanobatch: Pick<TensorGraph, "tensors"> | null;
  readonly #context: LoweringContext;
  readonly #experts: ReadonlySet<string>;
  readonly #warned = new Set<string>();

  constructor(graph: TensorGraph, context: LoweringContext) {
    this.#graph = graph;
    this.#experts = expertParameters(graph);
    this.#context = context;
    const odd = oddBatch(graph);
    const splits = odd === null && hasBatch(graph);
    this.#nanobatch = splits ? { tensors: splitTensors(graph) } : null;
    if (odd !== null) context.report(batchNotSplittable(graph.name, odd));
  }

  form(launch: Launch, after: readonly number[], held: Held): Kernel {
    const base = { ...common(launch.nodes, after), ...held };
    return launch.kind === "communication"
      ? this.#communication(launch, base)
      : this.#compute(launch, base);
  }

  #compute(launch: Launch, base: KernelBase): ComputeKernel {
    return {
      kind: "compute",
      ...base,
      class: launch.class,
      work: computeWork(this.#graph, launch),
      nanobatch: this.#nanobatch && computeWork(this.#nanobatch, launch),
      parameters: this.#parameters(launch.nodes),
    };
  }

  #communication(launch: Launch, base: KernelBase): CommunicationKernel {
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
    const names = new Set(nodes.flatMap((node) => node.inputs));
    return [...names].flatMap((name) => {
      const tensor = this.#graph.tensors.get(name);
      if (tensor?.role !== "parameter") return [];
      const elements = elementCount(tensor.shape);
      const size_bytes = elements * dtypeBytes(tensor.dtype);
      return [{ name, elements, size_bytes, expert: this.#experts.has(name) }];
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
function common(nodes: readonly TensorNode[], after: readonly number[]) {
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
    after,
  };
}
