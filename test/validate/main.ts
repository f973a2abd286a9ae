import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Workload } from "../../src/ir/workload.js";
import { type Column, table } from "../../src/views/table.js";
import { pcie, perseusA40, perseusSxm } from "./clocks.js";
import { type Comparison, type DataSet, type Errors, METHODS } from "./errors.js";
import { expectedErrorRequirements, expectedErrors, type HeldOut } from "./expected-errors.js";
import { forwardPasses, forwardPassRequirements } from "./forward-passes.js";
import { hopperContention, hopperKernels, hopperMlp } from "./hopper.js";
import { measuredRow, plannedFrontiers } from "./kareus.js";
import { overlapSweep } from "./overlap.js";
import { partitions } from "./partition.js";
import { publishedRequirements, publishedTraining } from "./published-training.js";
import {
  a40Requirements,
  gapRequirements,
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

/**
 * Predicts measurements made by others from a part of them, and prints how far off the rest comes
 * out, beside methods that know nothing of GPUs, and whether the limits that it is held to are kept: `npm run validate [FOLDER]`. The folder holds the
 * public data sets, ../shared/data unless it is given; what is absent is skipped.
 */

// From dist/test/validate, where this runs.
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const folder = process.argv[2] ?? join(ROOT, "../shared/data");

const shown = ({ mean_pct, max_pct }: Errors) =>
  Number.isNaN(mean_pct) ? "-" : `${mean_pct.toFixed(2)} / ${max_pct.toFixed(1)}`;

function print({ title, rows, notes }: DataSet): void {
  const methods = METHODS.filter((method) => rows.some(({ by }) => by[method] !== undefined));
  const quantities = ["time", "energy"] as const;
  const columns: Column[] = [
    ["", "left"],
    ["points", "right"],
    ...quantities.flatMap((what) =>
      methods.map((method): Column => [`${what}: ${method}`, "right"]),
    ),
  ];
  const cells = ({ name, points, by }: Comparison) => [
    name,
    points,
    ...quantities.flatMap((what) =>
      methods.map((method) => {
        const accuracy = by[method];
        return accuracy === undefined ? "-" : shown(accuracy[what]);
      }),
    ),
  ];
  console.log(`## ${title}\nerrors, mean / max, in % where the title says nothing else\n`);
  console.log(table(columns, rows.map(cells)));
  for (const note of notes) console.log(note.startsWith(" ") ? note : `- ${note}`);
  console.log();
}

const missed: Requirement[] = [];

/** Whether each limit is kept, beneath the data that it is about. */
function printRequirements(requirements: readonly Requirement[]): void {
  const columns: Column[] = [
    ["must hold", "left"],
    ["limit", "right"],
    ["reached", "right"],
    ["", "left"],
  ];
  const number = (value: number) => String(Number(value.toFixed(2)));
  const cells = (each: Requirement) => [
    each.what,
    `${each.least ? "at least " : ""}${number(each.limit)}`,
    number(each.reached),
    isMet(each) ? "" : "MISSED",
  ];
  console.log(`${table(columns, requirements.map(cells))}\n`);
  missed.push(...requirements.filter((each) => !isMet(each)));
}

/** Prints a data set and what the model is held to on it. */
function show<Data extends DataSet>(
  name: string,
  validate: (folder: string) => Data | null,
  requirements: (data: Data) => readonly Requirement[],
): Data | null {
  const result = validate(folder);
  if (result === null) {
    console.log(`## ${name}: data absent, skipped\n`);
    return null;
  }
  print(result);
  printRequirements(requirements(result));
  return result;
}

/** A dense decoder, unless it is said to be something else. */
const kind = (
  execution: Workload["execution"],
  products: Workload["products"] = "bfloat16",
  family: Workload["family"] = "decoder",
): Workload => ({ execution, family, products });

/** What was shown and not fitted, by the device and kind of workload that it is about. */
function heldOut(): HeldOut[] {
  const of = (
    data: DataSet | null,
    gpu: string,
    kind: Workload,
    what: string,
    row: RegExp,
    halved = false,
  ): HeldOut[] => {
    const rows = data === null ? [] : data.rows.filter(({ name }) => row.test(name));
    return rows.length === 0 ? [] : [{ gpu, kind, what, rows, halved }];
  };
  const [pcie, forward] = ["a100-pcie-40gb", "forward passes"];
  const [bert, decoder] = [kind("eager", "bfloat16", "encoder"), kind("eager")];
  const [wide, narrow] = [kind("eager", "float32"), kind("compiled", "float8")];
  return [
    ...of(passes, pcie, decoder, forward, /^(gpt2|opt|qwen2).*_pbf16_/, true),
    ...of(passes, pcie, bert, forward, /^large.*_pbf16_/),
    ...of(passes, pcie, wide, forward, /_pfp32_(?!b8_s512)/),
    ...of(kernels, "h200", kind("compiled"), "kernels", /^all$/, true),
    ...of(trained, "h200", kind("compiled"), "iterations", /^compiled$/),
    ...of(trained, "h200", kind("eager"), "iterations", /^eager$/),
    ...of(published, "h100-sxm", kind("compiled"), "iterations", /\bbf16 (?!8 GPUs).*GPUs/),
    ...of(published, "h100-sxm", narrow, "iterations", /(float8|FP8\S*) .*GPUs/),
    ...of(planned, "a100-sxm4-40gb", kind("compiled"), "plans", /^all, uncalibrated$/),
  ];
}

show("Perseus stage profiles, A100-SXM", perseusSxm, sxmRequirements);
show("Perseus stage profiles, A40", perseusA40, a40Requirements);
show("A100-PCIe DVFS sweep", pcie, pcieRequirements);
const passes = show("Forward passes on A100-PCIe", forwardPasses, forwardPassRequirements);
const kernels = show("Kernels of one H200", hopperKernels, hopperKernelRequirements);
show("Contention on one H200", hopperContention, hopperContentionRequirements);
show("An MLP on one H200", hopperMlp, hopperMlpRequirements);
const trained = show("Training on one H200", training, trainingRequirements);
const published = show("Published training", publishedTraining, publishedRequirements);
show("Overlap sweep, A100", overlapSweep, overlapRequirements);
show("Partitions, partly measured", partitions, partitionRequirements);
const planned = show(
  "Kareus' planned frontiers",
  (at) => plannedFrontiers(at),
  (data) => [...plannedRequirements(data), ...gapRequirements(data)],
);
show("Kareus' measured row", measuredRow, measuredRequirements);
show("Expected errors", () => expectedErrors(heldOut()), expectedErrorRequirements);
console.log(missed.length === 0 ? "All limits are kept." : `${missed.length} limits are missed.`);
process.exitCode = missed.length === 0 ? 0 : 1;
