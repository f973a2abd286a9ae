import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

interface Point {
  readonly id: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly average_power_w: number;
  readonly plan: string;
}

const folder = temporaryFolder();
const directory = join(folder, "out");
let points: readonly Point[] = [];

beforeAll(async () => {
  const graph = join(ROOT, "test/golden/mini.onnx");
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "12"];
  const bind = ["--bind", "batch=4,sequence=512", "--dtype", "bf16"];
  const run = await kareus(["optimize", graph, ...layout, ...bind, "--out", directory]);
  expect(run.stderr).toBe("");
  points = JSON.parse(readFileSync(join(directory, "frontier.json"), "utf8")).points;
});

const at = (index: number): Point => {
  const point = points.at(index);
  if (point === undefined) throw new Error(`the frontier has no point ${index}`);
  return point;
};
const select = (...flags: string[]) => kareus(["select", directory, ...flags]);

/** The id that `select --json` answers with. */
async function chosen(...flags: string[]): Promise<number> {
  const run = await select(...flags, "--json");
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return JSON.parse(run.stdout).id;
}

describe("kareus select", () => {
  test("--fastest and --cheapest are the ends", async () => {
    expect(await chosen("--fastest")).toBe(at(0).id);
    expect(await chosen("--cheapest")).toBe(at(-1).id);
  });

  test("--deadline is the least energy in time, the deadline itself included", async () => {
    expect(await chosen("--deadline", String(at(2).time_s))).toBe(at(2).id);
    const between = (at(1).time_s + at(2).time_s) / 2;
    expect(await chosen("--deadline", String(between))).toBe(at(1).id);
    expect(await chosen("--deadline", String(2 * at(-1).time_s))).toBe(at(-1).id);
  });

  test("--slowdown counts from the fastest point", async () => {
    expect(await chosen("--slowdown", "0")).toBe(at(0).id);
    const percent = 100 * (at(2).time_s / at(0).time_s - 1);
    expect(await chosen("--slowdown", String(percent * 1.0001))).toBe(at(2).id);
  });

  test("--energy-budget and --power-cap are the fastest that stay below", async () => {
    expect(await chosen("--energy-budget", String(at(2).energy_j))).toBe(at(2).id);
    expect(await chosen("--power-cap", String(at(2).average_power_w))).toBe(at(2).id);
  });

  test("--knee is the farthest point from the chord", async () => {
    const [head, tail] = [at(0), at(-1)];
    const distance = ({ time_s, energy_j }: Point) =>
      1 -
      (time_s - head.time_s) / (tail.time_s - head.time_s) -
      (energy_j - tail.energy_j) / (head.energy_j - tail.energy_j);
    const farthest = points.reduce((a, b) => (distance(b) > distance(a) ? b : a));
    expect(await chosen("--knee")).toBe(farthest.id);
  });

  test("--id takes one point, and the file may be named instead of its folder", async () => {
    expect(await chosen("--id", String(at(1).id))).toBe(at(1).id);
    const file = join(directory, "frontier.json");
    const run = await kareus(["select", file, "--id", String(at(1).id), "--json"]);
    expect(JSON.parse(run.stdout).id).toBe(at(1).id);
  });

  test("prints the point for a person", async () => {
    const run = await select("--fastest");
    expect(run.status).toBe(0);
    // Four digits, as everywhere.
    expect(run.stdout).toMatch(
      /^point 0: \d\.\d{3} ms, [\d.]{1,5} J, [\d.]{1,5} W on average \(plans/,
    );
  });

  test("shows where the point lies, and what it saves; programs get the point alone", async () => {
    const { stdout } = await select("--cheapest");
    expect(stdout).toMatch(new RegExp(`^point ${at(-1).id}: .* \\(plans/`));
    expect(stdout).toContain(`point ${at(-1).id}\n`);
    expect(stdout).toContain("Sequential, frequency scaling");
    expect(stdout).toMatch(/% less energy than frequency scaling alone .*\.\n/);
    expect(stdout).toContain("\nExpected error: 7% in time, 9% in energy.\n");
    expect(stdout).toMatch(/\nBy measured runs on \S+ \(compiled decoder, bfloat16\)\.\n$/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await select("--cheapest", "--json")).stdout.split("\n")).toHaveLength(2);
  });

  test("--out writes the chosen plan", async () => {
    const copy = join(folder, "plan.json");
    const run = await select("--cheapest", "--out", copy);
    expect(run.status).toBe(0);
    expect(readFileSync(copy)).toEqual(readFileSync(join(directory, at(-1).plan)));
  });

  test.each([
    [["--deadline", "1e-9"], 0],
    [["--energy-budget", "1e-9"], -1],
    [["--power-cap", "1e-9"], -1],
    [["--id", "999"], -1],
  ])("%s: an honest no names the nearest point, exit 1", async (flags, nearest) => {
    const run = await select(...flags);
    expect(run.status).toBe(1);
    expect(codes(run, "error")).toEqual(["KRS4110"]);
    expect(run.stderr).toContain(`point ${at(nearest).id}`);
    expect(run.stdout).toBe("");
  });

  test.each([[[]], [["--fastest", "--cheapest"]], [["--knee", "--deadline", "1"]]])(
    "%s: not exactly one selector, exit 2",
    async (flags) => {
      const run = await select(...flags);
      expect(run.status).toBe(2);
      expect(codes(run, "error")).toEqual(["KRS0004"]);
    },
  );
});
