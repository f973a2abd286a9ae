import { readdirSync, readFileSync } from "node:fs";
import type { Diagnostic } from "../../base/diagnostics/diagnostic.js";
import { otherHand } from "../../base/diagnostics/runtime.js";

/** Programs that change clocks behind ours, or that people trust to undo them: warnings (KRS5421). */
export function otherHands(): Diagnostic[] {
  const running = runningPrograms();
  const found: Diagnostic[] = [];
  if (running.has("nv-hostengine")) {
    found.push(
      otherHand(
        "DCGM",
        "it runs (nv-hostengine), and may put its own target over ours",
        "no target clocks in its groups: `dcgmi config --get`, then `dcgmi config --set -a 0,0`",
      ),
    );
  }
  if (running.has("slurmd") || process.env.SLURM_JOB_ID !== undefined) {
    found.push(
      otherHand(
        "Slurm",
        "what it resets after a job are application clocks, not the locked SM clocks that plans use",
        "native/guard/slurm has a prolog and an epilog that reset these",
      ),
    );
  }
  return found;
}

/** The names of the processes that this user can see; empty where there is no /proc. */
function runningPrograms(): Set<string> {
  const nameOf = (pid: string): string[] => {
    try {
      return [readFileSync(`/proc/${pid}/comm`, "utf8").trim()];
    } catch {
      return []; // it has ended since
    }
  };
  try {
    return new Set(
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap(nameOf),
    );
  } catch {
    return new Set();
  }
}
