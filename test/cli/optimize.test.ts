import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { expectBadInput } from "../support/bad-input.js";
import { type CliRun, codes, kareus, temporaryFolder } from "../support/cli.js";
import { ARGUMENTS, filesOf, frontierOf, MINI, SIZES } from "../support/optimized.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const out = (name: string) => join(folder, name);
const read = (path: string) => readFileSync(path, "utf8");

/** The default GPU with so much memory. */
function smallGpu(size_gb: number): string {
  const device = JSON.parse(read(join(ROOT, "profiles/devices/a100-sxm4-40gb.json")));
  device.memory_bytes.value = size_gb * 1e9;
  const path = join(folder, "small.json");
  writeFileSync(path, JSON.stringify(device));
  return path;
}

let first: CliRun;
beforeAll(async () => {
  first = await kareus([...ARGUMENTS, "--out", out("a"), "--threads", "1"]);
});

describe("kareus optimize", () => {
  test("ends well and says nothing alarming", () => {
    expect(first.stderr).not.toMatch(/error/i);
    expect(first.status).toBe(0);
    expect(codes(first, "warning")).toEqual([]);
  });

  test("writes a frontier, one plan per point, measurements, details and a report", () => {
    const plans = frontierOf(out("a")).points.map((point) => point.plan);
    expect(filesOf(out("a"))).toEqual(
      ["details.json", "frontier.json", "measurements.jsonl", "report.html", ...plans].sort(),
    );
  });

  test("writes the same bytes on one thread and on two", async () => {
    const run = await kareus([...ARGUMENTS, "--out", out("b"), "--threads", "2"]);
    expect(run.status).toBe(0);
    const digest = (dir: string) =>
      filesOf(dir).map((file) => [
        file,
        createHash("sha256")
          .update(readFileSync(join(dir, file)))
          .digest("hex"),
      ]);
    expect(digest(out("b"))).toEqual(digest(out("a")));
  });

  test("--json puts frontier.json alone on stdout", async () => {
    const run = await kareus([...ARGUMENTS, "--out", out("c"), "--json"]);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toEqual(frontierOf(out("a")));
    expect(run.stderr).toBe("");
  });

  test("--print-ir shows the graph on stderr under --json and changes nothing else", async () => {
    const run = await kareus([...ARGUMENTS, "--out", out("d"), "--json", "--print-ir"]);
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("/layers.0/self_attn/qkv_proj/MatMul");
    expect(JSON.parse(run.stdout)).toEqual(frontierOf(out("a")));
  });

  test("the default folder knows GPU and layout, and graph.kareus leads to the last", async () => {
    copyFileSync(MINI, join(folder, "graph.onnx"));
    const again = (...more: string[]) =>
      kareus(["optimize", "graph.onnx", ...ARGUMENTS.slice(2), ...more], folder);
    expect((await again()).status).toBe(0);
    const link = join(folder, "graph.kareus");
    const first = readlinkSync(link);
    expect(first).toMatch(/^graph\.a100-sxm4-40gb\.tp2-pp2.*\.kareus$/);
    expect(filesOf(link)).toEqual(filesOf(out("a")));
    expect((await again("--gpu", "h200")).status).toBe(0);
    expect(readlinkSync(link)).toContain("h200");
    expect(filesOf(join(folder, first))).toEqual(filesOf(out("a")));
    expect((await kareus(["select", link, "--knee"])).status).toBe(0);
  });

  test("what the graph does not have is warned of, and no part of the run", async () => {
    copyFileSync(MINI, join(folder, "unused.onnx"));
    const sizes = [
      "--bind",
      "heads=7,sequence=512,batch=3",
      "--group",
      "other=tp",
      "--expect",
      "y=3",
    ];
    const run = await kareus(["optimize", "unused.onnx", ...sizes, "--points", "2"], folder);
    expect(codes(run, "warning").sort()).toEqual(["KRS1202", "KRS1206", "KRS1306", "KRS1406"]);
    const link = join(folder, "unused.kareus");
    expect(readlinkSync(link)).toBe("unused.a100-sxm4-40gb.tp1-batch3-sequence512.kareus");
    const told = { bind: { batch: 3, sequence: 512 }, gpus_per_node: 8 };
    for (const file of ["frontier.json", "plans/000.json"])
      expect(JSON.parse(read(join(link, file))).told).toEqual(told);
  });

  test("results of another layout are not written over, but by --force", async () => {
    const over = (...more: string[]) =>
      kareus([...ARGUMENTS, "--out", out("over"), "--points", "3", ...more]);
    expect((await over()).status).toBe(0);
    const before = readFileSync(join(out("over"), "frontier.json"), "utf8");
    const other = await over("--pipeline", "gpipe");
    expectBadInput(other, "KRS3015");
    expect(other.stderr).toMatch(/pipeline 1f1b.*pipeline gpipe.*--out.*--force/s);
    expect(readFileSync(join(out("over"), "frontier.json"), "utf8")).toBe(before);
    const { told } = frontierOf(out("over"));
    expect(told).toMatchObject({ bind: { batch: 4, sequence: 512 }, dtype: "bf16" });
    for (const [flags, said] of [
      ["--bind batch=8,sequence=512 --dtype bf16", /batch 4; this run is batch 8/],
      [`${SIZES} --dtype fp32`, /dtype bf16; this run is dtype fp32/],
      [`${SIZES} --dtype bf16 --power-limit-w 300`, /a run without power_limit_w 300/],
      [`${SIZES} --dtype bf16 --static-power-w 99`, /static_power_w 85; .* static_power_w 99/],
      [`${SIZES} --dtype bf16 --control clocks`, /a run without control clocks/],
      [`${SIZES} --dtype bf16 --peak-power-w 1500`, /a run without peak_power_w 1500/],
      [`${SIZES} --dtype bf16 --freeze *norm*`, /a run without freeze/],
    ] as const) {
      const layout = ARGUMENTS.slice(ARGUMENTS.indexOf("--tp"));
      const other = ["optimize", MINI, ...flags.split(" "), ...layout, "--out", out("over")];
      const refused = await kareus(other);
      expectBadInput(refused, "KRS3015");
      expect(refused.stderr).toMatch(said);
    }
    expect(readFileSync(join(out("over"), "frontier.json"), "utf8")).toBe(before);
    // How widely is searched is no other run.
    expect((await over("--seed", "5")).status).toBe(0);
    expect((await over("--pipeline", "gpipe", "--force")).status).toBe(0);
    expect(frontierOf(out("over"))).toMatchObject({ parallelism: { pipeline: "gpipe" } });
  });

  test("two runs into one folder at once: one writes, the other says so", async () => {
    const first = kareus([...ARGUMENTS, "--out", out("both")]);
    const writer = join(out("both"), ".writer");
    while (!existsSync(writer) || readFileSync(writer, "utf8") === "") await setTimeout(5);
    const { pid } = JSON.parse(readFileSync(writer, "utf8"));
    // It waits, so that the other finds it at work however busy the machine is.
    process.kill(pid, "SIGSTOP");
    const other = await kareus([...ARGUMENTS, "--out", out("both")]);
    process.kill(pid, "SIGCONT");
    expect([other.status, (await first).status]).toEqual([2, 0]);
    expect(other.stderr).toMatch(/KRS0024 .*process \d+ writes there.*--out/s);
    expect(filesOf(out("both"))).toEqual(filesOf(out("a")));
  });

  test("a plan that needs more memory than a GPU has is no plan: what fits, or --allow-oversize", async () => {
    const small = ["--gpu", smallGpu(0.02)];
    const refused = await kareus([...ARGUMENTS, "--out", out("big"), ...small]);
    expect([refused.status, codes(refused, "error")]).toEqual([1, ["KRS1432"]]);
    expect(refused.stderr).toMatch(/these fit: .*--allow-oversize/);
    expect(existsSync(out("big"))).toBe(false);
    const told = /(--tp \d+) \(/.exec(refused.stderr)?.[1] ?? "";
    expect(
      (await kareus([...ARGUMENTS, "--out", out("fits"), ...small, ...told.split(" ")])).status,
    ).toBe(0);
    const planned = await kareus([...ARGUMENTS, "--out", out("big"), ...small, "--allow-oversize"]);
    expect([planned.status, codes(planned, "warning")]).toEqual([0, ["KRS1430"]]);
  });
});
