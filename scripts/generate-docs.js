// Writes the generated pages of docs/ from the built command line, the schemas and the catalogue of
// diagnostics: `npm run docs`. With --check it writes nothing and fails where a page is out of date.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandTable } from "../dist/src/cli/command-table.js";
import { buildProgram } from "../dist/src/cli/program.js";
import { publishedSchemas } from "../dist/src/emit/schemas.js";
import { commandPage, indexPage } from "./docs/commands.js";
import { diagnosticsPage } from "./docs/diagnostics.js";
import { formatsPage } from "./docs/formats.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const COMMANDS = join(ROOT, "docs/commands");

const program = buildProgram("0.0.0");
const commands = commandTable(program);
const pageName = (name) => `docs/commands/${name.replaceAll(" ", "-")}.md`;
const pages = new Map([
  ["docs/README.md", indexPage(program, commands)],
  ["docs/diagnostics.md", diagnosticsPage(join(ROOT, "src/base/diagnostics"))],
  ["docs/formats.md", formatsPage(publishedSchemas())],
  ...commands.map((entry) => [pageName(entry.name), commandPage(entry)]),
]);
const orphans = (existsSync(COMMANDS) ? readdirSync(COMMANDS) : [])
  .map((name) => `docs/commands/${name}`)
  .filter((path) => !pages.has(path));

if (process.argv.includes("--check")) {
  const current = (path) =>
    existsSync(join(ROOT, path)) && readFileSync(join(ROOT, path), "utf8") === pages.get(path);
  const old = [...[...pages.keys()].filter((path) => !current(path)), ...orphans];
  for (const path of old) console.error(`${path} is out of date: npm run docs`);
  process.exitCode = old.length > 0 ? 1 : 0;
} else {
  mkdirSync(COMMANDS, { recursive: true });
  for (const path of orphans) rmSync(join(ROOT, path));
  for (const [path, text] of pages) writeFileSync(join(ROOT, path), text);
}
