import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Prints, when a process ends, what it took: user CPU of all threads and the most memory. */
const METER = `
import { isMainThread } from "node:worker_threads";
import { writeFileSync } from "node:fs";
if (isMainThread) process.on("exit", () => {
  const { userCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(process.env.KAREUS_METER, JSON.stringify([userCPUTime / 1e6, maxRSS / 1e3]));
});`;

export interface Metered {
  readonly cpu_s: number;
  readonly memory_mb: number;
  readonly stdout: string;
}

/** Runs the command line of a built tree in a process of its own. Throws where it fails. */
export function metered(tree: string, words: readonly string[]): Metered {
  const folder = mkdtempSync(join(tmpdir(), "kareus-meter-"));
  try {
    const [meter, program] = [join(folder, "meter.json"), join(tree, "dist/src/cli/main.js")];
    writeFileSync(join(folder, "meter.mjs"), METER);
    const args = ["--import", join(folder, "meter.mjs"), program, ...words];
    const env = { ...process.env, KAREUS_METER: meter };
    const limits = { maxBuffer: 2 ** 30, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, ...limits });
    if (status !== 0) throw new Error(stderr);
    const [cpu_s, memory_mb] = JSON.parse(readFileSync(meter, "utf8")) as [number, number];
    return { cpu_s, memory_mb, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
