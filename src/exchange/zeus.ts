import type { Report } from "../base/diagnostics/diagnostic.js";
import { duration, scaled } from "../base/units.js";
import { gpusPerStage } from "../plan/gpus.js";
import type { PlanFile } from "../plan/plan.js";
import { instructionClocks, pythonLists } from "./frequencies.js";

/*
 * Zeus' pipeline frequency optimizer (ml-energy/zeus, zeus/optimizer/pipeline_frequency). Clients take
 * a FrequencySchedule each: their rank and one iteration's instructions with their clocks. The server's
 * PointSolution3D reads a Python file with the instructions of every stage and hands them out to ranks.
 */

const TOOL = "Zeus";

/**
 * A FrequencySchedule for every rank, a JSON list as Zeus saves and loads them. Ranks of one stage are
 * neighbours, as in Megatron-LM: stage s has the ranks from s x tp x cp x ep x dp on.
 */
export function zeusSchedules(plan: PlanFile, where: string, report: Report): string {
  const stages = instructionClocks(plan, TOOL, where, report);
  const ranks = gpusPerStage(plan.parallelism) * plan.parallelism.dp;
  const schedules = stages.flatMap((frequencies, stage) =>
    Array.from({ length: ranks }, (_, i) =>
      JSON.stringify({ rank: stage * ranks + i, frequencies }),
    ),
  );
  return `[\n${schedules.join(",\n")}\n]\n`;
}

/** The file that PointSolution3D of Zeus' server takes as its solution: a list for every stage. */
export function zeusSolution(plan: PlanFile, where: string, report: Report): string {
  return pythonLists(instructionClocks(plan, TOOL, where, report), pointNote(plan));
}

/** What a plan takes, for a comment. */
export function pointNote({ graph, point }: PlanFile): string {
  const name = graph.name.replace(/[^\w.-]+/g, "_");
  return `kareus: ${name}, point ${point.id}: ${duration(point.time_s)}, ${scaled(point.energy_j, "J")} of a replica`;
}
