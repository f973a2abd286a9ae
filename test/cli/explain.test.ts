import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { expectBadInput, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";

interface Share {
  readonly time_s: number;
  readonly static_j: number;
}

interface Scope {
  readonly causes: Readonly<Record<string, Share>>;
  readonly dynamic_j: number;
  readonly time_s: number;
  readonly energy_j: number;
}

interface Explanation {
  readonly point: { readonly id: number; readonly time_s: number; readonly energy_j: number };
  readonly sources: Readonly<Record<string, number>>;
  readonly total: Scope;
  readonly stages: readonly Scope[];
  readonly partitions: readonly (Scope & { readonly runs: number })[];
  readonly next_point?: { readonly id: number } | null;
  readonly next: (Scope & { readonly point: { id: number }; readonly settings: string[] }) | null;
}

const folder = temporaryFolder();
const directory = join(folder, "out");
let ids: readonly number[] = [];

beforeAll(async () => {
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "3", "--points", "4"];
  const bind = ["--bind", "batch=8,sequence=2048", "--dtype", "bf16", "--recompute", "full"];
  const run = await kareus(["optimize", MINI, ...layout, ...bind, "--out", directory]);
  expect(run.status).toBe(0);
  ids = readdirSync(join(directory, "plans")).map((_, id) => id);
}, 60_000);

async function explained(...args: readonly string[]): Promise<Explanation> {
  const run = await kareus(["explain", ...args, "--json"]);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return JSON.parse(run.stdout);
}

const close = (a: number, b: number) =>
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * Math.max(Math.abs(a), Math.abs(b)));

function addsUp({ causes, dynamic_j, time_s, energy_j }: Scope): void {
  const shares = Object.values(causes);
  close(
    shares.reduce((sum, share) => sum + share.time_s, 0),
    time_s,
  );
  close(
    shares.reduce((sum, share) => sum + share.static_j, dynamic_j),
    energy_j,
  );
}

describe("kareus explain", () => {
  test("of every point rows add up to its time on every stage and to its energy", async () => {
    for (const id of ids) {
      const { point, total, stages, partitions } = await explained(directory, "--id", String(id));
      expect(point.id).toBe(id);
      close(total.time_s, stages.length * point.time_s);
      close(total.energy_j, point.energy_j);
      for (const scope of [total, ...stages, ...partitions]) addsUp(scope);
      close(
        stages.reduce((sum, { energy_j }) => sum + energy_j, 0),
        point.energy_j,
      );
    }
  });

  test("the next point is told as what changes; the last has none", async () => {
    const [first, second] = [
      await explained(directory, "--id", "0"),
      await explained(directory, "--id", "1"),
    ];
    expect(first.next?.point.id).toBe(1);
    close(first.next?.energy_j ?? 0, second.total.energy_j - first.total.energy_j);
    const compute = (each: Explanation) => each.total.causes.compute?.time_s ?? Number.NaN;
    expect(first.next?.causes.compute?.time_s).toBe(compute(second) - compute(first));
    expect(first.next?.settings.length).toBeGreaterThan(0);
    expect((await explained(directory, "--id", String(ids.length - 1))).next).toBeNull();
  });

  test("for people: the knee unless another point is named, causes in words", async () => {
    const run = await kareus(["explain", directory]);
    expect(run.status).toBe(0);
    const knee = JSON.parse((await kareus(["select", directory, "--knee", "--json"])).stdout);
    expect(run.stdout).toContain(`Point ${knee.id} of mini`);
    for (const word of ["compute", "bubbles", "tail", "dynamic energy", "total", "modelled"]) {
      expect(run.stdout).toContain(word);
    }
  });

  test("a plan alone is explained too, and knows its frontier", async () => {
    const plan = join(directory, "plans/001.json");
    const { point, next, next_point, total } = await explained(plan);
    expect(point.id).toBe(1);
    expect(next).toBeNull();
    expect(next_point?.id).toBe(2);
    const said = async (...words: string[]) => (await kareus(["explain", ...words])).stdout;
    expect(await said(plan)).toMatch(/The next point, 2, takes .*\(-.*J\)/);
    const last = join(directory, `plans/${String(ids.length - 1).padStart(3, "0")}.json`);
    expect(await said(last)).toContain("no slower point uses less");
    const { frontier: _, ...older } = JSON.parse(readFileSync(plan, "utf8"));
    const alone = join(folder, "older.json");
    writeFileSync(alone, JSON.stringify(older));
    expect(await said(alone)).toContain("Whether a slower point uses less is not in this plan");
    expect(total).toEqual((await explained(directory, "--id", "1")).total);
    expectBadInput(await kareus(["explain", plan, "--id", "1"]), "KRS0006");
  });

  test("a point that is not there, a plan that says no costs", async () => {
    const run = await kareus(["explain", directory, "--id", "999"]);
    expect(run.status).toBe(1);
    expect(codes(run, "error")).toEqual(["KRS4110"]);
    const { costs, ...old } = JSON.parse(readFileSync(join(directory, "plans/000.json"), "utf8"));
    expect(costs.length).toBeGreaterThan(0);
    const plan = join(folder, "old.json");
    for (const some of [{}, { costs: costs.slice(1) }]) {
      writeFileSync(plan, JSON.stringify({ ...old, ...some }));
      expectBadInput(await kareus(["explain", plan]), "KRS4206");
      expectBadInput(await kareus(["simulate", plan]), "KRS4206");
    }
  });
});
