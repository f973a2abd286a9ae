import { need } from "../../src/base/need.js";
import type { CollectiveKind } from "../../src/ir/kernel-graph.js";
import { elementCount, type TensorGraph, type TensorNode } from "../../src/ir/tensor-graph.js";
import type { KernelClass, Work } from "../../src/ir/work.js";
import type { NodeWork } from "../../src/onnx/operators/operator.js";
import { isComputed, isReduction } from "../rewriting/facts.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { type Extent, type OpenLaunch, OpenLaunches } from "./open-launches.js";
import type { Access } from "./pieces.js";
import { type Fuses, Strides } from "./strides.js";

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
  /** How a lone element-wise node gets at its elements; null: as a fused or any other kernel does. */
  readonly access: Access | null;
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

/**
 * Groups the computed nodes of a graph into launches.
 * @param fuses which element-wise nodes may run in one launch with their neighbours: all unless told
 */
export function formLaunches(graph: TensorGraph, fuses: Fuses = () => true): Launches {
  const former = new LaunchFormer(graph, fuses);
  for (const node of graph.nodes) if (isComputed(graph, node)) former.visit(node);
  return former.close();
}

class LaunchFormer {
  readonly graph: TensorGraph;
  readonly #fuses: Fuses;
  readonly #launches = new OpenLaunches();
  readonly #launchOf = new Map<string, number>();
  readonly #index: GraphIndex;
  readonly #strides: Strides;
  /** The tensor in memory that a view looks at. */
  readonly #sources = new Map<string, string>();
  readonly #views = new Set<TensorNode>();

  constructor(graph: TensorGraph, fuses: Fuses) {
    this.graph = graph;
    this.#fuses = fuses;
    this.#index = indexOf(graph);
    this.#strides = new Strides(this.#index, fuses);
  }

  /** Settles what enters and leaves each launch. */
  close(): Launches {
    const remaining = this.#launches.remaining();
    const launches = remaining.map((index) => this.#settled(this.#launches.at(index)));
    const places = new Map(remaining.map((index, place) => [index, place]));
    const launchOf = new Map<string, number>();
    for (const [name, index] of this.#launchOf) {
      launchOf.set(name, need(places, this.#launches.resolve(index)));
    }
    return { launches, launchOf };
  }

  #settled({ kind, nodes, class: kernelClass, collective }: OpenLaunch): Launch {
    const inside = new Set(nodes);
    const made = nodes.flatMap((node) => node.outputs).filter((name) => name !== "");
    const writes = made.filter(
      (name) => this.#leaves(name, inside) || this.#index.consumers(name).length === 0,
    );
    const reads = this.#reads(nodes, made);
    const [first] = nodes;
    return {
      kind,
      nodes: this.#index.inOrder(nodes),
      class: kernelClass,
      reads,
      access: first === undefined ? null : this.#strides.access(first),
      writes,
      collective,
    };
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
    const work = this.#strides.work(node);
    if (work.kind === "free" || this.#strides.isLayoutRead(node)) {
      this.#passOn(node);
    } else if (work.kind === "pointwise" || work.kind === "rows") {
      this.#fuse(node, work);
    } else if (work.kind === "collective") {
      this.#open(node, { kind: "communication", class: "other", collective: work });
    } else if (!this.#endsProducer(node, work.work)) {
      this.#open(node, { kind: "compute", class: work.class, collective: null });
    }
  }

  /**
   * A sum over axes other than rows (a weight's gradient over tokens) ends the element-wise launch
   * that makes what it sums, if nobody else reads that; its operand then never reaches memory.
   */
  #endsProducer(node: TensorNode, work: Work): boolean {
    const [producer, ...others] = this.#producers(node);
    if (work.op !== "memory" || !isReduction(node.op) || producer === undefined) return false;
    const launch = this.#launches.at(producer);
    const inside = new Set([...launch.nodes, node]);
    const [first] = launch.nodes;
    const together = first?.direction === node.direction && first.layer === node.layer;
    const made = launch.nodes.flatMap(({ outputs }) => outputs).filter((name) => name !== "");
    if (others.length > 0 || !launch.fuses || !together) return false;
    if (made.some((name) => this.#leaves(name, inside))) return false;
    launch.nodes.push(node);
    launch.fuses = false;
    this.#makes(node, producer);
    return true;
  }

  /** A view's tensors come from the launch of its input. */
  #passOn(node: TensorNode): void {
    this.#views.add(node);
    const [from, ...others] = this.#producers(node);
    const viewed = node.inputs.find((name) => this.#launchOf.has(name)) ?? node.inputs[0];
    if (viewed !== undefined && others.length === 0) {
      const source = this.#sources.get(viewed) ?? viewed;
      for (const output of node.outputs) this.#sources.set(output, source);
    }
    if (from !== undefined) this.#makes(node, from);
  }

  /** Joins the launch of a producer, or opens one that others may join. */
  #fuse(node: TensorNode, work: Extract<NodeWork, { kind: "pointwise" | "rows" }>): void {
    const extent = this.#extent(node, work);
    const fuses = this.#fuses(node);
    const joined = fuses ? this.#launches.join(node, extent, this.#producers(node)) : null;
    if (joined === null) {
      const opening = { kind: "compute", class: work.class, collective: null } as const;
      this.#open(node, opening, extent, fuses);
      return;
    }
    this.#makes(node, joined);
  }

  #extent(node: TensorNode, work: Extract<NodeWork, { kind: "pointwise" | "rows" }>): Extent {
    return work.kind === "rows"
      ? { elements: this.#elements(node.inputs.slice(0, 1)), rows: work.rows, class: work.class }
      : { elements: this.#elements(node.outputs), rows: null, class: work.class };
  }

  /** Begins a launch; one with an extent takes further nodes in. */
  #open(
    node: TensorNode,
    opening: Pick<OpenLaunch, "kind" | "class" | "collective">,
    extent: Pick<Extent, "elements" | "rows"> | null = null,
    fuses = extent !== null,
  ): void {
    const { elements, rows } = extent ?? { elements: this.#elements(node.outputs), rows: null };
    const launch = { ...opening, nodes: [node], fuses, elements, rows };
    this.#makes(node, this.#launches.open(launch, this.#producers(node)));
  }

  #makes(node: TensorNode, launch: number): void {
    for (const output of node.outputs) if (output !== "") this.#launchOf.set(output, launch);
  }

  #producers(node: TensorNode): number[] {
    const found = node.inputs.map((name) => this.#launchOf.get(name));
    const known = found.filter((index) => index !== undefined);
    return [...new Set(known.map((index) => this.#launches.resolve(index)))];
  }

  /** Elements of the largest of some tensors. */
  #elements(names: readonly string[]): number {
    const sizes = names.map((name) => {
      const tensor = this.graph.tensors.get(name);
      return tensor === undefined ? 0 : elementCount(tensor.shape);
    });
    return Math.max(0, ...sizes);
  }
}
