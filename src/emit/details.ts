import { at } from "../base/need.js";
import { rounded } from "../base/rounded.js";
import type { OverlapTrace } from "../cost/index.js";
import type { Configuration } from "../ir/configuration.js";
import type { IterationPoint } from "../ir/iteration.js";
import type { PartitionedGraph, PartitionType } from "../ir/partition.js";
import { bytesOf, flopsOf, type Work } from "../ir/work.js";
import type { DetailsFile } from "../plan/details.js";
import { packedPlan } from "../plan/packed-plan.js";
import type { PlanFile } from "../plan/plan.js";
import type { RunFacts } from "./facts.js";
import type { UsesOf } from "./uses.js";
import { partitionWork } from "./work.js";

type Run = DetailsFile["partitions"][number]["runs"][number];
type Trace = (partition: PartitionType, configuration: Configuration) => OverlapTrace;

/** The content of details.json: what happens inside every run that a plan makes. */
export function detailsFile(
  points: readonly IterationPoint[],
  usesOf: UsesOf,
  graph: PartitionedGraph,
  device: unknown,
  facts: RunFacts,
  trace: Trace,
  baselines: readonly { readonly name: string; readonly plan: PlanFile }[] = [],
): DetailsFile {
  const chosen = chosenConfigurations(points, usesOf);
  return {
    format: "kareus-details",
    version: 1,
    graph: facts.graph,
    gpu: facts.gpu.name,
    sm_count: facts.gpu.sm_count,
    constants: sourcedConstants(device),
    partitions: [...graph.partitions.values()].flatMap((type) => {
      const own = chosen.get(type.key);
      if (own === undefined) return [];
      const runs = own.map((configuration) => runOf(configuration, trace(type, configuration)));
      const work = partitionWork(type);
      const kernels = work.kernels.map((kernel, index) => {
        const { work: own } = at(type.kernels, index);
        const sizes = { flops: flopsOf(own), size_bytes: bytesOf(own) };
        return { ...kernel, shape: shapeOf(own), ...sizes };
      });
      return [{ ...work, kernels, runs }];
    }),
    ...(baselines.length === 0
      ? {}
      : { baselines: baselines.map(({ name, plan }) => ({ name, plan: packedPlan(plan) })) }),
  };
}

/** What plans choose, by partition, each once: by clock, then as they come. */
function chosenConfigurations(
  points: readonly IterationPoint[],
  usesOf: UsesOf,
): Map<string, Configuration[]> {
  const chosen = new Map<string, Map<string, Configuration>>();
  const seen = new Set<ReturnType<UsesOf>>();
  for (const { option } of points.flatMap(({ instructions }) => instructions.flat())) {
    const uses = usesOf(option);
    if (seen.has(uses)) continue;
    seen.add(uses);
    for (const { evaluation } of uses) {
      const { partition, freq_mhz, launch_slot, sms, order } = evaluation;
      const own = chosen.get(partition) ?? new Map<string, Configuration>();
      chosen.set(partition, own);
      const name = JSON.stringify([freq_mhz, launch_slot, sms, order]);
      own.set(name, { freq_mhz, launch_slot, sms, ...(order === undefined ? {} : { order }) });
    }
  }
  const byClock = (a: Configuration, b: Configuration) => a.freq_mhz - b.freq_mhz;
  return new Map([...chosen].map(([key, own]) => [key, [...own.values()].sort(byClock)]));
}

function runOf(configuration: Configuration, trace: OverlapTrace): Run {
  const { freq_mhz, launch_slot, sms, order } = configuration;
  const { clock_mhz, time_s, energy_j, bandwidth, pieces } = trace;
  return {
    freq_mhz,
    launch_slot,
    sms,
    order: order ? [...order] : null,
    clock_mhz,
    time_s,
    energy_j,
    bandwidth_bytes_per_s: bandwidth,
    pieces: pieces.map(({ end_s, kernel, communication, moving, bytes_per_s, power_w }) => [
      rounded(end_s),
      kernel,
      communication,
      moving,
      rounded(bytes_per_s),
      rounded(power_w),
    ]),
  };
}

/** `matmul 4096 x 3072 x 8192`: rows, columns, and what is summed over. */
function shapeOf(work: Work): string {
  const times = (n: number) => (n === 1 ? "" : `${n} x `);
  switch (work.op) {
    case "matmul":
      return `matmul ${times(work.b)}${work.m} x ${work.n} x ${work.k}`;
    case "attention":
      return `attention ${times(work.b)}${work.heads} heads of ${work.head_dim}, ${work.q_len} x ${work.kv_len}`;
    case "conv":
      return `convolution ${times(work.n)}${work.c_in} to ${work.c_out} channels`;
    case "memory":
      return work.class;
  }
}

/** Every value of a device file that names its source, by its place there. */
function sourcedConstants(content: unknown, place = ""): DetailsFile["constants"] {
  if (typeof content !== "object" || content === null) return [];
  if ("source" in content && "value" in content) {
    const { value, source } = content;
    const residual = "residual" in content ? { residual: String(content.residual) } : {};
    return [{ name: place, value: written(value), source: String(source), ...residual }];
  }
  return Object.entries(content).flatMap(([name, inner]) =>
    sourcedConstants(inner, place === "" ? name : `${place}.${name}`),
  );
}

/** `3.12e14` rather than fifteen digits. */
function number(value: number): string {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e7);
  return plain ? String(value) : value.toExponential().replace("e+", "e");
}

/** A value as its file writes it; of a table, what it goes from and to. */
function written(value: unknown): string {
  if (Array.isArray(value) && value.length > 4 && value.every((each) => typeof each === "number")) {
    return `${value[0]} to ${value.at(-1)} (${value.length} values)`;
  }
  if (typeof value === "number") return number(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return value.map(written).join("; ");
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${written(inner)}`)
    .join(", ");
}
