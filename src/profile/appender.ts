import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { unwritableProfile } from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { headerSchema, type ProfileHeader } from "./header.js";
import { type Profile, readProfile } from "./reader.js";
import { type ProfileRecord, recordSchema } from "./records.js";

/** Writes a profile so that what was appended survives a crash. */
export interface ProfileAppender {
  /**
   * Adds the records; when this returns they are on the disk, but for modelled ones, which are there with the next
   * others or when it is closed. One record a call if measured live.
   */
  readonly append: (records: readonly ProfileRecord[]) => void;
  readonly close: () => void;
}

/** Fields in the order of the schema, whatever order the caller wrote them in. */
function headerLine(header: ProfileHeader): string {
  return `${JSON.stringify(headerSchema.parse(header))}\n`;
}

function recordLine(record: ProfileRecord): string {
  return `${JSON.stringify(isInOrder(record) ? record : recordSchema.parse(record))}\n`;
}

/** The fields of what a model says of a partition, in order. */
const MODELLED = [
  ...["record", "partition", "launch_slot", "order", "freq_mhz", "sms", "source"],
  ...["time_s", "energy_j", "time_s_std", "energy_j_std", "trials"],
];

/** Those come by the ten thousand, already in order: checking them again takes most of the time. */
function isInOrder(record: ProfileRecord): boolean {
  const isKnown = Number.isFinite(record.time_s) && Number.isFinite(record.energy_j);
  if (!isKnown || record.source !== "modelled") return false;
  const keys = Object.keys(record);
  return keys.length === MODELLED.length && keys.every((key, k) => key === MODELLED[k]);
}

function isModelled({ source }: ProfileRecord): boolean {
  return source === "modelled";
}

/** A whole profile as text, for what is not measured live. */
export function profileText({ header, records }: Profile): string {
  return headerLine(header) + records.map(recordLine).join("");
}

/** Runs a file operation; what goes wrong is KRS2013. */
function guarded<Result>(file: string, action: () => Result): Result {
  try {
    return action();
  } catch (reason) {
    return fail(unwritableProfile(file, reasonOf(reason)));
  }
}

/** Appends lines to an open file. A model says the same again, sooner than a disk is sure of it: that is not awaited. */
function appenderTo(file: string, descriptor: number): ProfileAppender & { write: Write } {
  let isSynced = true;
  const write: Write = (text) =>
    guarded(file, () => {
      const bytes = Buffer.from(text);
      let written = 0;
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
      isSynced = false;
    });
  const sync = () => {
    if (!isSynced) fsyncSync(descriptor);
    isSynced = true;
  };
  return {
    write,
    append: (records) => {
      if (records.length > 0) write(records.map(recordLine).join(""));
      if (!records.every(isModelled)) guarded(file, sync);
    },
    close: () =>
      guarded(file, () => {
        try {
          sync();
        } finally {
          closeSync(descriptor);
        }
      }),
  };
}

type Write = (text: string) => void;

/**
 * Starts a new profile file with its header, replacing what was there. Fails with KRS2013 when the
 * file cannot be written.
 */
export function createProfile(file: string, header: ProfileHeader): ProfileAppender {
  const { write, append, close } = appenderTo(
    file,
    guarded(file, () => openSync(file, "w")),
  );
  write(headerLine(header));
  return { append, close };
}

const NEWLINE = "\n".charCodeAt(0);

/** Bytes up to the last whole line; 0 where there is none, or no file. */
function wholeLines(file: string): number {
  return existsSync(file) ? readFileSync(file).lastIndexOf(NEWLINE) + 1 : 0;
}

/** A profile that goes on: what it holds, and what adds to it. */
interface ResumedProfile extends Profile {
  readonly appender: ProfileAppender;
}

/**
 * Goes on with a profile after a crash: a torn last line is cut off, for good and with a warning.
 * Null where not even a header was written. `accept` may refuse the header before anything changes.
 * Fails like {@link readProfile} and {@link createProfile}.
 */
export function resumeProfile(
  file: string,
  accept: (header: ProfileHeader) => void,
  report: Report,
): ResumedProfile | null {
  const whole = guarded(file, () => wholeLines(file));
  if (whole === 0) return null;
  const profile = readProfile(file, report);
  accept(profile.header);
  const descriptor = guarded(file, () => {
    if (whole < statSync(file).size) truncateSync(file, whole);
    return openSync(file, "a");
  });
  const { append, close } = appenderTo(file, descriptor);
  return { ...profile, appender: { append, close } };
}
