import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  invalidDevice,
  newerVersion,
  severalDevices,
  unknownDevice,
  unreadableDevice,
} from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { jsonOf } from "../base/json.js";
import { packagePath } from "../base/package.js";
import { devicesNamed } from "./device-names.js";
import { type Device, deviceSchema } from "./device-schema.js";

const FORMAT = "kareus-device";
const VERSION = 1;

/** The folder of the bundled devices. */
const BUNDLED = packagePath("profiles/devices");

function readJson(file: string): unknown {
  try {
    return jsonOf(readFileSync(file, "utf8"));
  } catch (reason) {
    return fail(unreadableDevice(file, reasonOf(reason)));
  }
}

function versionOf(data: unknown): number | null {
  if (typeof data !== "object" || data === null || !("version" in data)) return null;
  return typeof data.version === "number" ? data.version : null;
}

/** The names of the devices that come with the program, in order. */
export function deviceNames(): readonly string[] {
  const files = readdirSync(BUNDLED).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.slice(0, -".json".length)).sort();
}

/** The bundled device that a name means, forgiving its spelling; null: none. */
export function bundledDevice(name: string): string | null {
  return devicesNamed(name, deviceNames())[0] ?? null;
}

/** The file of a device by name or path; of several that a name may mean the first, which is reported. */
function deviceFile(nameOrFile: string, report: Report): string {
  const names = deviceNames();
  const [name, ...others] = devicesNamed(nameOrFile, names);
  // A folder of a device's name is no device file.
  const isFolder = statSync(nameOrFile, { throwIfNoEntry: false })?.isDirectory() === true;
  const isMeant = names.includes(nameOrFile) || (isFolder && name !== undefined);
  if (!isMeant && existsSync(nameOrFile)) return nameOrFile;
  if (name === undefined) return fail(unknownDevice(nameOrFile, names));
  if (others.length > 0) report(severalDevices(nameOrFile, name, others));
  return join(BUNDLED, `${name}.json`);
}

/**
 * The device of that bundled name, forgiving its spelling, or of that file, and what its file holds,
 * sources included. Fails with KRS2001 (unknown), KRS2002 (unreadable), KRS2003 (invalid) or KRS2004
 * (newer version); a name that several devices have is reported (KRS2005).
 */
export function readDevice(
  nameOrFile: string,
  report: Report = () => {},
): { device: Device; content: unknown } {
  const file = deviceFile(nameOrFile, report);
  const content = readJson(file);
  const version = versionOf(content);
  if (version !== null && version > VERSION) return fail(newerVersion(file, FORMAT, version));
  const parsed = deviceSchema.safeParse(content);
  if (parsed.success) return { device: parsed.data, content };
  const issue = parsed.error.issues[0];
  return fail(invalidDevice(file, `${issue?.path.join(".")}: ${issue?.message}`));
}

/** The same, without its sources: plain data that threads can receive. */
export function loadDevice(nameOrFile: string, report: Report = () => {}): Device {
  return readDevice(nameOrFile, report).device;
}
