import { at } from "../base/need.js";
import { duration, plural, scaled } from "../base/units.js";
import { batchMeans, type Estimate, isClear, relativeChange } from "../math/batch-means.js";
import type { SavingFile } from "../plan/saving.js";
import type { StepBlock, StepsFile } from "../plan/steps.js";
import { type Column, table } from "./table.js";

/** The first block allocates and compiles, or holds a change of the plan: it says nothing of the others. */
const SETTLING = 1;

/** Blocks in a row between two changes of the plan, without those in which the job settles. */
function phasesOf(blocks: readonly StepBlock[]): readonly (readonly StepBlock[])[] {
  const starts = blocks.flatMap(({ plan }, k) =>
    k === 0 || blocks[k - 1]?.plan !== plan ? [k] : [],
  );
  return starts.map((start, k) => blocks.slice(start + SETTLING, starts[k + 1]));
}

/** The blocks of the job's own first steps, of those under the plan, and of own clocks after that. */
export function blocksOf(blocks: readonly StepBlock[]) {
  const [own = [], ...later] = phasesOf(blocks);
  const of = (planned: boolean) => later.flat().filter(({ plan }) => (plan !== null) === planned);
  return { own, followed: of(true), again: of(false) };
}

/**
 * What a job saved against its own first steps.
 * @param measured how many blocks there were when they were measured: what ran while the plan was made
 *   again ran beside that work, and does not count
 */
export function savingOf({ blocks, ...job }: StepsFile, measured: number): SavingFile {
  const { followed, again } = blocksOf(blocks);
  const before = phaseOf(blocksOf(blocks.slice(0, measured)).own);
  const after = followed.length === 0 ? null : phaseOf(followed);
  const later = again.length === 0 ? null : phaseOf(again);
  const point = followed.length === 0 ? null : at(followed, -1).point;
  return {
    format: "kareus-saving",
    version: 1,
    graph: job.graph,
    gpu: job.gpu,
    source: job.source,
    before,
    after: after === null || point === null ? null : { ...after, point },
    again: later,
    time_change: changeOf(before.time_s, after?.time_s, later?.time_s),
    energy_change: changeOf(before.energy_j, after?.energy_j, later?.energy_j),
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

type Known = Estimate | null | undefined;

/** A change counts where it is clear against the first steps, and against the later ones the same way. */
function changeOf(before: Known, after: Known, later: Known) {
  if (!before || !after) return null;
  const change = relativeChange(before, after);
  const once_more = later ? relativeChange(later, after) : change;
  const agree = Math.sign(change.mean) === Math.sign(once_more.mean);
  return { ...change, clear: isClear(change) && isClear(once_more) && agree };
}

/** A saving in words. */
export function savingText(saving: SavingFile): string {
  const { before, after, again, source } = saving;
  const rows = [rowOf("own clocks", before)];
  if (after !== null) rows.push(rowOf(`point ${after.point}`, after));
  if (again !== null) rows.push(rowOf("own clocks, later", again));
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
function verdictOf({ after, again, time_change, energy_change }: SavingFile): string {
  if (after === null) return "No step ran under a plan: nothing was saved.";
  const energy = changeText(energy_change, "more", "less");
  const time = changeText(time_change, "longer", "shorter");
  const alone =
    again === null
      ? " What the job changed by itself meanwhile is not known: it ended before own clocks were measured again."
      : "";
  return `Against its own first steps (95% intervals): energy ${energy}, time ${time}.${alone}`;
}

function changeText(change: SavingFile["time_change"], more: string, less: string): string {
  if (change === null) return "not known, for want of steps or a counter";
  const percent = (value: number) => `${(100 * Math.abs(value)).toFixed(1)}%`;
  const text = `${percent(change.mean)} ± ${percent(change.half_width)} ${change.mean > 0 ? more : less}`;
  if (change.clear) return text;
  if (isClear(change)) return `${text}, but not than own clocks later: the job itself changed`;
  return `no different within the noise (± ${percent(change.half_width)})`;
}

/** How much some blocks are. */
export function stepsSoFar(blocks: readonly StepBlock[]): string {
  const steps = blocks.reduce((sum, each) => sum + each.steps, 0);
  const time_s = blocks.reduce((sum, each) => sum + each.time_s, 0);
  return `${plural(steps, "step")} in ${duration(time_s)}`;
}
