import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, from the sources as from dist. */
function rootOf(directory: string): string {
  return existsSync(join(directory, "examples")) ? directory : rootOf(join(directory, ".."));
}

export const ROOT = rootOf(fileURLToPath(new URL(".", import.meta.url)));
