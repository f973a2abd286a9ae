import { z } from "zod";
import { byDefault } from "../../base/need.js";
import type { CollectiveOp } from "./collectives.js";
import type { OperatorCall } from "./operators.js";

/*
 * MLCommons Chakra execution traces: nodes of host operators and of the kernels that they started.
 * A kernel's control dependency is what started it: a host operator, or the kernel before it of the
 * same call. Durations are whole microseconds; nothing says what ran at the same time.
 */

/** In a second. */
export const MICROSECONDS = 1e6;

/** Why something is no Chakra trace, with the place. */
export class ChakraFault extends Error {}

/** A node as far as it is read, whichever encoding it came in. */
export interface ChakraNode {
  readonly id: number;
  readonly name: string;
  /** What started it. */
  readonly parent: number | null;
  readonly time_s: number;
  readonly on_host: boolean;
  readonly kind: CollectiveOp | "other collective" | null;
  /** As the trace counts it; null where it does not. */
  readonly comm_size: number | null;
  /** Calls of one operator share it. */
  readonly call: number;
  readonly inputs: Omit<OperatorCall, "name"> | null;
}

const SEND = 5;
const RECV = 6;
const COLLECTIVE = 7;
const COLLECTIVES: Readonly<Record<number, CollectiveOp>> = {
  0: "all_reduce",
  2: "all_gather",
  5: "broadcast",
  6: "all_to_all",
  7: "reduce_scatter",
};

/** What a node does between ranks, by the numbers that its schema gives it. */
export function kindOf(type: number, comm_type: number | undefined): ChakraNode["kind"] {
  if (type === SEND) return "send";
  if (type === RECV) return "recv";
  if (type !== COLLECTIVE) return null;
  return COLLECTIVES[comm_type ?? -1] ?? "other collective";
}

const jsonNode = z.object({
  Id: z.int(),
  Name: z.string(),
  NodeType: z.int(),
  ctrlDeps: z.array(z.int()).optional(),
  runtime: z.number().nonnegative().optional(),
  is_cpu_op: z.boolean().optional(),
  comm_type: z.int().optional(),
  comm_size: z.int().optional(),
});

/** A node of a trace in JSON, which holds no shapes; null if the item is none. */
export function parseChakraNode(item: unknown): ChakraNode | null {
  const { success, data: node } = jsonNode.safeParse(item);
  if (!success) return null;
  return {
    id: node.Id,
    name: node.Name,
    parent: node.ctrlDeps?.[0] ?? null,
    time_s: byDefault(node.runtime, 0) / MICROSECONDS,
    on_host: node.is_cpu_op ?? false,
    kind: kindOf(node.NodeType, node.comm_type),
    comm_size: node.comm_size ?? null,
    call: node.Id,
    inputs: null,
  };
}
