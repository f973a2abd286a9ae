import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { printGraph } from "../src/ir/print.js";
import { verify } from "../src/ir/verify.js";
import { type LoweredFile, lowerFile, MINI } from "../test/support/lowering.js";
import { passes } from "./index.js";

const GOLDEN = new URL("../test/golden/passes/", import.meta.url);
const fileOf = (index: number, pass: string) => `${String(index + 1).padStart(2, "0")}-${pass}.txt`;

describe("the passes on the two-layer decoder (tp 2, pp 2, full recomputation)", () => {
  let lowered: LoweredFile;
  beforeAll(async () => {
    lowered = await lowerFile(
      MINI,
      { batch: 4, sequence: 64 },
      { tp: 2, pp: 2, recompute: "full" },
    );
  });

  for (const [index, { name }] of passes.entries()) {
    it(`${name} prints its golden text and keeps its level's promises`, async () => {
      const graph = lowered.steps[index]?.graph;
      if (graph === undefined) throw new Error(`${name} did not run`);
      expect(verify(graph)).toEqual([]);
      const golden = fileURLToPath(new URL(fileOf(index, name), GOLDEN));
      await expect(printGraph(graph)).toMatchFileSnapshot(golden);
    });
  }

  it("leaves no golden file without its pass", () => {
    const expected = passes.map(({ name }, index) => fileOf(index, name));
    expect(readdirSync(GOLDEN).sort()).toEqual(expected.sort());
  });
});
