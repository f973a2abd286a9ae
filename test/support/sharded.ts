import { shardTensorParallel } from "../../passes/shard-tensor-parallel.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { runPass } from "./tensor-graph.js";

/** A graph as one rank of tensor parallelism runs it. */
export function shard(graph: TensorGraph, tp: number): TensorGraph {
  return runPass(shardTensorParallel, graph, { tp });
}
