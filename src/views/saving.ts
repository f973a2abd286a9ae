import { at } from "../base/need.js";
import { duration, plural, scaled } from "../base/units.js";
import { batchMeans, type Estimate, isClear, relativeChange } from "../math/batch-means.js";
import type { SavingFile } from "../plan/saving.js";
import type { StepBlock, StepsFile } from "../plan/steps.js";
import { type Column, table } from "./table.js";

/** The first block allocates and compiles, or holds a change of the plan: it says nothing of the others. */
const SETTLING = 1;

/** The blocks of the job's own first steps that count. */
export function ownBlocks(blocks: readonly StepBlock[]): readonly StepBlock[] {
  const other = blocks.findIndex(({ plan }) => plan !== null);
  return blocks.slice(0, other < 0 ? blocks.length : other).slice(SETTLING);
}

/**
 * What a job saved against its own first steps.
 * @param measured how many blocks there were when they were measured: what ran while the plan was made
 *   again ran beside that work, and does not count
 */
export function savingOf({ blocks, ...job }: StepsFile, measured: number): SavingFile {
  const followed = blocks.filter(({ plan }) => plan !== null).slice(SETTLING);
  const before = phaseOf(ownBlocks(blocks.slice(0, measured)));
  const after = followed.length === 0 ? null : phaseOf(followed);
  const point = followed.length === 0 ? null : at(followed, -1).point;
  return {
    format: "kareus-saving",
    version: 1,
    graph: job.graph,
    gpu: job.gpu,
    source: job.source,
    before,
    after: after === null || point === null ? null : { ...after, point },
    time_change: changeOf(before.time_s, after?.time_s),
    energy_change: changeOf(before.energy_j, after?.energy_j),
  };
}

function phaseOf(blocks: readonly StepBlock[]) {
  const energies = blocks.flatMap(({ steps, energy_j }) =>
    energy_j === null ? [] : [{ units: steps, amount: energy_j }],
  );
  const estimate = energies.length === blocks.length ? batchMeans(energies) : null;
  return {
    steps: blocks.reduce((sum, { steps }) => sum + steps, 0),
    time_s: batchMeans(blocks.map(({ steps, time_s }) => ({ units: steps, amount: time_s }))),
    // A counter that stands still counts nothing.
    energy_j: estimate !== null && estimate.mean > 0 ? estimate : null,
  };
}

function changeOf(before: Estimate | null, after: Estimate | null | undefined) {
  if (before === null || after === null || after === undefined) return null;
  const change = relativeChange(before, after);
  return { ...change, clear: isClear(change) };
}

/** A saving in words. */
export function savingText(saving: SavingFile): string {
  const { before, after, source } = saving;
  const rows = [rowOf("own clocks", before)];
  if (after !== null) rows.push(rowOf(`point ${after.point}`, after));
  const origin = source === "modelled" ? " Energy is a simulated driver's, not measured." : "";
  return `${table(COLUMNS, rows)}${verdictOf(saving)}${origin}`;
}

const COLUMNS: readonly Column[] = [
  ["", "left"],
  ["steps", "right"],
  ["time per step", "right"],
  ["energy per step", "right"],
];

function rowOf(name: string, { steps, time_s, energy_j }: SavingFile["before"]) {
  const words = (estimate: Estimate | null, write: (value: number) => string) =>
    estimate === null ? "unknown" : `${write(estimate.mean)} ± ${write(estimate.half_width)}`;
  return [name, steps, words(time_s, duration), words(energy_j, (value) => scaled(value, "J"))];
}

/** What may be claimed: no more than the intervals allow. */
function verdictOf({ after, time_change, energy_change }: SavingFile): string {
  if (after === null) return "No step ran under a plan: nothing was saved.";
  const energy = changeText(energy_change, "more", "less");
  const time = changeText(time_change, "longer", "shorter");
  return `Against its own first steps (95% intervals): energy ${energy}, time ${time}.`;
}

function changeText(change: SavingFile["time_change"], more: string, less: string): string {
  if (change === null) return "not known, for want of steps or a counter";
  const percent = (value: number) => `${(100 * Math.abs(value)).toFixed(1)}%`;
  if (!change.clear) return `no different within the noise (± ${percent(change.half_width)})`;
  return `${percent(change.mean)} ± ${percent(change.half_width)} ${change.mean > 0 ? more : less}`;
}

/** How much some blocks are. */
export function stepsSoFar(blocks: readonly StepBlock[]): string {
  const steps = blocks.reduce((sum, each) => sum + each.steps, 0);
  const time_s = blocks.reduce((sum, each) => sum + each.time_s, 0);
  return `${plural(steps, "step")} in ${duration(time_s)}`;
}
