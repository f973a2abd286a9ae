import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import { forkRng, type Rng } from "../../src/base/rng.js";
import { deviceNames, readDevice } from "../../src/gpu/device.js";
import { readTable } from "../../src/profile/table.js";
import { searchTable } from "../../src/search/table.js";
import { fewChoices } from "./few-choices.js";
import { plan } from "./planning.js";
import { changedPlan, planFiles, usePlan } from "./plans.js";
import { importTrace, RECORDED_TABLES, TRACE_KINDS } from "./traces.js";
import { choose, several } from "./values.js";

/*
 * Device files, plans, tables of a search and traces with a few values changed, so that most of them pass the
 * first checks: each is read, and where it is taken used, or refused with a diagnostic. Anything else is
 * a fault, and so is what takes over 10 s of CPU or 1 GB. Traces only where the public ones are at hand.
 *   npm run fuzz:files -- [--count N] [--seed S] [--kind device|plan|table|kineto|chakra|chakra_json]
 */

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "0" },
    kind: { type: "string" },
  },
});

const KEPT = join(tmpdir(), "kareus-fuzz-files");
mkdirSync(KEPT, { recursive: true });
const path = join(KEPT, `input-${process.pid}`);

const devices = deviceNames().map(fewChoices);
const HEADER = { format: "kareus-profile", version: 1, id: "fuzz", gpu: "a100-sxm4-40gb" };
const MADE = [600, 900, 1200, 1410].flatMap((freq_mhz) =>
  ["norm_0", null].map((launch_slot, slot) => ({
    ...{ freq_mhz, launch_slot, sms: 4 },
    ...{ time_s: (1 + slot) / freq_mhz, energy_j: freq_mhz / (1000 - 100 * slot) },
  })),
);
const TABLES: readonly (readonly object[])[] = [
  MADE,
  ...RECORDED_TABLES.map((text) =>
    text
      .trim()
      .split("\n")
      .filter((_, i) => i % 5 === 0)
      .map((line) => JSON.parse(line)),
  ),
];

function changedTable(rng: Rng): string {
  const rows = choose(rng, TABLES);
  const share = 1 / rows.length;
  const changed = rows.map((row) => (rng.uniform() < share ? several(row, rng) : row));
  const header = rng.uniform() < 0.3 ? [rng.uniform() < 0.7 ? several(HEADER, rng) : HEADER] : [];
  return [...header, ...changed].map((row) => JSON.stringify(row)).join("\n");
}

function useTable(): void {
  const table = readTable(readFileSync(path, "utf8"), path);
  searchTable(table.rows, { budget: 6, seed: 0, static_power_w: 85, converge: true });
}

const MINI = fileURLToPath(new URL("../../../test/golden/mini.onnx", import.meta.url));
const SIZES = new Map([
  ["batch", 4],
  ["sequence", 512],
]);

/** Plans for every fourth device that is taken, which is what takes the time; half of them a pipeline. */
async function useDevice(): Promise<void> {
  readDevice(path);
  const size_bytes = statSync(path).size;
  if (size_bytes % 4 !== 0) return;
  const stages = size_bytes % 8 === 0 ? { pp: 2, microbatches: 4 } : {};
  await plan(MINI, SIZES, { tp: 2, ...stages }, path);
}

const PLANS = await planFiles(MINI, SIZES);

/** Inputs by kind: what is written, and what is done with the file. */
const KINDS: Readonly<Record<string, readonly [(rng: Rng) => string | Uint8Array, () => unknown]>> =
  {
    device: [(rng) => JSON.stringify(several(choose(rng, devices), rng)), useDevice],
    plan: [(rng) => changedPlan(PLANS, rng), () => usePlan(readFileSync(path, "utf8"), path)],
    table: [changedTable, useTable],
    ...Object.fromEntries(
      Object.entries(TRACE_KINDS).map(([kind, made]) => [kind, [made, () => importTrace(path)]]),
    ),
  };

const MOST_S = 10;
const MOST_BYTES = 1e9;

/** Reads so many inputs of a kind; how they ended. */
async function fuzz(kind: string): Promise<boolean> {
  const entry = KINDS[kind];
  if (entry === undefined) throw new Error(`no kind ${kind}: ${Object.keys(KINDS).join(", ")}`);
  const [made, use] = entry;
  const ends = { taken: 0, refused: 0, faults: 0, slowest_cpu_s: 0, slowest: 0 };
  for (let input = 0; input < Number(values.count); input++) {
    writeFileSync(path, made(forkRng(Number(values.seed), `${kind} ${input}`)));
    const begin = process.cpuUsage();
    try {
      await use();
      ends.taken++;
    } catch (cause) {
      if (cause instanceof DiagnosticError) ends.refused++;
      else {
        ends.faults++;
        const kept = join(KEPT, `${kind}-${values.seed}-${input}`);
        writeFileSync(kept, readFileSync(path));
        const where =
          cause instanceof Error ? cause.stack?.split("\n").slice(0, 5).join("\n") : cause;
        console.log(`${kind} ${input}: ${kept}\n${where}`);
      }
    }
    const { user, system } = process.cpuUsage(begin);
    const cpu_s = (user + system) / 1e6;
    if (cpu_s > ends.slowest_cpu_s) Object.assign(ends, { slowest_cpu_s: cpu_s, slowest: input });
  }
  const peak_bytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ kind, ...ends, peak_bytes }));
  return ends.faults === 0 && ends.slowest_cpu_s <= MOST_S && peak_bytes <= MOST_BYTES;
}

let sound = true;
for (const kind of values.kind === undefined ? Object.keys(KINDS) : [values.kind]) {
  sound = (await fuzz(kind)) && sound;
}
process.exitCode = sound ? 0 : 1;
