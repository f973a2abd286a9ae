import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const RECORDER = join(ROOT, "native/build/kareus-recorder-simulated");
const GRAPH = join(ROOT, "examples/llama-3.2-3b/llama-3.2-3b.onnx");
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** 24 settings of every partition type, kernels and collectives, at one clock. */
const JOB = ["--bind", "batch=8,sequence=4096", "--dtype", "bf16", "--tp", "8", "--gpu", "h200"];

test.skipIf(!existsSync(RECORDER))(
  "the whole example is recorded within 7 minutes of the simulated board's time",
  { timeout: 120_000 },
  async () => {
    // The recorder says on stderr what each of its runs took.
    const lines = [`exec ${RECORDER} "$@" 2> >(tee -a ${at("took")} >&2)`];
    writeFileSync(at("recorder"), `#!/bin/bash\n${lines.join("\n")}\n`, { mode: 0o755 });
    const where = ["--recorder", at("recorder"), "--out", at("whole.jsonl"), "--json"];
    const run = await kareus(["profile", "record", GRAPH, ...JOB, ...where]);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout).records).toBeGreaterThan(300);
    const took = readFileSync(at("took"), "utf8").matchAll(/^simulated: ([\d.]+) s/gm);
    const times_s = [...took].map(([, time]) => Number(time));
    expect(times_s.length).toBeGreaterThan(1);
    expect(times_s.reduce((sum, time_s) => sum + time_s, 0)).toBeLessThan(7 * 60);
  },
);
