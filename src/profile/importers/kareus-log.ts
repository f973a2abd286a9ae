import { z } from "zod";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedLogLine, severalBlocks } from "../../base/diagnostics/profile.js";
import { parseJson } from "../../base/json.js";
import { addTo, at } from "../../base/need.js";
import type { PartitionRecord } from "../records.js";

/*
 * Evaluation logs of the Kareus artifact (eval_results.jsonl): a measured setting of one partition a
 * line, energy of one GPU. overlap_start is the index of the operator before which communication is
 * launched, -1 for before and apart from all of them; at overlap_end the host waits for it.
 */

const row = z.object({
  freq: z.number().positive(),
  overlap_start: z.int(),
  overlap_end: z.int(),
  sm: z.int().nonnegative(),
  block: z.int().positive(),
  time_s: z.number().positive(),
  energy_j: z.number().nonnegative(),
});
type Row = z.output<typeof row>;

/** What the log does not say. */
export interface LogSetting {
  /** The partition's key in the graph it is measured for. */
  readonly partition: string;
  /** Slot names by operator index; others become `op_<index>`. */
  readonly slots: ReadonlyMap<string, number>;
  /** Threads of a block; null where the log holds one size alone. */
  readonly block: number | null;
}

/** Whether a text looks like such a log: its first line has the fields. */
export function isKareusLog(text: string): boolean {
  return row.safeParse(parseJson(at(text.slice(0, 10_000).split("\n", 1), 0))).success;
}

function readRow(line: string, file: string, number: number): Row {
  const data = parseJson(line);
  if (data === undefined) return fail(malformedLogLine(file, number, "not JSON"));
  const read = row.safeParse(data);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return fail(malformedLogLine(file, number, `${issue?.path.join(".")}: ${issue?.message}`));
}

/**
 * Records of a log. Fails with KRS2043 on a malformed line, KRS2044 where several block sizes were
 * measured and none is chosen. Rows in which the host waits early are left out: here communication
 * may run to the partition's end.
 */
export function readKareusLog(
  text: string,
  file: string,
  setting: LogSetting,
): { records: PartitionRecord[]; skipped: ReadonlyMap<string, number> } {
  const lines = text.split(/\r?\n/).map((line, i) => ({ line, number: i + 1 }));
  const rows = lines
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, number }) => readRow(line, file, number));
  const blocks = [...new Set(rows.map(({ block }) => block))].sort((a, b) => a - b);
  if (setting.block === null && blocks.length > 1) fail(severalBlocks(file, blocks));
  const last = rows.reduce((most, { overlap_end }) => Math.max(most, overlap_end), 0);
  const names = new Map([...setting.slots].map(([name, index]) => [index, name]));
  const skipped = new Map<string, number>();
  const records = rows.flatMap((each): PartitionRecord[] => {
    const { freq: freq_mhz, overlap_start, overlap_end, sm: sms, time_s, energy_j } = each;
    const overlapped = overlap_start >= 0;
    if (setting.block !== null && each.block !== setting.block) {
      addTo(skipped, "another block size", 1);
      return [];
    }
    if (overlapped && overlap_end < last) {
      addTo(skipped, "the host waits for communication before the end", 1);
      return [];
    }
    const launch_slot = overlapped ? (names.get(overlap_start) ?? `op_${overlap_start}`) : null;
    return [
      {
        record: "partition",
        partition: setting.partition,
        launch_slot,
        order: null,
        freq_mhz,
        sms,
        source: "measured",
        time_s,
        energy_j,
        time_s_std: null,
        energy_j_std: null,
        trials: 1,
      },
    ];
  });
  return { records, skipped };
}
