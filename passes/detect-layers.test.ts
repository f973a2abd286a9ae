import { describe, expect, it } from "vitest";
import { runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { detectLayers } from "./detect-layers.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const K = { k_axis: 0 };

/** An embedding, equal blocks of a view, a linear and an activation, and a head. */
function stack(layers: number, change: (node: Node, layer: number) => Node = (node) => node) {
  const activations: Record<string, number[]> = { h0: [4, 8], y: [4, 16] };
  const nodes: Node[] = [["h0", "Relu", ["x"]]];
  for (let i = 0; i < layers; i++) {
    Object.assign(activations, { [`v${i}`]: [4, 8], [`l${i}`]: [4, 8], [`h${i + 1}`]: [4, 8] });
    const block: Node[] = [
      [`v${i}`, "Squeeze", [`h${i}`]],
      [`l${i}`, "kareus::Linear", [`v${i}`, `w${i}`], K],
      [`h${i + 1}`, "Tanh", [`l${i}`]],
    ];
    nodes.push(...block.map((node) => change(node, i)));
  }
  nodes.push(["y", "kareus::Linear", [`h${layers}`, "head"], K]);
  return tensorGraph({
    data: { x: [4, 8] },
    parameters: {
      head: [8, 16],
      w: [8, 8],
      ...Object.fromEntries(Array.from({ length: layers }, (_, i) => [`w${i}`, [8, 8]])),
    },
    activations,
    nodes,
    outputs: ["y"],
  });
}

const numbered = (graph: ReturnType<typeof stack>) =>
  graph.nodes.map(({ name, layer }) => `${name}:${layer}`);

describe("detect-layers", () => {
  it("numbers equal blocks, views with the launch that follows, and nothing else", () => {
    expect(numbered(runPass(detectLayers, stack(3)))).toEqual([
      "h0:null",
      ...["v0:0", "l0:0", "h1:0", "v1:1", "l1:1", "h2:1", "v2:2", "l2:2", "h3:2"],
      "y:null",
    ]);
  });

  it("leaves out a first layer that differs", () => {
    const graph = stack(3, (node, layer) =>
      node[1] === "Tanh" && layer === 0 ? [node[0], "Erf", node[2]] : node,
    );
    expect(numbered(runPass(detectLayers, graph)).slice(0, 7)).toEqual([
      ...["h0:null", "v0:null", "l0:null", "h1:null", "v1:0", "l1:0", "h2:0"],
    ]);
  });

  it("takes layers that turn nothing for layers like the others", () => {
    const graph = stack(4, (node, layer) =>
      node[1] === "Squeeze" && layer !== 3 ? [node[0], "RotaryEmbedding", node[2]] : node,
    );
    const layers = runPass(detectLayers, graph).nodes.map(({ layer }) => layer);
    expect(layers).toEqual([null, ...[0, 1, 2, 3].flatMap((layer) => [layer, layer, layer]), null]);
  });

  it("leaves a graph without repeats, and repeats without a product, as they are", () => {
    expect(runPass(detectLayers, stack(1))).toEqual(stack(1));
    const elementwise = tensorGraph({
      data: { x: [4, 8] },
      activations: { a: [4, 8], b: [4, 8], c: [4, 8] },
      nodes: [
        ["a", "Tanh", ["x"]],
        ["b", "Tanh", ["a"]],
        ["c", "Tanh", ["b"]],
      ],
      outputs: ["c"],
    });
    expect(runPass(detectLayers, elementwise)).toBe(elementwise);
  });

  it("leaves projections of one input, and steps that share their weights", () => {
    const shared = stack(3, (node) =>
      node[1] === "kareus::Linear" ? [node[0], node[1], [node[2][0] ?? "", "w"], K] : node,
    );
    expect(runPass(detectLayers, shared)).toBe(shared);
    const beside = tensorGraph({
      data: { x: [4, 8] },
      parameters: { q: [8, 8], k: [8, 8], v: [8, 8] },
      activations: { a: [4, 8], b: [4, 8], c: [4, 8] },
      nodes: [
        ["a", "kareus::Linear", ["x", "q"], K],
        ["b", "kareus::Linear", ["x", "k"], K],
        ["c", "kareus::Linear", ["x", "v"], K],
      ],
      outputs: ["a", "b", "c"],
    });
    expect(runPass(detectLayers, beside)).toBe(beside);
  });

  /** A backward of `backward` blocks, each reading its forward layer's saved activation. */
  function joint(layers: number, from: number, backward: number) {
    const forward = stack(layers, (node, layer) =>
      node[1] === "Tanh" && layer < layers - from ? [node[0], "Erf", node[2]] : node,
    );
    const activations: Record<string, number[]> = {};
    const nodes: Node[] = [];
    const extras = { direction: "backward" as const };
    for (let i = layers - 1; i >= layers - backward; i--) {
      Object.assign(activations, { [`g${i}`]: [4, 8], [`d${i}`]: [4, 8] });
      const dy = i === layers - 1 ? `h${layers}` : `d${i + 1}`;
      nodes.push(
        [`g${i}`, "com.microsoft::TanhGrad", [`h${i + 1}`, dy], {}, extras],
        [`d${i}`, "kareus::Linear", [`g${i}`, `w${i}`], K, extras],
      );
    }
    const gradients = tensorGraph({ activations, nodes });
    return {
      ...forward,
      nodes: [...forward.nodes, ...gradients.nodes],
      tensors: new Map([...forward.tensors, ...gradients.tensors]),
    };
  }

  it("numbers backward blocks like the forward layers whose activations they read", () => {
    const layersOf = (graph: ReturnType<typeof stack>) =>
      Object.fromEntries(runPass(detectLayers, graph).nodes.map((n) => [n.name, n.layer]));
    expect(layersOf(joint(4, 4, 4))).toMatchObject({ d3: 3, d2: 2, d1: 1, d0: 0 });
    // Backward of layer 0 differs and is not found: what is left is layers 1 to 3.
    expect(layersOf(joint(4, 4, 3))).toMatchObject({ h2: 1, d1: 1, d2: 2, d3: 3 });
    // Forward of layer 0 differs: its backward belongs to no numbered layer.
    expect(layersOf(joint(4, 3, 4))).toMatchObject({ h2: 0, d1: 0, d3: 2, d0: null });
  });
});
