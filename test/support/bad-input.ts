import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type CliRun, codes, kareus, temporaryFolder } from "./cli.js";
import { ROOT } from "./paths.js";

/** The two-layer decoder, and sizes for it: what is good but for the fault under test. */
export const MINI = join(ROOT, "test/golden/mini.onnx");
export const BIND = ["--bind", "batch=4,sequence=128"];

/** A folder of its own for a test file, where bad files are written and commands run. */
export function badInputs() {
  const folder = temporaryFolder();
  let written = 0;
  return {
    folder,
    /** Writes a file into the folder and returns its path. */
    file: (content: Uint8Array | string): string => {
      const path = join(folder, `${written++}.onnx`);
      writeFileSync(path, content);
      return path;
    },
    optimize: (graph: string, ...flags: string[]): Promise<CliRun> =>
      kareus(["optimize", graph, "--out", join(folder, `out${written++}`), ...flags]),
  };
}

/** One coded line on stderr, exit 2, nothing on stdout and no trace of our insides. */
export function expectBadInput(run: CliRun, code: string): void {
  expect(codes(run, "error")).toEqual([code]);
  expect(run.status).toBe(2);
  expect(run.stdout).toBe("");
  expectNoTrace(run);
}

export function expectNoTrace(run: CliRun): void {
  expect(run.stderr).not.toMatch(/^\s+at .+:\d+/m);
  expect(run.stderr).not.toMatch(/\b(Type|Range|Reference|Syntax)?Error:/);
  expect(run.stderr).not.toContain("KRS0900");
}
