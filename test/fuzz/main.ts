import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import { addTo } from "../../src/base/need.js";
import { forkRng, type Rng } from "../../src/base/rng.js";
import { mutated } from "./mutate.js";
import { plan } from "./planning.js";

/**
 * Real graphs, changed at random as protobufs, through the whole of `optimize`: every input is planned
 * or refused with a diagnostic. `npm run fuzz -- COUNT SEED FIRST`: so many inputs, from one on. What
 * ends otherwise is told with its number, and its file is kept.
 */

const [, , count = "500", seed = "0", first = "0"] = process.argv;
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FOLDERS = ["test/golden", "../shared/data/cases", "../shared/data/onnx"];
const LARGEST_BYTES = 400_000;
const KEPT = join(tmpdir(), "kareus-fuzz");

const files = FOLDERS.map((folder) => join(ROOT, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".onnx") && statSync(path).size < LARGEST_BYTES)
  .sort();

const choose = <T>(rng: Rng, list: readonly T[], fallback: T): T =>
  list[rng.integer(list.length)] ?? fallback;

/** A layout for one input: mostly one GPU. */
function layout(rng: Rng) {
  const degree = () => choose(rng, [1, 1, 1, 2, 4], 1);
  return {
    tp: degree(),
    dp: degree(),
    pp: choose(rng, [1, 1, 2], 1),
    cp: choose(rng, [1, 1, 1, 2], 1),
    ep: choose(rng, [1, 1, 1, 2], 1),
    zero: choose(rng, [0, 1, 2, 3] as const, 1),
    sequence_parallel: rng.integer(3) === 0,
    async_tp: false,
    forward_only: false,
    recompute: choose(rng, ["none", "selective", "full"] as const, "none"),
    execution: choose(rng, ["compiled", "eager", "graph"] as const, "compiled"),
    microbatches: 4,
  };
}

mkdirSync(KEPT, { recursive: true });
const path = join(KEPT, `input-${process.pid}.onnx`);
const ends = { planned: 0, refused: 0, faults: 0 };
const codes = new Map<string, number>();
for (let input = Number(first); input < Number(first) + Number(count); input++) {
  const rng = forkRng(Number(seed), `fuzz ${input}`);
  const source = choose(rng, files, "");
  const { bytes, symbols } = mutated(readFileSync(source), rng);
  writeFileSync(path, bytes);
  const bind = new Map([...symbols].map((name) => [name, /batch|dim0/.test(name) ? 4 : 16]));
  try {
    await plan(path, bind, layout(rng));
    ends.planned++;
  } catch (error) {
    if (error instanceof DiagnosticError) {
      ends.refused++;
      for (const { code } of error.diagnostics.slice(0, 1)) addTo(codes, code, 1);
    } else {
      ends.faults++;
      const kept = join(KEPT, `${seed}-${input}.onnx`);
      writeFileSync(kept, bytes);
      console.log(`${input} of ${source}: ${kept}`);
      console.log(error instanceof Error ? error.stack?.split("\n").slice(0, 6).join("\n") : error);
    }
  }
}
console.log(JSON.stringify({ ...ends, codes: Object.fromEntries([...codes].sort()) }));
process.exitCode = ends.faults > 0 ? 1 : 0;
