import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { loadDevice } from "./device.js";

const BUNDLED = join(import.meta.dirname, "../../profiles/devices/a100-sxm4-40gb.json");
const scratch = mkdtempSync(join(tmpdir(), "kareus-device-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The code and message that loading stops with. */
function refusal(nameOrFile: string) {
  try {
    loadDevice(nameOrFile);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics[0];
    throw error;
  }
  throw new Error("loaded");
}

function changed(change: (device: Record<string, unknown>) => void): string {
  const device = JSON.parse(readFileSync(BUNDLED, "utf8"));
  change(device);
  const file = join(scratch, "device.json");
  writeFileSync(file, JSON.stringify(device));
  return file;
}

describe("loadDevice", () => {
  test("a bundled device is plain data that threads can receive", () => {
    const device = loadDevice("a100-sxm4-40gb");
    expect(device.sm_count).toBe(108);
    expect(device.searched_clocks_mhz).toHaveLength(18);
    expect(device.searched_clocks_mhz.at(-1)).toBe(device.highest_clock_mhz);
    expect(structuredClone(device)).toEqual(device);
  });

  test("a path works as a name does", () => {
    expect(loadDevice(BUNDLED)).toEqual(loadDevice("a100-sxm4-40gb"));
  });

  test("an unknown name lists the known ones", () => {
    const diagnostic = refusal("b300");
    expect(diagnostic?.code).toBe("KRS2001");
    expect(diagnostic?.hint).toContain("a100-sxm4-40gb");
  });

  test("a broken file is told apart from an invalid and from a newer one", () => {
    const broken = join(scratch, "broken.json");
    writeFileSync(broken, "{");
    expect(refusal(broken)?.code).toBe("KRS2002");
    expect(refusal(scratch)?.code).toBe("KRS2002");
    expect(refusal(changed((device) => delete device.voltage))?.code).toBe("KRS2003");
    const steep = changed((device) => {
      const { clock_exponent } = Object(device.communication);
      clock_exponent.value = 6e8;
    });
    expect(refusal(steep)?.code).toBe("KRS2003");
    expect(refusal(changed((device) => Object.assign(device, { version: 2 })))?.code).toBe(
      "KRS2004",
    );
  });

  test("values without a source, impossible clocks and uneven tables are refused", () => {
    const sourceless = changed((device) => Object.assign(device, { sm_count: { value: 108 } }));
    expect(refusal(sourceless)?.message).toContain("sm_count.source");
    const clock = { value: [1000], source: "test" };
    expect(
      refusal(changed((d) => Object.assign(d, { searched_clocks_mhz: clock })))?.message,
    ).toContain("clock that the device does not have");
    const uneven = { value: { freq_mhz: [210, 300], voltage_v: [1] }, source: "test" };
    expect(refusal(changed((d) => Object.assign(d, { voltage: uneven })))?.message).toContain(
      "equally long",
    );
    const greedy = { value: 108, source: "test" };
    expect(
      refusal(changed((d) => Object.assign(d, { default_comm_sms: greedy })))?.message,
    ).toContain("no SM");
  });
});
