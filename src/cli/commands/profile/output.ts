import { writeText } from "../../../base/files.js";
import { plural } from "../../../base/units.js";
import { profileText } from "../../../profile/appender.js";
import type { Profile } from "../../../profile/reader.js";
import { print, say } from "../../terminal.js";

/** Writes a profile to a file and says so, or alone to stdout where no file is named. */
export async function writeProfile(
  profile: Profile,
  file: string | null,
  json: boolean,
): Promise<void> {
  if (file === null) {
    print(profileText(profile));
    return;
  }
  await writeText(file, profileText(profile));
  const { header, records } = profile;
  sayRecords(file, records.length, header.gpu, json);
}

/** Says what a profile that was written holds. */
export function sayRecords(file: string, records: number, gpu: string, json: boolean): void {
  if (json) print(`${JSON.stringify({ file, gpu, records })}\n`);
  else say(`${file}: ${plural(records, "record")} of ${gpu}\n`);
}
