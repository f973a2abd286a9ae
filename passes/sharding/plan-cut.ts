import { at, need } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { isLoss } from "../../src/onnx/forward-end.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { ShapedNode } from "../../src/onnx/operators/operator.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import {
  followPlace,
  isSamePlace,
  originOf,
  type Place,
  type PlaceTarget,
  placeLike,
} from "./places.js";

/** Which tensors are cut at which place, and what the group exchanges where the cut ends. */
export interface CutPlan {
  readonly places: ReadonlyMap<string, Place>;
  /** Inputs of which a node needs every position, though each rank has a part. */
  readonly gathered: ReadonlyMap<TensorNode, readonly number[]>;
  /** Inputs that are whole on every rank, of which a node needs this rank's part. */
  readonly scattered: ReadonlyMap<TensorNode, ReadonlyMap<number, Place>>;
  /** Nodes whose first output is a partial sum on each rank. */
  readonly partial: ReadonlySet<TensorNode>;
  /** Nodes that the cut does not reach: of stored tensors that others read in parts, they read all. */
  readonly whole: ReadonlySet<TensorNode>;
}

/**
 * A sequence is an axis of the data that meets itself: some operator keeps it of one operand and loses
 * it of another (queries meet keys). Context and sequence parallelism cut along it.
 *
 * Carries a cut from the tensors it starts at (`seeds`) through the graph by the operators' axis
 * rules. Where one operand keeps the place and another loses it, the other is gathered: that is how
 * attention gets its keys and values. What meets a cut tensor is cut where it comes from, if that is
 * data, constants and parameters, and scattered where it is whole. `ends` names nodes that a cut
 * does not pass.
 */
export function planCut(
  index: GraphIndex,
  seeds: ReadonlyMap<string, Place>,
  ends: (node: TensorNode) => boolean = () => false,
): CutPlan {
  let sources = seeds;
  const paths = new Set<TensorNode>();
  for (;;) {
    const planner = new CutPlanner(index, sources, seeds, paths);
    for (const node of index.graph.nodes) {
      if (!ends(node) && isComputed(index.graph, node)) planner.visit(node);
    }
    // What was found to be cut at its source has readers before the one that asked.
    if (planner.demanded.size === 0) return planner;
    sources = new Map([...sources, ...planner.demanded]);
  }
}

interface Carrier {
  readonly input: number;
  readonly targets: readonly PlaceTarget[];
}

class CutPlanner implements CutPlan {
  readonly places: Map<string, Place>;
  readonly gathered = new Map<TensorNode, number[]>();
  readonly scattered = new Map<TensorNode, Map<number, Place>>();
  readonly partial = new Set<TensorNode>();
  readonly whole = new Set<TensorNode>();
  /** Tensors to cut from the start, beyond the ones given. */
  readonly demanded = new Map<string, Place>();
  readonly #index: GraphIndex;
  readonly #seeds: ReadonlyMap<string, Place>;
  /** Nodes between stored tensors and what is cut of their results. */
  readonly #paths: Set<TensorNode>;

  constructor(
    index: GraphIndex,
    sources: ReadonlyMap<string, Place>,
    seeds: ReadonlyMap<string, Place>,
    paths: Set<TensorNode>,
  ) {
    this.#index = index;
    this.places = new Map(sources);
    this.#seeds = seeds;
    this.#paths = paths;
  }

  visit(node: TensorNode): void {
    const cut = node.inputs.filter((name) => this.places.has(name));
    if (cut.length === 0) return;
    const reached = cut.some((name) => this.#seeds.has(name) || this.#isActivation(name));
    if (!reached && !this.#paths.has(node)) {
      this.whole.add(node);
      return;
    }
    const shaped = shapedNode(this.#index.graph, node);
    const carriers = node.inputs.flatMap((name, input): Carrier[] => {
      const place = this.places.get(name);
      return place === undefined ? [] : [{ input, targets: followPlace(shaped, input, place) }];
    });
    const keeper = this.#readsRowsOfAll(node)
      ? undefined
      : carriers.find(({ targets }) => targets.some((t) => typeof t === "object"));
    const leader = keeper ?? carriers.find(({ targets }) => targets.includes("reduced"));
    if (leader === undefined) {
      this.gathered.set(
        node,
        carriers.map(({ input }) => input),
      );
      return;
    }
    for (const [i, target] of leader.targets.entries()) {
      const output = at(node.outputs, i);
      if (typeof target === "object" && output !== "") this.places.set(output, target);
    }
    // A loss is only reported: backward starts from each rank's own part.
    if (keeper === undefined && !isLoss(node.op)) this.partial.add(node);
    const decisive = leader.targets.findIndex((target) => target !== "lost");
    const target = leader.targets[decisive] ?? "lost";
    const others = carriers.filter(
      ({ targets }) => !isSamePlace(targets[decisive] ?? "lost", target),
    );
    if (others.length > 0) {
      this.gathered.set(
        node,
        others.map(({ input }) => input),
      );
    }
    this.#cutOperands(node, shaped, leader, decisive);
  }

  /**
   * Whether rows are read of an activation that every rank holds whole: what names them is less to
   * gather than what would be read with this rank's part of it, and experts want all rows.
   */
  #readsRowsOfAll({ op, inputs }: TensorNode): boolean {
    const [rows = ""] = inputs;
    return op.startsWith("Gather") && !this.places.has(rows) && this.#isActivation(rows);
  }

  /** Cuts the whole operands that share the leader's place in an output. */
  #cutOperands(node: TensorNode, shaped: ShapedNode, leader: Carrier, output: number): void {
    const place = need(this.places, at(node.inputs, leader.input));
    const wanted = followAxis(shaped, leader.input, place.axis)[output];
    if (wanted === "lost") return;
    for (const [other, name] of node.inputs.entries()) {
      if (name === "" || this.places.has(name)) continue;
      const { shape } = this.#index.tensor(name);
      const axis = shape.findIndex((_, a) => followAxis(shaped, other, a)[output] === wanted);
      const found = axis < 0 ? null : placeLike(shape, axis, place);
      if (found === null) continue;
      const sources = new Map<string, Place>();
      if (this.#findSources(name, found, sources)) {
        for (const [source, origin] of sources) this.demanded.set(source, origin);
        this.places.set(name, found);
      } else this.#scatter(node, other, found);
    }
  }

  #isActivation(name: string): boolean {
    return this.#index.tensor(name).role === "activation";
  }

  #scatter(node: TensorNode, input: number, place: Place): void {
    const inputs = this.scattered.get(node) ?? new Map<number, Place>();
    this.scattered.set(node, inputs.set(input, place));
  }

  /** Where a tensor's place comes from; false if some of it is whole on every rank. */
  #findSources(name: string, place: Place, sources: Map<string, Place>): boolean {
    const known = this.places.get(name) ?? sources.get(name);
    if (known !== undefined) return isSamePlace(known, place);
    const { role } = this.#index.tensor(name);
    const node = this.#index.producer(name);
    if (role !== "activation" || node === undefined) {
      sources.set(name, place);
      return true;
    }
    const shaped = shapedNode(this.#index.graph, node);
    if (workOf(shaped).kind === "collective") return false;
    const output = node.outputs.indexOf(name);
    const origins = node.inputs.flatMap((input, i) => {
      const origin = originOf(shaped, i, output, place);
      return origin === null ? [] : [{ input, origin }];
    });
    this.#paths.add(node);
    return (
      origins.length > 0 &&
      origins.every(({ input, origin }) => this.#findSources(input, origin, sources))
    );
  }
}
