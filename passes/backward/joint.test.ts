import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Kernel, KernelGraph } from "../../src/ir/kernel-graph.js";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { bytesOf, flopsOf } from "../../src/ir/work.js";
import { readTensorGraph } from "../../src/onnx/read.js";
import { GRAPHS, GRAPHS_BIND, GRAPHS_FOLDER, kernelsOf } from "../../test/support/graphs.js";
import { runPass } from "../../test/support/tensor-graph.js";
import { splitDirections } from "../split-directions.js";

/** Forward and backward traced together by autograd: plain, sharded, sequence and expert parallel. */
const TRACED = [
  ...["llama_L2_joint", "gpt2_L12_joint", "llama_L2_joint_tp8_kareus", "llama_L2_joint_tp8_msft"],
  ...["llama_L12_joint_tp8sp_kareus", "llama_L28_joint_tp8_msft", "moe_L2_joint_ep8_kareus"],
];
/** With gradient operators of ONNX Runtime. */
const BUILT = [
  ...["ort_bloom_3layer_ortmodule_training", "stream_gpt2like_training"],
  ...["deeploy_cct_lora_training", "deeploy_mobilenetv1_training", "ort_recompute_gelu_yieldop"],
  ...["ort_training_api_mlp_training", "ort_training_api_mlp_gradient_graph"],
];

/**
 * Without what is not derived: updates of parameters, and sums of a shared parameter's gradients, for
 * which the products that make these add to what is there.
 */
async function readGraph(name: string): Promise<TensorGraph> {
  const graph = await readTensorGraph(join(GRAPHS_FOLDER, `${name}.onnx`), {
    bind: new Map(Object.entries(GRAPHS_BIND)),
    dtype: "bfloat16",
    report: () => undefined,
  });
  const ofParameters = (name: string) =>
    ["gradient", "parameter"].includes(graph.tensors.get(name)?.role ?? "");
  const isUpdate = ({ op, name, inputs }: TensorNode) =>
    /Accumulator/.test(op) ||
    name.startsWith("Adam_") ||
    (op === "Sum" && inputs.every(ofParameters));
  const nodes = graph.nodes.filter((node) => !isUpdate(node));
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const outputs = graph.outputs.filter((name) => made.has(name));
  return { ...graph, nodes, outputs };
}

/**
 * Forward up to the loss or the YieldOp, as if the file held no backward.
 */
function forwardHalf(graph: TensorGraph): TensorGraph {
  const nodes = runPass(splitDirections, graph).nodes.filter((n) => n.direction === "forward");
  const used = new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const trained = trainedParameters(graph);
  const frozen = (tensor: Tensor): Tensor =>
    tensor.role === "parameter" && !trained(tensor.name) ? { ...tensor, role: "constant" } : tensor;
  const kept = [...graph.tensors].filter(([name]) => used.has(name));
  const tensors = new Map(kept.map(([name, tensor]) => [name, frozen(tensor)]));
  const outputs = nodes
    .flatMap((node) => node.outputs)
    .filter((name) => !read.has(name) && tensors.get(name)?.role === "activation");
  return { ...graph, nodes, tensors, outputs };
}

/**
 * Low-rank adaptation trains the parameters that have a gradient by their name, and what is made of
 * these; other files train all.
 */
function trainedParameters({ name, nodes, tensors }: TensorGraph): (name: string) => boolean {
  if (!name.includes("lora")) return () => true;
  const isParameter = (name: string) => tensors.get(name)?.role === "parameter";
  const trained = new Set([...tensors.keys()].filter((name) => tensors.has(`${name}_grad`)));
  for (const { inputs, outputs } of nodes) {
    const made = inputs.some((name) => trained.has(name) && isParameter(name));
    if (made) for (const name of outputs.filter(isParameter)) trained.add(name);
  }
  return (name) => trained.has(name);
}

const backward = ({ kernels }: KernelGraph) => kernels.filter((k) => k.direction === "backward");
const computing = (kernels: readonly Kernel[], bound: "memory" | "arithmetic") =>
  kernels.flatMap((k) =>
    k.kind === "compute" && (k.work.op === "memory") === (bound === "memory") ? [k.work] : [],
  );
const flops = (kernels: readonly Kernel[]) =>
  computing(kernels, "arithmetic").reduce((sum, work) => sum + flopsOf(work), 0);
const traffic = (kernels: readonly Kernel[]) =>
  computing(kernels, "memory").reduce((sum, work) => sum + bytesOf(work), 0);
/** Collectives of activations; data-parallel ones of gradients are not derived. */
const collectives = (kernels: readonly Kernel[]) =>
  kernels
    .flatMap((k) => (k.kind === "communication" && !/^d(p|ata)$/.test(k.group) ? [k] : []))
    .map(({ collective, group, size_bytes }) => `${collective} ${group} ${size_bytes}`)
    .sort();

describe.skipIf(GRAPHS.length === 0)("backward derived and brought, of the same forward", () => {
  it.each([...TRACED, ...BUILT])("%s", async (name) => {
    const joint = await readGraph(name);
    const tp = name.includes("msft") ? 8 : 1;
    const brought = backward(kernelsOf(joint, tp, true));
    const derived = backward(kernelsOf(forwardHalf(joint), tp, true));
    expect(computing(brought, "arithmetic").length).toBeGreaterThan(0);
    const ratio = {
      flops: flops(derived) / flops(brought),
      bytes: traffic(derived) / traffic(brought),
    };
    expect(Math.abs(ratio.flops - 1)).toBeLessThan(0.03);
    // Files sum a norm's weight gradient in a pass of its own, over what another kernel wrote.
    expect(Math.abs(ratio.bytes - 1)).toBeLessThan(0.2);
    expect(collectives(derived)).toEqual(collectives(brought));
  });

  it.each(TRACED)("%s: attention and its backward are found in every layer", async (name) => {
    const { kernels, layers } = kernelsOf(await readGraph(name), name.includes("msft") ? 8 : 1);
    const attention = kernels.filter((k) => k.kind === "compute" && k.work.op === "attention");
    expect(attention).toHaveLength(2 * layers);
  });
});
