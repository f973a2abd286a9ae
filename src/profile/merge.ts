import { fail } from "../base/diagnostics/diagnostic.js";
import { mixedDevices, mixedStates } from "../base/diagnostics/profile.js";
import { sha256Hex } from "../base/hash.js";
import { canonicalJson } from "../base/json.js";
import { at } from "../base/need.js";
import type { ProfileHeader } from "./header.js";
import { poolBySetting, settingOf } from "./pool.js";
import type { Profile } from "./reader.js";

type Method = NonNullable<ProfileHeader["method"]>;

/** What all of the methods kept to at least; null if nothing was measured by any. */
function weakest(methods: readonly (Method | null)[]): Method | null {
  const known = methods.filter((method) => method !== null);
  if (known.length === 0) return null;
  const least = (value: (method: Method) => number) => Math.min(...known.map(value));
  return {
    window_s: least((m) => m.window_s),
    cooldown_s: least((m) => m.cooldown_s),
    trials: least((m) => m.trials),
    clocks: known.every(({ clocks }) => clocks === "locked") ? "locked" : "default",
  };
}

/** The value that all share; null if they differ. */
function shared<Value>(values: readonly Value[]): Value | null {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? first : null;
}

/**
 * Several profiles of one GPU as one: records of the same setting are pooled, the rest put together,
 * sorted by setting. The order of the profiles does not matter, and a profile twice counts once.
 * Fails with KRS2031 where the GPUs differ.
 */
export function mergeProfiles(profiles: readonly Profile[], tool: string): Profile {
  const headers = profiles.map(({ header }) => header);
  const gpu = shared(headers.map((header) => header.gpu));
  if (gpu === null) return fail(mixedDevices([...new Set(headers.map((h) => h.gpu))].sort()));
  const states = headers.flatMap(({ id, power_state }) =>
    power_state === undefined ? [] : [{ id, power_state, text: canonicalJson(power_state) }],
  );
  const other = states.find(({ text }) => text !== at(states, 0).text);
  if (other !== undefined) return fail(mixedStates(at(states, 0).id, other.id));
  const sorted = profiles
    .flatMap(({ records }) => records)
    .map((record) => ({ record, key: `${settingOf(record)} ${JSON.stringify(record)}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const records = poolBySetting(sorted.map(({ record }) => record));
  const dates = headers.flatMap(({ date }) => (date === null ? [] : [date])).sort();
  const ids = [...new Set(headers.map(({ id }) => id))].sort();
  return {
    header: {
      format: "kareus-profile",
      version: 1,
      id: `merged-${sha256Hex(records.map((r) => JSON.stringify(r)).join("\n")).slice(0, 12)}`,
      gpu,
      driver: shared(headers.map((header) => header.driver)),
      date: dates.at(-1) ?? null,
      tool,
      ...(states.length === headers.length && { power_state: at(states, 0).power_state }),
      method: weakest(headers.map((header) => header.method)),
      note: `merged from ${ids.join(", ")}`,
    },
    records,
  };
}
