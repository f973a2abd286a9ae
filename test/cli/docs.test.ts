import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/plan/config.js";
import { kareus } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const DOCS = join(ROOT, "docs");
const pages = readdirSync(DOCS, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => join(DOCS, name));

describe("docs/", () => {
  test("is what the commands, schemas and diagnostics say: npm run docs", () => {
    const script = join(ROOT, "scripts/generate-docs.js");
    const run = spawnSync(process.execPath, [script, "--check"]);
    expect([run.stderr.toString(), run.status]).toEqual(["", 0]);
  });

  test("has an example of every command", () => {
    const commands = pages.filter((page) => page.includes("/commands/"));
    expect(commands.length).toBeGreaterThan(10);
    for (const page of commands) {
      const text = readFileSync(page, "utf8");
      const [, name = ""] = /^# (kareus .*)$/m.exec(text) ?? [];
      expect(text.split("## Examples")[1], page).toContain(name);
    }
  });

  test("links to what is there", () => {
    const dead = pages.flatMap((page) =>
      [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:)([^)#]+)\)/g)]
        .map(([, target = ""]) => join(dirname(page), target))
        .filter((target) => !existsSync(target)),
    );
    expect(dead).toEqual([]);
  });

  test("names every code once", () => {
    const text = readFileSync(join(DOCS, "diagnostics.md"), "utf8");
    const listed = [...text.matchAll(/^\| (KRS\d{4}) /gm)].map(([, code]) => code);
    expect(new Set(listed).size).toBe(listed.length);
    const folder = join(ROOT, "src/base/diagnostics");
    const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    const made = sources.flatMap((source) =>
      [...source.matchAll(/"(KRS\d{4})"/g)].map(([, code]) => code),
    );
    expect([...new Set(listed)].sort()).toEqual([...new Set(made)].sort());
  });

  test("shows a config file whose keys are flags", async () => {
    const text = readFileSync(join(DOCS, "config.md"), "utf8");
    const [, example = ""] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
    const { shared, commands } = readConfig(example, "config.md");
    const help = new Map<string, string>();
    for (const name of ["optimize", ...Object.keys(commands)]) {
      help.set(name, (await kareus([...name.split(" "), "--help"])).stdout);
    }
    for (const key of Object.keys(shared)) expect(help.get("optimize")).toContain(`--${key}`);
    for (const [name, flags] of Object.entries(commands)) {
      for (const key of Object.keys(flags)) expect(help.get(name)).toContain(`--${key}`);
    }
  });
});
