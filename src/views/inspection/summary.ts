import { addTo, at, need } from "../../base/need.js";
import { duration, plural, scaled } from "../../base/units.js";
import type { Inspection } from "./inspection.js";

/** Operators that only arrange shapes: they launch nothing. */
const SHAPE_ARITHMETIC = new Set([
  ...["Constant", "Unsqueeze", "Squeeze", "Concat", "Reshape", "Shape", "Slice", "Identity"],
  ...["Transpose", "Cast", "Expand", "ConstantOfShape", "Split", "Where", "Equal", "Range"],
]);

/** Things of a kind that a line lists. */
const MOST = 6;

/** The inspection in ten lines, doubts first. */
export function inspectionSummary(found: Inspection): string {
  const { graph, layers, stages, gpu } = found;
  const lines: readonly (readonly [string, string])[] = [
    ["Doubts", doubtsOf(found)],
    ["Operators", operatorsOf(found)],
    ["Recognised", counted(found.patterns) || "nothing"],
    ["Parameters", parametersOf(found)],
    ["Memory", memoryOf(found)],
    ["Work", workOf(found)],
    ["Communication", communicationOf(found)],
    ["Partitions", partitionsOf(found)],
  ];
  const title = `${graph.name}: ${plural(layers, "layer")}, ${plural(stages, "stage")}, ${gpu}`;
  const width = Math.max(...lines.map(([name]) => name.length));
  const rows = lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return `${[title, ...rows].join("\n")}\nEvery table: --verbose; as data: --json\n`;
}

function doubtsOf({ doubts }: Inspection): string {
  if (doubts.length === 0) return "none: every operator is known";
  const worst = doubts.toSorted((a, b) => b.time_s - a.time_s).slice(0, MOST);
  const words = worst.map(({ what, count, time_s }) => `${what} (${count} x, ${duration(time_s)})`);
  return `costed by a guess: ${words.join(", ")}`;
}

function counted(counts: readonly { readonly op: string; readonly count: number }[]): string {
  return counts
    .slice(0, MOST)
    .map(({ op, count }) => `${count} ${op.replace(/^kareus::/, "")}`)
    .join(", ");
}

function operatorsOf({ operators }: Inspection): string {
  const nodes = operators.reduce((sum, { count }) => sum + count, 0);
  const work = operators.filter(({ op }) => !SHAPE_ARITHMETIC.has(op));
  return `${plural(nodes, "node")} of ${plural(operators.length, "kind")}: ${counted(work)}`;
}

function parametersOf({ parameters }: Inspection): string {
  const sum = parameters.reduce((total, own) => total + own, 0);
  if (parameters.length === 1) return `${scaled(sum, "")} on one GPU`;
  const most = scaled(Math.max(...parameters), "");
  return `${scaled(sum, "")} on one GPU of each stage, ${most} on one at most`;
}

function memoryOf({ memory, gpu_memory_bytes }: Inspection): string {
  const peaks = memory.map(({ peak_bytes }) => peak_bytes);
  const stage = peaks.indexOf(Math.max(...peaks));
  const { weights_bytes, gradients_bytes, optimizer_bytes, activations_bytes, peak_bytes } = at(
    memory,
    stage,
  );
  const states_bytes = weights_bytes + gradients_bytes + optimizer_bytes;
  const [peak, available] = [scaled(peak_bytes, "B"), scaled(gpu_memory_bytes, "B")];
  const parts = `${scaled(states_bytes, "B")} of weights and states, ${scaled(activations_bytes, "B")} of activations`;
  return `${peak} of ${available} on stage ${stage}: ${parts}`;
}

function workOf({ kernels }: Inspection): string {
  const flops = new Map<string, number>();
  for (const { direction, flops: own } of kernels) {
    addTo(flops, direction, own);
  }
  const parts = [...flops.keys()].map((key) => `${key} ${scaled(need(flops, key), "FLOP")}`);
  const launches = kernels.reduce((sum, { count }) => sum + count, 0);
  return `${parts.join(", ")} a microbatch and GPU of each stage, in ${plural(launches, "kernel")}`;
}

function communicationOf({ collectives }: Inspection): string {
  if (collectives.length === 0) return "none within a microbatch";
  const shown = collectives
    .slice(0, MOST)
    .map(({ kind, group, ranks, count, size_bytes, direction }) => {
      return `${direction} ${count} x ${kind} ${group} (${ranks} ranks, ${scaled(size_bytes, "B")})`;
    });
  const more = collectives.length > MOST ? ` and ${collectives.length - MOST} more` : "";
  return shown.join(", ") + more;
}

function partitionsOf({ partitions }: Inspection): string {
  const heaviest = partitions.toSorted(
    (a, b) => b.nanobatched * b.cost.energy_j - a.nanobatched * a.cost.energy_j,
  );
  const names = heaviest.slice(0, 3).map(({ name }) => name);
  return `${plural(partitions.length, "type")}, most energy in ${names.join("; ")}`;
}
