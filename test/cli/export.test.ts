import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const PYTHON = "/usr/bin/python3";
const hasTorch = spawnSync(PYTHON, ["-c", "import torch.onnx"]).status === 0;

interface Collective {
  readonly direction: string;
  readonly kind: string;
  readonly ranks: number;
  readonly count: number;
}

describe.skipIf(!hasTorch)("the export helper", () => {
  const folder = temporaryFolder();

  /** Collectives of an exported module, as `inspect` finds them. */
  async function collectivesOf(...flags: readonly string[]): Promise<readonly string[]> {
    const file = join(folder, `${flags.length}.onnx`);
    const script = join(ROOT, "examples/export/feed_forward.py");
    const made = spawnSync(PYTHON, ["-B", script, "--out", file, "--tp", "4", ...flags]);
    expect(made.stderr.toString()).toBe("");
    const run = await kareus(["inspect", file, "--bind", "batch=2,sequence=64", "--json"]);
    expect(run.stderr).toBe("");
    const { collectives } = JSON.parse(run.stdout) as { collectives: readonly Collective[] };
    return collectives.map((c) => `${c.direction} ${c.count} ${c.kind} x${c.ranks}`);
  }

  test("writes collectives that kareus reads, and derives the backward of", async () => {
    expect(await collectivesOf()).toEqual(["forward 4 all_reduce x4", "backward 4 all_reduce x4"]);
    expect(await collectivesOf("--sequence-parallel")).toEqual([
      "forward 4 all_gather x4",
      "forward 4 reduce_scatter x4",
      "backward 4 all_gather x4",
      "backward 4 reduce_scatter x4",
    ]);
  }, 60_000);
});
