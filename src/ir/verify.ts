import type { KernelGraph } from "./kernel-graph.js";
import { type PartitionedGraph, partitionKey } from "./partition.js";
import type { AnyGraph } from "./pass.js";
import type { TensorGraph } from "./tensor-graph.js";
import { bytesOf, flopsOf } from "./work.js";

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

/** Unique names, known tensors, results before their readers, one producer each. */
function verifyTensorGraph(graph: TensorGraph): Violation[] {
  const violations: Violation[] = [];
  const names = new Set<string>();
  const made = new Set<string>();
  const makers = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const { name, inputs, outputs } of graph.nodes) {
    const breaks = (rule: string) => violations.push({ rule, node: name });
    if (names.has(name)) breaks("node names are unique");
    names.add(name);
    for (const input of inputs) {
      if (input === "") continue;
      if (!graph.tensors.has(input)) breaks(`input ${input} is a known tensor`);
      if (makers.has(input) && !made.has(input)) breaks(`${input} is made before it is read`);
    }
    for (const output of outputs) {
      if (output === "") continue;
      if (made.has(output)) breaks(`${output} is made once`);
      if (!graph.tensors.has(output)) breaks(`output ${output} is a known tensor`);
      made.add(output);
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

/** Finite work, dependencies that point back, stages and layers in range. */
function verifyKernelGraph(graph: KernelGraph): Violation[] {
  const violations: Violation[] = [];
  for (const [index, kernel] of graph.kernels.entries()) {
    const breaks = (rule: string) => violations.push({ rule, node: kernel.name });
    if (kernel.after.some((from) => from >= index)) breaks("a kernel follows what it reads");
    if (kernel.stage >= graph.stages) breaks("stages are in range");
    if (kernel.layer !== null && kernel.layer >= graph.layers) breaks("layers are in range");
    const amounts =
      kernel.kind === "compute"
        ? [flopsOf(kernel.work), bytesOf(kernel.work)]
        : [kernel.size_bytes, kernel.ranks];
    if (amounts.some((amount) => !Number.isFinite(amount) || amount < 0)) breaks("work is finite");
  }
  return violations;
}

/** Keys match their content, uses name known types, slots lie within their partition. */
function verifyPartitionedGraph(graph: PartitionedGraph): Violation[] {
  const violations: Violation[] = [];
  for (const [key, type] of graph.partitions) {
    const breaks = (rule: string) => violations.push({ rule, node: key });
    if (key !== type.key || key !== partitionKey(type)) breaks("the key is the content's hash");
    if (type.slots.some(({ first }) => first >= type.kernels.length)) breaks("slots are in range");
    if (type.kernels.length === 0 && type.communication === null) breaks("something runs");
  }
  for (const { stage, kind, executions } of graph.instructions) {
    const node = `stage ${stage} ${kind}`;
    if (executions[0]?.model !== "sequential") violations.push({ rule: "sequential first", node });
    const known = executions.every(({ uses }) =>
      uses.every(({ partition }) => graph.partitions.has(partition)),
    );
    if (!known) violations.push({ rule: "uses name known partitions", node });
  }
  return violations;
}
