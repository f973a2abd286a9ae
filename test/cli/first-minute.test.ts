import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { EXAMPLE, MINI } from "../support/lowering.js";
import { onnxModel } from "../support/onnx-builder.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const CONFIG = join(folder, "kareus.config.json");

describe("kareus init", () => {
  test("infers sizes and a layout that fits, and optimize takes them", async () => {
    const run = await kareus(["init", EXAMPLE, "--gpus", "16"], folder);
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("--tp 1 --pp 1 --dp 16 --recompute none: ");
    const written = JSON.parse(readFileSync(CONFIG, "utf8"));
    const { tp, pp, dp, bind, dtype } = written;
    expect(tp * pp * dp).toBe(16);
    expect([bind, dtype]).toEqual([{ batch: 8, sequence: 4096 }, "bf16"]);
    const assumed = run.stdout.slice(run.stdout.indexOf("\nAssumed:"));
    expect(assumed).toContain("  GPU a100-sxm4-40gb (--gpu)\n");
    expect(assumed).toContain("batch 8, sequence 4096, as usual for such names (--bind)");
    expect(assumed).toContain("4 microbatches, four for each stage");
    expect(assumed).not.toContain("--gpus");
    const inspected = await kareus(["inspect", EXAMPLE, "--json"], folder);
    expect(inspected.status).toBe(0);
    expect(inspected.stderr).not.toContain("KRS1430");
  });

  test("overwrites nothing", async () => {
    writeFileSync(CONFIG, "mine");
    const run = await kareus(["init", MINI], folder);
    expect([run.status, codes(run, "error")]).toEqual([2, ["KRS0021"]]);
    expect(readFileSync(CONFIG, "utf8")).toBe("mine");
  });

  test("keeps the degrees of the graph's collectives", async () => {
    const graph = join(folder, "cut.onnx");
    const model = (attributes: Record<string, string | number>) =>
      onnxModel({
        inputs: { x: ["batch", 512, 1024] },
        outputs: ["loss"],
        nodes: [
          { op: "MatMul", inputs: ["x", "w"], outputs: ["h"] },
          { domain: "kareus", op: "AllReduce", inputs: ["h"], outputs: ["a"], attributes },
          { op: "Relu", inputs: ["a"], outputs: ["r"] },
          { op: "ReduceMean", inputs: ["r"], outputs: ["loss"], attributes: { keepdims: 0 } },
        ],
        initializers: { w: [1024, 1024] },
      });
    writeFileSync(graph, model({ group: "tp", group_size: 4 }));
    const init = (...flags: string[]) => kareus(["init", graph, ...flags], folder);
    const run = await init("--out", "cut.json");
    expect([run.status, run.stdout]).toEqual([0, expect.stringContaining('"tp": 4')]);
    expect(JSON.parse(readFileSync(join(folder, "cut.json"), "utf8"))).toMatchObject({
      tp: 4,
      dp: 2,
    });
    const odd = await init("--gpus", "6", "--out", "odd.json");
    expect([odd.status, codes(odd, "error")]).toEqual([2, ["KRS0034"]]);
    expect(odd.stderr).toContain("--gpus 4");
    writeFileSync(graph, model({ group: "model" }));
    expect(codes(await init("--out", "unsaid.json"), "warning")).toContain("KRS1404");
  });

  test("says what no layout can do", async () => {
    const out = join(folder, "none.json");
    const size = ["--bind", "batch=512,sequence=32768", "--gpus", "1", "--out", out];
    const run = await kareus(["init", EXAMPLE, ...size], folder);
    expect([run.status, codes(run, "error")]).toEqual([2, ["KRS0032"]]);
    expect(existsSync(out)).toBe(false);
  });
});

test("kareus demo optimizes the bundled example, whatever the config file says", async () => {
  const run = await kareus(["demo"], folder);
  expect(run.status).toBe(0);
  expect(run.stderr).toContain("kareus optimize ");
  expect(run.stdout).toContain("llama-3.2-3b on a100-sxm4-40gb: 32 points");
  expect(existsSync(join(folder, "kareus-demo/report.html"))).toBe(true);
});

test("the commands of examples/fleet that take the demo's run do what they say", async () => {
  rmSync(CONFIG);
  const example = join(ROOT, "examples/fleet");
  const text = readFileSync(join(example, "README.md"), "utf8");
  const lines = text.replaceAll("\\\n", " ").match(/^kareus (.* kareus-demo|experts) .*$/gm) ?? [];
  expect(lines.length).toBeGreaterThanOrEqual(5);
  for (const line of lines) {
    const words = line.split(/\s+/).slice(1);
    const placed = words.map((word) => (/\.(csv|json)$/.test(word) ? join(example, word) : word));
    const run = await kareus(placed, folder);
    expect([line, run.status]).toEqual([line, 0]);
  }
});

test("names are forgiven, whatever folders there are", async () => {
  mkdirSync(join(folder, "H100-SXM"));
  const spelled = ["--gpu", "H100-SXM", "--pipeline", "1F1B", "--dtype", "bfloat16"];
  const sizes = ["--bind", "batch=4,sequence=512", "--no-config", "--json"];
  const run = await kareus(["inspect", MINI, ...spelled, ...sizes], folder);
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(JSON.parse(run.stdout).gpu).toBe("h100-sxm");
});

test("a name of several devices is the first of them, and the others are told", async () => {
  const sizes = ["--bind", "batch=4,sequence=512", "--no-config"];
  const run = await kareus(["inspect", MINI, "--gpu", "a100", ...sizes], folder);
  expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS2005"]]);
  expect(run.stderr).toContain("a100-sxm4-80gb, a100-pcie-40gb");
});

test("--table csv is tables alone, --quiet errors alone", async () => {
  const csv = await kareus(["devices", "--table", "csv"]);
  expect(csv.stdout).toMatch(/^device,SMs,[^\n]*\na10,72,/);
  expect(csv.stdout).toContain("\na100-pcie-40gb,108,");
  const markdown = await kareus(["devices", "--table", "markdown"]);
  expect(markdown.stdout).toContain("| --- | ---: |");
  const sizes = ["--bind", "batch=4,sequence=512", "--no-config", "--gpu", "a100"];
  const quiet = await kareus(["inspect", MINI, ...sizes, "--quiet"]);
  expect([quiet.status, quiet.stderr]).toEqual([0, ""]);
  const json = await kareus(["devices", "--json", "--table", "csv"]);
  expect(JSON.parse(json.stdout)).toHaveProperty("length");
});
