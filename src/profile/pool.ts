import { canonicalJson } from "../base/json.js";
import { at } from "../base/need.js";
import type { ProfileRecord } from "./records.js";

/** A text that two records share exactly if they are about the same setting, source and regimes. */
export function settingOf(record: ProfileRecord): string {
  const { time_s, energy_j, time_s_std, energy_j_std, trials, ...rest } = record;
  const { clock_mhz, temperature_c, limited_by, event_reasons, precision, ...others } = rest;
  const { window_s, reason, ...setting } = others;
  return canonicalJson(setting);
}

interface Sample {
  readonly mean: number;
  readonly std: number | null;
  readonly trials: number;
}

/**
 * Mean and spread of all trials together, from the mean and spread of each group: the pooled
 * variance is that within the groups and that between their means (law of total variance).
 */
function pooled(samples: readonly Sample[]): { mean: number; std: number | null } {
  const trials = samples.reduce((sum, sample) => sum + sample.trials, 0);
  const mean = samples.reduce((sum, s) => sum + s.mean * s.trials, 0) / trials;
  if (samples.length === 1 && at(samples, 0).std === null) return { mean, std: null };
  // A group of unknown spread adds only that between the means.
  const within = ({ std }: Sample) => (std === null ? 0 : std ** 2);
  const squares = samples.reduce(
    (sum, s) => sum + s.trials * (within(s) + (s.mean - mean) ** 2),
    0,
  );
  return { mean, std: Math.sqrt(squares / trials) };
}

/** A record without trials counts as one. */
const weightOf = ({ trials }: ProfileRecord) => Math.max(1, trials);

/** What the records say of something, weighed by trials; null where one of them does not say it. */
function weighed(
  records: readonly ProfileRecord[],
  quantity: (record: ProfileRecord) => number | undefined,
): { readonly mean: number; readonly error: number } | null {
  let [weight, sum, squares] = [0, 0, 0];
  for (const record of records) {
    const value = quantity(record);
    if (value === undefined) return null;
    weight += weightOf(record);
    sum += weightOf(record) * value;
    squares += (weightOf(record) * value) ** 2;
  }
  return { mean: sum / weight, error: Math.sqrt(squares) / weight };
}

/** How the GPU was over all records; what one of them does not say is left out. */
function conditionsOf(records: readonly ProfileRecord[]) {
  const clock = weighed(records, ({ clock_mhz }) => clock_mhz);
  const temperature = weighed(records, ({ temperature_c }) => temperature_c);
  const precision = weighed(records, (record) => record.precision);
  const windows = weighed(records, ({ window_s }) => window_s);
  const limits = records.flatMap(({ limited_by }) =>
    limited_by === undefined ? [] : [limited_by],
  );
  const events = records.flatMap(({ event_reasons = [] }) => event_reasons);
  const limited_by = limits.find((limit) => limit !== null) ?? null;
  return {
    ...(clock && { clock_mhz: clock.mean }),
    ...(temperature && { temperature_c: temperature.mean }),
    ...(limits.length === records.length && { limited_by }),
    ...(events.length > 0 && { event_reasons: [...new Set(events)].sort() }),
    ...(precision && { precision: precision.error }),
    ...(windows && { window_s: records.reduce((sum, { window_s = 0 }) => sum + window_s, 0) }),
  };
}

/** Records of one setting as one record: trials add up. */
function poolRecords<R extends ProfileRecord>(records: readonly [R, ...R[]]): R {
  const [first] = records;
  if (records.length === 1) return first;
  const time = pooled(
    records.map((r) => ({ mean: r.time_s, std: r.time_s_std, trials: weightOf(r) })),
  );
  const metered = records.flatMap((r) =>
    r.energy_j === null ? [] : [{ mean: r.energy_j, std: r.energy_j_std, trials: weightOf(r) }],
  );
  const energy = metered.length === 0 ? { mean: null, std: null } : pooled(metered);
  const { clock_mhz, temperature_c, limited_by, event_reasons, precision, ...others } = first;
  const { window_s, reason, ...rest } = others;
  return {
    ...(rest as R),
    time_s: time.mean,
    energy_j: energy.mean,
    time_s_std: time.std,
    energy_j_std: energy.std,
    trials: records.reduce((sum, record) => sum + record.trials, 0),
    ...conditionsOf(records),
    ...(metered.length === 0 && reason !== undefined && { reason }),
  };
}

/** One record per setting, in order of first appearance. Equal records count once. */
export function poolBySetting<R extends ProfileRecord>(records: readonly R[]): R[] {
  const groups = new Map<string, Map<string, R>>();
  for (const record of records) {
    const setting = settingOf(record);
    const group = groups.get(setting) ?? new Map<string, R>();
    groups.set(setting, group.set(JSON.stringify(record), record));
  }
  return [...groups.values()].flatMap((group) => {
    const [first, ...rest] = group.values();
    return first === undefined ? [] : [poolRecords([first, ...rest])];
  });
}
