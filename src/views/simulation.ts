import { duration, scaled } from "../base/units.js";
import type { CostedPlan, PlanFile } from "../plan/plan.js";
import { powerExtremes, replicaPower } from "../plan/power.js";
import type { SimulationFile } from "../plan/simulation.js";
import { changeInWords } from "./comparison/words.js";
import { decompose } from "./explain/decompose.js";
import { sourcesInWords } from "./sources.js";
import { type Column, table } from "./table.js";

type Outcome = SimulationFile["simulated"];

/**
 * What `simulate` found.
 * @param simulated the plan's replay, with the costs that it ran with
 * @param conditions what is otherwise, in words
 */
export function simulationFile(
  plan: PlanFile,
  simulated: CostedPlan,
  conditions: readonly string[],
): SimulationFile {
  const { static_power_w, point, stages } = simulated;
  return {
    format: "kareus-simulation",
    version: 1,
    graph: plan.graph,
    gpu: simulated.gpu.name,
    point: plan.point.id,
    conditions: [...conditions],
    sources: { ...decompose(simulated).sources },
    plan: outcomeOf(plan),
    simulated: outcomeOf(simulated),
    stages: stages.map(({ stage, instructions }) => {
      const busy_s = instructions.reduce((sum, { time_s }) => sum + time_s, 0);
      const busy_j = instructions.reduce((sum, { energy_j }) => sum + energy_j, 0);
      const waits_s = Math.max(0, point.time_s - busy_s);
      const bubble_share = point.time_s === 0 ? 0 : waits_s / point.time_s;
      return { stage, busy_s, bubble_share, energy_j: busy_j + static_power_w * waits_s };
    }),
    power: replicaPower(simulated),
  };
}

function outcomeOf(plan: PlanFile): Outcome {
  const { time_s, energy_j } = plan.point;
  const { peak_power_w, lowest_power_w } = powerExtremes(plan);
  const average_power_w = time_s === 0 ? 0 : energy_j / time_s;
  const swing_w = peak_power_w - lowest_power_w;
  return { time_s, energy_j, average_power_w, peak_power_w, lowest_power_w, swing_w };
}

const ROWS: readonly (readonly [words: string, of: keyof Outcome, unit: "s" | "J" | "W"])[] = [
  ["time", "time_s", "s"],
  ["energy", "energy_j", "J"],
  ["average power", "average_power_w", "W"],
  ["peak power", "peak_power_w", "W"],
  ["lowest power", "lowest_power_w", "W"],
  ["swing", "swing_w", "W"],
];

/** The same for people: the plan as it is beside what comes of it, and the stages. */
export function simulationSummary(found: SimulationFile): string {
  const { graph, gpu, point, conditions, plan, simulated, stages, sources } = found;
  const written = (value: number, unit: "s" | "J" | "W") =>
    unit === "s" ? duration(value) : scaled(value, unit);
  const columns: readonly Column[] = [
    ["whole replica", "left"],
    ["plan", "right"],
    ["simulated", "right"],
    ["change", "right"],
  ];
  const rows = ROWS.map(([words, of, unit]) => [
    words,
    written(plan[of], unit),
    written(simulated[of], unit),
    plan[of] === 0 ? "-" : changeInWords(simulated[of] / plan[of] - 1),
  ]);
  const stageColumns: readonly Column[] = [
    ["stage", "right"],
    ["busy", "right"],
    ["waits", "right"],
    ["energy of one GPU", "right"],
  ];
  const stageRows = stages.map(({ stage, busy_s, bubble_share, energy_j }) => [
    ...[stage, duration(busy_s), `${(100 * bubble_share).toFixed(1)}%`, scaled(energy_j, "J")],
  ]);
  const lines = [
    `Point ${point} of ${graph.name} on ${gpu}: ${conditions.join("; ") || "as the plan has it"}`,
    "",
    table(columns, rows),
    table(stageColumns, stageRows),
    `Power is the average of each instruction. Costs of the runs of partitions: ${sourcesInWords(sources)}.`,
  ];
  return `${lines.join("\n")}\n`;
}
