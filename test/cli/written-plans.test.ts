import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DETAILS_FORMAT } from "../../src/plan/details.js";
import type { Format } from "../../src/plan/format.js";
import { PLAN_FORMAT } from "../../src/plan/plan.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

/** Options that between them bring every optional field of a plan. */
const RUNS: Readonly<Record<string, readonly string[]>> = {
  plain: ["--tp", "2", "--pp", "2"],
  "all that a layout may say": [
    ...["--tp", "2", "--cp", "2", "--cp-attention", "ring", "--pp", "2", "--sequence-parallel"],
    ...["--async-tp", "--control", "clocks", "--zero", "2", "--linear-dtype", "fp8"],
    ...["--gpu", "h100-sxm", "--optimizer", "sgd", "--execution", "eager", "--dp", "2"],
  ],
  "what was told": [
    ...["--tp", "4", "--pp", "2", "--transfer-s", "0.001", "--launch-us", "5", "--gap-us", "1"],
    ...["--power-limit-w", "300", "--freeze", "embed_tokens.weight", "--pipeline", "zb-h1"],
  ],
  "the forward pass alone": ["--pp", "2", "--forward-only"],
};

function expectInOrder<T>({ schema }: Format<T>, file: string): void {
  const data: unknown = JSON.parse(readFileSync(file, "utf8"));
  expect(JSON.stringify(schema.parse(data))).toBe(JSON.stringify(data));
}

/** These files are large and not checked when they are written: their fields are in order as they are made. */
test.each(Object.entries(RUNS))(
  "plans and details are written as their schemas have them: %s",
  async (_, options) => {
    const out = join(temporaryFolder(), "run");
    const graph = join(ROOT, "test/golden/mini.onnx");
    const sizes = ["--bind", "batch=4,sequence=512", "--dtype", "bf16", "--points", "3"];
    const run = await kareus(["optimize", graph, ...sizes, ...options, "--out", out]);
    expect(run.stderr).not.toMatch(/^error/m);
    const plans = readdirSync(join(out, "plans"));
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) expectInOrder(PLAN_FORMAT, join(out, "plans", plan));
    expectInOrder(DETAILS_FORMAT, join(out, "details.json"));
  },
);
