import { writeText } from "../../../base/files.js";
import { plural } from "../../../base/units.js";
import { profileText } from "../../../profile/appender.js";
import type { Profile } from "../../../profile/reader.js";

/** Writes a profile to a file and says so, or alone to stdout where no file is named. */
export async function writeProfile(profile: Profile, file: string | null): Promise<void> {
  if (file === null) {
    process.stdout.write(profileText(profile));
    return;
  }
  await writeText(file, profileText(profile));
  const { header, records } = profile;
  process.stdout.write(`${file}: ${plural(records.length, "record")} of ${header.gpu}\n`);
}
