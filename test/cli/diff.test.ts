import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { expectBadInput, MINI } from "../support/bad-input.js";
import { kareus, temporaryFolder } from "../support/cli.js";

const folder = temporaryFolder();
const [one, other] = [join(folder, "one"), join(folder, "other")];

const LAYOUT = ["--tp", "2", "--pp", "2", "--microbatches", "3", "--points", "4"];
const OPTIMIZE = ["optimize", MINI, ...LAYOUT, "--dtype", "bf16"];

beforeAll(async () => {
  const optimize = (out: string, ...more: string[]) =>
    kareus([...OPTIMIZE, "--bind", "batch=8,sequence=2048", ...more, "--out", out]);
  const runs = [await optimize(one), await optimize(other, "--static-power-w", "100")];
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
}, 60_000);

interface Difference {
  readonly of: string;
  readonly same: boolean;
  readonly other_work: string | null;
  readonly quantities: readonly {
    readonly of: string;
    readonly name: string;
    readonly before: number;
    readonly after: number;
    readonly change: number;
  }[];
  readonly reasons: readonly { readonly of: string; readonly what: string }[];
  readonly settings: readonly { readonly of: string; readonly what: string }[];
}

async function difference(status: number, ...args: readonly string[]): Promise<Difference> {
  const run = await kareus(["diff", ...args, "--json"]);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(status);
  return JSON.parse(run.stdout);
}

const plan = (id: number) => join(one, `plans/00${id}.json`);

describe("kareus diff", () => {
  test("the same is exit 0, whatever the order of keys and the line ends", async () => {
    const run = await kareus(["diff", one, one]);
    expect([run.status, run.stdout]).toEqual([0, "The frontiers are the same.\n"]);
    const { points, ...rest } = JSON.parse(readFileSync(join(one, "frontier.json"), "utf8"));
    const shuffled = join(folder, "shuffled.json");
    writeFileSync(shuffled, JSON.stringify({ points, ...rest }, null, 1).replaceAll("\n", "\r\n"));
    expect((await difference(0, one, shuffled)).same).toBe(true);
    expect((await difference(0, plan(0), plan(0))).of).toBe("plans");
  });

  test("runs of other sizes are said to do other work, first of all; so are their plans", async () => {
    const small = join(folder, "small");
    const run = await kareus([...OPTIMIZE, "--bind", "batch=4,sequence=2048", "--out", small]);
    expect(run.status).toBe(0);
    const said = await kareus(["diff", one, small]);
    expect(said.stdout).toMatch(/^Not the same work for an iteration: batch 8 to 4\. /);
    expect((await difference(1, one, small)).other_work).toBe("batch 8 to 4");
    expect((await difference(1, one, other)).other_work).toBeNull();
    const plans = [one, small].map((run) => join(run, "plans/000.json"));
    expect((await difference(1, ...plans)).other_work).toBe("batch 8 to 4");
  });

  test("another static power: another job, the same costs of time, more energy, exit 1", async () => {
    const { same, quantities, reasons } = await difference(1, one, other);
    expect(same).toBe(false);
    expect(reasons[0]?.of).toBe("job");
    expect(reasons[0]?.what).toContain("static_power_w 85 to 100");
    // The costs of configurations do not depend on what static power is said to be.
    expect(reasons.map(({ of }) => of)).not.toContain("costs");
    const [moved] = quantities.filter((q) => q.of === "fastest point" && q.name === "energy_j");
    expect(moved?.after).toBeGreaterThan(moved?.before ?? 0);
    expect(moved?.change).toBeCloseTo((moved?.after ?? 0) / (moved?.before ?? 1) - 1, 12);
  });

  test("one point 1% dearer is a difference unless the tolerance forgives it", async () => {
    const frontier = JSON.parse(readFileSync(join(one, "frontier.json"), "utf8"));
    frontier.points[0].energy_j *= 1.01;
    const dearer = join(folder, "dearer.json");
    writeFileSync(dearer, JSON.stringify(frontier));
    const file = join(one, "frontier.json");
    const { quantities } = await difference(1, file, dearer);
    expect(quantities.map(({ of, name }) => `${of} ${name}`)).toEqual([
      "frontier points_in_place",
      "fastest point energy_j",
    ]);
    expect((await difference(0, file, dearer, "--tolerance", "1.1")).same).toBe(true);
  });

  test("two plans: what moved and what is set otherwise, in words", async () => {
    const { of, quantities, settings } = await difference(1, plan(0), plan(1));
    expect(of).toBe("plans");
    expect(quantities.find(({ of, name }) => of === "plan" && name === "time_s")).toBeDefined();
    expect(settings.length).toBeGreaterThan(0);
    const run = await kareus(["diff", plan(0), plan(1)]);
    expect(run.status).toBe(1);
    expect(run.stdout).toMatch(/^Moved, first to second:\n {2}plan: time /);
    expect(run.stdout).toContain("Set otherwise:\n");
  });

  test("a frontier and a plan, or what is neither, is bad input", async () => {
    expectBadInput(await kareus(["diff", one, plan(0)]), "KRS4207");
    expectBadInput(await kareus(["diff", one, MINI]), "KRS4101");
    expectBadInput(await kareus(["diff", one, join(folder, "none")]), "KRS0020");
  });
});
