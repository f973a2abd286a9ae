import { elementCount } from "../../ir/tensor-graph.js";
import { dtypeBytes } from "../../ir/work.js";
import type { CollectiveRecord } from "../records.js";
import { elementType, type OperatorCall } from "./operators.js";

export type CollectiveOp = CollectiveRecord["op"];

/** What a collective was asked to do. */
export interface CollectiveSetting {
  readonly kind: CollectiveOp;
  /** Of the full tensor. */
  readonly size_bytes: number;
  readonly ranks: number;
  /** Thread blocks: each takes an SM; null where unknown. */
  readonly sms: number | null;
}

/** What PyTorch's profiler writes beside a kernel of NCCL. */
interface NcclArguments {
  readonly "Collective name"?: string | undefined;
  readonly "In msg nelems"?: number | undefined;
  readonly "Out msg nelems"?: number | undefined;
  readonly "Group size"?: number | undefined;
  readonly dtype?: string | undefined;
  readonly grid?: readonly number[] | undefined;
}

/** Collectives by the name that torch gives them; `full`: which message is the whole tensor. */
const NCCL: Readonly<Record<string, { kind: CollectiveOp; full: "In" | "Out" }>> = {
  allreduce: { kind: "all_reduce", full: "In" },
  allreduce_coalesced: { kind: "all_reduce", full: "In" },
  allgather: { kind: "all_gather", full: "Out" },
  _allgather_base: { kind: "all_gather", full: "Out" },
  allgather_into_tensor_coalesced: { kind: "all_gather", full: "Out" },
  reduce_scatter: { kind: "reduce_scatter", full: "In" },
  _reduce_scatter_base: { kind: "reduce_scatter", full: "In" },
  reduce_scatter_tensor_coalesced: { kind: "reduce_scatter", full: "In" },
  alltoall: { kind: "all_to_all", full: "In" },
  alltoall_base: { kind: "all_to_all", full: "In" },
  all_to_all: { kind: "all_to_all", full: "In" },
  all_to_allv: { kind: "all_to_all", full: "In" },
  broadcast: { kind: "broadcast", full: "In" },
  _broadcast_oop: { kind: "broadcast", full: "In" },
  send: { kind: "send", full: "In" },
  recv: { kind: "recv", full: "Out" },
};

/** Between how many a collective is: a sender and a receiver are two, however large their group. */
export const ranksOf = <Ranks>(kind: CollectiveOp, of_group: Ranks): Ranks | 2 =>
  kind === "send" || kind === "recv" ? 2 : of_group;

/** The collective that a kernel of NCCL is, or why it cannot be told. */
export function ncclCollective(args: NcclArguments): CollectiveSetting | string {
  const name = args["Collective name"];
  if (name === undefined) return "collective without a name: the trace has no message sizes";
  const known = Object.hasOwn(NCCL, name) ? NCCL[name] : undefined;
  if (known === undefined) return `collective ${name}: not known`;
  const elements = args[known.full === "In" ? "In msg nelems" : "Out msg nelems"];
  const ranks = ranksOf(known.kind, args["Group size"]);
  const dtype = args.dtype === undefined ? "unknown" : elementType(args.dtype);
  if (!elements || elements < 0 || !ranks || ranks < 1 || dtype === "unknown") {
    return "collective without size, type or ranks";
  }
  const [sms] = args.grid ?? [];
  return { kind: known.kind, size_bytes: elements * dtypeBytes(dtype), ranks, sms: sms ?? null };
}

/** A call of symmetric memory: what it does, to how much, and its group by name where told. */
export interface SymmetricCall {
  readonly kind: CollectiveOp;
  readonly size_bytes: number;
  readonly group: string | null;
}

/** Operators of torch's symmetric memory: which argument is the whole tensor, and which the group's name. */
const SYMMETRIC: Readonly<Record<string, { kind: CollectiveOp; full: number; group: number }>> = {
  multimem_all_reduce_: { kind: "all_reduce", full: 0, group: 2 },
  multimem_one_shot_all_reduce: { kind: "all_reduce", full: 0, group: 2 },
  multimem_one_shot_all_reduce_out: { kind: "all_reduce", full: 0, group: 2 },
  one_shot_all_reduce: { kind: "all_reduce", full: 0, group: 2 },
  one_shot_all_reduce_out: { kind: "all_reduce", full: 0, group: 2 },
  one_shot_all_reduce_copy: { kind: "all_reduce", full: 1, group: 3 },
  one_shot_all_reduce_copy_out: { kind: "all_reduce", full: 1, group: 3 },
  two_shot_all_reduce_: { kind: "all_reduce", full: 0, group: 2 },
  two_shot_all_reduce_out: { kind: "all_reduce", full: 0, group: 2 },
  multimem_all_gather_out: { kind: "all_gather", full: 2, group: 1 },
  reduce_scatter_out: { kind: "reduce_scatter", full: 0, group: 1 },
  nvshmem_all_to_all: { kind: "all_to_all", full: 0, group: 2 },
  nvshmem_broadcast: { kind: "broadcast", full: 0, group: 2 },
};

/** The collective that an operator of symmetric memory is; null if it is none, or is underdescribed. */
export function symmetricCall({ name, shapes, types, values }: OperatorCall): SymmetricCall | null {
  const [space = "", op = ""] = name.split("::");
  const known = space === "symm_mem" && Object.hasOwn(SYMMETRIC, op) ? SYMMETRIC[op] : undefined;
  if (known === undefined) return null;
  const [shape, dtype] = [shapes[known.full], types[known.full]];
  if (!shape?.length || dtype === undefined || dtype === "unknown") return null;
  const elements = elementCount(shape);
  if (!(elements > 0)) return null;
  const group = values[known.group];
  const named = typeof group === "string" && group !== "" ? group.replaceAll(/["']/g, "") : null;
  return { kind: known.kind, size_bytes: elements * dtypeBytes(dtype), group: named };
}
