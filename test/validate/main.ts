import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Column, table } from "../../src/emit/table.js";
import { pcie, perseusA40, perseusSxm } from "./clocks.js";
import { type Comparison, type DataSet, type Errors, METHODS } from "./errors.js";
import { measuredRow, plannedFrontiers } from "./kareus.js";
import { overlapSweep } from "./overlap.js";
import { partitions } from "./partition.js";

/**
 * Predicts measurements made by others from a part of them, and prints how far off the rest comes
 * out, beside methods that know nothing of GPUs: `npm run validate [FOLDER]`. The folder holds the
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

const sets: Readonly<Record<string, (folder: string) => DataSet | null>> = {
  "Perseus stage profiles, A100-SXM": perseusSxm,
  "Perseus stage profiles, A40": perseusA40,
  "A100-PCIe DVFS sweep": pcie,
  "Overlap sweep, A100": overlapSweep,
  "Partitions, partly measured": partitions,
  "Kareus' planned frontiers": (at) => plannedFrontiers(at),
  "Kareus' measured row": measuredRow,
};
for (const [name, validate] of Object.entries(sets)) {
  const result = validate(folder);
  if (result === null) console.log(`## ${name}: data absent, skipped\n`);
  else print(result);
}
