import { fail } from "../base/diagnostics/diagnostic.js";
import { unboundBatch } from "../base/diagnostics/search.js";
import { need } from "../base/need.js";
import { instructionFrontiers } from "../compose/instructions.js";
import { stageMemory } from "../compose/memory.js";
import { pipelineProblem } from "../compose/problem.js";
import { solvePipeline } from "../compose/solve.js";
import { costsOn, topClockCost } from "../cost/index.js";
import type { Device } from "../gpu/device-schema.js";
import { deviceOf, layoutOf } from "../hardware.js";
import type { InstructionFrontier } from "../ir/configuration.js";
import type { Job } from "../ir/job.js";
import {
  checkControl,
  checkNodes,
  checkProducts,
  type Hooks,
  type Lowered,
  lower,
} from "../lowering.js";
import { importGraph, takenOptions } from "../onnx/import.js";
import type { OptimizeOptions } from "../pipeline.js";
import { gpusPerStage } from "../plan/gpus.js";
import { loadMeasurements } from "../profile/library.js";
import { corrected, search } from "../searching.js";

/** How the layouts of one lowering differ: in nothing that kernels see. */
export interface Variant extends Pick<Job, "microbatches" | "pipeline" | "chunks"> {
  /** Of each GPU; null: the board's. */
  readonly power_limit_w: number | null;
}

/** The frontier of one layout, energies of one replica; `peak_bytes` of the fullest GPU. */
export interface LayoutFrontier {
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
  readonly peak_bytes: number;
  readonly memory_bytes: number;
}

/**
 * The frontiers of layouts that share a lowering, on every second clock and a few SM counts: enough to compare
 * layouts, without plans, bounds and baselines. Stages are cut as under the board's own power limit. A layout
 * that does not fit into memory has no points. Fails as `optimize`, and where the graph does not have the
 * symbol `batch` that samples are counted by (KRS3022).
 */
export async function layoutFrontiers(
  options: OptimizeOptions,
  variants: readonly Variant[],
  batch: string,
  hooks: Hooks,
): Promise<LayoutFrontier[]> {
  const { search: searching } = options;
  const hardware = { ...options.hardware, power_limit_w: null };
  const { device } = deviceOf(hardware, hooks.report);
  const { measurements } = loadMeasurements(hardware.profile, device, hooks.report);
  const costOf = topClockCost(costsOn(device, measurements), device);
  checkProducts(options.job, device);
  checkControl(options.job, options.search);
  const imported = await importGraph(options.graph, hooks.report);
  if (!takenOptions(options.graph, imported).bind.has(batch))
    fail(unboundBatch(batch, "dimension"));
  const lowered = lower(imported, costOf, options, hooks);
  checkNodes(lowered.partitions, device, hooks.report);
  const { memory_bytes } = device;
  const sized = variants.map((variant) => {
    const stages = stageMemory(lowered.kernels, { ...lowered.job, ...variant });
    return { variant, peak_bytes: Math.max(...stages.map((stage) => stage.peak_bytes)) };
  });
  const searches = new Map<number | null, readonly InstructionFrontier[]>();
  const limits = new Set(
    sized.flatMap(({ variant, peak_bytes }) =>
      peak_bytes > memory_bytes ? [] : [variant.power_limit_w],
    ),
  );
  for (const power_limit_w of limits) {
    const limited = { ...options, hardware: { ...hardware, power_limit_w } };
    searches.set(power_limit_w, await coarseInstructions(lowered, limited, hooks));
  }
  const gpus = gpusPerStage(lowered.job);
  return sized.map(({ variant, peak_bytes }) => {
    if (peak_bytes > memory_bytes) return { points: [], peak_bytes, memory_bytes };
    const layout = layoutOf({ ...options.job, ...variant }, hardware, device);
    const instructions = need(searches, variant.power_limit_w);
    const problem = pipelineProblem(instructions, lowered.partitions.stages, layout);
    const { points } = solvePipeline(problem, { points: searching.points });
    return {
      points: points.map(({ time_s, energy_j }) => ({ time_s, energy_j: energy_j * gpus })),
      peak_bytes,
      memory_bytes,
    };
  });
}

/** The instructions of a lowering as a coarse search finds them. */
async function coarseInstructions(lowered: Lowered, options: OptimizeOptions, hooks: Hooks) {
  const { hardware, job } = options;
  const device = thinned(deviceOf(hardware, hooks.report).device);
  const { measurements } = loadMeasurements(hardware.profile, device, hooks.report);
  const layout = layoutOf(job, hardware, device);
  const setup = { device, measurements, replayed: null };
  const found = await search(lowered, setup, layout, options, hooks);
  const { instructions } = measurements;
  const evaluations = corrected(lowered.partitions, found.evaluations, instructions, layout);
  return instructionFrontiers(lowered.partitions, evaluations, layout);
}

/** Every second clock, the highest among them, and every third SM count. */
function thinned(device: Device): Device {
  const every = (values: readonly number[], step: number) =>
    values
      .toReversed()
      .filter((_, i) => i % step === 0)
      .toReversed();
  return {
    ...device,
    searched_clocks_mhz: every(device.searched_clocks_mhz, 2),
    searched_comm_sms: every(device.searched_comm_sms, 3),
  };
}
