import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../support/paths.js";
import { pcie, perseusA40, perseusSxm } from "./clocks.js";
import { forwardPasses, forwardPassRequirements } from "./forward-passes.js";
import { hopperContention, hopperKernels, hopperMlp } from "./hopper.js";
import { measuredRow, plannedFrontiers } from "./kareus.js";
import { overlapSweep } from "./overlap.js";
import { partitions } from "./partition.js";
import {
  a40Requirements,
  hopperContentionRequirements,
  hopperKernelRequirements,
  hopperMlpRequirements,
  isMet,
  measuredRequirements,
  overlapRequirements,
  partitionRequirements,
  pcieRequirements,
  plannedRequirements,
  type Requirement,
  sxmRequirements,
} from "./requirements.js";
import { training, trainingRequirements } from "./training.js";

/** What the model is held to, on points that were not fitted. Data sets that are absent skip. */

const FOLDER = join(ROOT, "../shared/data");

function allMet(requirements: readonly Requirement[]): void {
  const missed = requirements.filter((requirement) => !isMet(requirement));
  expect(missed).toEqual([]);
}

/** Each workload is compiled and searched. */
const COMPILING = { timeout: 120_000 };

describe("curves over the clock", () => {
  const sxm = perseusSxm(FOLDER);
  test.skipIf(sxm === null)("A100-SXM stage profiles", () => {
    if (sxm === null) return;
    allMet(sxmRequirements(sxm));
    expect(sxm.notes).toEqual([]);
  });

  const a40 = perseusA40(FOLDER);
  test.skipIf(a40 === null)("A40 stage profiles", () => {
    if (a40 === null) return;
    allMet(a40Requirements(a40));
    expect(a40.notes).toHaveLength(2);
    for (const note of a40.notes) expect(note).toContain("backward outside 1005 to 1740 MHz");
  });

  const sweep = pcie(FOLDER);
  test.skipIf(sweep === null)("A100-PCIe workloads", () => {
    if (sweep === null) return;
    allMet(pcieRequirements(sweep));
    const rejected = sweep.notes.map((note) => /^rejected ([^:]*):/.exec(note)?.[1]).sort();
    expect(rejected).toEqual([
      "gpt2_pbf16_b8_s128",
      "large_pbf16_b8_s128",
      "opt-1p3b_pbf16_b2_s128",
      "qwen2-1p5b_pbf16_b1_s128",
      "qwen2-1p5b_pbf16_b8_s128 outside 510 to 1230 MHz",
      "qwen2-1p5b_pbf16_b8_s4096",
    ]);
  });
});

const passes = forwardPasses(FOLDER);
test.skipIf(passes === null)("forward passes from shapes alone, A100-PCIe", () => {
  if (passes !== null) allMet(forwardPassRequirements(passes));
});

describe("one H200", () => {
  test("kernels held out of the fit", () => {
    allMet(hopperKernelRequirements(hopperKernels()));
  });

  const contention = hopperContention(FOLDER);
  test.skipIf(contention === null)("kernels beside a copy, and the copy beside them", () => {
    if (contention !== null) allMet(hopperContentionRequirements(contention));
  });

  const mlp = hopperMlp(FOLDER);
  test.skipIf(mlp === null)("an MLP with a copy behind it or beside it", () => {
    if (mlp !== null) allMet(hopperMlpRequirements(mlp));
  });
});

const sweep = overlapSweep(FOLDER);
test.skipIf(sweep === null)("overlap sweep, fitted on a tenth", () => {
  if (sweep !== null) allMet(overlapRequirements(sweep));
});

const partly = partitions(FOLDER);
test.skipIf(partly === null)("partitions of which a part was measured", () => {
  if (partly !== null) allMet(partitionRequirements(partly));
});

/**
 * Of the ten, the four that are quickest to search. Limits of means are those of all ten, which
 * `npm run validate` holds: four of them have a mean of their own.
 */
test("planned frontiers of the small batches, from the graph and one number", COMPILING, () => {
  const planned = plannedFrontiers(FOLDER, ({ mbs, seq }) => mbs === 8 && seq === 4096);
  if (planned === null) return;
  allMet(plannedRequirements(planned).filter(({ what }) => !/(time|energy), mean %$/.test(what)));
});

test("the measured row", COMPILING, () => {
  const measured = measuredRow(FOLDER);
  if (measured !== null) allMet(measuredRequirements(measured));
});

test("whole training iterations on one H200", { timeout: 300_000 }, () => {
  allMet(trainingRequirements(training()));
});
