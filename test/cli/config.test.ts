import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";

const folder = temporaryFolder();

/** A folder of its own with a config file that says this. */
function folderWith(content: object): string {
  const made = mkdtempSync(join(folder, "c-"));
  const file = { format: "kareus-config", version: 1, ...content };
  writeFileSync(join(made, "kareus.config.json"), JSON.stringify(file));
  return made;
}

const SIZES = { bind: { batch: 4, sequence: 128 }, dtype: "bf16" };

describe("kareus.config.json", () => {
  test("gives flags to every command, and some to one; the command line wins", async () => {
    const commands = { optimize: { points: 3, seed: 5 }, select: { cheapest: true } };
    const cwd = folderWith({
      ...SIZES,
      tp: 2,
      gpu: "a40",
      seed: 1,
      "static-power-w": 70,
      commands,
    });
    const run = await kareus(["optimize", MINI, "--gpu", "h200", "--out", "run"], cwd);
    expect(run.status).toBe(0);
    const [from, ...rest] = run.stderr.trim().split("\n");
    expect(from).toBe(
      "from kareus.config.json: --bind batch=4 --bind sequence=128 --dtype bf16 --tp 2 --static-power-w 70 --points 3 --seed 5",
    );
    expect(rest).toEqual([]);
    const frontier = JSON.parse(readFileSync(join(cwd, "run/frontier.json"), "utf8"));
    expect([frontier.gpu, frontier.seed, frontier.static_power_w]).toEqual(["h200", 5, 70]);
    expect([frontier.parallelism.tp, frontier.points.length]).toEqual([2, 3]);
    const chosen = await kareus(["select", "run", "--json"], cwd);
    expect([chosen.stderr, chosen.status]).toEqual(["", 0]);
    expect(JSON.parse(chosen.stdout).id).toBe(frontier.points.at(-1).id);
  });

  test("a degree that makes another number of GPUs with the file's is told, with what keeps them", async () => {
    const cwd = folderWith({ ...SIZES, tp: 1, pp: 1, dp: 8 });
    const inspect = (...flags: string[]) => kareus(["inspect", MINI, ...flags], cwd);
    const other = await inspect("--pp", "2");
    expect([other.status, codes(other, "warning")]).toEqual([0, ["KRS0033"]]);
    expect(other.stderr).toMatch(/takes 8 GPUs; --pp 2 with its --dp 8 takes 16.*--dp 4 as well/s);
    for (const flags of [[], ["--pp", "2", "--dp", "4"], ["--dp", "2"], ["--tp", "1"]]) {
      expect(codes(await inspect(...flags), "warning")).toEqual([]);
    }
    expect(JSON.parse((await inspect("--pp", "2", "--json")).stderr).code).toBe("KRS0033");
  });

  test("says the same as the command line does", async () => {
    const cwd = folderWith({ ...SIZES, tp: 2, commands: { inspect: { strict: true } } });
    const flags = ["--bind", "batch=4,sequence=128", "--dtype", "bf16", "--tp", "2", "--strict"];
    const written = await kareus(["inspect", MINI, "--json", ...flags]);
    const read = await kareus(["inspect", MINI, "--json"], cwd);
    expect(read).toEqual(written);
    const elsewhere = join(cwd, "kareus.config.json");
    expect(await kareus(["inspect", MINI, "--json", "--config", elsewhere])).toEqual(written);
    const without = await kareus(["inspect", MINI, "--no-config"], cwd);
    expect([codes(without, "error"), without.status]).toEqual([["KRS1201"], 2]);
  });

  test.each([
    ["KRS0030", "kareus.config.json: pipelin", "did you mean pipeline?", { pipelin: "gpipe" }],
    ["KRS0030", "commands.optimise", "did you mean optimize?", { commands: { optimise: {} } }],
    ["KRS0030", "commands.devices.tp", "--help", { commands: { devices: { tp: 2 } } }],
    ["KRS0030", "json", "--help", { json: true }],
    ["KRS0002", "kareus.config.json: pipeline", "did you mean gpipe?", { pipeline: "gpip" }],
    ["KRS0002", "kareus.config.json: tp", "4096", { tp: 0 }],
    ["KRS0031", "kareus.config.json: strict", "true or false", { strict: "yes" }],
    ["KRS0031", "kareus.config.json: tp", "a value", { tp: true }],
    ["KRS4104", "at .tp", "", { tp: { a: [1] } }],
    ["KRS4103", "version 9", "", { version: 9 }],
  ])("%s at %s", async (code, where, hint, content) => {
    const run = await kareus(["optimize", MINI, "--out", "run"], folderWith(content));
    expect([codes(run, "error"), run.status]).toEqual([[code], 2]);
    expect(run.stderr).toContain(where);
    expect(run.stderr).toContain(hint);
  });

  test("a flag of the same name elsewhere is another flag", async () => {
    const cwd = folderWith({ points: 2, out: "run", commands: { devices: {} } });
    writeFileSync(join(cwd, "plan.json"), "{}");
    const run = await kareus(["export", "plan.json", "--format", "zeus"], cwd);
    expect(run.stderr).not.toContain("from kareus.config.json");
    expect(codes(run, "error")).toEqual(["KRS4102"]);
  });

  test("a named file must be there", async () => {
    const run = await kareus(["devices", "--config", join(folder, "absent.json")]);
    expect([codes(run, "error"), run.status]).toEqual([["KRS0020"], 2]);
  });
});
