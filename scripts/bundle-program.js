// Bundles the program into few files, in place of those that tsc wrote for its entry points: Node then starts in a
// third of the time. The modules one by one stay beside them, for benchmarks, scripts and tests. Packages that nearly
// every command loads, of a hundred files together, are bundled too; others are loaded from node_modules as they are.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
/** What Node starts: the command line, the thread of a command, the threads that search, solve and sweep. */
const ENTRIES = [
  "src/cli/main",
  "src/cli/thread",
  "src/search/worker",
  "src/compose/threads/worker",
  "src/sweep/worker",
];

/** None of them looks for files or packages at run time. */
const BUNDLED = /^(zod|commander|ml-matrix|cli-progress|cli-table3|csv-parse|picocolors)(\/|$)/;

rmSync(join(dist, "chunks"), { recursive: true, force: true });
await build({
  input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(dist, `${entry}.js`)])),
  platform: "node",
  external: (id) => /^[^./]/.test(id) && !BUNDLED.test(id),
  output: { dir: dist, format: "esm", chunkFileNames: "chunks/[name]-[hash].js" },
});
