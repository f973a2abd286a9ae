import type onnxProto from "onnx-proto";
import type { Rng } from "../../src/base/rng.js";

/** A model that is changed, and what changes one graph of it. */

export type Model = InstanceType<typeof onnxProto.onnx.ModelProto>;
export type Graph = NonNullable<Model["graph"]>;
export type Node = NonNullable<Graph["node"]>[number];
export type Change = (graph: Graph, rng: Rng, model: Model) => void;

export const pick = <T>(rng: Rng, list: readonly T[] | null | undefined): T | undefined =>
  list?.[rng.integer(list.length)];

export const anyTensor = (graph: Graph, rng: Rng): string =>
  pick(rng, pick(rng, graph.node)?.output) ?? pick(rng, graph.initializer)?.name ?? "";
