import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import { addTo } from "../../src/base/need.js";
import { forkRng, type Rng } from "../../src/base/rng.js";
import { RECOMPUTES } from "../../src/ir/choices.js";
import type { FrontierFile } from "../../src/plan/frontier.js";
import { fewChoices } from "./few-choices.js";
import { mutated } from "./mutate.js";
import { plan } from "./planning.js";
import { choose } from "./values.js";

/**
 * Real graphs, changed at random as protobufs, through the whole of `optimize`: every input is planned
 * or refused with a diagnostic. `npm run fuzz -- COUNT SEED FIRST`: so many inputs, from one on. What
 * ends otherwise, and what takes over 10 s of CPU, is told with its number, and its file is kept. The
 * device has few clocks to choose from: a space of eighteen takes most of the time and finds no more.
 */

const [, , count = "500", seed = "0", first = "0"] = process.argv;
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FOLDERS = [
  "test/golden",
  ...["cases", "onnx", "onnx_torch211"].map((name) => `../shared/data/${name}`),
];
const LARGEST_BYTES = 400_000;
const MOST_CPU_S = 10;
const KEPT = join(tmpdir(), "kareus-fuzz");

const files = FOLDERS.map((folder) => join(ROOT, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".onnx") && statSync(path).size < LARGEST_BYTES)
  .sort();

/** A layout for one input: mostly one GPU. */
function layout(rng: Rng) {
  const seldom = (...degrees: readonly number[]) => choose(rng, [1, 1, 1, 1, ...degrees]);
  return {
    tp: seldom(2, 2, 4),
    dp: seldom(2, 4),
    pp: seldom(2),
    cp: seldom(2),
    ep: seldom(2),
    zero: choose(rng, [0, 1, 2, 3] as const),
    sequence_parallel: rng.integer(3) === 0,
    async_tp: false,
    forward_only: rng.integer(10) === 0,
    recompute: choose(rng, RECOMPUTES),
    execution: choose(rng, ["compiled", "eager", "graph"] as const),
    microbatches: 2,
  };
}

/** What no frontier may be: empty, of times and energies that are none, or cheaper than its bound. */
function unsound({ points }: FrontierFile): boolean {
  const isSound = ({ time_s, energy_j, lower_bound_j }: FrontierFile["points"][number]) =>
    time_s > 0 && Number.isFinite(time_s + energy_j) && energy_j >= lower_bound_j * (1 - 1e-9);
  return points.length === 0 || !points.every(isSound);
}

mkdirSync(KEPT, { recursive: true });
const path = join(KEPT, `input-${process.pid}.onnx`);
const gpu = join(KEPT, `device-${process.pid}.json`);
writeFileSync(gpu, JSON.stringify(fewChoices("a100-sxm4-40gb")));

const ends = { planned: 0, refused: 0, faults: 0 };
const codes = new Map<string, number>();
for (let input = Number(first); input < Number(first) + Number(count); input++) {
  const rng = forkRng(Number(seed), `fuzz ${input}`);
  const source = choose(rng, files);
  const { bytes, symbols } = mutated(readFileSync(source), rng);
  writeFileSync(path, bytes);
  const bind = new Map([...symbols].map((name) => [name, /batch|dim0/.test(name) ? 4 : 16]));
  const fault = (what: string) => {
    ends.faults++;
    const kept = join(KEPT, `${seed}-${input}.onnx`);
    writeFileSync(kept, bytes);
    console.log(`${input} of ${source}: ${kept}\n${what}`);
  };
  const begin = process.cpuUsage();
  try {
    const { frontier } = await plan(path, bind, layout(rng), gpu);
    ends.planned++;
    if (unsound(frontier)) fault(JSON.stringify(frontier.points));
  } catch (error) {
    if (error instanceof DiagnosticError) {
      ends.refused++;
      for (const { code } of error.diagnostics.slice(0, 1)) addTo(codes, code, 1);
    } else {
      const stack = error instanceof Error ? error.stack : undefined;
      fault(stack?.split("\n").slice(0, 6).join("\n") ?? String(error));
    }
  }
  const { user, system } = process.cpuUsage(begin);
  if (user + system > MOST_CPU_S * 1e6) fault(`took ${(user + system) / 1e6} s of CPU`);
}
console.log(JSON.stringify({ ...ends, codes: Object.fromEntries([...codes].sort()) }));
process.exitCode = ends.faults > 0 ? 1 : 0;
