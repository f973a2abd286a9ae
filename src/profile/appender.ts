import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { fail } from "../base/diagnostics/diagnostic.js";
import { unwritableProfile } from "../base/diagnostics/profile.js";
import type { Profile } from "./reader.js";
import { headerSchema, type ProfileHeader, type ProfileRecord, recordSchema } from "./records.js";

/** Writes a profile so that what was appended survives a crash. */
interface ProfileAppender {
  /** Adds the records; when this returns they are on the disk. One record a call if measured live. */
  readonly append: (records: readonly ProfileRecord[]) => void;
  readonly close: () => void;
}

/** Fields in the order of the schema, whatever order the caller wrote them in. */
function headerLine(header: ProfileHeader): string {
  return `${JSON.stringify(headerSchema.parse(header))}\n`;
}

function recordLine(record: ProfileRecord): string {
  return `${JSON.stringify(recordSchema.parse(record))}\n`;
}

/** A whole profile as text, for what is not measured live. */
export function profileText({ header, records }: Profile): string {
  return headerLine(header) + records.map(recordLine).join("");
}

/**
 * Starts a new profile file with its header, replacing what was there. Fails with KRS2013 when the
 * file cannot be written.
 */
export function createProfile(file: string, header: ProfileHeader): ProfileAppender {
  const guarded = <Result>(action: () => Result): Result => {
    try {
      return action();
    } catch (reason) {
      const why = reason instanceof Error ? reason.message : String(reason);
      return fail(unwritableProfile(file, why));
    }
  };
  const descriptor = guarded(() => openSync(file, "w"));
  const write = (text: string) =>
    guarded(() => {
      const bytes = Buffer.from(text);
      let written = 0;
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
      fsyncSync(descriptor);
    });
  write(headerLine(header));
  return {
    append: (records) => {
      if (records.length > 0) write(records.map(recordLine).join(""));
    },
    close: () => guarded(() => closeSync(descriptor)),
  };
}
