import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { packageRoot, packageVersion } from "./version.js";

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

/** A part where the user names it, else in the package as built there, else as `setup-runtime` builds it. */
function part(named: string | undefined, packaged: string): RuntimeFile {
  const own = join(packageRoot(), packaged);
  const setUp = join(runtimeFolder(), packaged);
  const path = named || (existsSync(own) || !existsSync(setUp) ? own : setUp);
  return { path, built: existsSync(path) };
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
  return [join(packageRoot(), "native/python"), ...(earlier ? [earlier] : [])].join(":");
}
