import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import type { Diagnostic, Report } from "../base/diagnostics/diagnostic.js";
import { modelledOracle } from "../cost/index.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration } from "../ir/configuration.js";
import { type Batch, type Evaluator, inlineEvaluator } from "./evaluator.js";
import { NO_JOURNAL, openJournal } from "./journal.js";
import { openLedger } from "./ledger.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const [a, b] = ["forward.a", "forward.b"].map((key) =>
  partitionOf(key, layer.forward_attention, layer.reduced_bytes),
) as [Batch["partition"], Batch["partition"]];
const clocks = (count: number): Configuration[] =>
  device.searched_clocks_mhz
    .slice(0, count)
    .map((freq_mhz) => ({ freq_mhz, launch_slot: null, sms: 24 }));
const batches: Batch[] = [
  { partition: a, configurations: clocks(5) },
  { partition: b, configurations: clocks(3) },
];

const scratch = mkdtempSync(join(tmpdir(), "kareus-ledger-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const file = join(scratch, "measurements.jsonl");
const costs = { device, measurements: NO_MEASUREMENTS };
const run = { graph: { name: "g", sha256: "0".repeat(64) }, costs, windows: null, seed: 0 };
const unexpected = ({ code }: Diagnostic) => {
  throw new Error(`unexpected ${code}`);
};

const oracle = modelledOracle(device);

/** Answers batches of two, `parallel` at a time, late ones first; counts what it was asked. */
function slow(parallel: number): Evaluator & { asked: () => number } {
  let asked = 0;
  return {
    ...inlineEvaluator(oracle),
    ...{ batch: 2, parallel, asked: () => asked },
    evaluate: async ({ partition, configurations }) => {
      asked += configurations.length;
      await new Promise((resume) => setTimeout(resume, 20 - 2 * asked));
      return configurations.map((configuration) => oracle.cost(partition, configuration));
    },
  };
}

/** Evaluates the batches with a journal on `file`; what was found and what the evaluator was asked. */
async function evaluated(resume: boolean, parallel = 1, report: Report = unexpected) {
  const journal = openJournal({ file, tool: "kareus 0", resume }, run, report);
  const evaluator = slow(parallel);
  const found = await openLedger({ evaluator, journal }).evaluate(batches);
  journal.close();
  return { found, asked: evaluator.asked() };
}

describe("the ledger", () => {
  test("answers in the order of the question and records in that order too", async () => {
    const { found, asked } = await evaluated(false);
    expect(asked).toBe(8);
    expect(
      found.map((each) => each.map(({ partition, freq_mhz }) => [partition, freq_mhz])),
    ).toEqual(
      batches.map(({ partition, configurations }) =>
        configurations.map(({ freq_mhz }) => [partition.key, freq_mhz]),
      ),
    );
    const text = readFileSync(file, "utf8");
    const parallel = await evaluated(false, 4);
    expect(parallel.found).toEqual(found);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("cut off at any byte, it goes on to the same answer and the same file", async () => {
    const { found } = await evaluated(false);
    const whole = readFileSync(file);
    for (let cut = 0; cut < whole.length; cut += 61) {
      writeFileSync(file, whole);
      truncateSync(file, cut);
      const lines = whole.subarray(0, cut).toString().split("\n").length - 1;
      const torn = cut > 0 && whole[cut - 1] !== 10 && lines > 0;
      const codes: string[] = [];
      const resumed = await evaluated(true, 3, ({ code }) => codes.push(code));
      expect(codes).toEqual(torn ? ["KRS2012"] : []);
      expect(resumed).toEqual({ found, asked: 8 - Math.max(0, lines - 1) });
      expect(readFileSync(file).equals(whole)).toBe(true);
    }
  });

  test("a configuration recorded twice is two trials, taken in order", async () => {
    const twice: Batch[] = [{ partition: a, configurations: [...clocks(1), ...clocks(1)] }];
    let trial = 0;
    const noisy: Evaluator = {
      ...inlineEvaluator(oracle),
      evaluate: async ({ configurations }) =>
        configurations.map(() => ({ time_s: ++trial, energy_j: 1, source: "measured" as const })),
    };
    const ask = async (resume: boolean) => {
      const journal = openJournal({ file, tool: "kareus 0", resume }, run, unexpected);
      const [found = []] = await openLedger({ evaluator: noisy, journal }).evaluate(twice);
      journal.close();
      return found.map(({ time_s }) => time_s);
    };
    expect(await ask(false)).toEqual([1, 2]);
    expect(await ask(true)).toEqual([1, 2]);
    expect(trial).toBe(2);
  });

  test("a journal of another graph, device, seed or version is refused and left alone", () => {
    openJournal({ file, tool: "kareus 0", resume: false }, run, unexpected).close();
    const text = readFileSync(file, "utf8");
    const resume = (change: object, tool = "kareus 0") =>
      openJournal({ file, tool, resume: true }, { ...run, ...change }, unexpected).close();
    expect(() => resume({})).not.toThrow();
    for (const change of [
      { graph: { ...run.graph, sha256: "1".repeat(64) } },
      { costs: { ...costs, device: { ...device, name: "other" } } },
      { costs: { ...costs, device: { ...device, static_power_w: 99 } } },
      { costs: { ...costs, measurements: { ...NO_MEASUREMENTS, profiles: ["p"] } } },
      { seed: 1 },
    ]) {
      expect(() => resume(change)).toThrow(/KRS3002/);
    }
    expect(() => resume({}, "kareus 1")).toThrow(/KRS3002/);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("the first failure in order is the one that is heard, and no other goes unheard", async () => {
    const failing: Evaluator = {
      ...slow(8),
      evaluate: async ({ partition }) => {
        throw new Error(partition.key);
      },
    };
    const ledger = openLedger({ evaluator: failing, journal: NO_JOURNAL });
    await expect(ledger.evaluate(batches)).rejects.toThrow("forward.a");
  });
});
