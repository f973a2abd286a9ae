import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { packagePath, packageVersion } from "../base/package.js";

/** A part of the runtime: where it is, and whether it is there. */
interface RuntimeFile {
  readonly path: string;
  readonly built: boolean;
}

/** Where `kareus setup-runtime` builds: a package may be installed where its user cannot write. */
export function runtimeFolder(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), ".local/share");
  return join(data, "kareus", packageVersion());
}

/** A part where the user names it, else in the package as built there, as `setup-runtime` builds it, or in a wheel. */
function part(named: string | undefined, packaged: string): RuntimeFile {
  if (named) return { path: named, built: existsSync(named) };
  const own = packagePath(packaged);
  const built = [own, join(runtimeFolder(), packaged)].find(existsSync) ?? inWheel(packaged);
  return built === null ? { path: own, built: false } : { path: built, built: true };
}

const WHERE =
  "import importlib.util as u; s = u.find_spec('kareus_runtime'); print(s.submodule_search_locations[0] if s else '')";

/** The same part in the wheel of kareus_runtime that `python3` here has installed; null: it has none. */
function inWheel(packaged: string): string | null {
  const { stdout } = spawnSync("python3", ["-c", WHERE], { encoding: "utf8" });
  const folder = (stdout || "").trim();
  const path = join(folder, "lib", basename(packaged));
  return folder !== "" && existsSync(path) ? path : null;
}

/** libkareus, or $KAREUS_LIBRARY. */
export function shimFile(): RuntimeFile {
  return part(process.env.KAREUS_LIBRARY, "native/build/libkareus.so");
}

/** kareus-guard, or $KAREUS_GUARD. */
export function guardFile(): RuntimeFile {
  return part(process.env.KAREUS_GUARD, "native/build/kareus-guard");
}

/** The recorder of `kareus profile record` and `optimize --measure`. */
export function recorderFile(): RuntimeFile {
  return part(undefined, "native/recorder/build/kareus-recorder");
}

/** PYTHONPATH with the package kareus_runtime in front. */
export function pythonPath(): string {
  const earlier = process.env.PYTHONPATH;
  return [packagePath("native/python"), ...(earlier ? [earlier] : [])].join(":");
}
