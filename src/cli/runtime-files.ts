import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./version.js";

/** A part of the runtime: where it is, and whether it is there. */
interface RuntimeFile {
  readonly path: string;
  readonly built: boolean;
}

function file(path: string): RuntimeFile {
  return { path, built: existsSync(path) };
}

/** libkareus: $KAREUS_LIBRARY, else as `npm run build:native` makes it. */
export function shimFile(): RuntimeFile {
  const built = join(packageRoot(), "native/build/libkareus.so");
  return file(process.env.KAREUS_LIBRARY || built);
}

/** kareus-guard: $KAREUS_GUARD, else as `npm run build:native` makes it. */
export function guardFile(): RuntimeFile {
  return file(process.env.KAREUS_GUARD || join(packageRoot(), "native/build/kareus-guard"));
}

/** The recorder of `kareus profile record` and `optimize --measure`, as it is built. */
export function recorderFile(): RuntimeFile {
  return file(join(packageRoot(), "native/recorder/build/kareus-recorder"));
}

/** PYTHONPATH with the package kareus_runtime in front. */
export function pythonPath(): string {
  const earlier = process.env.PYTHONPATH;
  return [join(packageRoot(), "native/python"), ...(earlier ? [earlier] : [])].join(":");
}
