import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import { at } from "../../src/base/need.js";
import { forkRng, type Rng } from "../../src/base/rng.js";
import { deviceNames, readDevice } from "../../src/gpu/device.js";
import { readTable } from "../../src/profile/table.js";
import { searchTable } from "../../src/search/table.js";

/*
 * Device files and tables of a search with a few values changed, so that most of them pass the first
 * checks: each is read, and where it is taken used, or refused with a diagnostic. Anything else is a fault.
 *   npm run fuzz:files -- [--count N] [--seed S]
 */

const { values } = parseArgs({
  options: { count: { type: "string", default: "2000" }, seed: { type: "string", default: "0" } },
});

/** What breaks readers: other types, ends of ranges, names that clash. */
const VALUES: readonly unknown[] = [
  ...[null, true, "", "a100", "\u001b[2J", "__proto__", [], {}, [null], { value: null }],
  ...[0, -0, -1, 1, 2, 0.5, 1e-300, 1e300, 2 ** 53, -(2 ** 31), 4096],
];

const choose = <T>(rng: Rng, from: readonly T[]): T =>
  at(from, Math.min(from.length - 1, Math.floor(rng.uniform() * from.length)));

/** The value with one of its parts changed, removed, doubled or added. */
function changed(value: unknown, rng: Rng): unknown {
  if (typeof value === "number" && rng.uniform() < 0.7) {
    const near = value * choose(rng, [0.5, 0.9, 1, 1.1, 2]);
    return Number.isInteger(value) ? Math.round(near) : near;
  }
  if (typeof value !== "object" || value === null || rng.uniform() < 0.1)
    return choose(rng, VALUES);
  if (Array.isArray(value)) {
    const where = Math.floor(rng.uniform() * value.length);
    const kind = rng.uniform();
    if (kind < 0.15) return value.toSpliced(where, 1);
    if (kind < 0.3) return [...value, ...value];
    return value.length === 0
      ? [choose(rng, VALUES)]
      : value.with(where, changed(value[where], rng));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return { value: choose(rng, VALUES) };
  const [name, part] = choose(rng, entries);
  if (rng.uniform() < 0.1) return Object.fromEntries(entries.filter(([key]) => key !== name));
  return { ...value, [name]: changed(part, rng) };
}

const several = (value: unknown, rng: Rng): unknown => {
  let now = value;
  for (let times = 0; times < 1 + 3 * rng.uniform(); times++) now = changed(now, rng);
  return now;
};

const KEPT = join(tmpdir(), "kareus-fuzz-files");
mkdirSync(KEPT, { recursive: true });
const path = join(KEPT, `input-${process.pid}`);
const devices = deviceNames().map((name) => readDevice(name).content);
const ROWS = [600, 900, 1200, 1410].flatMap((freq_mhz) =>
  ["norm_0", null].map((launch_slot, slot) => ({
    ...{ freq_mhz, launch_slot, sms: 4 },
    ...{ time_s: (1 + slot) / freq_mhz, energy_j: freq_mhz / (1000 - 100 * slot) },
  })),
);

function readsDevice(rng: Rng): string {
  const text = JSON.stringify(several(choose(rng, devices), rng));
  writeFileSync(path, text);
  readDevice(path);
  return text;
}

function readsTable(rng: Rng): void {
  const rows = ROWS.map((row) => (rng.uniform() < 0.3 ? several(row, rng) : row));
  const text = rows.map((row) => JSON.stringify(row)).join("\n");
  writeFileSync(path, text);
  const table = readTable(text, path);
  searchTable(table.rows, { budget: 6, seed: 0, static_power_w: 85, converge: true });
}

const MOST_S = 10;
const ends = { taken: 0, refused: 0, faults: 0, slowest_s: 0 };
for (let input = 0; input < Number(values.count); input++) {
  const rng = forkRng(Number(values.seed), `files ${input}`);
  const begin_ms = performance.now();
  try {
    (input % 2 === 0 ? readsDevice : readsTable)(rng);
    ends.taken++;
  } catch (cause) {
    if (cause instanceof DiagnosticError) {
      ends.refused++;
    } else {
      ends.faults++;
      const kept = join(KEPT, `${values.seed}-${input}`);
      writeFileSync(kept, readFileSync(path));
      console.log(`${input}: ${kept}`);
      console.log(cause instanceof Error ? cause.stack?.split("\n").slice(0, 5).join("\n") : cause);
    }
  }
  ends.slowest_s = Math.max(ends.slowest_s, (performance.now() - begin_ms) / 1000);
}
const peak_bytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...ends, peak_bytes }));
process.exitCode = ends.faults > 0 || ends.slowest_s > MOST_S || peak_bytes > 1e9 ? 1 : 0;
