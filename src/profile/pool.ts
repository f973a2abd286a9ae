import { canonicalJson } from "../base/json.js";
import { at } from "../base/need.js";
import type { ProfileRecord } from "./records.js";

/** What came of a setting: everything else in a record names the setting. */
type Outcome = Pick<
  ProfileRecord,
  "time_s" | "energy_j" | "time_s_std" | "energy_j_std" | "trials"
>;

/** A text that two records share exactly if they are about the same setting and source. */
export function settingOf(record: ProfileRecord): string {
  const { time_s, energy_j, time_s_std, energy_j_std, trials, ...setting } = record;
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

/** Records of one setting as one record: trials add up. A record without trials counts as one. */
function poolRecords<R extends ProfileRecord>(records: readonly [R, ...R[]]): R {
  const [first] = records;
  if (records.length === 1) return first;
  const weight = ({ trials }: Outcome) => Math.max(1, trials);
  const time = pooled(
    records.map((r) => ({ mean: r.time_s, std: r.time_s_std, trials: weight(r) })),
  );
  const metered = records.flatMap((r) =>
    r.energy_j === null ? [] : [{ mean: r.energy_j, std: r.energy_j_std, trials: weight(r) }],
  );
  const energy = metered.length === 0 ? { mean: null, std: null } : pooled(metered);
  return {
    ...first,
    time_s: time.mean,
    energy_j: energy.mean,
    time_s_std: time.std,
    energy_j_std: energy.std,
    trials: records.reduce((sum, record) => sum + record.trials, 0),
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
