import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { foreignProfile } from "../base/diagnostics/profile.js";
import { readPerseus } from "./importers/perseus.js";
import { parseProfile } from "./reader.js";
import type { ProfileRecord } from "./records.js";
import { isStageProfile } from "./stage-profile.js";

/**
 * The records of a GPU in a text: a profile, or a stage profile, which does not say its GPU. Fails
 * with KRS2030 where the profile is of another one, and with what the formats' readers say.
 */
export function parseRecords(
  text: string,
  where: string,
  gpu: string,
  report: Report,
): readonly ProfileRecord[] {
  if (isStageProfile(text)) return readPerseus(text, where);
  const { header, records } = parseProfile(text, where, report);
  return header.gpu === gpu ? records : fail(foreignProfile(where, header.gpu, gpu));
}
