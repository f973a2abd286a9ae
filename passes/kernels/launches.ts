import type { CollectiveKind } from "../../src/ir/kernel-graph.js";
import { elementCount, type TensorGraph, type TensorNode } from "../../src/ir/tensor-graph.js";
import type { KernelClass } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { NodeWork } from "../../src/onnx/operators/operator.js";
import { isComputed } from "../rewriting/facts.js";
import { GraphIndex } from "../rewriting/graph-index.js";
import { swapsLastTwoAxes } from "../rewriting/transposes.js";

/** A tensor in memory and the views of it (slices, other shapes, itself) that are read. */
interface Read {
  readonly source: string;
  readonly views: readonly string[];
}

/** Nodes that run as one launch. */
export interface Launch {
  readonly kind: "compute" | "communication";
  readonly nodes: readonly TensorNode[];
  readonly class: KernelClass;
  /** What enters: tensors in memory, each with the views of it that the nodes name. */
  readonly reads: readonly Read[];
  /** Tensors made here that other launches (or the graph's reader) need, or nobody reads. */
  readonly writes: readonly string[];
  readonly collective: {
    readonly collective: CollectiveKind;
    readonly group: string;
    readonly ranks: number | null;
  } | null;
}

/** The launches of a graph, and for every tensor the launch that makes it. */
export interface Launches {
  readonly launches: readonly Launch[];
  /** Index into `launches` by tensor; views carry the launch of what they look at. */
  readonly launchOf: ReadonlyMap<string, number>;
}

/** Groups the computed nodes of a graph into launches. */
export function formLaunches(graph: TensorGraph): Launches {
  const former = new LaunchFormer(graph);
  for (const node of graph.nodes) if (isComputed(graph, node)) former.visit(node);
  return former.close();
}

/** Layout changes: free beside a kernel that addresses its operands by strides. */
const LAYOUT = new Set(["Transpose", "Slice", "Split", "Expand", "com.microsoft::SplitTraining"]);

interface OpenLaunch {
  kind: Launch["kind"];
  nodes: TensorNode[];
  class: KernelClass;
  collective: Launch["collective"];
  elements: number;
  level: number;
}

class LaunchFormer {
  readonly graph: TensorGraph;
  readonly launches: OpenLaunch[] = [];
  readonly launchOf = new Map<string, number>();
  readonly #index: GraphIndex;
  readonly #works = new Map<TensorNode, NodeWork>();
  /** The tensor in memory that a view looks at. */
  readonly #sources = new Map<string, string>();
  readonly #views = new Set<TensorNode>();

  constructor(graph: TensorGraph) {
    this.graph = graph;
    this.#index = new GraphIndex(graph);
  }

  /** Settles what enters and leaves each launch. */
  close(): Launches {
    const launches = this.launches.map(({ kind, nodes, class: kernelClass, collective }) => {
      const inside = new Set(nodes);
      const made = nodes.flatMap((node) => node.outputs).filter((name) => name !== "");
      const writes = made.filter(
        (name) => this.#leaves(name, inside) || this.#index.consumers(name).length === 0,
      );
      return {
        kind,
        nodes,
        class: kernelClass,
        reads: this.#reads(nodes, made),
        writes,
        collective,
      };
    });
    return { launches, launchOf: this.launchOf };
  }

