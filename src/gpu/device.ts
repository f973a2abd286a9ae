import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  invalidDevice,
  newerVersion,
  severalDevices,
  unknownDevice,
  unreadableDevice,
} from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { devicesNamed } from "./device-names.js";
import { type Device, deviceSchema } from "./device-schema.js";

const FORMAT = "kareus-device";
const VERSION = 1;

/** The nearest directory above this file that holds the bundled devices: built or not. */
function bundledDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(directory, "profiles", "devices");
    if (existsSync(candidate)) return candidate;
    const parent = dirname(directory);
    if (parent === directory) throw new Error("the package holds no profiles/devices");
    directory = parent;
  }
}

function bundledNames(directory: string): string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.slice(0, -".json".length)).sort();
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
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
  return bundledNames(bundledDirectory());
}

/** The bundled device that a name means, forgiving its spelling; null: none. */
export function bundledDevice(name: string): string | null {
  return devicesNamed(name, deviceNames())[0] ?? null;
}

/** The file of a device by name or path; of several that a name may mean the first, which is reported. */
function deviceFile(nameOrFile: string, report: Report): string {
  const directory = bundledDirectory();
  const names = bundledNames(directory);
  if (!names.includes(nameOrFile) && existsSync(nameOrFile)) return nameOrFile;
  const [name, ...others] = devicesNamed(nameOrFile, names);
  if (name === undefined) return fail(unknownDevice(nameOrFile, names));
  if (others.length > 0) report(severalDevices(nameOrFile, name, others));
  return join(directory, `${name}.json`);
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
