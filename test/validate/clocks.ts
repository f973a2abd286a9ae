import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../src/base/need.js";
import { CLOCK_POWER } from "../../src/cost/evidence/sequence/clock-power.js";
import { dynamicEnergyScale, idlePower } from "../../src/cost/physics/power.js";
import { fitPowerCap, fitVoltage, fitVoltageExponent } from "../../src/fit/board.js";
import { type Board, type ClockPoint, curveAt, fitCurve } from "../../src/fit/curve.js";
import { checkQuality } from "../../src/fit/quality.js";
import { loadDevice } from "../../src/gpu/device.js";
import { spread } from "../../src/math/spread.js";
import { readStageProfile } from "../../src/profile/stage-profile.js";
import { readCsv } from "../support/csv.js";
import { cappedCurve } from "./capped-curve.js";
import { accuracyOf, type Comparison, type DataSet, pooled } from "./errors.js";
import { constant, gaussianProcess, interpolation } from "./rivals.js";

type ClockCurve = Parameters<typeof curveAt>[0];

/** Fitted on so many clocks, evenly spread over those measured. */
const FITTED_CLOCKS = 4;

/** One recorded curve over the clock. */
export interface Recorded {
  readonly name: string;
  readonly points: readonly ClockPoint[];
}

type Choose = (points: readonly ClockPoint[]) => readonly ClockPoint[];

const evenly: Choose = (points) => spread(points, FITTED_CLOCKS);

/** So many clocks at either end left out first: other points by the same rule. */
const inward =
  (clocks: number): Choose =>
  (points) =>
    evenly(points.slice(clocks, points.length - clocks));

/** The points measured nearest to each of these clocks. */
const nearest =
  (clocks_mhz: readonly number[]): Choose =>
  (points) => {
    const distance = (point: ClockPoint, clock: number) => Math.abs(point.freq_mhz - clock);
    const closest = clocks_mhz.map((clock) =>
      points.reduce((a, b) => (distance(b, clock) < distance(a, clock) ? b : a)),
    );
    return points.filter((point) => closest.includes(point));
  };

/** The curves that pass the gate, and a line for each that does not or only in part. */
export function gated(curves: readonly Recorded[]): { passed: Recorded[]; notes: string[] } {
  const passed: Recorded[] = [];
  const notes: string[] = [];
  for (const { name, points } of curves) {
    const { kept, reason } = checkQuality(points);
    if (kept.length > 0) passed.push({ name, points: kept });
    if (reason === null) continue;
    const ends = kept.length > 0 && `${at(kept, 0).freq_mhz} to ${at(kept, -1).freq_mhz} MHz`;
    notes.push(`rejected ${name}${ends === false ? "" : ` outside ${ends}`}: ${reason}`);
  }
  return { passed, notes };
}

/** How other points come out of the fitted ones, by the model and by its rivals. */
function compare(
  name: string,
  fitted: readonly ClockPoint[],
  rest: readonly ClockPoint[],
  curve: ClockCurve,
  board: Board,
): Comparison {
  const clocks = rest.map(({ freq_mhz }) => freq_mhz);
  const modelled = clocks.map((freq_mhz) => curveAt(curve, board, freq_mhz));
  return {
    name,
    points: rest.length,
    by: {
      model: accuracyOf(modelled, rest),
      interpolation: accuracyOf(interpolation(fitted, clocks), rest),
      "gaussian process": accuracyOf(gaussianProcess(fitted, clocks), rest),
      constant: accuracyOf(constant(fitted, clocks), rest),
    },
  };
}

/**
 * Curves of one board, its own constants fitted from the same few clocks: for each curve the points
 * that were not fitted. `keep` says which of them count, given the clock where the cap was met.
 */
function crossValidate(
  curves: readonly Recorded[],
  choose: Choose,
  fitBoard: (fitted: readonly (readonly ClockPoint[])[]) => Board,
  keep: (point: ClockPoint, cap_mhz: number) => boolean = () => true,
): Comparison[] {
  const board = fitBoard(curves.map(({ points }) => choose(points)));
  return curves.flatMap(({ name, points }) => {
    const fitted = choose(points);
    const curve = fitCurve(fitted, board);
    const rest = points.filter((p) => !fitted.includes(p) && keep(p, curve.cap_mhz));
    return rest.length === 0 ? [] : [compare(name, fitted, rest, curve, board)];
  });
}

