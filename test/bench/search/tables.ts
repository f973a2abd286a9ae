import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { forkRng } from "../../../src/base/rng.js";
import { modelledOracle } from "../../../src/cost/index.js";
import { loadDevice } from "../../../src/gpu/device.js";
import type { PartitionType } from "../../../src/ir/partition.js";
import { readTable, type Setting, type TableRow } from "../../../src/profile/table.js";
import { readCsv } from "../../support/csv.js";
import { llamaLayer, partitionOf } from "../../support/llama-layer.js";

/** A table to search, complete. */
export interface BenchTable {
  readonly name: string;
  readonly rows: readonly TableRow[];
}

const settingsOf = (settings: Readonly<Record<string, Setting>>) =>
  new Map(Object.entries(settings));

/** Relative noise of what a modelled table records. */
const NOISE = 0.01;
const EVERY_THIRD = [3, 6, 9, 12, 15, 18, 21, 24, 27, 30];

/** What the model says of each configuration, as if measured with noise. */
function modelledTable(partition: PartitionType, sms: readonly number[]): BenchTable {
  const device = loadDevice("a100-sxm4-40gb");
  const oracle = modelledOracle(device);
  const rng = forkRng(0, partition.key);
  // Box and Muller.
  const noisy = (value: number) => {
    const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
    return value * (1 + NOISE * radius * Math.cos(2 * Math.PI * rng.uniform()));
  };
  const rows = device.searched_clocks_mhz.flatMap((freq_mhz) =>
    sms.flatMap((count) =>
      partition.slots.slice(0, 4).map(({ name }): TableRow => {
        const configuration = { freq_mhz, sms: count, launch_slot: name };
        const { time_s, energy_j } = oracle.cost(partition, configuration);
        return {
          settings: settingsOf(configuration),
          time_s: noisy(time_s),
          energy_j: noisy(energy_j),
        };
      }),
    ),
  );
  return { name: `modelled ${partition.key}`, rows };
}

function modelledTables(): BenchTable[] {
  const { reduced_bytes, ...layer } = llamaLayer(4, 4096);
  const kinds = ["forward_attention", "forward_mlp", "backward_attention", "backward_mlp"] as const;
  return kinds.map((kind) =>
    modelledTable(partitionOf(kind, layer[kind], reduced_bytes), EVERY_THIRD),
  );
}

/** Outside data beside the repository; nothing where it is absent. */
const SHARED = new URL("../../../../../shared/data/", import.meta.url).pathname;

function sharedTables(): BenchTable[] {
  const folder = join(SHARED, "tables");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return names.sort().map((name) => {
    const path = join(folder, name);
    return {
      name: basename(name, ".jsonl"),
      rows: readTable(readFileSync(path, "utf8"), path).rows,
    };
  });
}

/** The measured sweep of Kareus: one clock, launch windows, two block sizes, energy of two GPUs. */
function measuredSweep(): BenchTable[] {
  const path = join(SHARED, "kareus/overlap_sweep_a100_default_clock.csv");
  if (!existsSync(path)) return [];
  const rows = readCsv(path).map(({ text, number }): TableRow => {
    const launch_slot = `${text("overlap_start")}-${text("overlap_end")}`;
    const [sms, block] = [number("sm"), number("block")];
    return {
      settings: settingsOf({ freq_mhz: 1410, launch_slot, sms, block }),
      time_s: number("time_s"),
      energy_j: number("energy_j_2gpus") / 2,
    };
  });
  return [{ name: "measured A100 sweep", rows }];
}

/** Modelled tables, which come with the project, and those of the outside data that is there. */
export function benchTables(): BenchTable[] {
  return [...modelledTables(), ...sharedTables(), ...measuredSweep()];
}
