import { shapedNode } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { followPlace, isSamePlace, type Place } from "./places.js";

/** Where sequences are: in the data inputs they come from, and in all that follows from these. */
interface Sequences {
  readonly seeds: ReadonlyMap<string, Place>;
  readonly places: ReadonlyMap<string, Place>;
}

/**
 * Finds sequence axes by structure: an axis of a data input, not the batch, that meets itself. Some
 * operator keeps it of one operand and sums or moves it of another: queries meet keys there. A model
 * whose positions never meet has none.
 */
export function findSequences(index: GraphIndex): Sequences {
  const seeds = new Map<string, Place>();
  const places = new Map<string, Place>();
  for (const { name, role, shape, batch_axis } of index.graph.tensors.values()) {
    if (role !== "data" || index.producer(name) !== undefined) continue;
    for (const [axis, size] of shape.entries()) {
      if (axis === batch_axis || size < 2) continue;
      const trace = traceFrom(index, name, { axis, inner: 1, size });
      if (!trace.meets) continue;
      seeds.set(name, { axis, inner: 1, size });
      for (const [tensor, place] of trace.places) places.set(tensor, place);
      break;
    }
  }
  return { seeds, places };
}

interface Trace {
  readonly places: ReadonlyMap<string, Place>;
  readonly meets: boolean;
}

function traceFrom(index: GraphIndex, source: string, place: Place): Trace {
  const places = new Map([[source, place]]);
  let meets = false;
  for (const node of index.graph.nodes) {
    const carrying = node.inputs.flatMap((name, input) => {
      const at = places.get(name);
      return at === undefined ? [] : [{ input, at }];
    });
    if (carrying.length === 0 || !isComputed(index.graph, node)) continue;
    const shaped = shapedNode(index.graph, node);
    const targets = carrying.map(({ input, at }) => followPlace(shaped, input, at));
    for (const [i, output] of node.outputs.entries()) {
      const kept = targets.find((each) => typeof each[i] === "object")?.[i];
      if (kept === undefined || typeof kept === "string" || output === "") continue;
      places.set(output, kept);
      meets ||= targets.some((each) => !isSamePlace(each[i] ?? "lost", kept));
    }
  }
  return { places, meets };
}
