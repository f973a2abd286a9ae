import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Kernel, KernelGraph } from "../../src/ir/kernel-graph.js";
import type { AnyGraph } from "../../src/ir/pass.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { flopsOf } from "../../src/ir/work.js";
import { readTensorGraph } from "../../src/onnx/read.js";
import { ROOT } from "../../test/support/paths.js";
import { runPass } from "../../test/support/tensor-graph.js";
import { passes } from "../index.js";
import { splitDirections } from "../split-directions.js";

const FOLDER = join(ROOT, "../shared/data/onnx");
/** Forward and backward traced together by autograd: plain, sharded, sequence and expert parallel. */
const JOINT = [
  ...["llama_L2_joint", "gpt2_L12_joint", "llama_L2_joint_tp8_kareus", "llama_L2_joint_tp8_msft"],
  ...["llama_L12_joint_tp8sp_kareus", "moe_L2_joint_ep8_kareus"],
];

/** Forward up to the loss alone, as if the file held no backward. */
function forwardHalf(graph: TensorGraph): TensorGraph {
  const nodes = runPass(splitDirections, graph).nodes.filter((n) => n.direction === "forward");
  const used = new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const tensors = new Map([...graph.tensors].filter(([name]) => used.has(name)));
  const outputs = graph.outputs.filter((name) => tensors.get(name)?.role === "activation");
  return { ...graph, nodes, tensors, outputs };
}

function kernelsOf(graph: TensorGraph): KernelGraph {
  let current: AnyGraph = graph;
  for (const pass of passes) {
    current = runPass(pass, current, { tp: graph.name.includes("msft") ? 8 : 1 });
    if (current.level === "kernel") return current;
  }
  throw new Error("no kernels were formed");
}

const backward = ({ kernels }: KernelGraph) => kernels.filter((k) => k.direction === "backward");
const products = (kernels: readonly Kernel[]) =>
  kernels.flatMap((k) => (k.kind === "compute" && k.work.op === "matmul" ? [k.work] : []));
/** Collectives of activations; data-parallel ones of gradients are not derived. */
const collectives = (kernels: readonly Kernel[]) =>
  kernels
    .flatMap((k) => (k.kind === "communication" && !/^d(p|ata)$/.test(k.group) ? [k] : []))
    .map(({ collective, group, size_bytes }) => `${collective} ${group} ${size_bytes}`)
    .sort();

describe.skipIf(!existsSync(FOLDER))("backward derived and traced, of the same forward", () => {
  it.each(JOINT)("%s: equal products and collectives", async (name) => {
    const file = join(FOLDER, `${name}.onnx`);
    const options = { bind: new Map(), dtype: "bfloat16" as const, report: () => undefined };
    const joint = await readTensorGraph(file, options);
    const [derived, traced] = [kernelsOf(forwardHalf(joint)), kernelsOf(joint)].map(backward);
    if (derived === undefined || traced === undefined) throw new Error("two graphs were lowered");
    const flops = (kernels: readonly Kernel[]) =>
      products(kernels).reduce((sum, work) => sum + flopsOf(work), 0);
    expect(flops(derived) / flops(traced)).toBeCloseTo(1, 6);
    expect(products(derived)).toHaveLength(products(traced).length);
    expect(collectives(derived)).toEqual(collectives(traced));
  });
});
