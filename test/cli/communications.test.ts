import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readDetails } from "../../src/plan/details.js";
import type { PlanFile } from "../../src/plan/plan.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { onnxModel } from "../support/onnx-builder.js";
import { planAt } from "../support/plans.js";
import { replay } from "../support/replay.js";

const folder = temporaryFolder();
const out = join(folder, "out");
/** Wide enough for compute to outlast communication. */
const WIDTH = 8192;

/** Layers of a product whose partial sums are added up and whose parts are then gathered. */
function twoCommunications(layers: number): Uint8Array {
  const collective = (op: string, from: string, to: string, group: string) => ({
    ...{ domain: "kareus", op, inputs: [from], outputs: [to] },
    attributes: { group, group_size: 2, axis: 2 },
  });
  const blocks = Array.from({ length: layers }, (_, i) => [
    { op: "MatMul", inputs: [`x${i}`, `w${i}`], outputs: [`h${i}`] },
    collective("AllReduce", `h${i}`, `a${i}`, "tp"),
    collective("AllGather", `a${i}`, `g${i}`, "cp"),
    { op: "Relu", inputs: [`g${i}`], outputs: [`x${i + 1}`] },
  ]);
  const weights = Array.from({ length: layers }, (_, i) => [`w${i}`, [WIDTH, WIDTH / 2]] as const);
  return onnxModel({
    inputs: { x0: ["batch", 512, WIDTH] },
    outputs: ["loss"],
    nodes: [
      ...blocks.flat(),
      { op: "ReduceMean", inputs: [`x${layers}`], outputs: ["loss"], attributes: { keepdims: 0 } },
    ],
    initializers: Object.fromEntries(weights),
    external: "weights.bin",
  });
}

let plans: readonly PlanFile[];
beforeAll(async () => {
  const graph = join(folder, "two.onnx");
  writeFileSync(graph, twoCommunications(3));
  const run = await kareus([
    ...["optimize", graph, "--bind", "batch=8", "--dtype", "bf16", "--tp", "2", "--cp", "2"],
    ...["--microbatches", "4", "--points", "8", "--out", out],
  ]);
  expect(codes(run, "error")).toEqual([]);
  expect(run.status).toBe(0);
  plans = readdirSync(join(out, "plans")).map((name) => planAt(join(out, "plans", name)));
});

test("two collectives that cannot become one share a partition and a stream", () => {
  const types = new Map(plans.flatMap(({ partitions }) => partitions).map((p) => [p.key, p]));
  const both = [...types.values()].filter(({ queued = [] }) => queued.length > 0);
  expect(both).not.toEqual([]);
  expect(both[0]).toMatchObject({
    communication: { kind: "all_reduce", group: "tp" },
    queued: [{ kind: "all_gather", group: "cp" }],
  });
  // Neither is a partition of its own.
  const forward = [...types.values()].filter(({ key }) => key.startsWith("forward."));
  expect(forward.filter(({ communication, queued }) => communication && !queued)).toEqual([]);
});

test("both are searched: some plan launches them beside compute, the second behind the first", () => {
  const configurations = plans.flatMap((plan) => plan.configurations);
  const queued = configurations.filter(({ queued_slots }) => queued_slots !== undefined);
  expect(queued.some(({ launch_slot }) => launch_slot !== null)).toBe(true);
  for (const { launch_slot, queued_slots } of queued) expect(queued_slots).toEqual([launch_slot]);
});

test("the report's details tell the two apart", () => {
  const file = join(out, "details.json");
  const details = readDetails(readFileSync(file, "utf8"), file);
  const both = details.partitions.filter(({ queued }) => queued !== undefined);
  expect(both).not.toEqual([]);
  for (const { runs } of both) {
    for (const { pieces } of runs) {
      const moving = pieces.flatMap(([, , which, moves]) => (moves ? [which] : []));
      // First the one, then the other.
      expect(moving).toEqual(moving.toSorted());
      expect(new Set(moving)).toEqual(new Set([0, 1]));
    }
  }
});

test("on the same GPU, a simulated plan costs what it costs", async () => {
  const [name = ""] = readdirSync(join(out, "plans"));
  const path = join(out, "plans", name);
  const run = await kareus(["simulate", path, "--gpu", "a100-sxm4-40gb", "--json"]);
  expect(run.status).toBe(0);
  const { plan, simulated } = JSON.parse(run.stdout);
  expect(simulated.time_s / plan.time_s).toBeCloseTo(1, 3);
  expect(simulated.energy_j / plan.energy_j).toBeCloseTo(1, 3);
});

test("plans give their points again", () => {
  expect(plans.length).toBeGreaterThan(1);
  for (const plan of plans) {
    const { time_s, energy_j } = replay(plan);
    expect(time_s / plan.point.time_s).toBeCloseTo(1, 9);
    expect(energy_j / plan.point.energy_j).toBeCloseTo(1, 9);
  }
});
