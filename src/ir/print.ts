import type { Kernel, KernelGraph } from "./kernel-graph.js";
import type { Communication, PartitionedGraph } from "./partition.js";
import type { AnyGraph } from "./pass.js";
import type { TensorGraph, TensorNode } from "./tensor-graph.js";
import type { Work } from "./work.js";

/** The stable text form of a graph at any level: what `--print-ir` shows and golden files hold. */
export function printGraph(graph: AnyGraph): string {
  switch (graph.level) {
    case "tensor":
      return printTensorGraph(graph);
    case "kernel":
      return printKernelGraph(graph);
    case "partition":
      return printPartitionedGraph(graph);
  }
}

function printTensorGraph(graph: TensorGraph): string {
  const computed = graph.nodes.filter((node) =>
    node.outputs.some((name) => {
      const role = graph.tensors.get(name)?.role;
      return role === "activation" || role === "gradient";
    }),
  );
  const lines = computed.map((node) => printNode(graph, node));
  const hidden = graph.nodes.length - computed.length;
  return `tensor graph ${graph.name}: ${computed.length} nodes, ${hidden} constant\n${lines.join("")}`;
}

function printNode(graph: TensorGraph, node: TensorNode): string {
  const tensor = (name: string) => {
    const found = graph.tensors.get(name);
    return found === undefined ? "-" : `${found.role}[${found.shape.join(",")}]`;
  };
  const layer = node.layer === null ? "" : ` layer ${node.layer}`;
  const attributes = Object.entries(node.attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    .join("");
  const operands = `(${node.inputs.map(tensor).join(" ")}) -> ${node.outputs.map(tensor).join(" ")}`;
  return `  ${node.direction}${layer} ${node.name} ${node.op}${attributes} ${operands}\n`;
}

function printKernelGraph(graph: KernelGraph): string {
  const lines = graph.kernels.map((kernel, i) => `  ${i} ${printKernel(kernel)}\n`);
  const head = `${graph.kernels.length} kernels, ${graph.layers} layers, ${graph.stages} stages`;
  return `kernel graph ${graph.name}: ${head}\n${lines.join("")}`;
}

function printKernel(kernel: Kernel): string {
  const layer = kernel.layer === null ? "" : ` layer ${kernel.layer}`;
  const what =
    kernel.kind === "compute"
      ? `${kernel.class} ${printWork(kernel.work)} half ${kernel.nanobatch ? printWork(kernel.nanobatch) : "-"}`
      : `${kernel.collective} ${kernel.size_bytes} bytes over ${kernel.ranks} (${kernel.group})`;
  const after = kernel.after.length === 0 ? "" : ` after ${kernel.after.join(",")}`;
  return `stage ${kernel.stage} ${kernel.direction}${layer} ${kernel.name}: ${what}${after}`;
}

function printWork(work: Work): string {
  const { op, ...amounts } = work;
  const texts = Object.entries(amounts).map(([key, value]) => `${key}=${value}`);
  return `${op}{${texts.join(" ")}}`;
}

function printPartitionedGraph(graph: PartitionedGraph): string {
  const types = [...graph.partitions.values()].map((type) => {
    const { communication, queued = [], slots, kernels } = type;
    const moved = ({ kind, size_bytes, ranks }: Communication) =>
      `${kind} ${size_bytes} bytes over ${ranks}`;
    const first = communication === null ? "no communication" : moved(communication);
    const behind = queued.map(
      (each) => `, ${each.dependent && !type.dependent ? "then " : ""}${moved(each)}`,
    );
    const comm = [first, ...behind].join("");
    const beside = type.dependent ? "then" : "beside";
    const lines = kernels.map((kernel, i) => {
      const slot = slots.findLast(({ first }) => first <= i);
      const free = type.free_order.some(([from]) => from === i) ? " free" : "";
      return `    ${slot?.name ?? "-"} ${kernel.class} ${printWork(kernel.work)}${free}\n`;
    });
    return `  ${type.key} ${beside} ${comm}\n${lines.join("")}`;
  });
  const instructions = graph.instructions.flatMap(({ stage, kind, executions }) =>
    executions.map(({ model, uses }) => {
      const lines = uses.map(({ partition, layers, nanobatch }) => {
        const half = nanobatch === null ? "whole" : `nanobatch ${nanobatch}`;
        return `    ${partition} ${half} layers ${layers.join(",") || "none"}\n`;
      });
      return `  stage ${stage} ${kind} ${model}\n${lines.join("")}`;
    }),
  );
  const head = `${graph.partitions.size} partition types, ${graph.stages} stages`;
  return `partitions of ${graph.name}: ${head}\n${types.join("")}${instructions.join("")}`;
}
