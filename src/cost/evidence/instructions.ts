import { grouped } from "../../base/grouped.js";
import { need } from "../../base/need.js";
import type { Evaluation, InstructionFrontier } from "../../ir/configuration.js";
import type { PartitionedGraph } from "../../ir/partition.js";
import { type KnownValue, krigingAround, type Line } from "../../math/kriging.js";
import { mean } from "../../math/mean.js";
import type { InstructionRecord } from "../../profile/records.js";
import { clockCoordinate } from "./residuals.js";

/** What whole instructions took, as a factor of what was expected, over the clock. */
interface InstructionError {
  readonly time: Line;
  readonly energy: Line;
}

/** Stages count as in records: chunk x stages + stage. */
function placeOf(stage: number, kind: string): string {
  return `${stage}/${kind}`;
}

/** Around what all values have in common, what is left of them near each clock. */
function overClocks(known: readonly KnownValue[]): Line {
  return krigingAround(known, mean(known.map(({ value }) => value)))([]);
}

/** The fastest option at the clock nearest to one. */
function expectedAt({ options }: InstructionFrontier, freq_mhz: number) {
  const off = (mhz: number) => Math.abs(mhz - freq_mhz);
  return options.reduce((best, option) => {
    const nearer = off(option.freq_mhz) - off(best.freq_mhz);
    return nearer < 0 || (nearer === 0 && option.time_s < best.time_s) ? option : best;
  });
}

/** Logarithms of measured over expected. */
function errorOf(
  records: readonly InstructionRecord[],
  frontier: InstructionFrontier,
): InstructionError {
  const time: KnownValue[] = [];
  const energy: KnownValue[] = [];
  for (const { clock_mhz, freq_mhz, time_s, energy_j } of records) {
    const ran_mhz = clock_mhz ?? freq_mhz;
    const expected = expectedAt(frontier, ran_mhz);
    const place = { at: [], drift: clockCoordinate(ran_mhz) };
    time.push({ ...place, value: Math.log(time_s / expected.time_s) });
    if (energy_j === null) continue;
    energy.push({ ...place, value: Math.log(energy_j / expected.energy_j) });
  }
  // Without an energy of its own, it grows with the time.
  return { time: overClocks(time), energy: overClocks(energy.length > 0 ? energy : time) };
}

/** Whether an instruction of a record is in the graph; stages as records count them. */
export function instructionPlaces(
  { instructions }: Pick<PartitionedGraph, "instructions">,
  stages: number,
): ReadonlySet<string> {
  return new Set(
    instructions.map(({ stage, chunk, kind }) => placeOf(chunk * stages + stage, kind)),
  );
}

export function instructionPlace({ stage, instruction }: InstructionRecord): string {
  return placeOf(stage, instruction);
}

/**
 * Evaluations as measured instructions say they are off: an instruction that took longer than
 * expected at its clock makes each of its partition types as much slower, in whichever other
 * instruction they run. Types of several measured instructions go by their mean. Sources stay.
 * @param expected the instructions that the evaluations as they are make
 */
export function correctedByInstructions(
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  graph: Pick<PartitionedGraph, "instructions" | "stages">,
  expected: readonly InstructionFrontier[],
  records: readonly InstructionRecord[],
): ReadonlyMap<string, readonly Evaluation[]> {
  const stages = graph.stages;
  const measured = grouped(records, instructionPlace);
  const errors = new Map<string, InstructionError[]>();
  const frontiers = new Map(
    expected.map((each) => [placeOf(each.chunk * stages + each.stage, each.kind), each]),
  );
  for (const { stage, chunk, kind, executions } of graph.instructions) {
    const place = placeOf(chunk * stages + stage, kind);
    const own = measured.get(place);
    if (own === undefined) continue;
    const error = errorOf(own, need(frontiers, place));
    const types = new Set(executions.flatMap(({ uses }) => uses.map((use) => use.partition)));
    for (const type of types) errors.set(type, [...(errors.get(type) ?? []), error]);
  }
  if (errors.size === 0) return evaluations;
  return new Map(
    [...evaluations].map(([type, own]) => [
      type,
      own.map((each) => scaled(each, errors.get(type))),
    ]),
  );
}

function scaled(
  evaluation: Evaluation,
  errors: readonly InstructionError[] | undefined,
): Evaluation {
  if (errors === undefined) return evaluation;
  const drift = clockCoordinate(evaluation.freq_mhz);
  const factor = (of: (error: InstructionError) => Line) =>
    Math.exp(mean(errors.map((error) => of(error).value(drift))));
  const [time, energy] = [factor((each) => each.time), factor((each) => each.energy)];
  const { time_s_std, energy_j_std } = evaluation;
  return {
    ...evaluation,
    time_s: evaluation.time_s * time,
    energy_j: evaluation.energy_j * energy,
    ...(time_s_std !== undefined && { time_s_std: time_s_std * time }),
    ...(energy_j_std !== undefined && { energy_j_std: energy_j_std * energy }),
  };
}
