import { isDeepStrictEqual } from "node:util";
import type { Planned } from "./frontier.js";

/** A field in which two records differ; undefined: one of them has none. */
interface ChangedField {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** A value of a field as JSON writes it, none as a dash. */
export function spelled(value: unknown): string {
  if (value === undefined || value === null) return "-";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The fields in which two records differ. */
export function changedFields(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): ChangedField[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .map((name) => ({ name, before: before[name], after: after[name] }))
    .filter((field) => !isDeepStrictEqual(field.before, field.after));
}

/** In what two runs plan something else. What a file of an older version does not say is no difference. */
export function changedSettings(before: Planned, after: Planned): ChangedField[] {
  const known = before.told !== undefined && after.told !== undefined;
  const all = (run: Planned) => ({ ...settingsOf(run), ...(known ? toldOf(run) : {}) });
  return changedFields(all(before), all(after));
}

/** What says how much an iteration computes, beside sizes. */
const WORK = ["graph", "microbatches", "forward_only"];

/** In what two runs do other work for an iteration; empty: nothing that their files say. */
export function changedWork(before: Planned, after: Planned): ChangedField[] {
  const sizes = [before, after].flatMap(({ told }) =>
    Object.keys({ ...told?.bind, ...told?.expect }),
  );
  const work = new Set([...WORK, ...sizes]);
  return changedSettings(before, after).filter(({ name }) => work.has(name));
}

function settingsOf(run: Planned) {
  const { graph, gpu, static_power_w, transfer_s, switch_time_s, parallelism } = run;
  const { peak_power_w, control } = run;
  const limits = { static_power_w, transfer_s, switch_time_s, peak_power_w, control };
  return { graph: `${graph.name} (${graph.sha256.slice(0, 8)})`, gpu, ...limits, ...parallelism };
}

/** Sizes and groups under their own names, the rest under those of their flags. */
function toldOf({ told }: Planned) {
  const { bind, expect, group, ...rest } = told ?? {};
  return { ...bind, ...expect, ...group, ...rest };
}
