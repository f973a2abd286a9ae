import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { kernelGraph, linear, trainedBy } from "../../test/support/kernel-graph.js";
import { EXAMPLE, type LoweredFile, lowerFile, QWEN } from "../../test/support/lowering.js";
import { ONE_GPU } from "../../test/support/one-gpu.js";
import { ROOT } from "../../test/support/paths.js";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { present } from "../base/need.js";
import { type PipelineName, RECOMPUTES } from "../ir/choices.js";
import { checkMemory, stageMemory } from "./memory.js";

/** Four stages of one layer each; forward keeps 100 bytes. */
const FOUR = kernelGraph(
  [0, 1, 2, 3].flatMap((stage) => [
    linear(`f${stage}`, 8, { stage, layer: stage, saved_bytes: 100 }),
    linear(`b${stage}`, 8, { stage, layer: stage, direction: "backward", released_bytes: 100 }),
  ]),
  { stages: 4, parameters: trainedBy([1000, 0, 0, 0]) },
);
const layout = (pipeline: PipelineName, microbatches = 8) => ({
  ...ONE_GPU,
  pipeline,
  microbatches,
});
const activations = (pipeline: PipelineName, microbatches = 8) =>
  stageMemory(FOUR, layout(pipeline, microbatches)).map((stage) => stage.activations_bytes);

describe("peak memory", () => {
  it("counts the microbatches in flight of each schedule", () => {
    expect(activations("1f1b")).toEqual([400, 300, 200, 100]);
    expect(activations("1f1b", 2)).toEqual([200, 200, 200, 100]);
    expect(activations("gpipe")).toEqual([800, 800, 800, 800]);
  });

  it("holds weights, float32 gradients and Adam's states, shared under ZeRO-1", () => {
    const at = (options: Partial<typeof ONE_GPU>) =>
      stageMemory(FOUR, { ...layout("1f1b"), ...options })[0];
    const [whole, shared] = [at({ dp: 4, zero: 0 }), at({ dp: 4, zero: 1 })];
    const held = { weights_bytes: 2000, gradients_bytes: 4000, activations_bytes: 400 };
    expect(whole).toEqual({ ...held, optimizer_bytes: 12000, peak_bytes: 18400 });
    expect(shared).toEqual({ ...held, optimizer_bytes: 3000, peak_bytes: 9400 });
    expect(at({ dp: 4, zero: 2 })).toMatchObject({ gradients_bytes: 1000, weights_bytes: 2000 });
    expect(at({ dp: 4, zero: 3 })).toMatchObject({ gradients_bytes: 1000, weights_bytes: 500 });
  });

  it("adds what kernels work on to what is still saved, where both together are most", () => {
    const backward = { direction: "backward" } as const;
    const graph = kernelGraph(
      [
        linear("f0", 8, { saved_bytes: 60, working_bytes: 10 }),
        linear("f1", 8, { saved_bytes: 40, working_bytes: 20 }),
        linear("b1", 8, { ...backward, released_bytes: 40, working_bytes: 50 }),
        linear("b0", 8, { ...backward, released_bytes: 60, working_bytes: 80 }),
      ],
      { parameters: trainedBy([0]) },
    );
    // 100 saved and 50 at work beside them; then 60 and 80.
    expect(stageMemory(graph, layout("1f1b", 1))[0]?.activations_bytes).toBe(150);
    // Weight gradients still read what input gradients are done with.
    expect(stageMemory(graph, layout("zb-h1", 1))[0]?.activations_bytes).toBe(180);
  });

  it("names what would help: sharing states, then keeping less, then more GPUs", () => {
    const memory = stageMemory(FOUR, { ...layout("gpipe"), dp: 2, zero: 0 });
    const gpipe = { ...layout("gpipe"), dp: 2, zero: 0, tp: 2 } as const;
    const hints = (available_bytes: number, options: Parameters<typeof checkMemory>[2] = gpipe) => {
      const found: Diagnostic[] = [];
      checkMemory(memory, available_bytes, options, (diagnostic) => found.push(diagnostic));
      return found.map(({ code, where, hint }) => [code, where, hint]);
    };
    const [[code, where, hint = ""] = []] = hints(18200);
    expect([code, where]).toEqual(["KRS1430", "stage 0"]);
    expect(
      hint
        .replace(/^use /, "")
        .split(", or ")
        .map((remedy) => remedy.split(" ")[0]),
    ).toEqual([
      ...["--zero", "--zero", "--pipeline", "--sequence-parallel", "--recompute", "a", "more"],
    ]);
    expect(hints(1000, { ...gpipe, zero: 3 })).toEqual([
      ["KRS1430", "stage 0", "use more --tp or --pp"],
    ]);
    expect(hints(Math.max(...memory.map(({ peak_bytes }) => peak_bytes)))).toEqual([]);
  });
});

