import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { forkRng } from "../../src/base/rng.js";
import { blendedOracle } from "../../src/cost/blended.js";
import { modelledOracle } from "../../src/cost/index.js";
import { loadDevice } from "../../src/gpu/device.js";
import type { Configuration } from "../../src/ir/configuration.js";
import type { PartitionType } from "../../src/ir/partition.js";
import { partitionRecord } from "../../src/profile/records.js";
import { readTable } from "../../src/profile/table.js";
import { llamaLayer, partitionOf } from "../support/llama-layer.js";
import { NO_MEASUREMENTS } from "../support/measurements.js";
import {
  eagerSweepPartition,
  readOverlapSweep,
  SWEEP_BLOCK_BYTES_PER_S,
  SWEEP_FILE,
  SWEEP_PARTITION,
  sweepConfigurations,
} from "../support/overlap-sweep.js";
import { accuracyOf, type Comparison, type DataSet, pooled } from "./errors.js";

/*
 * What `optimize --profile` answers about a partition of which some configurations were measured.
 */

const GPU = "a100-sxm4-40gb";
const SEEDS = 3;
const BARE = "A100 overlap sweep, nothing told";

interface Measured {
  readonly configuration: Configuration;
  readonly time_s: number;
  readonly energy_j: number;
}

/** How the other configurations of a partition come out once some are told. */
function answered(
  name: string,
  partition: PartitionType,
  told: readonly Measured[],
  rest: readonly Measured[],
): Comparison {
  const device = loadDevice(GPU);
  const partitions = told.map(({ configuration, time_s, energy_j }) => {
    const cost = { time_s, energy_j, source: "measured" as const };
    return partitionRecord({ partition: partition.key, ...configuration, ...cost });
  });
  const oracle = blendedOracle(device, { ...NO_MEASUREMENTS, profiles: ["told"], partitions });
  const found = rest.map(({ configuration }) => oracle.cost(partition, configuration));
  return { name, points: rest.length, by: { model: accuracyOf(found, rest) } };
}

/** A share of the configurations told by chance, several times over. */
function told(
  name: string,
  partition: PartitionType,
  measured: readonly Measured[],
  share: number,
): Comparison {
  const rows = Array.from({ length: SEEDS }, (_, seed) => {
    const { uniform } = forkRng(seed, "partition");
    const order = measured.map((each) => ({ each, key: uniform() })).sort((a, b) => a.key - b.key);
    const shuffled = order.map(({ each }) => each);
    const count = Math.round(share * measured.length);
    return answered(name, partition, shuffled.slice(0, count), shuffled.slice(count));
  });
  return pooled(name, rows);
}

/** The table's partition: one nanobatch of four sequences, its slots as the table names them. */
function tablePartition(): PartitionType {
  const { forward_attention, reduced_bytes } = llamaLayer(4, 4096);
  // Norm, QKV, rotary embedding, attention, output projection.
  const made = partitionOf("forward.table", forward_attention.slice(0, 5), reduced_bytes);
  const slots = ["norm_0", "linear_0", "rope_0", "attn_0"].map((name, first) => {
    return { name, first, nodes: [] };
  });
  return { ...made, slots };
}

function readConfigurations(file: string): Measured[] {
  return readTable(readFileSync(file, "utf8"), file).rows.map(({ settings, ...outcome }) => ({
    configuration: {
      freq_mhz: Number(settings.get("freq_mhz")),
      launch_slot: String(settings.get("launch_slot")),
      sms: Number(settings.get("sms")),
    },
    ...outcome,
  }));
}

/** Another hand's simulation, with voltages of its own: all clocks, once with the highest alone told. */
function simulated(file: string): Comparison[] {
  const partition = tablePartition();
  const rows = readConfigurations(file);
  const highest = Math.max(...rows.map(({ configuration }) => configuration.freq_mhz));
  const at_highest = ({ configuration }: Measured) => configuration.freq_mhz === highest;
  const lower = rows.filter((row) => !at_highest(row));
  const name = `simulated, ${highest} MHz told: all other clocks`;
  return [
    told("simulated, a twentieth told", partition, rows, 0.05),
    answered(name, partition, rows.filter(at_highest), lower),
  ];
}

/**
 * The measured sweep from shapes alone, in the pieces that its framework ran; only the rate of its own
 * all-reduce is told. Partitions that overlap, and the sequence.
 */
function bare(measured: readonly Measured[]): Comparison[] {
  const device = loadDevice(GPU);
  const communication = { ...device.communication, cta_bytes_per_s: SWEEP_BLOCK_BYTES_PER_S };
  const oracle = modelledOracle({ ...device, communication });
  const partition = eagerSweepPartition();
  const row = (name: string, list: readonly Measured[]): Comparison => {
    const found = list.map(({ configuration }) => oracle.cost(partition, configuration));
    return { name, points: list.length, by: { model: accuracyOf(found, list) } };
  };
  const overlaps = ({ configuration }: Measured) => configuration.launch_slot !== null;
  return [
    row(BARE, measured.filter(overlaps)),
    row(
      `${BARE}, without overlap`,
      measured.filter((each) => !overlaps(each)),
    ),
  ];
}

/** The measured sweep at its one clock, and a simulated table of 18 clocks. */
export function partitions(folder: string): DataSet | null {
  const sweep = join(folder, SWEEP_FILE);
  const table = join(folder, "tables/llama3.2-3b_tp8_fwd_attn.jsonl");
  if (!existsSync(sweep) || !existsSync(table)) return null;
  const measured = sweepConfigurations(readOverlapSweep(sweep));
  return {
    title:
      "Partitions of which some configurations were measured, as optimize answers for the rest",
    rows: [
      told("A100 overlap sweep, a tenth told", SWEEP_PARTITION, measured, 0.1),
      told("A100 overlap sweep, a fifth told", SWEEP_PARTITION, measured, 0.2),
      ...bare(measured),
      ...simulated(table),
    ],
    notes: [],
  };
}
