import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { documentedOrder, replay } from "../support/replay.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const folder = temporaryFolder();

const LAYOUTS = [
  { pipeline: "gpipe", stages: 2, chunks: 1 },
  { pipeline: "zb-h1", stages: 2, chunks: 1 },
  { pipeline: "interleaved-1f1b", stages: 1, chunks: 2 },
];

describe.concurrent.each(LAYOUTS)("optimize under $pipeline", ({ pipeline, stages, chunks }) => {
  test("plans run in the documented order and replay to their points", async () => {
    const out = join(folder, pipeline);
    const run = await kareus([
      ...["optimize", MINI, "--bind", "batch=4,sequence=512", "--dtype", "bf16", "--tp", "2"],
      ...["--pp", String(stages), "--chunks", String(chunks), "--pipeline", pipeline],
      ...["--microbatches", "4", "--recompute", "full", "--points", "6", "--out", out],
      ...["--transfer-s", "0.0002"],
    ]);
    expect(codes(run, "error")).toEqual([]);
    expect(run.status).toBe(0);
    const plans = readdirSync(join(out, "plans"));
    expect(plans.length).toBeGreaterThan(1);
    for (const name of plans) {
      const plan = JSON.parse(readFileSync(join(out, "plans", name), "utf8"));
      expect(plan.transfer_s).toBe(0.0002);
      const { time_s, energy_j } = replay(plan);
      expect(time_s / plan.point.time_s).toBeCloseTo(1, 9);
      expect(energy_j / plan.point.energy_j).toBeCloseTo(1, 9);
      for (const { stage, instructions } of plan.stages) {
        const spelled: string[] = instructions
          .filter(({ kind }: { kind: string }) => kind !== "tail")
          .map((i: { kind: string; microbatch: number; chunk: number }) =>
            [i.kind, i.microbatch, i.chunk].join(" "),
          );
        expect(spelled).toEqual(
          documentedOrder({ pipeline, stages, chunks, microbatches: 4 }, stage),
        );
      }
    }
  });
});
