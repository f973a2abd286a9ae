import { grouped } from "../../src/base/grouped.js";
import type { ProfileRecord } from "../../src/profile/records.js";

/** Records of one kind, whose constants are fitted together. */
function kindOf(record: ProfileRecord): string {
  if (record.record !== "kernel") return record.record;
  return record.op === "attention" ? `${record.op} ${record.key.direction}` : record.op;
}

/**
 * Parts records in two, kind by kind in their order: the second of every two is fitted, the first is
 * held out, to tell how far off a fitted constant is on what it has not seen.
 */
export function partHeldOut(records: readonly ProfileRecord[]): {
  readonly fitted: readonly ProfileRecord[];
  readonly held: readonly ProfileRecord[];
} {
  const kinds = [...grouped(records, kindOf).values()];
  const every = (parity: number) => kinds.flatMap((own) => own.filter((_, i) => i % 2 === parity));
  return { fitted: every(1), held: every(0) };
}
