import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const original = join(folder, "original");

beforeAll(async () => {
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "4"];
  const bind = ["--bind", "batch=4,sequence=512", "--dtype", "bf16"];
  const graph = join(ROOT, "test/golden/mini.onnx");
  const run = await kareus(["optimize", graph, ...layout, ...bind, "--out", original]);
  expect(run.stderr).toBe("");
});

/** A copy of the run to spoil. */
function copy(name: string): (...names: string[]) => string {
  cpSync(original, join(folder, name), { recursive: true });
  return (...names) => join(folder, name, ...names);
}
const read = (path: string) => readFileSync(path, "utf8");

describe("kareus report", () => {
  test("makes the very page of optimize again, from the folder alone", async () => {
    const at = copy("again");
    const page = read(at("report.html"));
    rmSync(at("report.html"));
    const run = await kareus(["report", at()]);
    expect([run.status, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toBe(`Written to ${at("report.html")}\n`);
    expect(read(at("report.html")) === page).toBe(true);
  });

  test("--out says where, --json tells it to programs", async () => {
    const page = join(folder, "page.html");
    const run = await kareus(["report", original, "--out", page, "--json"]);
    expect(JSON.parse(run.stdout)).toEqual({ report: page });
    expect(read(page) === read(join(original, "report.html"))).toBe(true);
  });

  test("of several runs: a page and pictures of their own, every frontier in them", async () => {
    const at = copy("second");
    const page = read(join(original, "report.html"));
    const run = await kareus(["report", original, at(), "--svg", "both.svg"], folder);
    expect(run.stdout).toBe("Written to compared.html and both.svg\n");
    expect(read(join(original, "report.html")) === page).toBe(true);
    expect(read(join(folder, "compared.html"))).toContain('"others":[{"label":"second"');
    const svg = read(join(folder, "both.svg"));
    for (const name of ["original", "second"]) expect(svg).toContain(`>${name}</text>`);
    const alone = await kareus(["report", original, "--svg", "one.svg"], folder);
    expect(alone.status).toBe(0);
    const dots = (text: string) => text.split("<circle").length;
    const points = JSON.parse(read(at("frontier.json"))).points.length;
    // A dot for each point, and one in the legend.
    expect(dots(svg) - dots(read(join(folder, "one.svg")))).toBe(points + 1);
  });

  test("a run of other work beside it says in what", async () => {
    const at = copy("smaller");
    const frontier = JSON.parse(read(at("frontier.json")));
    frontier.told.bind.batch = 2;
    writeFileSync(at("frontier.json"), JSON.stringify(frontier));
    await kareus(["report", original, at()], folder);
    expect(read(join(folder, "compared.html"))).toContain('"label":"smaller (batch 2)"');
  });

  test("what is missing is said and shown as missing", async () => {
    const at = copy("bare");
    for (const name of ["plans", "measurements.jsonl", "details.json"]) {
      rmSync(at(name), { recursive: true });
    }
    const run = await kareus(["report", at()]);
    expect(run.status).toBe(0);
    expect(codes(run, "warning")).toEqual(["KRS4120", "KRS4120", "KRS4120"]);
    expect(read(at("report.html"))).toContain("not available");
  });

  test.each<[string, string, (text: string) => string, string]>([
    [
      "a plan of another point",
      "plans/000.json",
      (t) => t.replace('"id": 0', '"id": 1'),
      "KRS4105",
    ],
    [
      "details of another graph",
      "details.json",
      (t) => t.replace(/"sha256":"../, '"sha256":"zz'),
      "KRS4121",
    ],
    [
      "another GPU's measurements",
      "measurements.jsonl",
      (t) => t.replace('"gpu":"a100', '"gpu":"h100'),
      "KRS4121",
    ],
    ["damaged details", "details.json", (t) => t.slice(0, 500), "KRS4101"],
    ["a damaged frontier", "frontier.json", () => "{}", "KRS4102"],
  ])("%s: exit 2, and the page stays as it is", async (name, file, spoil, code) => {
    const at = copy(name);
    const spoilt = spoil(read(at(file)));
    expect(spoilt).not.toBe(read(at(file)));
    writeFileSync(at(file), spoilt);
    const run = await kareus(["report", at()]);
    expect(run.status).toBe(2);
    expect(codes(run, "error")).toEqual([code]);
    expect(read(at("report.html")) === read(join(original, "report.html"))).toBe(true);
  });

  test("a folder without a run: exit 2", async () => {
    const run = await kareus(["report", join(folder, "nowhere")]);
    expect(run.status).toBe(2);
    expect(codes(run, "error")).toEqual(["KRS0020"]);
  });
});
