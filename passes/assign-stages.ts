import { fail } from "../src/base/diagnostics/diagnostic.js";
import { moreStagesThanLayers } from "../src/base/diagnostics/lowering.js";
import { at } from "../src/base/need.js";
import type {
  Kernel,
  ParameterCount,
  StageParameters,
  TrainedTensor,
} from "../src/ir/kernel-graph.js";
import type { Pass } from "../src/ir/pass.js";
import { placementOf, placeOf } from "../src/ir/placement.js";
import { balanceStages } from "./stages/balance-stages.js";

/**
 * Assigns contiguous layers to pipeline stages (to each of their chunks, where the pipeline
 * interleaves) so that the slowest is as fast as possible; what comes before the first layer goes
 * with it, what comes after the last layer likewise.
 * Needs kernels with layers, forward and backward. Guarantees a stage on every kernel and the
 * trained elements of each stage.
 *
 *   before: layers 0..27, embedding and output head outside
 *   after:  stage 0: embedding, layers 0..14; stage 1: layers 15..27, head, loss
 */
export const assignStages: Pass<"kernel", "kernel"> = {
  name: "assign-stages",
  from: "kernel",
  to: "kernel",
  run: (graph, { options, kernelTime }) => {
    const { pp: stages, chunks, pipeline } = options;
    const parts = stages * chunks;
    if (parts > Math.max(1, graph.layers)) {
      fail(moreStagesThanLayers(graph.name, stages, chunks, graph.layers));
    }
    const owners = ownersOf(graph.kernels, graph.layers);
    const times = { layers: new Array<number>(graph.layers).fill(0), first: 0, last: 0 };
    for (const [i, kernel] of graph.kernels.entries()) {
      const time = kernelTime(kernel);
      const owner = at(owners, i);
      if (kernel.layer !== null) times.layers[kernel.layer] = at(times.layers, kernel.layer) + time;
      else if (owner === 0) times.first += time;
      else times.last += time;
    }
    const partOfLayer = balanceStages(times.layers, times.first, times.last, parts);
    const places = Array.from({ length: parts }, (_, part) =>
      placeOf(part, stages, placementOf(pipeline)),
    );
    const kernels =
      parts === 1
        ? graph.kernels
        : graph.kernels.map((kernel, i) => {
            const { stage, chunk } = at(places, at(partOfLayer, at(owners, i)));
            if (stage === kernel.stage && chunk === kernel.chunk) return kernel;
            return { ...kernel, stage, chunk };
          });
    return { ...graph, kernels, stages, chunks, parameters: parametersByStage(kernels, stages) };
  },
};

/**
 * The layer whose stage each kernel shares. Work outside layers follows the layer before it in the
 * data flow: at the start of forward the first layer, at its end the last; backward the other way.
 */
function ownersOf(kernels: readonly Kernel[], layers: number): number[] {
  const last = Math.max(0, layers - 1);
  const current = { forward: 0, backward: last };
  const remaining = { forward: 0, backward: 0 };
  for (const kernel of kernels) if (kernel.layer !== null) remaining[kernel.direction]++;
  const none = { forward: remaining.forward === 0, backward: remaining.backward === 0 };
  return kernels.map((kernel) => {
    const { direction, layer } = kernel;
    if (layer !== null) {
      remaining[direction]--;
      current[direction] = layer;
      return layer;
    }
    if (none[direction]) return last;
    if (remaining[direction] === 0) return direction === "forward" ? last : 0;
    return current[direction];
  });
}

/** Each trained tensor counts once per stage that reads it. */
function parametersByStage(kernels: readonly Kernel[], stages: number): StageParameters[] {
  const byStage = Array.from({ length: stages }, () => new Map<string, TrainedTensor>());
  for (const kernel of kernels) {
    if (kernel.kind !== "compute") continue;
    for (const tensor of kernel.parameters) at(byStage, kernel.stage).set(tensor.name, tensor);
  }
  return byStage.map((tensors) => {
    const all = [...tensors.values()];
    return {
      dense: total(all.filter(({ expert, frozen }) => !expert && !frozen)),
      experts: total(all.filter(({ expert, frozen }) => expert && !frozen)),
      frozen: total(all.filter(({ frozen }) => frozen)),
    };
  });
}

function total(tensors: readonly TrainedTensor[]): ParameterCount {
  return {
    elements: tensors.reduce((sum, { elements }) => sum + elements, 0),
    size_bytes: tensors.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
  };
}
