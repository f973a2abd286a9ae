import { grouped } from "../base/grouped.js";
import { mean } from "../math/mean.js";
import type { ProfileRecord, SwitchRecord } from "../profile/records.js";
import { type Fitted, residualOf } from "./residual.js";

const isMeasured = (record: ProfileRecord): record is SwitchRecord =>
  record.record === "switch" && record.source === "measured";

/**
 * The device's table of times that a change of the clock takes, by where it goes, each the mean over
 * where it comes from: that matters far less (arXiv 2502.20075), and the residual says how much less.
 * Empty without measured changes.
 */
export function fitSwitches(records: readonly ProfileRecord[]): Fitted[] {
  const byTarget = grouped(records.filter(isMeasured), ({ freq_mhz }) => Math.round(freq_mhz));
  if (byTarget.size === 0) return [];
  const targets = [...byTarget].sort(([a], [b]) => a - b);
  const rows = targets.map(([freq_mhz, changes]) => {
    const call_s = mean(changes.map((change) => change.call_s));
    const transition_s = mean(changes.map(({ time_s }) => time_s));
    const predicted = call_s + transition_s;
    const pairs = changes.map((change) => [predicted, change.call_s + change.time_s] as const);
    return { freq_mhz, call_s, transition_s, pairs };
  });
  const value = {
    freq_mhz: rows.map(({ freq_mhz }) => freq_mhz),
    call_s: rows.map(({ call_s }) => call_s),
    transition_s: rows.map(({ transition_s }) => transition_s),
  };
  const timed = rows.flatMap(({ pairs }) => pairs).filter(([, measured]) => measured > 0);
  const residual = timed.length === 0 ? "all 0 s" : residualOf("time", timed);
  return [{ path: ["switch_time_s"], value, residual }];
}
