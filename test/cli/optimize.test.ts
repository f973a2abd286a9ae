import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import type { PlanFile } from "../../src/plan/plan.js";
import { readProfile } from "../../src/profile/reader.js";
import { expectBadInput } from "../support/bad-input.js";
import { type CliRun, codes, kareus, temporaryFolder } from "../support/cli.js";
import { originalName } from "../support/derived-names.js";
import { namesOf } from "../support/onnx-reader.js";
import { ROOT } from "../support/paths.js";
import { planAt } from "../support/plans.js";
import { documentedOrder, replay } from "../support/replay.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const [STAGES, MICROBATCHES] = [2, 4];
const SIZES = "--bind batch=4,sequence=512";
const ARGUMENTS = [
  ...["optimize", MINI, ...SIZES.split(" "), "--dtype", "bf16"],
  ...["--tp", "2", "--pp", String(STAGES), "--microbatches", String(MICROBATCHES)],
  ...["--recompute", "full", "--points", "12"],
];

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}
interface FrontierPoint extends Point {
  readonly id: number;
  readonly lower_bound_j: number;
  readonly average_power_w: number;
  readonly plan: string;
}
interface Frontier {
  readonly told?: unknown;
  readonly energy_optimal_time_s: number;
  readonly costs: Readonly<Record<string, number>>;
  readonly baselines: readonly { readonly name: string; readonly points: readonly Point[] }[];
  readonly points: readonly FrontierPoint[];
}
const folder = temporaryFolder();
const out = (name: string) => join(folder, name);
const read = (path: string) => readFileSync(path, "utf8");
const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
const frontierOf = (dir: string): Frontier => JSON.parse(read(join(dir, "frontier.json")));
const plansOf = (dir: string): PlanFile[] =>
  frontierOf(dir).points.map((point) => planAt(join(dir, point.plan)));

/** Relative, because sums are added up in another order. */
function expectClose(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
}

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

describe("frontier.json", () => {
  test("says what was run", () => {
    expect(frontierOf(out("a"))).toMatchObject({
      format: "kareus-frontier",
      version: 1,
      graph: { sha256: createHash("sha256").update(readFileSync(MINI)).digest("hex") },
      gpu: "a100-sxm4-40gb",
      seed: 0,
      parallelism: {
        ...{ tp: 2, cp: 1, ep: 1, pp: STAGES, dp: 1, microbatches: MICROBATCHES },
        ...{ pipeline: "1f1b", chunks: 1, recompute: "full" },
      },
    });
  });

  test("points ascend in time, strictly descend in energy and never beat their bound", () => {
    const { points } = frontierOf(out("a"));
    expect(points.length).toBeGreaterThan(1);
    expect(points.length).toBeLessThanOrEqual(12);
    expect(points.map((point) => point.id)).toEqual(points.map((_, index) => index));
    points.forEach((point, index) => {
      const next = points[index + 1];
      if (next) expect(next.time_s).toBeGreaterThan(point.time_s);
      if (next) expect(next.energy_j).toBeLessThan(point.energy_j);
      expect(point.energy_j).toBeGreaterThanOrEqual(point.lower_bound_j * (1 - 1e-9));
      expect(point.lower_bound_j).toBeGreaterThan(0);
      expectClose(point.average_power_w, point.energy_j / point.time_s);
    });
  });

  test("holds the three baselines, and beats or meets each", () => {
    const { baselines, points } = frontierOf(out("a"));
    expect(baselines.map((baseline) => baseline.name)).toEqual([
      "sequential-max-clock",
      "sequential-frequency",
      "nanobatch-frequency",
    ]);
    expect(baselines[0]?.points.length).toBe(1);
    const fastest = points[0]?.time_s ?? Number.POSITIVE_INFINITY;
    const cheapest = points.at(-1)?.energy_j ?? Number.POSITIVE_INFINITY;
    for (const baseline of baselines) {
      expect(baseline.points.length).toBeGreaterThan(0);
      expect(fastest).toBeLessThanOrEqual((baseline.points[0]?.time_s ?? 0) * (1 + 1e-9));
      const least = Math.min(...baseline.points.map((point) => point.energy_j));
      expect(cheapest).toBeLessThanOrEqual(least * (1 + 1e-9));
      // No point lies above what a baseline reaches as soon.
      for (const point of points) {
        const inTime = baseline.points.filter(({ time_s }) => time_s <= point.time_s);
        const reached = Math.min(...inTime.map(({ energy_j }) => energy_j));
        expect(point.energy_j).toBeLessThanOrEqual(reached * (1 + 1e-9));
      }
    }
  });

  test("counts every evaluation as modelled", () => {
    const { costs } = frontierOf(out("a"));
    const [, ...records] = read(join(out("a"), "measurements.jsonl"))
      .trim()
      .split("\n");
    expect(costs).toEqual({
      ...{ measured: 0, interpolated: 0, extrapolated: 0, profiles: [] },
      modelled: records.length,
    });
  });
});

