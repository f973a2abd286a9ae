import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { ROOT } from "./paths.js";

/** How a run of the built command line ended. */
export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built program. */
export const KAREUS = join(ROOT, "dist/src/cli/main.js");

/** Runs the built `kareus` as a user would; `npm test` has built it. A minute, then it is killed. */
export function kareus(
  args: readonly string[],
  cwd: string = ROOT,
  env: NodeJS.ProcessEnv = process.env,
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [KAREUS, ...args], { cwd, env, timeout: 60_000 });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.end();
  });
}

/** The codes on stderr of a severity, in order. */
export function codes(run: CliRun, severity: "error" | "warning"): string[] {
  const lines = run.stderr.matchAll(/^(error|warning) (KRS\d{4}) \S.*$/gm);
  return [...lines].filter(([, kind]) => kind === severity).map(([, , code]) => code ?? "");
}

/** A folder for one test file, removed at its end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kareus-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
