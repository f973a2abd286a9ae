// Bundles the program into one file, in place of those that tsc wrote for what Node starts, and keeps its bytecode
// beside it. The modules one by one stay where they are, for benchmarks, scripts and tests.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../../dist");

/** Packages that nearly every command loads, of a hundred files together: none looks for files at run time. */
const BUNDLED = /^(zod|commander|ml-matrix|cli-progress|cli-table3|csv-parse|picocolors)(\/|$)/;
const isPackage = (id) => /^[^./\0]/.test(id) && !id.startsWith("node:") && !BUNDLED.test(id);

/** Other packages are loaded from node_modules as they are, once a module that needs them runs. */
const APART = "\0apart:";
const apart = {
  name: "apart",
  resolveId(id, importer) {
    if (importer?.startsWith(APART)) return { id, external: true };
    return isPackage(id) ? APART + id : null;
  },
  load: (id) =>
    id.startsWith(APART)
      ? `module.exports = require(${JSON.stringify(id.slice(APART.length))});`
      : null,
};

/** What begins in the program, and what its own file is left with: Node starts threads by file. */
const ENTRIES = [
  ["command", "src/cli/command", (loaded) => `export const { runCommand } = ${loaded};`],
  ["searchWorker", "src/search/worker", (loaded) => `export default (${loaded}).default;`],
  ["sweepWorker", "src/sweep/worker", (loaded) => `export default (${loaded}).default;`],
  ["solverWorker", "src/compose/threads/worker", (loaded) => `${loaded};`],
];

/** An entry's module runs when it is asked for, and so does every other that is imported in a function. */
const program = {
  name: "program",
  resolveId: (id) => (id === "program" ? "\0program" : null),
  load: (id) =>
    id === "\0program"
      ? ENTRIES.map(([name, path]) => {
          return `export const ${name} = () => import(${JSON.stringify(join(dist, `${path}.js`))});`;
        }).join("\n")
      : null,
};

// The main thread only waits for signals: it has its own small file.
await build({
  input: join(dist, "src/cli/main.js"),
  platform: "node",
  external: /\/command\.js$/,
  output: { file: join(dist, "src/cli/main.js"), format: "esm" },
});

const {
  output: [{ code }],
} = await build({
  input: "program",
  platform: "node",
  plugins: [program, apart],
  external: /^node:/,
  checks: { ineffectiveDynamicImport: false },
  write: false,
  output: { format: "cjs", codeSplitting: false, comments: false },
});

// A byte a character: V8 keeps it so, and reads it faster.
const escaped = code.replace(/[^\0-\x7f]/g, (unit) => {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
});
const folder = join(dist, "program");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
writeFileSync(
  join(folder, "program.cjs"),
  `(function (exports, require, __filename) { "use strict";\n${escaped}})`,
);
cpSync(join(here, "load.js"), join(folder, "load.js"));
for (const [name, path, rest] of ENTRIES) {
  const loader = relative(dirname(join(dist, path)), join(folder, "load.js"));
  writeFileSync(
    join(dist, `${path}.js`),
    `import { load } from "${loader}";\n${rest(`await load("${name}")`)}\n`,
  );
}

const { status } = spawnSync(process.execPath, [join(here, "keep-bytecode.js")], {
  stdio: ["ignore", "ignore", "inherit"],
});
if (status !== 0) throw new Error("the program does not run");
