import { grouped } from "../base/grouped.js";
import { canonicalJson } from "../base/json.js";
import { need } from "../base/need.js";
import type { KernelRecord, ProfileRecord } from "./records.js";

/** Times of one setting that vary by more than this, relative, are of no one state of the GPU. */
const STEADY = 0.1;
/** A kernel is not slower than one that is larger in every size, by more than shapes explain. */
const SLOWER = 1.3;
/** Windows may say a little more power than the board's limit: it acts on averages. */
const ABOVE_LIMIT = 1.1;

/** What is wrong with a record by itself, as a cost; null: nothing. */
function flawOf(record: ProfileRecord): string | null {
  if (record.source !== "measured") return `${record.source}, not measured`;
  if (record.record === "switch") return "a change of the clock: a device's constant";
  if (record.time_s === 0) return "no time";
  if (record.regimes !== undefined) return "runs fall into several regimes";
  if (record.time_s_std !== null && record.time_s_std > STEADY * record.time_s) {
    return "times vary too much: measured cold, or in several regimes";
  }
  if (record.record === "collective" && record.disturbed === true) {
    return "waited for peers, or ran beside other kernels";
  }
  const standIn = record.record === "collective" || record.record === "partition";
  if (standIn && record.stand_in === true) return "a copy stood in for the collective";
  return null;
}

/** The sizes of a kernel, and what else its key says. */
function sizesOf({ op, key, freq_mhz }: KernelRecord) {
  const fields = Object.entries(key);
  const others = fields.filter(([, value]) => typeof value !== "number");
  const names = fields.map(([name]) => name);
  const sizes = new Map(
    fields.flatMap(([name, size]) => (typeof size === "number" ? [[name, size]] : [])),
  );
  return { kind: canonicalJson({ op, freq_mhz, names, ...Object.fromEntries(others) }), sizes };
}

/**
 * Kernels that took longer than a larger one of their kind: their first runs compiled or tuned
 * themselves, and were measured with it.
 */
function measuredCold(records: readonly ProfileRecord[]): ReadonlySet<ProfileRecord> {
  const kernels = records.flatMap((record) =>
    record.record === "kernel" ? [{ record, ...sizesOf(record) }] : [],
  );
  const cold = new Set<ProfileRecord>();
  for (const alike of grouped(kernels, ({ kind }) => kind).values()) {
    for (const { record, sizes } of alike) {
      const slower = alike.some(
        (other) =>
          record.time_s > SLOWER * other.record.time_s &&
          [...sizes].every(([name, size]) => need(other.sizes, name) >= size),
      );
      if (slower) cold.add(record);
    }
  }
  return cold;
}

/** The same without an energy that the board cannot have drawn. */
function withinLimit(record: ProfileRecord, limit_w: number | null): ProfileRecord {
  const { energy_j, time_s } = record;
  if (energy_j === null || limit_w === null || energy_j <= ABOVE_LIMIT * limit_w * time_s) {
    return record;
  }
  const reason = `${Math.round(energy_j / time_s)} W is above the board's ${limit_w} W`;
  return { ...record, energy_j: null, energy_j_std: null, reason };
}

/** Records of a profile, told apart. */
interface Sorted {
  /** What costs may be taken from. */
  readonly usable: readonly ProfileRecord[];
  /** Why each of the others may not. */
  readonly unused: readonly string[];
}

/** Tells records that measure something from those that do not; `limit_w` is the board's power. */
export function sortRecords(records: readonly ProfileRecord[], limit_w: number | null): Sorted {
  const sound = records.filter((record) => flawOf(record) === null);
  const cold = measuredCold(sound);
  const flaws = records.flatMap((record) => flawOf(record) ?? []);
  return {
    usable: sound.filter((record) => !cold.has(record)).map((each) => withinLimit(each, limit_w)),
    unused: [
      ...flaws,
      ...[...cold].map(() => "slower than a larger kernel of its kind: measured cold"),
    ],
  };
}
