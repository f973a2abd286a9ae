import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { KAREUS } from "../support/cli.js";
import { richProblem } from "../support/pipelines.js";

const folder = mkdtempSync(join(tmpdir(), "kareus-signals-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An instance that takes minutes. */
function largeInstance(): string {
  const path = join(folder, "large.json");
  const { options } = richProblem(64, 512, 18);
  const cells = options.map((cell) =>
    Object.fromEntries(
      Object.entries(cell).map(([kind, list]) => [
        kind,
        list.map(({ time_s, energy_j }) => ({ time_s, energy_j })),
      ]),
    ),
  );
  const frame = { format: "kareus-instance", version: 1, name: "large", pipeline: "1f1b" };
  const size = { stages: 64, microbatches: 512, static_power_w: 85, options: cells };
  writeFileSync(path, JSON.stringify({ ...frame, ...size }));
  return path;
}

const instance = largeInstance();

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends a command that computes", async (signal, code) => {
  const child = spawn(process.execPath, [KAREUS, "solve", instance, "--points", "4"]);
  await new Promise((done) => setTimeout(done, 3000));
  child.kill(signal);
  const ended = await new Promise((done) => child.on("exit", (...how) => done(how)));
  expect(ended).toEqual([code, null]);
});
