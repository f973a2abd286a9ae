import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tensorOf } from "../src/ir/tensor-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { readTensorGraph } from "../src/onnx/read.js";
import { GRAPHS, GRAPHS_BIND, GRAPHS_FOLDER, kernelsOf } from "../test/support/graphs.js";
import { weightsOf } from "../test/support/onnx-reader.js";

const isDecoder = (name: string) => /^(llama|gpt2|moe|genai_mobius)_/.test(name);
/** Of a width of heads on this rank times layers. */
const ATTENTION: readonly (readonly [RegExp, (layers: number) => number])[] = [
  [/^llama_L2_joint\.onnx/, (layers) => 3072 * layers],
  [/^llama_.*joint_tp8/, (layers) => (3072 / 8) * layers],
  [/^llama_L2_fwd_train_tp8/, (layers) => (512 / 8) * layers],
  [/^llama_.*fwd/, (layers) => 512 * layers],
  [/^gpt2_L2/, (layers) => 256 * layers],
  [/^gpt2_L12/, (layers) => 768 * layers],
  [/^moe/, (layers) => 1024 * layers],
  [/^genai_mobius/, (layers) => 64 * layers],
];

describe.skipIf(GRAPHS.length === 0)("FLOPs of a training step of a decoder", () => {
  it.each(GRAPHS.filter(isDecoder))("%s: the closed formula within two percent", async (name) => {
    const path = join(GRAPHS_FOLDER, name);
    const graph = await readTensorGraph(path, {
      bind: new Map(Object.entries(GRAPHS_BIND)),
      dtype: "bfloat16",
      report: () => undefined,
    });
    const [batch = 0, sequence = 0] = tensorOf(graph, "input_ids").shape;
    const { kernels, layers } = kernelsOf(graph, name.includes("tp8") ? 8 : 1);
    const products = kernels.flatMap((kernel) =>
      kernel.kind === "compute" && kernel.work.op !== "memory" ? [flopsOf(kernel.work)] : [],
    );
    const counted = products.reduce((sum, flops) => sum + flops, 0);
    // Each token passes through two of the experts, which are stacked.
    const active = weightsOf(path).reduce(
      (sum, { shape, elements }) => sum + elements * (shape.length === 3 ? 2 : 1),
      0,
    );
    const [, width] = ATTENTION.find(([pattern]) => pattern.test(name)) ?? [];
    // Causal scores and weighted sums, and seven halves of them with a fused backward.
    const attention = 3.5 * 2 * batch * sequence ** 2 * (width?.(layers) ?? 0);
    const expected = 6 * active * batch * sequence + attention;
    expect(counted / expected).toBeGreaterThan(0.98);
    expect(counted / expected).toBeLessThan(1.02);
  });
});
