import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedStageProfile } from "../base/diagnostics/profile.js";
import { at, need } from "../base/need.js";
import type { InstructionKind } from "../ir/partition.js";

/** One line of a stage profile: what one instruction of one stage costs at one clock. */
export interface StageProfileRow {
  /** With several chunks per stage: chunk x stages + stage. */
  readonly stage: number;
  readonly kind: InstructionKind;
  readonly freq_mhz: number;
  readonly time_s: number;
  /** Of one GPU, static energy included. */
  readonly energy_j: number;
}

/** The header that Perseus writes; the columns may come in any order, and others beside them. */
const COLUMNS = ["stage", "instruction", "frequency", "time", "energy"] as const;
type ColumnName = (typeof COLUMNS)[number];

const KINDS: readonly InstructionKind[] = [
  "forward",
  "backward",
  "input_gradient",
  "weight_gradient",
  "tail",
];

const MOST_STAGES = 4096;

/** Whether a text looks like a stage profile: its first line names the columns. */
export function isStageProfile(text: string): boolean {
  return columnsOf(text.slice(0, 1000)).has("stage");
}

/**
 * Reads a stage profile as Perseus writes it, with a line per stage, instruction and clock (MHz,
 * seconds, joules). Anything malformed fails with file and line (KRS2020).
 */
export function readStageProfile(text: string, where: string): StageProfileRow[] {
  const columns = columnsOf(text);
  const missing = COLUMNS.filter((name) => !columns.has(name));
  if (missing.length > 0) {
    fail(malformedStageProfile(where, 1, `no column "${missing.join('", "')}"`));
  }
  const rows: StageProfileRow[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (index === 0 || line.trim() === "") return;
    const fields = line.split(",").map((field) => field.trim());
    const problem = (message: string) => fail(malformedStageProfile(where, index + 1, message));
    if (fields.length !== columns.size) {
      problem(`${fields.length} fields, the header has ${columns.size}`);
    }
    rows.push(readRow((name) => at(fields, need(columns, name)), problem));
  });
  if (rows.length === 0) fail(malformedStageProfile(where, 1, "nothing follows the header"));
  return rows;
}

/** Where each column of the header is. */
function columnsOf(text: string): Map<string, number> {
  const [header = ""] = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1);
  return new Map(header.split(",").map((name, place) => [name.trim().toLowerCase(), place]));
}

function readRow(
  field: (name: ColumnName) => string,
  problem: (message: string) => never,
): StageProfileRow {
  const quantity = (name: ColumnName): number => {
    const written = field(name);
    const value = written === "" ? Number.NaN : Number(written);
    if (Number.isFinite(value) && value >= 0) return value;
    return problem(`${name} is ${JSON.stringify(written)}, not a number of zero or above`);
  };
  const stage = quantity("stage");
  if (!Number.isInteger(stage) || stage >= MOST_STAGES) {
    problem(`stage is ${field("stage")}, not a whole number below ${MOST_STAGES}`);
  }
  const kind = KINDS.find((known) => known === field("instruction").toLowerCase());
  if (kind === undefined) {
    return problem(
      `instruction is ${JSON.stringify(field("instruction"))}, not one of ${KINDS.join(", ")}`,
    );
  }
  const [freq_mhz, time_s, energy_j] = [
    quantity("frequency"),
    quantity("time"),
    quantity("energy"),
  ];
  return { stage, kind, freq_mhz, time_s, energy_j };
}
