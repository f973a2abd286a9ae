import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../base/diagnostics/diagnostic.js";
import {
  invalidDevice,
  newerVersion,
  unknownDevice,
  unreadableDevice,
} from "../base/diagnostics/profile.js";
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
    return fail(unreadableDevice(file, reason instanceof Error ? reason.message : String(reason)));
  }
}

function versionOf(data: unknown): number | null {
  if (typeof data !== "object" || data === null || !("version" in data)) return null;
  return typeof data.version === "number" ? data.version : null;
}

/** Names of the devices that come with the program, sorted. */
export function bundledDevices(): readonly string[] {
  return bundledNames(bundledDirectory());
}

/**
 * The device of that bundled name, or of that file. Fails with KRS2001 (unknown), KRS2002
 * (unreadable), KRS2003 (invalid) or KRS2004 (newer version).
 */
export function loadDevice(nameOrFile: string): Device {
  const directory = bundledDirectory();
  const names = bundledNames(directory);
  const file = names.includes(nameOrFile) ? join(directory, `${nameOrFile}.json`) : nameOrFile;
  if (!existsSync(file)) return fail(unknownDevice(nameOrFile, names));
  const data = readJson(file);
  const version = versionOf(data);
  if (version !== null && version > VERSION) return fail(newerVersion(file, FORMAT, version));
  const parsed = deviceSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return fail(invalidDevice(file, `${issue?.path.join(".")}: ${issue?.message}`));
}
