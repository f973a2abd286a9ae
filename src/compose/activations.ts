import type { PipelineName } from "../ir/choices.js";
import type { PipelineInstruction } from "../ir/iteration.js";
import type { Kernel, KernelGraph } from "../ir/kernel-graph.js";
import type { InstructionKind } from "../ir/partition.js";
import { schedules } from "./schedules/index.js";

/**
 * The most that a stage holds of results, in bytes, in the order of its schedule: what forward saved
 * for every microbatch in flight, what kernels make and read meanwhile, and the inputs of one microbatch.
 */
export function activationsBytes(
  graph: KernelGraph,
  stage: number,
  layout: { readonly pipeline: PipelineName; readonly microbatches: number },
): number {
  const here = graph.kernels.filter((kernel) => kernel.stage === stage);
  const size = { stages: graph.stages, chunks: graph.chunks, microbatches: layout.microbatches };
  const order = schedules[layout.pipeline].orderOf(stage, size);
  const profiles = new Map<string, Profile>();
  const profileOf = ({ kind, chunk }: PipelineInstruction): Profile => {
    const key = `${kind} ${chunk}`;
    const known = profiles.get(key);
    if (known !== undefined) return known;
    const profile = profileIn(
      here.filter((kernel) => kernel.chunk === chunk),
      kind,
    );
    profiles.set(key, profile);
    return profile;
  };
  let [held, most] = [0, 0];
  for (const instruction of order) {
    const { peak_bytes, change_bytes } = profileOf(instruction);
    most = Math.max(most, held + peak_bytes);
    held += change_bytes;
  }
  return most + here.reduce((sum, { input_bytes }) => sum + input_bytes, 0);
}

/** What an instruction adds to what is held: at most while it runs, and in the end. */
interface Profile {
  readonly peak_bytes: number;
  readonly change_bytes: number;
}

const NOTHING: Profile = { peak_bytes: 0, change_bytes: 0 };

/**
 * What was saved is all released when its chunk's backward ends. Where its weight gradients run apart it
 * is held until they have run, because they read it.
 */
function profileIn(kernels: readonly Kernel[], kind: InstructionKind): Profile {
  if (kind === "tail") return NOTHING;
  const isForward = kind === "forward";
  const own = kernels.filter(({ direction }) => (direction === "forward") === isForward);
  const saved_bytes = kernels.reduce((sum, kernel) => sum + kernel.saved_bytes, 0);
  if (kind === "input_gradient" || kind === "weight_gradient") {
    const peak_bytes = own.reduce((most, kernel) => Math.max(most, kernel.working_bytes), 0);
    return { peak_bytes, change_bytes: kind === "weight_gradient" ? -saved_bytes : 0 };
  }
  let [level, peak_bytes] = [0, 0];
  for (const kernel of own) {
    level += kernel.saved_bytes;
    peak_bytes = Math.max(peak_bytes, level + kernel.working_bytes);
    level -= kernel.released_bytes;
  }
  return { peak_bytes, change_bytes: isForward ? saved_bytes : -saved_bytes };
}
