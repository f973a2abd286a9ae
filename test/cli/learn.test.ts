import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { BIND, expectBadInput, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { hasRuntime, JOB, simulatedMachine } from "../support/simulated.js";

const folder = temporaryFolder();
const graph = join(folder, "mini.onnx");
const out = join(folder, "mini.kareus");

beforeAll(async () => {
  cpSync(MINI, graph);
  const layout = ["--microbatches", "2", "--switch-time-s", "0", "--points", "4"];
  const made = await kareus(["optimize", graph, ...BIND, ...layout, "--out", out]);
  expect(made.stderr).toBe("");
});

/** The saving that a run wrote, by what it says. */
const saved = ({ stderr }: { readonly stderr: string }) =>
  JSON.parse(readFileSync(/^Written to (.*)$/m.exec(stderr)?.[1] ?? "", "utf8"));

/** Plays the runtime's part with numbers of its own: own steps, then steps under the plan that comes. */
const PLAYER = `
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
const { KAREUS_STEPS, KAREUS_FOLLOW, KAREUS_PROFILE } = process.env;
const [way, saving, later] = process.argv.slice(2);
const write = (file, line) => appendFileSync(file, JSON.stringify(line) + "\\n");
const gpu = "a100-sxm4-40gb";
write(KAREUS_STEPS, { format: "kareus-steps", version: 1, graph: "mini", gpu, ranks: 1, source: "measured" });
mkdirSync(KAREUS_PROFILE);
const records = KAREUS_PROFILE + "/instructions-rank0.jsonl";
write(records, { format: "kareus-profile", version: 1, id: "job", gpu, driver: null, date: null, tool: "test", method: null, note: "made up" });
for (const [instruction, time_s] of [["forward", 0.002], ["backward", 0.004]]) {
  const outcome = { time_s, energy_j: 300 * time_s, time_s_std: 0, energy_j_std: 0, trials: 40 };
  write(records, { record: "instruction", stage: 0, instruction, freq_mhz: 1410, sms: null, source: "measured", ...outcome, window_s: 40 * time_s });
}
let step = 0;
// Noise by the place in a phase, so that it is the same however long the planning takes.
const block = (energy_j, plan, i) => {
  const time_s = 0.1 + 0.001 * (i % 3);
  const noise_j = ((7 * i) % 11) - 3;
  write(KAREUS_STEPS, { first: step, steps: 1, time_s, energy_j: energy_j + noise_j, plan, point: plan && 1 });
  step += 1;
};
for (let i = 0; i < 40; i++) block(i === 0 ? 9000 : 100, null, i);
if (way === "fails") rmSync(later);
if (way === "blind") rmSync(KAREUS_PROFILE, { recursive: true });
if (way === "ends") process.exit(0);
// Until the plan is being made again.
while (!existsSync(KAREUS_FOLLOW.replace("plan.json", "replanned")) && !["fails", "blind"].includes(way)) await sleep(20);
for (let i = 0; i < 600 && !existsSync(KAREUS_FOLLOW) && !(["fails", "blind"].includes(way) && i > 100); i++) {
  block(5000, null, i);
  await sleep(100);
}
if (existsSync(KAREUS_FOLLOW)) {
  for (let i = 0; i < 42; i++) block(Number(saving), KAREUS_FOLLOW, i);
  const own = () => readFileSync(KAREUS_FOLLOW, "utf8").trim() === "null";
  while (way !== "leaves" && !own()) await sleep(20);
  if (own()) for (let i = 0; i < 15; i++) block(Number(later), null, i);
  while (own()) await sleep(20);
}
process.exit(5);
`;

describe.skipIf(!hasRuntime)("kareus run --learn", () => {
  const player = join(folder, "player.mjs");
  const play = (...words: string[]) =>
    kareus(["run", "--learn", out, "--learn-s", "1", "--", process.execPath, player, ...words]);

  beforeAll(() => writeFileSync(player, PLAYER));

  test("plans again with what the first steps took, and reports what that saved", async () => {
    const run = await play("saves", "80", "100");
    expect([run.status, codes(run, "error")]).toEqual([5, []]);
    const saving = saved(run);
    // Neither the first step nor what ran while the plan was made counts.
    expect(saving.before.steps).toBe(39);
    expect(saving.before.energy_j.mean).toBeCloseTo(102.18, 1);
    expect([saving.after.steps, saving.again.steps]).toEqual([41, 14]);
    expect(saving.energy_change.mean).toBeCloseTo(-0.196, 2);
    expect([saving.energy_change.clear, saving.time_change.clear]).toEqual([true, false]);
    expect(run.stderr).toMatch(/energy 19\.\d% ± \d\.\d% less, time no different within the noise/);
    const again = readFileSync(join(out, "learn-1", "replanned/frontier.json"), "utf8");
    expect(JSON.parse(again).graph.sha256).toBe(
      JSON.parse(readFileSync(join(out, "frontier.json"), "utf8")).graph.sha256,
    );
    expect(again).not.toBe(readFileSync(join(out, "frontier.json"), "utf8"));
  });

  test("a difference within the noise is not claimed", async () => {
    const run = await play("saves", "99.9", "100");
    expect(saved(run).energy_change.clear).toBe(false);
    expect(run.stderr).toContain("energy no different within the noise");
  });

  test("what the job changed by itself is not claimed", async () => {
    const run = await play("saves", "80", "80");
    expect(saved(run).energy_change).toMatchObject({
      clear: false,
      mean: expect.closeTo(-0.196, 2),
    });
    expect(run.stderr).toContain("less, but not than own clocks later: the job itself changed");
  });

  test("a job that ends before own clocks come again is told what that leaves open", async () => {
    const run = await play("leaves", "80");
    expect(saved(run)).toMatchObject({ again: null, energy_change: { clear: true } });
    expect(run.stderr).toContain("it ended before own clocks were measured again");
  });

  test("a job that ends first has learned nothing, and keeps its exit code", async () => {
    const run = await kareus(["run", "--learn", out, "--", process.execPath, player, "ends", "80"]);
    expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS5432"]]);
    const silent = await kareus(["run", "--learn", out, "--", "true"]);
    expect([silent.status, codes(silent, "warning")]).toEqual([0, ["KRS5432"]]);
    const none = await kareus(["run", "--learn", out, "--", join(folder, "nothing")]);
    expect([none.status, codes(none, "error")]).toEqual([2, ["KRS5403"]]);
  });

  test("where planning fails the job goes on as it was", async () => {
    const run = await play("fails", "160", graph);
    cpSync(MINI, graph);
    expect([run.status, codes(run, "warning")]).toEqual([5, ["KRS5431"]]);
    expect(run.stderr).toContain("nothing was saved");
    expect(saved(run)).toMatchObject({ after: null, energy_change: null, time_change: null });
  });

  test("where no rank recorded anything there is nothing to plan with", async () => {
    const run = await play("blind", "80");
    expect([run.status, codes(run, "warning")]).toEqual([5, ["KRS5432"]]);
    expect(run.stderr).toContain("no rank recorded what its instructions take");
  });

  test("with the runtime and a simulated driver the saving is the driver's", async () => {
    const job = [...JOB, join(out, "plans/000.json"), "--followed", "1500", "--steps", "1"];
    const machine = simulatedMachine(folder);
    const run = await kareus(
      ["run", "--learn", out, "--learn-s", "1", "--", ...job],
      folder,
      machine,
    );
    expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS2033"]]);
    expect(JSON.parse(run.stdout)).toMatchObject({ refused: null, mode: "control", warnings: [] });
    const { source, before, after } = saved(run);
    expect([source, before.steps > 20, after.steps > 20]).toEqual(["modelled", true, true]);
    // Its power is by a formula: that at the highest clock, and less at the plan's.
    expect(before.energy_j.mean / before.time_s.mean).toBeCloseTo(400, -1);
    expect(after.energy_j.mean / after.time_s.mean).toBeLessThan(390);
  });
});

test("what cannot be learned from is bad input, before anything starts", async () => {
  const run = (...flags: string[]) => kareus(["run", ...flags, "--", "true"]);
  expectBadInput(await run("--learn", join(folder, "none")), "KRS0020");
  expectBadInput(await run("--learn", out, "--plan", "plan.json"), "KRS0006");
  expectBadInput(await run("--learn", out, "--observe"), "KRS0006");
  expectBadInput(await run("--learn", out, "--profile", folder), "KRS0006");
  expectBadInput(await run("--learn", out, "--backend", "dry"), "KRS0006");
  expectBadInput(await run("--plan", "plan.json", "--learn-s", "3"), "KRS0006");
  const moved = join(folder, "elsewhere", "deep");
  mkdirSync(moved, { recursive: true });
  cpSync(out, join(moved, "mini.kareus"), { recursive: true });
  const details = join(moved, "mini.kareus", "details.json");
  const content = readFileSync(details, "utf8").replace(graph, "/gone/mini.onnx");
  writeFileSync(details, content);
  expectBadInput(await run("--learn", join(moved, "mini.kareus")), "KRS5430");
  const { arguments: _, ...older } = JSON.parse(content);
  writeFileSync(details, JSON.stringify(older));
  expectBadInput(await run("--learn", join(moved, "mini.kareus")), "KRS5430");
});