describe("plans", () => {
  test("replayed by the documented rules, each gives its point again", () => {
    const { points } = frontierOf(out("a"));
    plansOf(out("a")).forEach((plan, index) => {
      const { time_s, energy_j } = replay(plan);
      expect(plan.point.id).toBe(points[index]?.id);
      for (const claim of [plan.point, points[index]]) {
        expectClose(claim?.time_s ?? 0, time_s);
        expectClose(claim?.energy_j ?? 0, energy_j);
      }
    });
  });

  test("hold every instruction once, in 1F1B order, none before what it waits for", () => {
    for (const plan of plansOf(out("a"))) {
      const { starts } = replay(plan);
      const shape = { pipeline: "1f1b", stages: STAGES, microbatches: MICROBATCHES, chunks: 1 };
      expect(plan.stages.length).toBe(STAGES);
      plan.stages.forEach(({ stage, instructions }, index) => {
        expect(stage).toBe(index);
        const [pipeline, tail] = [
          instructions.filter((instruction) => instruction.kind !== "tail"),
          instructions.filter((instruction) => instruction.kind === "tail"),
        ];
        const spelled = pipeline.map((i) => `${i.kind} ${i.microbatch} ${i.chunk}`);
        expect(spelled).toEqual(documentedOrder(shape, index));
        expect(instructions.slice(pipeline.length)).toEqual(tail);
        instructions.forEach(({ start_s, time_s }, position) => {
          expect(time_s).toBeGreaterThan(0);
          expect(start_s).toBeGreaterThanOrEqual((starts[index]?.[position] ?? 0) * (1 - 1e-9));
        });
      });
    }
  });

  test("name nodes of the graph, slots of the partition and clocks of the GPU", () => {
    const names = namesOf(MINI).add("optimizer");
    for (const plan of plansOf(out("a"))) {
      const partitions = new Map(plan.partitions.map((partition) => [partition.key, partition]));
      expect(plan.partitions.flatMap(({ slots }) => slots).length).toBeGreaterThan(0);
      for (const { key, slots } of plan.partitions) {
        expect(key).toMatch(/^(forward|backward)\.[0-9a-f]{12}$/);
        for (const slot of slots) {
          expect(slot.name).toMatch(/^(norm|linear|rope|attn|activation|conv|gather|other)_\d+$/);
          for (const node of slot.nodes) expect(originalName(node, names), node).not.toBeNull();
        }
      }
      for (const { partition, launch_slot, sms } of plan.configurations) {
        const slots = partitions.get(partition)?.slots.map(({ name }) => name) ?? [];
        expect([...slots, null]).toContain(launch_slot);
        expect(sms).toBeLessThanOrEqual(108);
      }
      for (const { freq_mhz } of plan.stages.flatMap(({ instructions }) => instructions)) {
        expect((freq_mhz - 210) % 15).toBe(0);
        expect(freq_mhz).toBeLessThanOrEqual(1410);
      }
    }
  });

  test("of eager kernels name the node and the piece of it", async () => {
    const flags = ["--execution", "eager", "--points", "2", "--out", out("eager")];
    expect((await kareus([...ARGUMENTS, ...flags])).status).toBe(0);
    const names = namesOf(MINI).add("optimizer");
    const partitions = plansOf(out("eager")).flatMap((plan) => plan.partitions);
    const nodes = partitions.flatMap(({ slots }) => slots.flatMap((slot) => slot.nodes));
    for (const node of nodes) expect(originalName(node, names), node).not.toBeNull();
    expect(nodes).toContain("/norm/Pow/dgrad/from_float32");
    expect(originalName("/norm/Pow/dgrad/from_float32", names)).toBe("/norm/Pow");
    expect(originalName("/norm/Pow/dgrad/from_nowhere", names)).toBeNull();
  });

  test("cover every layer with every nanobatch, forward and backward", () => {
    const [plan] = plansOf(out("a"));
    for (const { stage, instructions } of plan?.stages ?? []) {
      for (const { kind, execution, use } of instructions) {
        if (kind === "tail") continue;
        const wanted = execution === "nanobatched" ? [0, 1] : [null];
        for (const nanobatch of wanted) {
          const layers = use.filter((u) => u.nanobatch === nanobatch).flatMap((u) => u.layers);
          expect([...new Set(layers)]).toEqual([stage]);
        }
      }
    }
  });
});

