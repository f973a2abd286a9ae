import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the nearest package.json above this file, built or not. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder;
}

/** A file or folder of this package, by its path there. A built one (`dist/...`) exists once the package is built. */
export function packagePath(path: string): string {
  return join(packageRoot(), path);
}

/** The version of this package. */
export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(packagePath("package.json"), "utf8"));
  if (typeof content !== "object" || content === null || !("version" in content)) return "unknown";
  return String(content.version);
}
