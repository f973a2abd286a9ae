import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import { loadDevice } from "../../src/gpu/device.js";
import { type ImportSetting, importProfile } from "../../src/profile/importers/import.js";
import { ROOT } from "./paths.js";

/** Public traces, where they are at hand. */
export const TRACES = join(ROOT, "../shared/data/traces");

const SETTING: Omit<ImportSetting, "device"> = {
  ...{ freq_mhz: 1410, ranks: null, partition: "forward.0", slots: new Map(), block: null },
};

/** What an import makes of files, with the codes of its warnings. */
export async function imported(
  files: readonly string[],
  { gpu = "a100-sxm4-40gb", ...changes }: Partial<ImportSetting> & { gpu?: string } = {},
) {
  const device = loadDevice(gpu);
  const peaks = Object.values(device.peak_flop_per_s).filter((peak) => peak !== undefined);
  const measured = { ...device, peak_flop_per_s: Math.max(...peaks) };
  const setting = { ...SETTING, device: () => measured };
  const warnings: Diagnostic[] = [];
  const [first = "", ...rest] = files;
  const profile = await importProfile(
    [first, ...rest],
    { ...setting, ...changes },
    "test",
    (warning) => warnings.push(warning),
  );
  return { ...profile, codes: warnings.map(({ code }) => code) };
}

/** Writes files into a folder that goes when the tests are done. */
export function scratchFolder() {
  const folder = mkdtempSync(join(tmpdir(), "kareus-import-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
}