/** Instructions of a Perseus stage profile, copies of a stage left out. */
function perseus(file: string): Recorded[] {
  const curves = new Map<string, ClockPoint[]>();
  for (const { stage, kind, ...point } of readStageProfile(readFileSync(file, "utf8"), file)) {
    const name = `stage ${stage} ${kind}`;
    curves.set(name, [...(curves.get(name) ?? []), point]);
  }
  const seen = new Set<string>();
  const recorded: Recorded[] = [];
  for (const [name, points] of curves) {
    const sorted = points.toSorted((a, b) => a.freq_mhz - b.freq_mhz);
    const content = JSON.stringify(sorted) + name.replace(/\d+/, "");
    if (!seen.has(content)) recorded.push({ name, points: sorted });
    seen.add(content);
  }
  return recorded;
}

export const PCIE_SWEEP = "dvfs/measurements_a100_pcie_sweep.csv";

/** Workloads of the A100-PCIe sweep; a name holds model, precision, batch, sequence and set clock. */
export function pcieSweep(file: string): Recorded[] {
  const curves = new Map<string, ClockPoint[]>();
  for (const { text, number } of readCsv(file)) {
    const label = text("workload");
    const [, name = label, clock = ""] = /^[^_]*_(.*)_modeprefill.*_freq(\d+)_/.exec(label) ?? [];
    const point = {
      freq_mhz: Number(clock),
      time_s: number("time") / 1e3,
      energy_j: number("energy"),
    };
    curves.set(name, [...(curves.get(name) ?? []), point]);
  }
  const ascending = (points: readonly ClockPoint[]) =>
    points.toSorted((a, b) => a.freq_mhz - b.freq_mhz);
  return [...curves].map(([name, points]) => ({ name, points: ascending(points) }));
}

/** Clocks from which throttled ones are extrapolated. */
const UNTHROTTLED_MHZ = 1290;

/**
 * Throttled clocks from clocks below the cap: the cap's power and the voltage exponent come from the
 * other curves of the board, all their clocks.
 */
function extrapolated(curves: readonly Recorded[], table: Board): Comparison {
  const limits = loadDevice("a100-sxm4-80gb");
  const rows = curves.map((curve) => {
    const others = curves.filter((other) => other !== curve).map(({ points }) => points);
    const board = fitVoltageExponent(others, table);
    const power_cap_w = fitPowerCap(others) ?? limits.power_cap_w;
    const low = curve.points.filter(({ freq_mhz }) => freq_mhz <= UNTHROTTLED_MHZ);
    const fitted = evenly(low);
    const capped = cappedCurve(fitCurve(fitted, board), board, { ...limits, power_cap_w });
    const high = curve.points.filter(({ freq_mhz }) => freq_mhz > UNTHROTTLED_MHZ);
    return compare(curve.name, fitted, high, capped, board);
  });
  return pooled(`above ${UNTHROTTLED_MHZ} MHz from below it`, rows);
}

/** Clocks that are searched on an A100 start here. */
const SEARCHED_MHZ = 900;

/** The voltage exponent of the A100-PCIe sweep: another board, measured by others. */
function exponentElsewhere(folder: string): number | null {
  const file = join(folder, PCIE_SWEEP);
  if (!existsSync(file)) return null;
  const curves = gated(pcieSweep(file)).passed.map(({ points }) => points);
  return fitVoltageExponent(curves, loadDevice("a100-pcie-40gb")).voltage_exponent;
}

/**
 * All clocks from one of them, as a partition measured at one clock is carried to others: time by the
 * class's power of the clock, dynamic energy by voltage. Nothing of it is fitted on this board.
 */
