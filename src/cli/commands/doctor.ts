import type { Command } from "commander";
import { DiagnosticError, fail } from "../../base/diagnostics/diagnostic.js";
import { allWithoutReset, guardMissing } from "../../base/diagnostics/runtime.js";
import {
  askGuard,
  askLook,
  type Layer,
  type Lock,
  type Look,
  layerRows,
  leftLocked,
  lockRows,
} from "../doctor/guard.js";
import { askPython, type Capabilities, type Gpu } from "../doctor/machine.js";
import { type Built, troubleOf } from "../doctor/trouble.js";
import { toggle } from "../flags/flag.js";
import { addFlags, readFlags } from "../flags/table.js";
import { guardFile, recorderFile, shimFile } from "../runtime-files.js";
import { say, Terminal } from "../terminal.js";

const FLAGS = {
  reset: toggle("--reset", "unlock clocks that a process left locked when it ended"),
  all: toggle("--all", "with --reset: every GPU that no running job holds, journal or not"),
  json: toggle("--json", "the findings as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Looks at what a run needs: Node, Python, the built parts, the driver, every GPU and whether this user
may lock its clocks, what its CPU needs for a launch (with torch and a GPU), and the journal of locked
clocks; and for settings that keep communication from running beside compute. No clock changes. The exit
code is 1 where \`kareus run\` would not follow a plan's clocks (through NVML, not zeusd), if the clocks of a
process that is gone are still locked, if the journal is lost or damaged, or if a GPU works below its highest
clock and neither a limit nor a running job says why. --reset unlocks the first; --reset --all needs no
journal. A lock that no journal knows shows under load only. NVML cannot be asked for locks, so a power limit
hides one.

Examples:
  $ kareus doctor
  $ kareus doctor --reset
  $ kareus doctor --reset --all`;

/** `kareus doctor`: whether this machine can follow plans, and what an ended job left behind. */
export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .summary("what this machine can do, and clocks left locked")
    .description("Say what this machine can do for a run, and find clocks that were left locked.")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action(() => {
    const { reset, all, json } = readFlags(command, FLAGS);
    run(reset, all, json);
  });
}

interface Findings {
  readonly node: string;
  readonly built: Built;
  /** Null: no Python, or one that the package does not run with. */
  readonly runtime: Capabilities | null;
  /** Null: the guard, which keeps the journal, is not built. */
  readonly locks: readonly Lock[] | null;
  /** What each GPU shows, and what would undo a lock; null: the guard cannot say. */
  readonly look: { readonly looks: readonly Look[]; readonly layers: readonly Layer[] } | null;
}

function run(reset: boolean, all: boolean, json: boolean): void {
  if (all && !reset) fail(allWithoutReset());
  const guard = guardFile();
  if (reset && !guard.built) fail(guardMissing(guard.path));
  const locks = guard.built ? askGuard(guard.path, reset ? (all ? "all" : "stale") : "no") : null;
  const findings: Findings = {
    node: process.versions.node,
    built: {
      libkareus: shimFile().built,
      "kareus-guard": guard.built,
      "kareus-recorder": recorderFile().built,
    },
    runtime: askPython(),
    locks,
    look: guard.built ? askLook(guard.path) : null,
  };
  const { blocking, others } = troubleOf(findings.built, findings.runtime);
  const ready = blocking.length === 0;
  say(json ? `${JSON.stringify({ ...findings, ready }, null, 2)}\n` : inWords(findings, ready));
  const { report } = new Terminal(json);
  for (const warning of [...blocking, ...others]) report(warning);
  if (!ready && !reset) process.exitCode = 1;
  const left = leftLocked(locks ?? [], findings.look?.looks ?? []);
  if (left.length > 0) throw new DiagnosticError(left, 1);
}

function inWords({ node, built, runtime, locks, look }: Findings, ready: boolean): string {
  const rows: [string, string][] = [["node", node]];
  const torch = runtime?.torch ?? null;
  const python = runtime && `${runtime.python}, ${torch === null ? "no torch" : `torch ${torch}`}`;
  rows.push(["python3", python ?? "not usable"]);
  const launch_us = runtime?.launch_us ?? null;
  if (launch_us !== null) {
    rows.push(["launches", `${launch_us.toFixed(1)} us each, eager (optimize --launch-us)`]);
  }
  for (const [part, there] of Object.entries(built)) {
    rows.push([part, there ? "built" : "not built"]);
  }
  for (const [index, gpu] of (runtime?.gpus ?? []).entries()) {
    rows.push([`GPU ${index}`, gpuInWords(gpu)]);
  }
  rows.push(...layerRows(look?.layers ?? []));
  if (locks !== null) rows.push(...lockRows(locks, look?.looks ?? []));
  rows.push(["kareus run", ready ? "would follow a plan" : "would not follow a plan: see below"]);
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, value]) => `${title.padEnd(width)}  ${value}\n`).join("");
}

function gpuInWords({ name, driver, may_lock_clocks, lowest_mhz, highest_mhz }: Gpu): string {
  const clocks = lowest_mhz === null ? "clocks unknown" : `${lowest_mhz} to ${highest_mhz} MHz`;
  const may = may_lock_clocks ? "may be locked" : "may not be locked by this user";
  return `${name}, driver ${driver}, ${clocks}, ${may}`;
}