describe("measurements.jsonl", () => {
  test("is a profile: a header, then one modelled partition record a line", () => {
    const file = join(out("a"), "measurements.jsonl");
    const lines = read(file).split("\n");
    expect(lines.pop()).toBe("");
    const [header, ...records] = lines.map((line) => JSON.parse(line));
    // Our own strict reader takes every line as it is.
    const warnings: Diagnostic[] = [];
    const profile = readProfile(file, (diagnostic) => warnings.push(diagnostic));
    expect(warnings).toEqual([]);
    expect(profile).toEqual({ header, records });
    expect(header).toMatchObject({ format: "kareus-profile", version: 1, gpu: "a100-sxm4-40gb" });
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      expect(record).toMatchObject({
        partition: expect.stringMatching(/^(forward|backward)\.[0-9a-f]{12}$/),
        source: "modelled",
        freq_mhz: expect.any(Number),
        sms: expect.any(Number),
      });
      expect(record.time_s).toBeGreaterThan(0);
      expect(record.energy_j).toBeGreaterThan(0);
    }
    const keys = records.map((r) =>
      JSON.stringify([r.partition, r.freq_mhz, r.launch_slot, r.sms, r.order]),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("details.json", () => {
  interface Run {
    readonly freq_mhz: number;
    readonly launch_slot: string | null;
    readonly sms: number;
    readonly order: readonly number[] | null;
    readonly time_s: number;
    readonly energy_j: number;
    readonly bandwidth_bytes_per_s: number;
    readonly pieces: readonly (readonly [number, unknown, unknown, boolean, number, number])[];
  }
  interface Details {
    readonly constants: readonly { readonly source: string }[];
    readonly partitions: readonly { readonly key: string; readonly runs: readonly Run[] }[];
  }
  const details = (): Details => JSON.parse(read(join(out("a"), "details.json")));

  test("tells every run that a plan makes, and each adds up to what it costs", () => {
    const settingOf = (partition: string, run: Omit<Run, "pieces">) =>
      JSON.stringify([partition, run.freq_mhz, run.launch_slot, run.sms, run.order]);
    const { records } = readProfile(join(out("a"), "measurements.jsonl"), () => {});
    const costs = new Map(
      records.flatMap((record) =>
        record.record === "partition"
          ? [[settingOf(record.partition, record as unknown as Run), record] as const]
          : [],
      ),
    );
    const runs = details().partitions.flatMap(({ key, runs }) =>
      runs.map((run) => [key, run] as const),
    );
    for (const [key, run] of runs) {
      const cost = costs.get(settingOf(key, run));
      expect([run.time_s, run.energy_j]).toEqual([cost?.time_s, cost?.energy_j]);
      let [now_s, spent_j] = [0, 0];
      for (const [end_s, , , , bytes_per_s, power_w] of run.pieces) {
        spent_j += (end_s - now_s) * power_w;
        now_s = end_s;
        expect(bytes_per_s).toBeLessThanOrEqual(run.bandwidth_bytes_per_s * 1.00001);
      }
      expect(now_s / run.time_s).toBeCloseTo(1, 4);
      expect(spent_j / run.energy_j).toBeCloseTo(1, 3);
    }
    const told = new Set(runs.map(([key, run]) => settingOf(key, run)));
    for (const { configurations, stages } of plansOf(out("a"))) {
      const uses = stages.flatMap(({ instructions }) =>
        instructions.flatMap(({ freq_mhz, use }) => use.map((each) => ({ freq_mhz, ...each }))),
      );
      for (const { freq_mhz, configuration } of uses) {
        const chosen = configurations[configuration] as unknown as Run & { partition: string };
        expect(told).toContain(settingOf(chosen.partition, { ...chosen, freq_mhz }));
      }
    }
  });

  test("names the source of every constant", () => {
    const { constants } = details();
    expect(constants.length).toBeGreaterThan(20);
    for (const { source } of constants) expect(source).not.toBe("");
  });
});
