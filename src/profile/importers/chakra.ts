import { BufferReader } from "protobufjs/minimal.js";
import { z } from "zod";
import { parseJson } from "../../base/json.js";
import { byDefault } from "../../base/need.js";
import type { CollectiveKind } from "../../ir/kernel-graph.js";
import { elementType, type OperatorCall } from "./operators.js";
import { chakra } from "./proto/generated/chakra.js";
import { type CollectiveRun, countOne, type OperatorRun, type Trace } from "./trace.js";

/*
 * MLCommons Chakra execution traces: nodes of host operators and of the kernels that they started.
 * A kernel's control dependency is what started it: a host operator, or the kernel before it of the
 * same call. Durations are whole microseconds; nothing says what ran at the same time.
 */

const MICROSECONDS = 1e6;

/** A node as far as it is read, whichever encoding it came in. */
export interface ChakraNode {
  readonly id: number;
  readonly name: string;
  /** What started it. */
  readonly parent: number | null;
  readonly time_s: number;
  readonly on_host: boolean;
  readonly kind: CollectiveKind | "other collective" | null;
  /** As the trace counts it; null where it does not. */
  readonly comm_size: number | null;
  /** Calls of one operator share it. */
  readonly call: number;
  readonly inputs: Omit<OperatorCall, "name"> | null;
}

const SEND = 5;
const RECV = 6;
const COLLECTIVE = 7;
const COLLECTIVES: Readonly<Record<number, CollectiveKind>> = {
  0: "all_reduce",
  2: "all_gather",
  6: "all_to_all",
  7: "reduce_scatter",
};

function kindOf(type: number, comm_type: number | undefined): ChakraNode["kind"] {
  if (type === SEND) return "send";
  if (type === RECV) return "recv";
  if (type !== COLLECTIVE) return null;
  return COLLECTIVES[comm_type ?? -1] ?? "other collective";
}

type Wire = number | { toNumber(): number } | null | undefined;
const toNumber = (value: Wire): number =>
  typeof value === "object" ? byDefault(value?.toNumber(), 0) : byDefault(value, 0);

/** The literal lists of Python that PyTorch's observer writes, as data; empty where they are not. */
function pythonList(text: string | null | undefined): unknown[] {
  const list = parseJson(
    byDefault(text, "")
      .replaceAll("'", '"')
      .replace(/\b(True|False|None)\b/g, (word) => (word === "None" ? "null" : word.toLowerCase())),
  );
  return Array.isArray(list) ? list : [];
}

function inputsOf(inputs: chakra.IOInfo.$Properties): ChakraNode["inputs"] {
  return {
    shapes: pythonList(inputs.shapes).map((shape) => z.array(z.int()).safeParse(shape).data ?? []),
    types: pythonList(inputs.types).map((type) => elementType(String(type))),
    values: pythonList(inputs.values),
  };
}

function decodeNode(node: chakra.Node.$Properties): ChakraNode {
  const attributes = new Map((node.attr ?? []).map((a) => [byDefault(a.name, ""), a]));
  const integer = (name: string): number | undefined => {
    const found = attributes.get(name);
    if (found === undefined) return undefined;
    const { int64Val, uint64Val, int32Val, uint32Val } = found;
    return [int64Val, uint64Val, int32Val, uint32Val]
      .map(toNumber)
      .reduce((known, n) => known || n);
  };
  const [parent] = node.ctrlDeps ?? [];
  const id = toNumber(node.id);
  return {
    id,
    name: byDefault(node.name, ""),
    parent: parent === undefined ? null : toNumber(parent),
    time_s: toNumber(node.durationMicros) / MICROSECONDS,
    on_host: attributes.get("is_cpu_op")?.boolVal ?? integer("is_cpu_op") === 1,
    kind: kindOf(byDefault(node.type, 0), integer("comm_type")),
    comm_size: integer("comm_size") ?? null,
    call: integer("rf_id") ?? id,
    inputs: node.inputs ? inputsOf(node.inputs) : null,
  };
}

/** Decodes the nodes of a protobuf trace; null if the bytes are none. */
export function decodeChakra(bytes: Uint8Array): ChakraNode[] | null {
  const reader = new BufferReader(bytes);
  const nodes: ChakraNode[] = [];
  try {
    chakra.GlobalMetadata.decode(reader, reader.uint32());
    while (reader.pos < reader.len) {
      const length = reader.uint32();
      if (length > reader.len - reader.pos) return null;
      nodes.push(decodeNode(chakra.Node.decode(reader, length)));
    }
  } catch {
    return null;
  }
  return nodes.length > 0 ? nodes : null;
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

/** Reads a trace from its nodes; `ranks` of its collectives, which it does not say itself. */
export function readChakra(nodes: readonly ChakraNode[], ranks: number | null): Trace {
  const skipped = new Map<string, number>();
  const kernels = nodes.filter(({ on_host }) => !on_host);
  const collectives = kernels.filter(({ kind }) => kind !== null);
  return {
    operators: operatorRuns(nodes, skipped),
    collectives: collectives.flatMap((node) => collectiveRun(node, ranks, skipped)),
    kernels: kernels.length,
    skipped,
    gpu: null,
    notes: ["durations in whole microseconds, whatever ran beside"],
  };
}

function collectiveRun(
  { kind, comm_size, time_s }: ChakraNode,
  ranks: number | null,
  skipped: Map<string, number>,
): CollectiveRun[] {
  if (kind === null || kind === "other collective" || !comm_size || time_s === 0) {
    countOne(skipped, "collective of another kind, or without size or duration");
    return [];
  }
  if (ranks === null) {
    countOne(skipped, "collective: the trace does not say between how many ranks (--ranks)");
    return [];
  }
  // The size is that of the input: what one rank brings to an all-gather.
  const size_bytes = kind === "all_gather" ? comm_size * ranks : comm_size;
  return [{ kind, size_bytes, ranks, sms: null, time_s, contended: null }];
}

/** Kernels by the call of the operator that started them. */
function operatorRuns(nodes: readonly ChakraNode[], skipped: Map<string, number>): OperatorRun[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const calls = new Map<number, { operator: ChakraNode; time_s: number }>();
  for (const kernel of nodes) {
    if (kernel.on_host || kernel.kind !== null) continue;
    const operator = starterOf(kernel, byId);
    if (operator?.inputs == null || kernel.time_s === 0) {
      countOne(skipped, "kernel without an operator, its shapes or a duration");
      continue;
    }
    const { time_s } = calls.get(operator.call) ?? { time_s: 0 };
    calls.set(operator.call, { operator, time_s: time_s + kernel.time_s });
  }
  return [...calls.values()].flatMap(({ operator, time_s }) => {
    // The parts of a call between its launches are named `aten::mm(0)`, `aten::mm(1)`.
    const name = operator.name.replace(/\(\d+\)$/, "");
    return operator.inputs === null ? [] : [{ ...operator.inputs, name, time_s, contended: null }];
  });
}

/** The host operator at the start of a kernel's chain; null where the chain is broken. */
function starterOf(kernel: ChakraNode, byId: ReadonlyMap<number, ChakraNode>): ChakraNode | null {
  const seen = new Set<number>();
  let at: ChakraNode | undefined = kernel;
  while (at !== undefined && !at.on_host && !seen.has(at.id)) {
    seen.add(at.id);
    at = at.parent === null ? undefined : byId.get(at.parent);
  }
  return at?.on_host === true ? at : null;
}