  #reads(nodes: readonly TensorNode[], made: readonly string[]): Read[] {
    const inside = new Set(made);
    const views = new Map<string, Set<string>>();
    for (const name of nodes.flatMap((node) => node.inputs)) {
      const source = this.#sources.get(name) ?? name;
      if (name === "" || inside.has(source)) continue;
      views.set(source, (views.get(source) ?? new Set()).add(name));
    }
    return [...views].map(([source, names]) => ({ source, views: [...names] }));
  }

  /** Whether something other than these nodes reads a tensor or a view of it. */
  #leaves(name: string, inside: ReadonlySet<TensorNode>): boolean {
    if (this.#index.isGraphOutput(name)) return true;
    return this.#index
      .consumers(name)
      .some((reader) =>
        this.#views.has(reader)
          ? reader.outputs.some((output) => this.#leaves(output, inside))
          : !inside.has(reader),
      );
  }

  visit(node: TensorNode): void {
    const work = this.#work(node);
    if (work.kind === "free" || (LAYOUT.has(node.op) && this.#readByStrides(node))) {
      this.#passOn(node);
    } else if (work.kind === "pointwise") {
      this.#fuse(node, work.class);
    } else if (work.kind === "collective") {
      this.#open(node, "communication", "other", work);
    } else {
      this.#open(node, "compute", work.class, null);
    }
  }

  #work(node: TensorNode): NodeWork {
    const known = this.#works.get(node);
    if (known !== undefined) return known;
    const work = workOf(shapedNode(this.graph, node));
    this.#works.set(node, work);
    return work;
  }

  /** A view's tensors come from the launch of its input. */
  #passOn(node: TensorNode): void {
    this.#views.add(node);
    const [from, ...others] = this.#producers(node);
    const viewed = node.inputs.find((name) => this.launchOf.has(name)) ?? node.inputs[0];
    if (viewed !== undefined && others.length === 0) {
      const source = this.#sources.get(viewed) ?? viewed;
      for (const output of node.outputs) this.#sources.set(output, source);
    }
    if (from !== undefined) this.#makes(node, from);
  }

  /**
   * Joins the launch of a producer when both are element-wise, of one size, layer and direction,
   * and nothing that must run between them separates them. A launch's level rises along every edge
   * that is not fused, so equal levels cannot be separated and fusion never makes a cycle.
   */
  #fuse(node: TensorNode, kernelClass: KernelClass): void {
    const producers = this.#producers(node);
    const elements = this.#elements(node);
    const joined = producers.find((index) => {
      const launch = this.launches[index];
      return launch !== undefined && this.#mayJoin(launch, node, elements);
    });
    const launch = joined === undefined ? undefined : this.launches[joined];
    const othersBelow = producers.every(
      (p) => p === joined || (this.launches[p]?.level ?? 0) < (launch?.level ?? 0),
    );
    if (launch === undefined || joined === undefined || !othersBelow) {
      this.#open(node, "compute", kernelClass, null);
      return;
    }
    launch.nodes.push(node);
    if (launch.class === "other") launch.class = kernelClass;
    this.#makes(node, joined);
  }

  #mayJoin(launch: OpenLaunch, node: TensorNode, elements: number): boolean {
    const [first] = launch.nodes;
    return (
      first !== undefined &&
      this.#work(first).kind === "pointwise" &&
      first.direction === node.direction &&
      first.layer === node.layer &&
      first.origin === node.origin &&
      (launch.elements === elements || node.op === "Concat" || LAYOUT.has(node.op))
    );
  }

  #open(
    node: TensorNode,
    kind: Launch["kind"],
    kernelClass: KernelClass,
    collective: Launch["collective"],
  ): void {
    const levels = this.#producers(node).map((index) => this.launches[index]?.level ?? 0);
    const level = 1 + Math.max(0, ...levels);
    const elements = this.#elements(node);
    const index = this.launches.length;
    this.launches.push({ kind, nodes: [node], class: kernelClass, collective, elements, level });
    this.#makes(node, index);
  }

  #makes(node: TensorNode, launch: number): void {
    for (const output of node.outputs) if (output !== "") this.launchOf.set(output, launch);
  }

  #producers(node: TensorNode): number[] {
    const found = node.inputs.map((name) => this.launchOf.get(name));
    return [...new Set(found.filter((index) => index !== undefined))];
  }

  #elements(node: TensorNode): number {
    const sizes = node.outputs.map((name) => {
      const tensor = this.graph.tensors.get(name);
      return tensor === undefined ? 0 : elementCount(tensor.shape);
    });
    return Math.max(0, ...sizes);
  }

  /** Whether everything on one side of a layout change reads or writes by strides. */
  #readByStrides(node: TensorNode): boolean {
    const readers = node.outputs.flatMap((output) => this.#readersThroughViews(output));
    if (node.op === "Transpose" && swapsLastTwoAxes(node)) {
      if (readers.every((reader) => this.#isStrided(reader) || this.#isProduct(reader)))
        return true;
    } else if (readers.length > 0 && readers.every((reader) => this.#isStrided(reader))) {
      return true;
    }
    const maker = this.#makerThroughViews(node.inputs[0] ?? "");
    return maker !== undefined && this.#isStrided(maker);
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
    return this.#mayBeView(node) ? this.#makerThroughViews(node.inputs[0] ?? "") : node;
  }

  #mayBeView(node: TensorNode): boolean {
    return this.#work(node).kind === "free" || LAYOUT.has(node.op);
  }

  #isStrided(node: TensorNode): boolean {
    const work = this.#work(node);
    if (work.kind === "pointwise") return true;
    return work.kind === "kernel" && (work.class === "attn" || work.class === "rope");
  }

  #isProduct(node: TensorNode): boolean {
    const work = this.#work(node);
    return work.kind === "kernel" && work.work.op === "matmul";
  }
}
