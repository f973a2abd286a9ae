import { grouped } from "../base/grouped.js";
import { at } from "../base/need.js";
import { inContext } from "../cost/index.js";
import type { Device } from "../gpu/device-schema.js";
import { mean, median } from "../math/mean.js";
import type { ProfileRecord } from "../profile/records.js";

/** Records are fitted without one part of so many, which then judges, part by part. */
const PARTS = 4;

/** Standard deviations of a normal distribution in its median distance from the middle. */
const NORMAL = 1.4826;

/** Outliers are beyond so many standard deviations and so much at least, and at most such a share. */
const OUTLIERS = { deviations: 5, least: 0.3, most: 0.2 };

/** A level within so many standard errors may be no level at all. */
const SURE = 2;

/** A fit of constants to records, and how it is judged. */
export interface Fit<R extends ProfileRecord> {
  readonly what: "time" | "energy";
  /** The device with its constants fitted to records; null: there are too few. */
  readonly to: (records: readonly R[]) => Device | null;
  /** The logarithm of predicted over measured. */
  readonly error: (device: Device, record: R) => number;
  /** Of its square. */
  readonly weight: (record: R) => number;
}

/** What came of a fit. */
interface Judged<R> {
  /** Null: the old constants are kept. */
  readonly device: Device | null;
  /** Why, where records were enough for a fit. */
  readonly kept: string | null;
  readonly fitted: readonly R[];
  readonly outliers: readonly { readonly record: R; readonly error: number }[];
}

/** The record that is farthest from what the others say of a device, if that is far. */
function farthest<R extends ProfileRecord>(
  device: Device,
  records: readonly R[],
  { error }: Fit<R>,
): R | null {
  const errors = records.map((record) => error(device, record));
  const middle = median(errors);
  const distances = errors.map((each) => Math.abs(each - middle));
  const far = Math.max(OUTLIERS.deviations * NORMAL * median(distances), OUTLIERS.least);
  const most = Math.max(...distances);
  return most > far ? at(records, distances.indexOf(most)) : null;
}

/**
 * Parts records in those that a fit to them is near and outliers, found one by one: a fit follows
 * what is far off, so each is judged by a fit without it.
 */
function withoutOutliers<R extends ProfileRecord>(records: readonly R[], fit: Fit<R>) {
  const outliers: R[] = [];
  let [near, device] = [records, fit.to(records)];
  while (device !== null && outliers.length < OUTLIERS.most * records.length) {
    const out = farthest(device, near, fit);
    if (out === null) break;
    outliers.push(out);
    near = near.filter((record) => record !== out);
    device = fit.to(near);
  }
  return { near, device, outliers };
}

/** Whether a device is off by more than records of a kernel may be off all alike. */
function isOff<R extends ProfileRecord>(
  device: Device,
  records: readonly R[],
  { what, error }: Fit<R>,
): boolean {
  const kinds = grouped(records, (record) => (record.record === "kernel" ? record.op : null));
  return [...kinds].some(([op, own]) => {
    const common = op === null ? 0 : inContext(device, op, what).common;
    return Math.abs(mean(own.map((record) => error(device, record)))) > SURE * common;
  });
}

/**
 * Fits constants, outliers left out, and keeps the old ones unless the new ones are better: the old
 * ones are off by more than the records may be, and fits to three quarters of the records each tell
 * the fourth one better than the old ones do (weighted squared error).
 */
export function judged<R extends ProfileRecord>(
  device: Device,
  records: readonly R[],
  fit: Fit<R>,
): Judged<R> {
  const none = { device: null, kept: null, fitted: [], outliers: [] };
  const { near, device: made, outliers: far } = withoutOutliers(records, fit);
  if (made === null) return none;
  const outliers = far.map((record) => ({ record, error: fit.error(made, record) }));
  const keep = (kept: string) => ({ device: null, kept, fitted: near, outliers });
  if (!isOff(device, near, fit))
    return keep("the old values are off by no more than the records may be");
  const parts = Array.from({ length: PARTS }, (_, part) => {
    const held = near.filter((_, i) => i % PARTS === part);
    return { held, other: fit.to(near.filter((_, i) => i % PARTS !== part)) };
  });
  if (parts.some(({ other }) => other === null)) return keep("records are too few to judge a fit");
  const lossOf = (held: readonly R[], on: Device) =>
    held.reduce((sum, record) => sum + fit.weight(record) * fit.error(on, record) ** 2, 0);
  const total = (deviceFor: (other: Device) => Device) =>
    parts.reduce((sum, { held, other }) => sum + lossOf(held, deviceFor(other ?? device)), 0);
  if (total((other) => other) >= total(() => device)) {
    return keep("a fit tells records that are held out no better");
  }
  return { device: made, kept: null, fitted: near, outliers };
}
