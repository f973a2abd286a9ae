import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fakeGpu } from "../../test/support/fake-gpu.js";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import { forkRng } from "../base/rng.js";
import { modelledOracle } from "../cost/index.js";
import { loadDevice } from "../gpu/device.js";
import type { PartitionType } from "../ir/partition.js";
import { type Evaluator, inlineEvaluator } from "./evaluator.js";
import { openJournal } from "./journal.js";
import { searchPartitions } from "./search.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const LARGE = Array.from({ length: 90 }, () => layer.forward_attention).flat();
const partitions = [540, 534].map((length, i) =>
  partitionOf(`forward.${i}`, LARGE.slice(0, length), layer.reduced_bytes),
);

const scratch = mkdtempSync(join(tmpdir(), "kareus-resume-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const file = join(scratch, "measurements.jsonl");

async function search(types: readonly PartitionType[], evaluator: Evaluator, resume: boolean) {
  const graph = { name: "g", sha256: "0".repeat(64) };
  const run = { graph, costs: { device, measurements: NO_MEASUREMENTS }, windows: null, seed: 0 };
  const journal = openJournal({ file, tool: "kareus 0", resume }, run, () => {});
  const { static_power_w } = device;
  const options = { seed: 0, budget: 56, static_power_w, journal };
  const found = await searchPartitions(types, device, evaluator, options);
  journal.close();
  return found;
}

/** The journal's first bytes, as a kill would leave them; how many records are whole. */
function cut(text: string, share: number): number {
  const kept = text.slice(0, Math.floor(share * text.length));
  writeFileSync(file, kept);
  return Math.max(0, kept.split("\n").length - 2);
}

describe("a search by budget, cut off anywhere", () => {
  test("goes on to the same evaluations and the same journal", async () => {
    const modelled = inlineEvaluator(modelledOracle(device));
    const whole = await search(partitions, modelled, false);
    const text = readFileSync(file, "utf8");
    for (const share of [0.55, 0.999]) {
      cut(text, share);
      expect(await search(partitions, modelled, true)).toEqual(whole);
      expect(readFileSync(file, "utf8")).toBe(text);
    }
  });

  test("never measures again what is recorded", async () => {
    const types = [partitionOf("forward.b", layer.forward_attention, layer.reduced_bytes)];
    const first = fakeGpu(device, forkRng(0, "gpu"));
    const whole = await search(types, first, false);
    const text = readFileSync(file, "utf8");
    for (const share of [0.4, 0.8]) {
      const recorded = cut(text, share);
      const gpu = fakeGpu(device, forkRng(1, "gpu"));
      const found = await search(types, gpu, true);
      expect(gpu.measured.length).toBe((found.outcomes[0]?.evaluated ?? 0) - recorded);
      const known = first.measured.slice(0, recorded).map((each) => JSON.stringify(each));
      for (const each of gpu.measured) expect(known).not.toContain(JSON.stringify(each));
    }
    cut(text, 1);
    const idle = fakeGpu(device, forkRng(1, "gpu"));
    expect(await search(types, idle, true)).toEqual(whole);
    expect(idle.measured).toEqual([]);
  });
});
