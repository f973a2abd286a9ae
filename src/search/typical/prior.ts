import { at } from "../../base/need.js";
import type { TableRow } from "../../profile/table.js";
import type { Observation } from "../strategies/strategy.js";
import { type TablePrior, tableSpace } from "../table.js";
import { trusted } from "../trusted.js";
import { type Frame, type Measured, typicalFit, typicalPartition } from "./fit.js";
import { type TypicalSetting, typicalCost } from "./model.js";

/** Of more evaluations than this it learns nothing new. */
const MOST = 256;
/** The model is fitted again when there are this many times as many measurements. */
const GROWTH = 1.1;

/** The knobs that the model knows. */
const KNOWN: readonly string[] = ["freq_mhz", "launch_slot", "sms"];

/** How the model sees the rows; null where one lacks a clock or the SMs, or where they differ in more. */
function settingsOf(rows: readonly Pick<TableRow, "settings">[]): TypicalSetting[] | null {
  if (tableSpace(rows).knobs.some(({ name }) => !KNOWN.includes(name))) return null;
  const slots = [...new Set(rows.map(({ settings }) => settings.get("launch_slot") ?? null))];
  // Without a slot communication runs behind all kernels.
  const inOrder = [...slots.filter((slot) => slot !== null), null];
  const settings = rows.flatMap(({ settings }): TypicalSetting[] => {
    const [freq_mhz, sms] = [settings.get("freq_mhz"), settings.get("sms")];
    if (typeof freq_mhz !== "number" || typeof sms !== "number") return [];
    return [{ freq_mhz, sms, slot: inOrder.indexOf(settings.get("launch_slot") ?? null) }];
  });
  return settings.length === rows.length ? settings : null;
}

/**
 * What is expected of a table about which nothing is known but that it is of a partition of kernels
 * and communication: the typical one, fitted to what was evaluated. Null where rows have other knobs.
 */
export function typicalPrior(
  rows: readonly Pick<TableRow, "settings">[],
  static_power_w: number,
): TablePrior | null {
  const settings = settingsOf(rows);
  if (settings === null) return null;
  const slots = 1 + settings.reduce((most, { slot }) => Math.max(most, slot), 0);
  const highest_mhz = settings.reduce((most, { freq_mhz }) => Math.max(most, freq_mhz), 0);
  const frame: Frame = { slots, highest_mhz, static_power_w };
  const fitted = typicalFit(frame);
  const measured: Measured[] = [];
  let [partition, next] = [typicalPartition(frame), 0];
  const learn = (told: readonly Observation[]) => {
    for (const { index, time_s, energy_j } of told) {
      measured.push({ ...at(settings, index), time_s, energy_j });
    }
    if (measured.length < next || measured.length > MOST) return;
    partition = fitted(measured);
    next = GROWTH * measured.length;
  };
  const cost = (index: number) => typicalCost(partition, at(settings, index), highest_mhz);
  return trusted({ foretells: false, learn, cost }, tableSpace(rows), static_power_w);
}
