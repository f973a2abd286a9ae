import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { LoweringContext } from "../src/ir/pass.js";
import { printGraph } from "../src/ir/print.js";
import { verify } from "../src/ir/verify.js";
import { type LoweredFile, lowerFile, MINI } from "../test/support/lowering.js";
import { passes } from "./index.js";

const GOLDEN = new URL("../test/golden/", import.meta.url);
const NAMES = passes.map(({ name }) => name);
const fileOf = (pass: string) => `${String(NAMES.indexOf(pass) + 1).padStart(2, "0")}-${pass}.txt`;

/** Folder by layout, and the passes whose texts it holds. */
const LAYOUTS: readonly {
  readonly folder: string;
  readonly options: Partial<LoweringContext["options"]>;
  readonly shown: readonly string[];
}[] = [
  { folder: "passes", options: { tp: 2, pp: 2, recompute: "full" }, shown: NAMES },
  {
    folder: "layouts/cp2-tp2-sequence",
    options: { tp: 2, cp: 2, sequence_parallel: true },
    shown: ["shard-context-parallel", "shard-sequence-parallel", "form-partitions"],
  },
  { folder: "layouts/tp2-dp2", options: { tp: 2, dp: 2 }, shown: ["form-partitions"] },
  {
    folder: "layouts/cp2-ring",
    options: { cp: 2, cp_attention: "ring" },
    shown: ["shard-context-parallel", "unroll-ring-attention", "form-partitions"],
  },
];

describe.each(LAYOUTS)("the two-layer decoder, $folder", ({ folder, options, shown }) => {
  let lowered: LoweredFile;
  beforeAll(async () => {
    lowered = await lowerFile(MINI, { batch: 4, sequence: 64 }, options);
  });

  it.each(NAMES)("%s keeps its level's promises, and its golden text", async (name) => {
    const graph = lowered.steps.find(({ pass }) => pass === name)?.graph;
    if (graph === undefined) throw new Error(`${name} did not run`);
    expect(verify(graph)).toEqual([]);
    if (!shown.includes(name)) return;
    const golden = fileURLToPath(new URL(`${folder}/${fileOf(name)}`, GOLDEN));
    await expect(printGraph(graph)).toMatchFileSnapshot(golden);
  });

  it("leaves no golden file without its pass", () => {
    const files = readdirSync(new URL(`${folder}/`, GOLDEN)).sort();
    expect(files).toEqual(shown.map(fileOf).sort());
  });
});
