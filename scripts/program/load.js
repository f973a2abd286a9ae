// Loads the bundled program in a thread, with the bytecode that its build left beside it, where there is any: Node
// need not compile it then. V8 refuses what another version of it wrote, or one with other flags, and compiles.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const filename = fileURLToPath(new URL("program.cjs", import.meta.url));
const bytecode = fileURLToPath(new URL("program.bytecode", import.meta.url));

export const script = new Script(readFileSync(filename, "latin1"), {
  filename,
  ...(existsSync(bytecode) && { cachedData: readFileSync(bytecode) }),
});

const entries = {};
script.runInThisContext()(entries, createRequire(filename), filename);

/** What a part of the program exports, by the name of its entry. */
export function load(name) {
  return entries[name]();
}