function fromOneClock(curves: readonly Recorded[], table: Board, folder: string): Comparison[] {
  const voltage_exponent = exponentElsewhere(folder);
  if (voltage_exponent === null) return [];
  const board = { ...table, voltage_exponent };
  const rows = curves.map(({ name, points }): Comparison => {
    const [from] = nearest([UNTHROTTLED_MHZ])(points) as readonly [ClockPoint];
    const rest = points.filter(
      ({ freq_mhz }) => freq_mhz >= SEARCHED_MHZ && freq_mhz < from.freq_mhz,
    );
    const dynamic_j = from.energy_j - idlePower(board, from.freq_mhz) * from.time_s;
    const floor_j = dynamic_j / dynamicEnergyScale(board, from.freq_mhz);
    const carried = rest.map(({ freq_mhz }) => {
      const time_s = from.time_s * (from.freq_mhz / freq_mhz) ** CLOCK_POWER.matmul;
      const scaled_j = floor_j * dynamicEnergyScale(board, freq_mhz);
      return { time_s, energy_j: idlePower(board, freq_mhz) * time_s + scaled_j };
    });
    const constant = rest.map(() => from);
    const by = { model: accuracyOf(carried, rest), constant: accuracyOf(constant, rest) };
    return { name, points: rest.length, by };
  });
  return [pooled(`${SEARCHED_MHZ} MHz and up from ${UNTHROTTLED_MHZ} MHz alone`, rows)];
}

/** GPT-3 stages on A100-SXM (Perseus artifact): voltages and idle power of the 80 GB board. */
export function perseusSxm(folder: string): DataSet | null {
  const file = join(folder, "perseus/stage_profile_gpt3-175b_a100_sxm.csv");
  if (!existsSync(file)) return null;
  const table = loadDevice("a100-sxm4-80gb");
  const { passed, notes } = gated(perseus(file));
  const rows = crossValidate(passed, evenly, (fitted) => fitVoltageExponent(fitted, table));
  return {
    title: "Perseus stage profiles, A100-SXM, fitted on 4 of 38 clocks",
    rows: [
      ...rows,
      pooled("all", rows),
      extrapolated(passed, table),
      ...fromOneClock(passed, table, folder),
    ],
    notes,
  };
}

/**
 * What is believed of voltages that no one knows: as on A100 and H100 in the mean, the floor ends at 0.7
 * of the highest clock, a quarter above it at that. The A40's own file is fitted to the curves below.
 */
const LIKE_OTHERS = { freq_mhz: [210, 1218, 1740], voltage_v: [1, 1, 1.25] };

/** GPT-3 stages on A40 (Perseus artifact): no voltages are published, so they are fitted. */
export function perseusA40(folder: string): DataSet | null {
  const file = join(folder, "perseus/stage_profile_gpt3-175b_a40.csv");
  if (!existsSync(file)) return null;
  const table = { ...loadDevice("a40"), voltage: LIKE_OTHERS };
  const { passed, notes } = gated(perseus(file));
  const validate = (choose: Choose) =>
    crossValidate(passed, choose, (fitted) => fitVoltage(fitted, table));
  const of = (kind: string, rows: readonly Comparison[]) =>
    rows.filter(({ name }) => name.endsWith(kind));
  const rows = validate(evenly);
  const others = [1, 2, 3, 4, 5].flatMap((clocks) => validate(inward(clocks)));
  return {
    title: "Perseus stage profiles, A40, fitted on 4 of 60 clocks (backward: of 50)",
    rows: [
      ...rows,
      pooled("forward", of(" forward", rows)),
      pooled("backward", of(" backward", rows)),
      pooled("forward, 5 other fours", of(" forward", others)),
      pooled("backward, 5 other fours", of(" backward", others)),
    ],
    notes,
  };
}

/** The clocks that the sweep's workloads are fitted at. */
const PCIE_FITTED_MHZ = [510, 870, 1140, 1410];

/** Inference workloads on A100-PCIe (EnergAIzer artifact). */
export function pcie(folder: string): DataSet | null {
  const file = join(folder, PCIE_SWEEP);
  if (!existsSync(file)) return null;
  const table = loadDevice("a100-pcie-40gb");
  const { passed, notes } = gated(pcieSweep(file));
  const validate = (keep?: (point: ClockPoint, cap_mhz: number) => boolean) =>
    crossValidate(
      passed,
      nearest(PCIE_FITTED_MHZ),
      (fitted) => fitVoltageExponent(fitted, table),
      keep,
    );
  const throttled = validate(({ freq_mhz }, cap_mhz) => freq_mhz > cap_mhz);
  return {
    title: "A100-PCIe DVFS sweep, fitted at 510, 870, 1140 and 1410 MHz",
    rows: [pooled(`${passed.length} workloads`, validate()), pooled("throttled", throttled)],
    notes,
  };
}
