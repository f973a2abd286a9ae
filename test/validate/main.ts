import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Column, table } from "../../src/views/table.js";
import { pcie, perseusA40, perseusSxm } from "./clocks.js";
import { type Comparison, type DataSet, type Errors, METHODS } from "./errors.js";
import { forwardPasses, forwardPassRequirements } from "./forward-passes.js";
import { hopperContention, hopperKernels, hopperMlp } from "./hopper.js";
import { measuredRow, plannedFrontiers } from "./kareus.js";
import { overlapSweep } from "./overlap.js";
import { partitions } from "./partition.js";
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

const shown = ({ mean_pct, max_pct }: Errors) => `${mean_pct.toFixed(2)} / ${max_pct.toFixed(1)}`;

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
): void {
  const result = validate(folder);
  if (result === null) {
    console.log(`## ${name}: data absent, skipped\n`);
    return;
  }
  print(result);
  printRequirements(requirements(result));
}

show("Perseus stage profiles, A100-SXM", perseusSxm, sxmRequirements);
show("Perseus stage profiles, A40", perseusA40, a40Requirements);
show("A100-PCIe DVFS sweep", pcie, pcieRequirements);
show("Forward passes on A100-PCIe", forwardPasses, forwardPassRequirements);
show("Kernels of one H200", hopperKernels, hopperKernelRequirements);
show("Contention on one H200", hopperContention, hopperContentionRequirements);
show("An MLP on one H200", hopperMlp, hopperMlpRequirements);
show("Training on one H200", training, trainingRequirements);
show("Overlap sweep, A100", overlapSweep, overlapRequirements);
show("Partitions, partly measured", partitions, partitionRequirements);
show(
  "Kareus' planned frontiers",
  (at) => plannedFrontiers(at),
  (data) => [...plannedRequirements(data), ...gapRequirements(data)],
);
show("Kareus' measured row", measuredRow, measuredRequirements);
console.log(missed.length === 0 ? "All limits are kept." : `${missed.length} limits are missed.`);
process.exitCode = missed.length === 0 ? 0 : 1;
