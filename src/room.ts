import { DiagnosticError, type Report, refuse } from "./base/diagnostics/diagnostic.js";
import { memoryRefused } from "./base/diagnostics/lowering.js";
import { present } from "./base/need.js";
import { scaled } from "./base/units.js";
import { checkMemory, oversizeOf, type StageMemory, stageMemory } from "./compose/memory.js";
import { fittingLayouts } from "./compose/roomier.js";
import type { Device } from "./gpu/device-schema.js";
import type { Cost } from "./ir/configuration.js";
import type { PartitionType } from "./ir/partition.js";
import type { TensorGraph } from "./ir/tensor-graph.js";
import { type Lowered, lower, SILENT } from "./lowering.js";
import { importGraph } from "./onnx/import.js";
import type { LoweringOptions } from "./options.js";

/** What each stage holds, reported where that is more than a GPU has. */
export function checkedMemory(
  { kernels, job }: Lowered,
  device: Device,
  report: Report,
): StageMemory[] {
  const memory = stageMemory(kernels, job);
  checkMemory(memory, device.memory_bytes, job, report);
  return memory;
}

/** What each stage holds; more than a GPU has is refused (KRS1432), with the layouts nearby that fit. */
export async function fittingMemory(
  { kernels, job }: Lowered,
  imported: TensorGraph,
  { graph, job: asked }: Pick<LoweringOptions, "graph" | "job">,
  { device, costOf }: { readonly device: Device; readonly costOf: (type: PartitionType) => Cost },
): Promise<StageMemory[]> {
  const memory = stageMemory(kernels, job);
  const over = oversizeOf(memory, device.memory_bytes);
  if (over === null) return memory;
  const most = Math.max(MOST_LAYOUTS.few, Math.floor(MOST_LAYOUTS.nodes / imported.nodes.length));
  const near = { job: asked, bind: graph.bind };
  const fits = await fittingLayouts(near, device.memory_bytes, most, async (layout) => {
    try {
      const { bind } = layout;
      const read =
        bind === graph.bind ? imported : await importGraph({ ...graph, bind }, SILENT.report);
      const lowered = lower(read, costOf, { job: layout.job, output: { print_ir: null } }, SILENT);
      const stages = stageMemory(lowered.kernels, lowered.job);
      return Math.max(...stages.map(({ peak_bytes }) => peak_bytes));
    } catch (cause) {
      if (cause instanceof DiagnosticError) return null; // the graph cannot be laid out like that
      throw cause;
    }
  });
  const [needed, has] = [over.memory.peak_bytes, device.memory_bytes].map((size_bytes) =>
    scaled(size_bytes, "B"),
  );
  return refuse(memoryRefused(over.stage, present(needed, "peak"), present(has, "memory"), fits));
}

/** Lowering takes time by the graph's size: how many layouts of a graph of so many nodes are tried. */
const MOST_LAYOUTS = { few: 8, nodes: 100_000 } as const;
