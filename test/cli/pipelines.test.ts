import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PlanFile, PlanInstruction } from "../../src/plan/plan.js";
import { simulatePlan } from "../../src/simulate/simulate.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { costedPlanAt } from "../support/plans.js";
import { documentedOrder, replay } from "../support/replay.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const folder = temporaryFolder();

const LAYOUTS = [
  { pipeline: "1f1b", stages: 1, chunks: 1, dp: 4 },
  { pipeline: "gpipe", stages: 2, chunks: 1, dp: 1 },
  { pipeline: "zb-h1", stages: 2, chunks: 1, dp: 2 },
  { pipeline: "interleaved-1f1b", stages: 1, chunks: 2, dp: 4 },
];

/** Bytes that instructions of a plan move between replicas by one kind of collective. */
function movedBytes(
  plan: PlanFile,
  instructions: readonly PlanInstruction[],
  kind: string,
): number {
  const partitions = new Map(plan.partitions.map((each) => [each.key, each]));
  const ofConfiguration = new Map(
    plan.configurations.map(({ id, partition }) => [id, partitions.get(partition)]),
  );
  return instructions
    .flatMap(({ use }) => use)
    .reduce((sum, { configuration, layers }) => {
      const { communication = null, queued = [] } = ofConfiguration.get(configuration) ?? {};
      const moved = [...(communication === null ? [] : [communication]), ...queued];
      const own = moved.filter((each) => each.kind === kind && each.group === "dp");
      const bytes = own.reduce((total, { size_bytes }) => total + size_bytes, 0);
      return sum + bytes * Math.max(1, layers.length);
    }, 0);
}

describe.concurrent.each(LAYOUTS)(
  "optimize under $pipeline, dp $dp",
  ({ pipeline, stages, chunks, dp }) => {
    test("plans run in the documented order and replay to their points", async () => {
      const out = join(folder, pipeline);
      const run = await kareus([
        ...["optimize", MINI, "--bind", "batch=4,sequence=512", "--dtype", "bf16", "--tp", "2"],
        ...["--pp", String(stages), "--chunks", String(chunks), "--pipeline", pipeline],
        ...["--microbatches", "4", "--recompute", "full", "--points", "6", "--out", out],
        ...["--transfer-s", "0.0002", "--dp", String(dp)],
      ]);
      expect(codes(run, "error")).toEqual([]);
      expect(run.status).toBe(0);
      const plans = readdirSync(join(out, "plans"));
      expect(plans.length).toBeGreaterThan(1);
      for (const name of plans) {
        const plan = costedPlanAt(join(out, "plans", name));
        expect(plan.transfer_s).toBe(0.0002);
        const { time_s, energy_j } = replay(plan);
        expect(time_s / plan.point.time_s).toBeCloseTo(1, 9);
        expect(energy_j / plan.point.energy_j).toBeCloseTo(1, 9);
        for (const { stage, instructions } of plan.stages) {
          const spelled = instructions
            .filter(({ kind }) => kind !== "tail")
            .map((i) => [i.kind, i.microbatch, i.chunk].join(" "));
          expect(spelled).toEqual(
            documentedOrder({ pipeline, stages, chunks, microbatches: 4 }, stage),
          );
          // Float32 gradients are summed once, as many as bfloat16 weights come back.
          const summed = movedBytes(plan, instructions, "reduce_scatter");
          const gathered = movedBytes(plan, instructions, "all_gather");
          expect([summed, gathered > 0]).toEqual([2 * gathered, dp > 1]);
          const before = instructions.slice(0, -1);
          if (dp > 1) expect(movedBytes(plan, before, "reduce_scatter")).toBeGreaterThan(0);
          const earlier = before.filter(({ microbatch }) => Number(microbatch) < 3);
          expect(movedBytes(plan, earlier, "reduce_scatter")).toBe(0);
          // However many microbatches there are, the last one has the sums beside it.
          for (const microbatches of [1, 8]) {
            const conditions = { stragglers: new Map(), switch_time_s: null, recosted: false };
            const other = simulatePlan(plan, { ...conditions, microbatches }).stages[stage];
            expect(movedBytes(plan, other?.instructions ?? [], "reduce_scatter")).toBe(summed);
          }
        }
      }
    });
  },
);

test.concurrent.each(["zb-h1", "zb-2p", "zb-v"])(
  "%s runs every gradient of every part",
  async (pipeline) => {
    const out = join(folder, `whole-${pipeline}`);
    const chunks = pipeline === "zb-v" ? 2 : 1;
    const run = await kareus([
      ...["optimize", MINI, "--bind", "batch=4,sequence=512", "--points", "2", "--out", out],
      ...["--pipeline", pipeline, "--chunks", String(chunks), "--microbatches", "4"],
    ]);
    expect([run.status, run.stderr]).toEqual([0, ""]);
    const { stages } = costedPlanAt(join(out, "plans", "000.json"));
    const count = (wanted: string) =>
      stages.flatMap(({ instructions }) => instructions).filter(({ kind }) => kind === wanted)
        .length;
    const kinds = ["forward", "input_gradient", "weight_gradient", "backward"];
    expect(kinds.map(count)).toEqual([4 * chunks, 4 * chunks, 4 * chunks, 0]);
  },
);

test.concurrent("dualpipe-v splits some backwards, and sums gradients once", async () => {
  const out = join(folder, "dual");
  const run = await kareus([
    ...["optimize", MINI, "--bind", "batch=4,sequence=512", "--points", "2", "--out", out],
    ...["--pipeline", "dualpipe-v", "--chunks", "2", "--microbatches", "4"],
    ...["--dp", "4", "--dtype", "bf16"],
  ]);
  expect([run.status, codes(run, "error")]).toEqual([0, []]);
  const plan = costedPlanAt(join(out, "plans", "000.json"));
  const conditions = { stragglers: new Map(), switch_time_s: null, recosted: false };
  for (const microbatches of [4, 3, 8]) {
    const [stage] = simulatePlan(plan, { ...conditions, microbatches }).stages;
    const instructions = stage?.instructions ?? [];
    const [f, b, i, w] = ["forward", "backward", "input_gradient", "weight_gradient"].map(
      (wanted) => instructions.filter(({ kind }) => kind === wanted).length,
    );
    expect([f, Number(b) + Number(i), w]).toEqual([2 * microbatches, 2 * microbatches, i]);
    expect(Math.min(Number(b), Number(i))).toBeGreaterThan(0);
    const gathered = movedBytes(plan, instructions, "all_gather");
    expect(movedBytes(plan, instructions, "reduce_scatter")).toBe(2 * gathered);
    expect(gathered).toBeGreaterThan(0);
  }
});
