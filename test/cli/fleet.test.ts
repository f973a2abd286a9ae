import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const run = join(folder, "out");
const day = join(ROOT, "examples/fleet/day.csv");
const caps = join(folder, "caps.csv");

interface Point {
  readonly id: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly average_power_w: number;
}
let points: readonly Point[] = [];

beforeAll(async () => {
  const graph = join(ROOT, "test/golden/mini.onnx");
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "12"];
  const bind = ["--bind", "batch=4,sequence=512", "--dtype", "bf16"];
  const made = await kareus(["optimize", graph, ...layout, ...bind, "--out", run]);
  expect(made.stderr).toBe("");
  points = JSON.parse(readFileSync(join(run, "frontier.json"), "utf8")).points;
});

const fastest = (): Point => points[0] ?? { id: 0, time_s: 0, energy_j: 0, average_power_w: 0 };
const slowest = (): Point => points.at(-1) ?? fastest();

/** As many iterations as the middle of the frontier does in a day. */
const DAY_S = 86_400;
const iterations = () => Math.floor((2 * DAY_S) / (fastest().time_s + slowest().time_s));

describe("schedule", () => {
  const schedule = (...flags: string[]) => kareus(["schedule", run, "--trace", day, ...flags]);

  test("runs fast in clean hours, and its totals are those of its runs", async () => {
    const out = join(folder, "schedule.json");
    const asked = ["--iterations", String(iterations()), "--deadline", "2025-03-04T00:00Z"];
    const done = await schedule(...asked, "--json", "--out", out);
    expect([done.stderr, done.status]).toEqual(["", 0]);
    expect(readFileSync(out, "utf8")).toBe(done.stdout);
    const { slots, totals, optimum, baselines, format } = JSON.parse(done.stdout);
    expect(format).toBe("kareus-schedule");
    const time = new Map(points.map(({ id, time_s }) => [id, time_s]));
    let [done_iterations, energy_j] = [0, 0];
    for (const { runs } of slots) {
      for (const { point, iterations: count } of runs) {
        done_iterations += count;
        energy_j += count * (points.find(({ id }) => id === point)?.energy_j ?? 0);
      }
    }
    expect(done_iterations).toBe(iterations());
    expect(energy_j / totals.energy_j).toBeCloseTo(1, 9);
    // Sums of millions of runs round by less than this.
    expect(totals.end_s).toBeLessThanOrEqual(DAY_S * (1 + 1e-9));
    expect(totals.carbon_g / optimum.carbon_g).toBeCloseTo(1, 3);
    for (const { totals: theirs } of baselines) {
      if (theirs !== null) expect(totals.carbon_g).toBeLessThan(theirs.carbon_g * 1.001);
    }
    const meanTime = (hour: number) => time.get(slots[hour].runs[0].point) ?? 0;
    expect(meanTime(7)).toBeLessThan(meanTime(19));
  });

  test("says it in words, by the clock of the trace", async () => {
    const asked = ["--iterations", String(iterations()), "--deadline", "86400"];
    const said = await schedule(...asked, "--minimize", "cost", "--pausing");
    expect(said.status).toBe(0);
    expect(said.stdout).toContain("2025-03-03T04:00:00Z");
    expect(said.stdout).toMatch(/Against always the fastest point: \d+\.\d% less cost/);
  });

  test("reads a grid's export once it is told what counts, and says what that settled", async () => {
    const trace = join(ROOT, "examples/fleet/electricity-maps.csv");
    const asked = ["--iterations", String(iterations()), "--deadline", "2025-03-04T00:00Z"];
    const open = await kareus(["schedule", run, "--trace", trace, ...asked]);
    expect([codes(open, "error"), open.status]).toEqual([["KRS4406"], 2]);
    expect(open.stderr).toContain("--emissions direct or --emissions life-cycle");
    const picture = join(folder, "schedule.svg");
    const flags = ["--emissions", "direct", "--forecast", "persistence", "--picture", picture];
    const done = await kareus(["schedule", run, "--trace", trace, ...asked, ...flags]);
    expect([done.stderr, done.status]).toEqual(["", 0]);
    expect(done.stdout).toMatch(/The trace: Electricity Maps; NW; direct emissions/);
    expect(done.stdout).toMatch(/by persistence; with hindsight .* a regret of \d+\.\d% in carbon/);
    expect(readFileSync(picture, "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  test("an idle node's watts move the schedule to faster points", async () => {
    const asked = [
      "--iterations",
      String(iterations()),
      "--deadline",
      "86400",
      "--minimize",
      "energy",
    ];
    const end_s = async (...flags: string[]) => {
      const done = await schedule(...asked, "--json", ...flags);
      return JSON.parse(done.stdout).totals.end_s as number;
    };
    const gpus = await end_s();
    const site = await end_s("--node-power-w", "20000", "--network-power-w", "500", "--pue", "1.3");
    expect(site).toBeLessThan(gpus);
    expect(site).toBeCloseTo(iterations() * fastest().time_s, 3);
    const less = await schedule(...asked, "--pue", "0.9");
    expect([codes(less, "error"), less.status]).toEqual([["KRS0002"], 2]);
  });

  test("refuses what does not fit, and tells bad input", async () => {
    const many = await schedule("--iterations", String(2 * iterations()), "--deadline", "86400");
    expect([codes(many, "error"), many.status]).toEqual([["KRS4410"], 1]);
    const late = await schedule("--iterations", "1", "--deadline", "2025-04-01T00:00Z");
    expect([codes(late, "error"), late.status]).toEqual([["KRS4403"], 2]);
    const local = await schedule("--iterations", "1", "--deadline", "2025-03-03T12:00");
    expect([codes(local, "error"), local.status]).toEqual([["KRS4404"], 2]);
    const none = await schedule("--deadline", "86400");
    expect([codes(none, "error"), none.status]).toEqual([["KRS0005"], 2]);
  });
});

test("a job of several replicas draws and takes what all of them do", async () => {
  const frontier = JSON.parse(readFileSync(join(run, "frontier.json"), "utf8"));
  const three = join(folder, "three.json");
  frontier.parallelism.dp = 3;
  writeFileSync(three, JSON.stringify(frontier));
  const allocated = async (source: string) => {
    const done = await kareus(["allocate", source, "--power-cap", "1e6", "--json"]);
    return JSON.parse(done.stdout).jobs[0];
  };
  const [one, all] = [await allocated(run), await allocated(three)];
  expect(all.power_w / one.power_w).toBeCloseTo(3, 9);
  expect([one.gpus, all.gpus]).toEqual([4, 12]);
  const asked = [
    "--trace",
    day,
    "--iterations",
    String(iterations()),
    "--deadline",
    "86400",
    "--json",
  ];
  const scheduled = async (source: string) =>
    JSON.parse((await kareus(["schedule", source, ...asked])).stdout);
  const [mine, theirs] = [await scheduled(run), await scheduled(three)];
  expect(theirs.totals.carbon_g / mine.totals.carbon_g).toBeCloseTo(3, 9);
  expect([mine.gpus, theirs.gpus]).toEqual([4, 12]);
});

describe("allocate", () => {
  const allocate = (...flags: string[]) => kareus(["allocate", run, run, ...flags]);

  test("gives each job a point under the cap, near the bound", async () => {
    const cap_w = fastest().average_power_w + slowest().average_power_w;
    const done = await allocate("--power-cap", String(cap_w), "--weights", "3,1", "--json");
    expect([done.stderr, done.status]).toEqual(["", 0]);
    const { jobs, power_w, throughput, bound } = JSON.parse(done.stdout);
    expect(power_w).toBeLessThanOrEqual(cap_w);
    expect(throughput / bound).toBeGreaterThan(0.97);
    expect(jobs[0].time_s).toBeLessThanOrEqual(jobs[1].time_s);
  });

  test("follows a cap that falls and rises, and refuses one below the slowest points", async () => {
    const least_w = 2 * slowest().average_power_w;
    writeFileSync(caps, `time,power_w\n0,1e6\n30,${least_w * 1.01}\n60,1e6\n`);
    const done = await allocate("--trace", caps, "--json");
    const { slots } = JSON.parse(done.stdout);
    const isFastest = (slot: { jobs: { point: number }[] }) => slot.jobs[0]?.point === fastest().id;
    expect(slots.map(isFastest)).toEqual([true, false, true]);
    const refused = await allocate("--power-cap", String(least_w * 0.99));
    expect([codes(refused, "error"), refused.status]).toEqual([["KRS4412"], 1]);
    const waits = await allocate("--power-cap", String(least_w * 0.99), "--pausing");
    expect(waits.stdout).toContain("waits");
    const lists = await allocate("--power-cap", "1e6", "--weights", "1");
    expect([codes(lists, "error"), lists.status]).toEqual([["KRS4413"], 2]);
  });
});

test("experts: the busiest rank of each placement, and loads that cannot be read", async () => {
  const loads = join(folder, "loads.json");
  const experts = (text: string, ...flags: string[]) => {
    writeFileSync(loads, text);
    return kareus(["experts", loads, ...flags]);
  };
  const done = await experts("[[8, 4, 2, 2]]", "--ep", "2", "--copies", "2", "--json");
  expect([done.stderr, done.status]).toEqual(["", 0]);
  const { placements } = JSON.parse(done.stdout);
  expect(placements.map((each: { expert_load: number }) => each.expert_load.toFixed(3))).toEqual([
    "1.500",
    "1.250",
    "1.083",
  ]);
  expect((await experts("[8, 4, 2, 2]", "--ep", "2")).stdout).toContain("--expert-load 1.250");
  for (const bad of ["", "{}", "[1, -1]", "[[1, 2], [1]]", "[[0, 0], [1, 1]]"]) {
    const refused = await experts(bad, "--ep", "2");
    expect([codes(refused, "error"), refused.status], bad).toEqual([["KRS4418"], 2]);
  }
  const uneven = await experts("[1, 2, 3]", "--ep", "2");
  expect([codes(uneven, "error"), uneven.status]).toEqual([["KRS4419"], 2]);
});

describe("replicas", () => {
  const part = join(folder, "forward");
  const replicas = (...flags: string[]) => kareus(["replicas", part, part, ...flags]);

  test("of a forward pass alone: those that do the rates in time", async () => {
    const graph = join(ROOT, "test/golden/mini.onnx");
    const job = ["--forward-only", "--microbatches", "1", "--bind", "batch=4,sequence=512"];
    const made = await kareus(["optimize", graph, ...job, "--out", part, "--json"]);
    expect([made.stderr, made.status]).toEqual(["", 0]);
    const frontier = JSON.parse(made.stdout);
    expect(frontier.parallelism.forward_only).toBe(true);
    const plan = JSON.parse(readFileSync(join(part, frontier.points[0].plan), "utf8"));
    expect(plan.stages).toEqual([{ stage: 0, instructions: [expect.anything()] }]);
    expect(plan.stages[0].instructions[0]).toMatchObject({ kind: "forward", microbatch: 0 });

    const rate = 2.5 / frontier.points[0].time_s;
    const done = await replicas("--rates", `${rate},${rate / 1e3}`, "--minimize", "gpus", "--json");
    expect([done.stderr, done.status]).toEqual(["", 0]);
    const { parts, gpus } = JSON.parse(done.stdout);
    expect([parts[0].replicas, parts[1].replicas, gpus]).toEqual([3, 1, 4]);
    for (const { rate_per_s, time_s, replicas: count, busy } of parts) {
      expect(busy).toBeCloseTo((rate_per_s * time_s) / count, 12);
      expect(busy).toBeLessThanOrEqual(1 + 1e-9);
    }

    const [fastest_s, slowest_s] = [frontier.points[0].time_s, frontier.points.at(-1).time_s];
    const trained = await kareus(["replicas", run, "--rates", "1"]);
    expect([codes(trained, "warning"), trained.status]).toEqual([["KRS4420"], 0]);
    const inTime = await replicas("--rates", "1,1", "--deadline-s", `${slowest_s},${fastest_s}`);
    expect(inTime.stdout).toMatch(/on 2 GPUs/);
    const late = await replicas("--rates", "1,1", "--deadline-s", `1,${fastest_s / 2}`);
    expect([codes(late, "error"), late.status]).toEqual([["KRS4417"], 1]);
    expect(codes(await replicas("--rates", "1"), "error")).toEqual(["KRS4413"]);
  });
});
