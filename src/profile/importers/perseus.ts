import type { ProfileRecord } from "../records.js";
import { readStageProfile } from "../stage-profile.js";

/** Records of a stage profile as Perseus writes it. Malformed: KRS2020. */
export function readPerseus(text: string, where: string): ProfileRecord[] {
  return readStageProfile(text, where).map(({ stage, kind, freq_mhz, time_s, energy_j }) => ({
    record: "instruction",
    stage,
    instruction: kind,
    freq_mhz,
    sms: null,
    source: "measured",
    time_s,
    energy_j,
    time_s_std: null,
    energy_j_std: null,
    trials: 1,
  }));
}
