import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** One instruction over the clock, as Perseus writes it. */
const PROFILE = [
  "stage,instruction,frequency,time,energy",
  ...[900, 1005, 1110, 1215, 1305, 1410].map((clock) => {
    const time_s = 0.02 + 60 / clock;
    const energy_j = 70 * time_s + 10 * (Math.max(1110, clock) / 1110) ** 2;
    return `0,forward,${clock},${time_s},${energy_j}`;
  }),
].join("\n");

test("kareus devices lists what --gpu takes, and which of it is rescaled", async () => {
  const run = await kareus(["devices"]);
  const names = [
    ...["a10", "a100-pcie-40gb", "a100-sxm4-40gb", "a100-sxm4-80gb", "a40", "b200", "gb200"],
    ...["h100-pcie", "h100-sxm", "h200", "l40s", "mi300x"],
  ];
  const [, ...lines] = run.stdout.trim().split("\n");
  expect(lines.map((line) => line.split(" ")[0])).toEqual(names);
  expect(lines.filter((line) => line.includes("rescaled")).length).toBe(7);
  const listed: readonly { name: string }[] = JSON.parse(
    (await kareus(["devices", "--json"])).stdout,
  );
  expect(listed.map(({ name }) => name)).toEqual(names);
});

test("one device is shown by name, and what is not one gets a hint", async () => {
  const run = await kareus(["devices", "h200"]);
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(run.stdout).toMatch(/^h200\n/);
  for (const row of [/SMs +132/, /power cap +700 W/, /dense bfloat16 +989\.4 TFLOP\/s/])
    expect(run.stdout).toMatch(row);
  expect(JSON.parse((await kareus(["devices", "h200", "--json"])).stdout).name).toBe("h200");
  const unknown = await kareus(["devices", "h20"]);
  expect([unknown.status, unknown.stdout]).toEqual([2, ""]);
  expect(unknown.stderr).toContain("did you mean h200");
  const two = await kareus(["devices", "h200", "a40"]);
  expect([codes(two, "error"), two.status]).toEqual([["KRS0001"], 2]);
  const both = await kareus(["devices", "h200", "--compare", "a40"]);
  expect([codes(both, "error"), both.status]).toEqual([["KRS0006"], 2]);
});

test("devices are compared, and one is made of a data sheet's numbers", async () => {
  const compared = await kareus(["devices", "--compare", "h200"]);
  expect(compared.stdout).toMatch(/^times h200 +bf16/);
  expect(compared.stdout).toMatch(/\nh200 +1\.00 +1\.00/);
  const sheet = ["--sms", "160", "--clock-mhz", "2100", "--memory-gb", "288", "--power-w", "1000"];
  const rates = ["--bandwidth-gb-s", "8000", "--bf16-tflops", "2300", "--link-gb-s", "900"];
  const file = at("my-gpu.json");
  const made = await kareus([
    "devices",
    "new",
    "my-gpu",
    ...sheet,
    ...rates,
    "--like",
    "h200",
    "--out",
    file,
  ]);
  expect([made.stdout, made.stderr, made.status]).toEqual(["", "", 0]);
  const args = ["optimize", MINI, ...BIND, "--points", "2", "--gpu", file, "--out", at("new")];
  expect((await kareus(args)).stdout).toMatch(
    /Costs: \d+ extrapolated by constants rescaled from another board\./,
  );
  const short = await kareus(["devices", "new", "my-gpu", ...sheet, "--like", "h200"]);
  expect([codes(short, "error"), short.status]).toEqual([["KRS0005"], 2]);
  const nameless = await kareus(["devices", "new", ...sheet]);
  expect([codes(nameless, "error"), nameless.status]).toEqual([["KRS0001"], 2]);
});

test("a what-if on another GPU says extrapolated everywhere, and how far off it may be", async () => {
  const out = at("what-if");
  const args = ["optimize", MINI, ...BIND, "--points", "3", "--gpu", "h100-sxm", "--out", out];
  const run = await kareus(args);
  expect(run.status).toBe(0);
  expect(run.stdout).toMatch(/Costs: \d+ extrapolated by constants rescaled from another board\./);
  expect(run.stdout).toContain("Expected error where not measured: 30% in time, 30% in energy.");
  expect(run.stdout).toContain(
    "A guess: no run on h100-sxm (compiled decoder, float32) was measured.",
  );
  const { costs, expected_error } = JSON.parse(readFileSync(join(out, "frontier.json"), "utf8"));
  expect([costs.modelled, costs.measured, expected_error.time]).toEqual([0, 0, 0.3]);
  const records = readFileSync(join(out, "measurements.jsonl"), "utf8").trim().split("\n").slice(1);
  expect(new Set(records.map((line) => JSON.parse(line).source))).toEqual(
    new Set(["extrapolated"]),
  );
});

describe("kareus profile fit", () => {
  test("makes a device file that optimize takes", async () => {
    writeFileSync(at("stage.csv"), `${PROFILE}\n`);
    const fit = ["profile", "fit", at("stage.csv"), "--device", "a100-sxm4-80gb"];
    const run = await kareus([...fit, "--out", at("mine.json")]);
    expect([run.stderr, run.status]).toEqual(["", 0]);
    expect(run.stdout).toMatch(/voltage_exponent: time 0\.0 % mean, .* over 6 points/);
    const { voltage_exponent } = JSON.parse(readFileSync(at("mine.json"), "utf8"));
    expect(voltage_exponent.source).toBe("fitted to stage.csv");
    const alone = await kareus(fit);
    expect(alone.stdout).toBe(readFileSync(at("mine.json"), "utf8"));
    const args = ["optimize", MINI, ...BIND, "--points", "2", "--out", at("fitted")];
    expect((await kareus([...args, "--gpu", at("mine.json")])).status).toBe(0);
  });

  test("names what it rejects, and answers no when nothing is left", async () => {
    const rows = PROFILE.split("\n");
    writeFileSync(at("few.csv"), `${rows.slice(0, 3).join("\n")}\n`);
    const run = await kareus(["profile", "fit", at("few.csv"), "--device", "a40"]);
    expect(codes(run, "warning")).toEqual(["KRS2060"]);
    expect(codes(run, "error")).toEqual(["KRS2061"]);
    expect([run.status, run.stdout]).toEqual([1, ""]);
  });

  test("needs a device, known and of the profile", async () => {
    const without = await kareus(["profile", "fit", at("stage.csv")]);
    expect([codes(without, "error"), without.status]).toEqual([["KRS0005"], 2]);
    const unknown = await kareus(["profile", "fit", at("stage.csv"), "--device", "b300"]);
    expect([codes(unknown, "error"), unknown.status]).toEqual([["KRS2001"], 2]);
    const header = {
      ...{ format: "kareus-profile", version: 1, id: "x", gpu: "a40", driver: null, date: null },
      ...{ tool: "test", method: null, note: "" },
    };
    writeFileSync(at("other.jsonl"), `${JSON.stringify(header)}\n`);
    const foreign = await kareus(["profile", "fit", at("other.jsonl"), "--device", "h200"]);
    expect([codes(foreign, "error"), foreign.status]).toEqual([["KRS2030"], 2]);
  });
});
