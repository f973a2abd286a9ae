import { at } from "../base/need.js";
import type { Kernel, KernelGraph } from "./kernel-graph.js";
import {
  type InstructionShape,
  LAST_KINDS,
  lastKindOf,
  type PartitionedGraph,
  type PartitionType,
  partitionKey,
} from "./partition.js";
import type { AnyGraph } from "./pass.js";
import type { TensorGraph } from "./tensor-graph.js";
import { bytesOf, flopsOf } from "./work.js";

type Place = Pick<InstructionShape, "stage" | "chunk" | "kind">;

/** A broken invariant: always a fault of a pass, never of the input. */
interface Violation {
  readonly rule: string;
  readonly node: string;
}

/** The invariants that a graph's level promises and this graph breaks. */
export function verify(graph: AnyGraph): Violation[] {
  switch (graph.level) {
    case "tensor":
      return verifyTensorGraph(graph);
    case "kernel":
      return verifyKernelGraph(graph);
    case "partition":
      return verifyPartitionedGraph(graph);
  }
}

/** Unique names, known tensors, results before their readers, forward before backward. */
function verifyTensorGraph(graph: TensorGraph): Violation[] {
  const violations: Violation[] = [];
  const names = new Set<string>();
  const makers = new Map<string, number>();
  for (const [place, { name, outputs }] of graph.nodes.entries()) {
    const breaks = (rule: string) => violations.push({ rule, node: name });
    names.add(name);
    if (names.size <= place) breaks("node names are unique");
    for (const output of outputs) {
      if (output === "") continue;
      if (makers.has(output)) breaks(`${output} is made once`);
      if (!graph.tensors.has(output)) breaks(`output ${output} is a known tensor`);
      makers.set(output, place);
    }
  }
  for (const [place, { name, inputs, direction }] of graph.nodes.entries()) {
    const breaks = (rule: string) => violations.push({ rule, node: name });
    for (const input of inputs) {
      if (input === "") continue;
      const role = graph.tensors.get(input)?.role;
      const maker = makers.get(input);
      if (role === undefined) breaks(`input ${input} is a known tensor`);
      if (role === "activation" && maker === undefined) breaks(`${input} is made by some node`);
      if (maker === undefined) continue;
      if (maker >= place) breaks(`${input} is made before it is read`);
      if (direction === "forward" && at(graph.nodes, maker).direction === "backward") {
        breaks("forward reads nothing that backward makes");
      }
    }
  }
  for (const { name, shape, batch_axis } of graph.tensors.values()) {
    const sound = shape.every((dim) => Number.isInteger(dim) && dim >= 0);
    if (!sound) violations.push({ rule: "shapes are whole numbers", node: name });
    if (batch_axis !== null && batch_axis >= shape.length) {
      violations.push({ rule: "the batch axis is an axis of the shape", node: name });
    }
  }
  return violations;
}

/** Lists of kernels whose names are unique: passes hand them on, and there may be 200,000. */
const NAMED = new WeakSet<readonly Kernel[]>();

/** Unique names, finite work, dependencies that point back, stages and layers in range. */
function verifyKernelGraph(graph: KernelGraph): Violation[] {
  const violations: Violation[] = [];
  const names = NAMED.has(graph.kernels) ? null : new Set<string>();
  for (const [index, kernel] of graph.kernels.entries()) {
    const breaks = (rule: string) => violations.push({ rule, node: kernel.name });
    const known = names?.size;
    if (known !== undefined && names?.add(kernel.name).size === known) {
      breaks("kernel names are unique");
    }
    if (kernel.nodes.length === 0) breaks("a kernel stands for some node");
    if (kernel.after.some((from) => from >= index)) breaks("a kernel follows what it reads");
    if (kernel.stage >= graph.stages) breaks("stages are in range");
    if (kernel.layer !== null && kernel.layer >= graph.layers) breaks("layers are in range");
    const sound =
      kernel.kind === "compute"
        ? isAmount(flopsOf(kernel.work)) && isAmount(bytesOf(kernel.work))
        : isAmount(kernel.size_bytes) && isAmount(kernel.ranks);
    if (!sound) breaks("work is finite");
  }
  if (names?.size === graph.kernels.length) NAMED.add(graph.kernels);
  return violations;
}

function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** Keys match their content, uses name known types, slots lie within their partition. */
function verifyPartitionedGraph(graph: PartitionedGraph): Violation[] {
  const violations: Violation[] = [];
  for (const [key, type] of graph.partitions) {
    const breaks = (rule: string) => violations.push({ rule, node: key });
    if (key !== type.key || key !== partitionKey(type)) breaks("the key is the content's hash");
    if (!slotsCover(type)) breaks("slots start at the first kernel and rise");
    if (new Set(type.slots.map(({ name }) => name)).size < type.slots.length) {
      breaks("slot names are unique");
    }
    if (!freeKernelsAreSlots(type)) breaks("free kernels are slots");
    if (type.kernels.length === 0 && type.communication === null) breaks("something runs");
    if (type.communication === null && type.queued !== undefined) {
      breaks("what is queued follows communication");
    }
  }
  return [...violations, ...verifyInstructions(graph)];
}

/** Uses name what there is; sequential execution comes first; the last backward has its like. */
function verifyInstructions(graph: PartitionedGraph): Violation[] {
  const violations: Violation[] = [];
  const placeOf = ({ stage, chunk, kind }: Place) => `stage ${stage} chunk ${chunk} ${kind}`;
  const last = new Set(
    graph.instructions.flatMap((shape) => {
      const kind = lastKindOf(shape.kind);
      return kind === null ? [] : [placeOf({ ...shape, kind })];
    }),
  );
  for (const shape of graph.instructions) {
    const { stage, kind, executions } = shape;
    const node = `stage ${stage} ${kind}`;
    if (LAST_KINDS.some((each) => each === kind) && !last.has(placeOf(shape))) {
      violations.push({ rule: "the last microbatch runs what others run", node });
    }
    if (executions[0]?.model !== "sequential") violations.push({ rule: "sequential first", node });
    const known = executions.every(({ uses }) =>
      uses.every(({ partition }) => graph.partitions.has(partition)),
    );
    if (!known) violations.push({ rule: "uses name known partitions", node });
    const layered = executions.flatMap(({ uses }) => uses.flatMap(({ layers }) => layers));
    if (layered.some((layer) => layer < 0 || layer >= graph.layers)) {
      violations.push({ rule: "layers are in range", node });
    }
  }
  return violations;
}

/** Every kernel lies in exactly one slot, in order. */
function slotsCover({ slots, kernels }: PartitionType): boolean {
  if (kernels.length === 0) return slots.length === 0;
  const rises = slots.every(({ first }, i) => first > (slots[i - 1]?.first ?? -1));
  return slots[0]?.first === 0 && rises && at(slots, -1).first < kernels.length;
}

/** In every pair [i, j] kernel i is a slot of its own and kernel j does not come before it. */
function freeKernelsAreSlots({ slots, kernels, free_order }: PartitionType): boolean {
  const ends = new Map(
    slots.map(({ first }, slot) => [first, slots[slot + 1]?.first ?? kernels.length]),
  );
  return free_order.every(([i, j]) => ends.get(i) === i + 1 && i <= j && j < kernels.length);
}
