import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/paths.js";

const FOLDER = join(ROOT, "src/base/diagnostics");
const CATALOGUES = readdirSync(FOLDER)
  .filter((name) => !["diagnostic.ts", "render.ts"].includes(name))
  .filter((name) => !name.endsWith(".test.ts"));

/** Codes as written, once per place that makes a diagnostic. */
function written(name: string): string[] {
  const text = readFileSync(join(FOLDER, name), "utf8").replace(/^\s*(?:\/?\*|\/\/).*$/gm, "");
  return [...text.matchAll(/"(KRS\d+)"/g)].map(([, code]) => code ?? "");
}

test("every code has one meaning", () => {
  const places = new Map<string, string[]>();
  for (const name of CATALOGUES) {
    for (const code of written(name)) places.set(code, [...(places.get(code) ?? []), name]);
  }
  expect(places.size).toBeGreaterThan(20);
  expect([...places].filter(([, names]) => names.length > 1)).toEqual([]);
});

test("every code starts with its area", () => {
  const areas: Readonly<Record<string, string>> = {
    "usage.ts": "KRS0",
    "graph.ts": "KRS1",
    "lowering.ts": "KRS1",
    "profile.ts": "KRS2",
    "search.ts": "KRS3",
    "plan.ts": "KRS4",
    "review.ts": "KRS4",
    "exchange.ts": "KRS43",
    "fleet.ts": "KRS44",
    "runtime.ts": "KRS5",
  };
  expect(CATALOGUES.sort()).toEqual(Object.keys(areas).sort());
  for (const [name, area] of Object.entries(areas)) {
    for (const code of written(name))
      expect(code, name).toMatch(new RegExp(`^${area}\\d{${7 - area.length}}$`));
  }
});
