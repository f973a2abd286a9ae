import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { numberOf } from "../../src/onnx/operators/call.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import type { Cut } from "./cut.js";
import { columnsOf } from "./key-value-heads.js";

/** The cuts of a projection whose results ranks share differently, up to where they are split. */
interface MixedCut {
  readonly cuts: ReadonlyMap<string, Cut>;
  /** Results that every rank makes whole. */
  readonly shared: ReadonlySet<string>;
}

/**
 * One linear makes side by side what lies on ranks in different ways: queries beside keys and values of
 * fewer heads, or the channels of a state-space layer (Mamba-2) beside the two projections that all its
 * heads read. A rank has its part of what is cut and all of the rest, through what lies in between
 * (views, a convolution of each channel by itself), where parts may be split again.
 * Null where every result is cut alike, or most of it is not cut.
 * @param partsOf into how many parts a result is cut along an axis; 1: it stays whole
 */
export function mixedCut(
  index: GraphIndex,
  linear: TensorNode,
  tp: number,
  partsOf: (name: string, axis: number) => number,
): MixedCut | null {
  const cuts = new Map<string, Cut>();
  const shared = new Set<string>();
  let even = true;

  /** Places along its axis that a rank has of a tensor that is split further on; null if it is not. */
  const visit = (name: string, axis: number): number | null => {
    const stretch = stretchFrom(index, name, axis);
    if (stretch === null) return null;
    let local = 0;
    for (const piece of stretch.split.outputs) {
      const size = at(index.tensor(piece).shape, stretch.axis);
      const parts = partsOf(piece, stretch.axis);
      const inner = parts === 1 ? visit(piece, stretch.axis) : size / parts;
      if (parts > 1) cuts.set(piece, { axis: stretch.axis, outer: 1, parts });
      else if (inner === null) shared.add(piece);
      even &&= parts === tp;
      local += inner ?? size;
    }
    const sizeOf = (part: string, along: number) => at(index.tensor(part).shape, along);
    const share = local / sizeOf(at(stretch.split.inputs, 0), stretch.axis);
    for (const [part, along] of stretch.axes) {
      const shape = index.tensor(part).shape.with(along, sizeOf(part, along) * share);
      cuts.set(part, { axis: along, outer: 1, parts: tp, shape });
    }
    return sizeOf(name, axis) * share;
  };

  const [y = ""] = linear.outputs;
  const width = index.tensor(y).shape.length - 1;
  const local = visit(y, width);
  if (local === null || !Number.isInteger(local) || even) return null;
  // More than half of it whole on every rank: nothing is won.
  if (local > (at(index.tensor(y).shape, width) * (1 + 1 / tp)) / 2) return null;
  for (const [name, axis] of columnsOf(index, linear)) {
    const shape = index.tensor(name).shape.with(axis, local);
    cuts.set(name, { axis, outer: 1, parts: tp, shape });
  }
  return { cuts, shared };
}

/** What lies between a tensor and the one split of it, and where its axis lies there. */
interface Stretch {
  readonly split: TensorNode;
  readonly axis: number;
  readonly axes: ReadonlyMap<string, number>;
}

function stretchFrom(index: GraphIndex, start: string, along: number): Stretch | null {
  const axes = new Map([[start, along]]);
  const met: string[] = [];
  let split: { node: TensorNode; axis: number } | null = null;
  for (const [name, axis] of axes) {
    if (index.isGraphOutput(name)) return null;
    for (const reader of index.consumers(name)) {
      if (!isComputed(index.graph, reader)) continue;
      if (reader.op === "Split") {
        const rank = index.tensor(name).shape.length;
        const own = (numberOf(reader, "axis", 0) + rank) % rank === axis;
        if (!own || (split !== null && split.node !== reader)) return null;
        split = { node: reader, axis };
        continue;
      }
      const [output = ""] = reader.outputs;
      const target = axisBehind(index, reader, name, axis);
      if (target === null) return null;
      axes.set(output, target);
      met.push(...reader.inputs.filter((input) => index.producer(input) !== undefined));
      for (const [parameter, own] of parametersAt(index, reader, target)) {
        axes.set(parameter, own);
      }
    }
  }
  // What comes from elsewhere has no part that fits.
  const closed = met.every((name) => axes.has(name) || !isActivation(index, name));
  return split !== null && closed ? { split: split.node, axis: split.axis, axes } : null;
}

/** Where the axis lies in a node's one result; null if it does not go on there as it is. */
function axisBehind(
  index: GraphIndex,
  node: TensorNode,
  name: string,
  axis: number,
): number | null {
  const size = at(index.tensor(name).shape, axis);
  const shaped = shapedNode(index.graph, node);
  const work = workOf(shaped);
  const product = work.kind === "kernel" && work.work.op !== "memory" && work.work.op !== "conv";
  if (node.outputs.length !== 1 || product || work.kind === "collective") return null;
  if (node.op === "Conv" && numberOf(node, "group", 1) !== size) return null;
  const [target] = followAxis(shaped, node.inputs.indexOf(name), axis);
  if (typeof target !== "number") return null;
  // Columns that become heads lie there as many at a time.
  return node.op === "Reshape" || shaped.outputs[0]?.shape[target] === size ? target : null;
}

/** The parameters of a node that have the axis of its result. */
function parametersAt(
  index: GraphIndex,
  node: TensorNode,
  target: number,
): (readonly [string, number])[] {
  const shaped = shapedNode(index.graph, node);
  const size = shaped.outputs[0]?.shape[target];
  return node.inputs.flatMap((name, input) => {
    if (name === "" || index.tensor(name).role !== "parameter") return [];
    const axis = index
      .tensor(name)
      .shape.findIndex((dim, a) => dim === size && followAxis(shaped, input, a)[0] === target);
    return axis < 0 ? [] : [[name, axis] as const];
  });
}

function isActivation(index: GraphIndex, name: string): boolean {
  return index.tensor(name).role === "activation";
}
