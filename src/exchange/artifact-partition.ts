import { at } from "../base/need.js";
import type { PlanFile } from "../plan/plan.js";

/*
 * The partitions that the Kareus artifact knows by name and where each may launch its communication:
 * search spaces of ml-energy/kareus, tests/bayesian/partitions.
 */

/** By name: launch points, in the order of execution. */
const LAUNCH_POINTS = {
  fwd_attn: ["norm_0", "linear_0", "rope_0", "attn_0"],
  fwd_mlp: ["norm_0", "linear_0", "activation_0"],
  bwd_attn: ["norm_0", "linear_0", "attn_0", "rope_0"],
  bwd_mlp: ["norm_0", "linear_0", "activation_0"],
  fwd_qkv_ar: ["norm_0", "linear_0"],
  fwd_qkv_ag: ["norm_0", "linear_0", "rope_0"],
  fwd_ao_ag: ["attn_0", "linear_0"],
  fwd_ao_ar: ["attn_0"],
  bwd_o_ar: ["norm_0"],
  bwd_o_ag: ["norm_0", "linear_0"],
  bwd_a_ag: ["attn_0"],
  bwd_a_rs: ["attn_0"],
  bwd_qkv_rs: ["rope_0", "linear_0"],
  bwd_qkv_ar: ["rope_0", "linear_0"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ArtifactPartition = keyof typeof LAUNCH_POINTS;

type Partition = PlanFile["partitions"][number];
type Slot = Partition["slots"][number];

const classOf = ({ name }: Slot) => name.replace(/_\d+$/, "");
const endsIn = ({ nodes }: Slot, part: string) =>
  nodes.some((node) => node.replace(/#\d+$/, "").endsWith(`/${part}`));

const COLLECTIVES: Readonly<Record<string, string>> = {
  all_reduce: "ar",
  all_gather: "ag",
  reduce_scatter: "rs",
};

/** Whether a partition sums gradients over replicas, which the artifact leaves to its framework. */
export function sumsGradients({ communication, queued = [] }: Partition): boolean {
  const moved = communication === null ? [] : [communication, ...queued];
  return moved.some(({ group }) => group.split("-").includes("dp"));
}

/**
 * What the artifact calls a partition; null where it knows none: partitions without communication
 * or with several, work outside layers, and the trailing communication, which it runs in its own way.
 */
export function artifactPartition(partition: Partition, cp: number): ArtifactPartition | null {
  const { slots, communication, queued = [] } = partition;
  if (communication === null || queued.length > 0 || sumsGradients(partition)) return null;
  const core = slots.filter((slot) => !["norm", "other"].includes(classOf(slot)));
  const has = (name: string) => core.some((slot) => classOf(slot) === name);
  const backward = core.some((slot) => endsIn(slot, "dgrad"));
  const collective = COLLECTIVES[communication.kind];
  const name = `${backward ? "bwd" : "fwd"}_${cp === 1 ? plainPart(has) : slicedPart(has, backward)}`;
  const full = cp === 1 || has("activation") ? name : `${name}_${collective}`;
  return full in LAUNCH_POINTS ? (full as ArtifactPartition) : null;
}

/** Without context parallelism a layer is attention and MLP. */
function plainPart(has: (name: string) => boolean): string {
  if (has("activation")) return has("attn") ? "whole" : "mlp";
  return has("attn") ? "attn" : "none";
}

/** With it, attention is cut where keys and values are gathered. */
function slicedPart(has: (name: string) => boolean, backward: boolean): string {
  if (has("activation")) return has("attn") ? "whole" : "mlp";
  if (has("attn")) return backward ? "a" : "ao";
  if (has("rope")) return "qkv";
  return backward && has("linear") ? "o" : "none";
}

/** A launch as the artifact writes it, and how it differs from the plan's. */
interface ArtifactLaunch {
  /** `rope_0`, or `none` where communication runs alone. */
  readonly point: string;
  readonly differences: readonly string[];
}

/**
 * Where the artifact would launch communication for a configuration. Its backward of a linear is one
 * operator; here it is two kernels, input gradient and weight gradient, which may be apart.
 */
export function artifactLaunch(
  name: ArtifactPartition,
  partition: Partition,
  configuration: PlanFile["configurations"][number],
): ArtifactLaunch {
  const { launch_slot, order } = configuration;
  const differences: string[] = [];
  if (order?.some((slot, i) => slot !== i)) {
    differences.push("with weight gradients after other kernels");
  }
  if (launch_slot === null) return { point: "none", differences };
  const run = order === null ? partition.slots : order.map((i) => at(partition.slots, i));
  const from = run.findIndex((slot) => slot.name === launch_slot);
  const operators = run.filter((slot) => !endsIn(slot, "wgrad"));
  const next = run.slice(from).find((slot) => operators.includes(slot));
  const points: readonly string[] = LAUNCH_POINTS[name];
  const wanted = next === undefined ? null : operatorName(operators, next);
  if (wanted !== null && points.includes(wanted)) {
    if (run[from] !== next) differences.push("that launch beside a weight gradient alone");
    return { point: wanted, differences };
  }
  differences.push("that launch after the last launch point there");
  return { point: at(points, -1), differences };
}

/** Its names count each class; what comes before the first linear is its norm. */
function operatorName(operators: readonly Slot[], slot: Slot): string {
  const kind = (each: Slot) => (classOf(each) === "other" ? "norm" : classOf(each));
  const earlier = operators.slice(0, operators.indexOf(slot));
  return `${kind(slot)}_${earlier.filter((each) => kind(each) === kind(slot)).length}`;
}
