import { join } from "node:path";
import { expect, test } from "vitest";
import { kareus, temporaryFolder } from "../support/cli.js";

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}
interface Frontier {
  readonly points: readonly Point[];
  readonly baselines: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

const folder = temporaryFolder();

/** The README's first command. */
const COMMAND = [
  ...["optimize", "examples/llama-3.2-3b/llama-3.2-3b.onnx", "--tp", "8", "--pp", "2"],
  ...["--microbatches", "8", "--bind", "batch=8,sequence=4096", "--dtype", "bf16"],
  ...["--recompute", "full"],
];

test("the example: many points, and more than 5% less energy than frequency scaling", async () => {
  const run = await kareus([...COMMAND, "--out", join(folder, "out"), "--json"]);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  const { points, baselines }: Frontier = JSON.parse(run.stdout);
  expect(points.length).toBeGreaterThanOrEqual(20);
  const reference = baselines.find(({ name }) => name === "sequential-frequency")?.points[0];
  const inTime = points.filter(({ time_s }) => time_s <= (reference?.time_s ?? 0));
  const least = Math.min(...inTime.map(({ energy_j }) => energy_j));
  expect(least / (reference?.energy_j ?? 0)).toBeLessThan(0.95);
});
