import { writeText } from "../../../base/files.js";
import { plural } from "../../../base/units.js";
import { profileText } from "../../../profile/appender.js";
import type { Profile } from "../../../profile/reader.js";

/** Writes a profile to a file and says so, or alone to stdout where no file is named. */
export async function writeProfile(
  profile: Profile,
  file: string | null,
  json: boolean,
): Promise<void> {
  if (file === null) {
    process.stdout.write(profileText(profile));
    return;
  }
  await writeText(file, profileText(profile));
  const { header, records } = profile;
  sayRecords(file, records.length, header.gpu, json);
}

/** Says what a profile that was written holds. */
export function sayRecords(file: string, records: number, gpu: string, json: boolean): void {
  const text = `${file}: ${plural(records, "record")} of ${gpu}`;
  process.stdout.write(`${json ? JSON.stringify({ file, gpu, records }) : text}\n`);
}
