import type { Communication, PartitionType } from "../ir/partition.js";
import type { PartitionWork } from "../plan/plan.js";

/** What a partition type computes and communicates, as plans and details.json hold it. */
export function partitionWork(type: PartitionType) {
  const { key, communication } = type;
  const moved = communication === null ? null : movedOf(communication);
  return { key, kernels: kernelsOf(type), communication: moved, ...queueOf(type) };
}

/** What follows communication and what that may wait for; nothing where nothing is queued. */
function queueOf({ queued = [], free_order }: PartitionType) {
  if (queued.length === 0) return {};
  const pairs = free_order.map(([kernel, until]): [number, number] => [kernel, until]);
  const after = queued.map(({ dependent, ...each }) => ({ ...movedOf(each), dependent }));
  return { queued: after, free_order: pairs };
}

function movedOf({ kind, size_bytes, group, ranks, ranks_per_node }: Communication) {
  return { kind, size_bytes, group, ranks, ranks_per_node };
}

function kernelsOf({ kernels, slots }: PartitionType): PartitionWork["kernels"] {
  let next = 0;
  return kernels.map(({ work }, index) => {
    if (slots[next]?.first === index) next += 1;
    return { slot: next === 0 ? null : next - 1, work: { ...work } };
  });
}