describe("activations of the decoder", () => {
  const sizes = { batch: 2, sequence: 1024 };
  let plain: LoweredFile;
  let recomputed: LoweredFile;
  beforeAll(async () => {
    plain = await lowerFile(EXAMPLE, sizes);
    recomputed = await lowerFile(EXAMPLE, sizes, { recompute: "full" });
  });
  const ofLayer = ({ kernels }: LoweredFile, direction: string) =>
    kernels.kernels
      .filter((kernel) => kernel.layer === 5 && kernel.direction === direction)
      .reduce((sum, { saved_bytes }) => sum + saved_bytes, 0);

  it("of one layer are the operands of its gradients, two bytes each", () => {
    const [tokens, hidden, query, key, wide] = [2 * 1024, 3072, 24 * 128, 8 * 128, 8192];
    // Inputs of both norms and what they make, the fused projection (values are a view of it), the
    // rotated queries and keys, attention's output; gate and up, and what the last linear reads.
    const attention = query + 2 * key + (query + key) + query;
    const elements = 4 * hidden + attention + 3 * wide;
    expect(ofLayer(plain, "forward")).toBe(2 * tokens * elements);
  });

  it("are the layer's input alone where it runs again, and come back while it does", () => {
    expect(ofLayer(recomputed, "forward")).toBe(2 * 2 * 1024 * 3072);
    const again = recomputed.kernels.kernels.filter(({ layer }) => layer === 5);
    const most = Math.max(...again.map(({ working_bytes }) => working_bytes));
    expect(most).toBeGreaterThan(ofLayer(plain, "forward") * 0.8);
  });
});

/** One H200 training bundled models in bfloat16 with PyTorch, as recorded. */
const MEASURED = join(ROOT, "../shared/data/h200/training.csv");

describe.skipIf(!existsSync(MEASURED))("against what PyTorch allocated at most", () => {
  const rows = existsSync(MEASURED) ? readFileSync(MEASURED, "utf8").trim().split("\n") : [];
  const [names = "", ...values] = rows;
  const runs = values.map((row) => {
    const cells = row.split(",");
    return Object.fromEntries(names.split(",").map((name, i) => [name, cells[i]]));
  });
  it.each(runs)("$model $execution $batch x $sequence, $recompute", async (run) => {
    const file = run.model === "llama-3.2-3b" ? EXAMPLE : QWEN;
    const sizes = { batch: Number(run.batch), sequence: Number(run.sequence) };
    const recompute = present(
      RECOMPUTES.find((each) => each === run.recompute),
      "choice",
    );
    const { kernels } = await lowerFile(file, sizes, { recompute });
    const job = { ...layout("1f1b", Number(run.microbatches)), recompute, optimizer: "adamw-bf16" };
    const [stage] = stageMemory(kernels, job as Parameters<typeof stageMemory>[1]);
    const ratio = Number(stage?.peak_bytes) / (1e9 * Number(run.peak_memory_gb));
    expect(Math.abs(ratio - 1)).toBeLessThan(0.15);
  });
});
