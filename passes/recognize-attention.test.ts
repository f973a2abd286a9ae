import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../src/base/diagnostics/diagnostic.js";
import { type Band, tensorOf } from "../src/ir/tensor-graph.js";
import { verify } from "../src/ir/verify.js";
import { shapedNode, workOf } from "../src/onnx/operators/knowledge.js";
import type { Shape } from "../test/support/tensor-graph.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeAttention } from "./recognize-attention.js";

type Input = Parameters<typeof tensorGraph>[0];
type Node = Input["nodes"][number];

const [B, H, T, D] = [2, 4, 16, 8];
const HEADS = [B, H, T, D];
const SCORES = [B, H, T, T];
const TURN: Node = ["kt", "Transpose", ["k"], { perm: [0, 1, 3, 2] }];

/** Scale, additive mask, softmax, weighted sum. */
function attention(change: Partial<Input> = {}, from: readonly Node[] = [TURN]) {
  return tensorGraph({
    data: { q: HEADS, k: HEADS, v: HEADS },
    parameters: change.parameters ?? {},
    constants: { mask: [T, T], scale: [], ones: [T, T], ...change.constants },
    activations: {
      ...{ kt: [B, H, D, T], raw: SCORES, scaled: SCORES, masked: SCORES, weights: SCORES },
      ...{ dropped: SCORES, y: HEADS },
      ...change.activations,
    },
    nodes: [
      ...from,
      ["raw", "MatMul", ["q", "kt"]],
      ["scaled", "Div", ["raw", "scale"]],
      ["masked", "Add", ["scaled", "mask"]],
      ["weights", "Softmax", ["masked"], { axis: -1 }],
      ["dropped", "Dropout", ["weights"]],
      ["y", "MatMul", ["dropped", "v"]],
      ...(change.nodes ?? []),
    ],
    outputs: ["y", ...(change.outputs ?? [])],
  });
}

const MASK: Node = ["mask", "Trilu", ["ones"], { upper: 0 }];

describe("recognize-attention", () => {
  const attributesOf = (graph: ReturnType<typeof attention>) =>
    runPass(recognizeAttention, graph).nodes.find(({ op }) => op === "Attention")?.attributes;

  it("finds attention whose softmax gives a part to a learned sink", () => {
    const LONG = [B, H, T, T + 1];
    const withSink = (sink: string) =>
      tensorGraph({
        data: { q: HEADS, k: HEADS, v: HEADS },
        parameters: { sink: [1, H, 1, 1], stored: [B, H, T, 1] },
        constants: { shape: [4], zero: [1], end: [1] },
        activations: {
          ...{
            kt: [B, H, D, T],
            raw: SCORES,
            each: [B, H, T, 1],
            longer: LONG,
            most: [B, H, T, 1],
          },
          ...{ less: LONG, all: LONG, weights: SCORES, own: [1, H, 1, 1], y: HEADS },
        },
        nodes: [
          TURN,
          ["raw", "MatMul", ["q", "kt"]],
          ["own", "ReduceMean", ["q"]],
          ["each", "Expand", [sink, "shape"]],
          ["longer", "Concat", ["raw", sink === "stored" ? sink : "each"], { axis: -1 }],
          ["most", "ReduceMax", ["longer"]],
          ["less", "Sub", ["longer", "most"]],
          ["all", "Softmax", ["less"], { axis: -1 }],
          ["weights", "Slice", ["all", "zero", "end"]],
          ["y", "MatMul", ["weights", "v"]],
        ],
        outputs: ["y"],
      });
    const ops = (sink: string) =>
      runPass(recognizeAttention, withSink(sink)).nodes.map((n) => n.op);
    expect(ops("sink")).toContain("Attention");
    expect(ops("sink")).not.toContain("Softmax");
    // Folded for fixed sizes.
    expect(ops("stored")).toContain("Attention");
    // A column of data is no sink.
    expect(ops("own")).not.toContain("Attention");
  });

  it("finds how far a mask lets a query see: by a triangle, or by comparing positions", () => {
    const constants = { i: [T, 1], j: [1, T], d: [T, T], off: [], later: [T, T], far: [T, T] };
    const masks = (nodes: readonly Node[], value: number) => {
      const graph = attention({ constants }, [TURN, ...nodes]);
      const off = { name: "off", dtype: "int64", shape: [], role: "constant" } as const;
      const tensors = new Map(graph.tensors).set("off", { ...off, batch_axis: null, value });
      return attributesOf({ ...graph, tensors });
    };
    const causal: Node = ["later", "Trilu", ["ones"], { upper: 1 }];
    const both: Node = ["mask", "Add", ["later", "far"]];
    const seen = { is_causal: 1, local_window_size: 5 };
    // Hidden: at least 5 back.
    expect(masks([causal, ["far", "Trilu", ["ones", "off"], { upper: 0 }], both], -5)).toEqual(
      seen,
    );
    // Shown: at most 4 back.
    expect(masks([["mask", "Trilu", ["ones", "off"], { upper: 1 }]], -4)).toEqual(seen);
    const away: Node = ["d", "Sub", ["i", "j"]];
    expect(masks([causal, away, ["far", "GreaterOrEqual", ["d", "off"]], both], 5)).toEqual(seen);
    const begin: Node = ["d", "Sub", ["i", "off"]];
    expect(masks([causal, begin, ["far", "LessOrEqual", ["j", "d"]], both], 5)).toEqual(seen);
    // A window as long as the sequence, and a triangle from the diagonal, hide nothing far away.
    expect(masks([causal, away, ["far", "GreaterOrEqual", ["d", "off"]], both], T)).toEqual({
      is_causal: 1,
    });
    expect(attributesOf(attention({}, [TURN, MASK]))).toEqual({ is_causal: 1 });
  });

  it("arranges what is added to scores of merged heads, and looks for no triangle in that", () => {
    const graph = tensorGraph({
      data: { q: [2, 2, 4, 8], k: [2, 2, 4, 8], v: [2, 2, 4, 8], bias: [4, 4, 4] },
      activations: {
        ...{ q3: [4, 4, 8], k3: [4, 4, 8], v3: [4, 4, 8], kt: [4, 8, 4], shift: [4, 4, 4] },
        ...{ scores: [4, 4, 4], shifted: [4, 4, 4], heads: [2, 2, 4, 4], weights: [2, 2, 4, 4] },
        ...{ merged: [4, 4, 4], y: [4, 4, 8] },
      },
      nodes: [
        ["q3", "Reshape", ["q"]],
        ["k3", "Reshape", ["k"]],
        ["v3", "Reshape", ["v"]],
        ["kt", "Transpose", ["k3"], { perm: [0, 2, 1] }],
        ["shift", "Tanh", ["bias"]],
        ["scores", "MatMul", ["q3", "kt"]],
        ["shifted", "Add", ["scores", "shift"]],
        ["heads", "Reshape", ["shifted"]],
        ["weights", "Softmax", ["heads"], { axis: -1 }],
        ["merged", "Reshape", ["weights"]],
        ["y", "MatMul", ["merged", "v3"]],
      ],
      outputs: ["y"],
    });
    const fused = runPass(recognizeAttention, graph);
    expect(verify(fused)).toEqual([]);
    expect(fused.nodes.find(({ op }) => op === "Attention")?.attributes.is_causal).toBe(0);
  });

  it("sees as far behind as before where a mask only says how far apart", () => {
    const constants = {
      i: [T, 1],
      j: [1, T],
      d: [T, T],
      e: [T, T],
      off: [],
      far: [T, T],
      near: [T, T],
    };
    const masks = (nodes: readonly Node[]) => {
      const graph = attention({ constants }, [TURN, ["d", "Sub", ["i", "j"]], ...nodes]);
      const off = { name: "off", dtype: "int64", shape: [], role: "constant" } as const;
      const tensors = new Map(graph.tensors).set("off", { ...off, batch_axis: null, value: 2 });
      return attributesOf({ ...graph, tensors });
    };
    const apart: Node[] = [
      ["e", "Abs", ["d"]],
      ["mask", "LessOrEqual", ["e", "off"]],
    ];
    expect(masks(apart)).toEqual({ is_causal: 0, local_window_size: 5 });
    const sides: Node[] = [
      ["e", "Sub", ["j", "i"]],
      ["far", "Less", ["d", "off"]],
      ["near", "Less", ["e", "off"]],
      ["mask", "And", ["far", "near"]],
    ];
    expect(masks(sides)).toEqual({ is_causal: 0, local_window_size: 4 });
  });

  it("does not take distances that a learned bias is looked up with for a mask", () => {
    const constants = { table: [32, 1], near: [T, T], mask: [T, T], w: [], d: [T, T] };
    const graph = attention({ constants }, [
      TURN,
      ["near", "Less", ["d", "w"]],
      ["mask", "Gather", ["table", "near"]],
    ]);
    expect(attributesOf(graph)).toEqual({ is_causal: 0 });
  });

  it("knows a stored triangle in another shape or scale", () => {
    const constants = { stored: [T, T], one: [], wide: [1, 1, T, T], mask: [1, 1, T, T] };
    const graph = attention({ constants }, [
      TURN,
      ["wide", "Unsqueeze", ["stored"]],
      ["mask", "Mul", ["wide", "one"]],
    ]);
    expect(attributesOf(graph)).toEqual({ is_causal: 1 });
  });

  it("knows one that is taken from a number and scaled, not one that meets another square", () => {
    const constants = { stored: [T, T], one: [], far: [], shown: [T, T], bias: [T, T] };
    const causalBy = (factor: string) =>
      attributesOf(
        attention({ constants: { ...constants, mask: [T, T] } }, [
          TURN,
          ["shown", "Sub", ["one", "stored"]],
          ["mask", "Mul", ["shown", factor]],
        ]),
      );
    expect(causalBy("far")).toEqual({ is_causal: 1 });
    expect(causalBy("bias")).toEqual({ is_causal: 0 });
  });

  it("says where what a stored mask hides is a guess", () => {
    const said = (mask: Shape, nodes: readonly Node[] = [TURN]) => {
      const reports: string[] = [];
      const graph = attention({ constants: { mask } }, nodes);
      const report = ({ code, message }: Diagnostic) => reports.push(`${code} ${message}`);
      runPass(recognizeAttention, graph, {}, report);
      return reports;
    };
    // One square for all samples most often hides later positions.
    const later = [expect.stringMatching(/^KRS1429 mask .*hide later positions$/)];
    expect(said([T, T])).toEqual(later);
    expect(said([1, 1, T, T])).toEqual(later);
    expect(said([T, T], [TURN, ["mask", "Equal", ["ones", "scale"]]])).toEqual(later);
    // What is replaced where it is true hides what either of two hides.
    const square = [T, T];
    const constants = { mask: square, seen: square, far: square, far2: square, low: [] };
    const codes: string[] = [];
    const graph = attention({ constants }, [
      ["far", "Greater", ["ones", "scale"]],
      ["far2", "Less", ["seen", "scale"]],
      ["mask", "Or", ["far", "far2"]],
      TURN,
    ]);
    const nodes = graph.nodes.map((node) =>
      node.name === "masked" ? { ...node, op: "Where", inputs: ["mask", "low", "scaled"] } : node,
    );
    runPass(recognizeAttention, { ...graph, nodes }, {}, ({ code }) => codes.push(code));
    expect(codes).toEqual(["KRS1429"]);
    expect(said([B, 1, T, T])).toEqual([expect.stringMatching(/^KRS1429 mask .*hide nothing$/)]);
    expect(said([B, 1, 1, T])).toEqual([]);
    expect(said([B, 1, T, T], [TURN, MASK])).toEqual([]);
  });

  it("reads off stored elements what a mask hides, of each part that it is put together of", () => {
    const constants = {
      le: [T, T],
      near: [T, T],
      both: [T, T],
      no: [],
      yes: [],
      mask: [B, 1, T, T],
    };
    const nodes: readonly Node[] = [
      TURN,
      ["both", "And", ["le", "near"]],
      ["mask", "Where", ["both", "yes", "no"]],
    ];
    const hides = (le?: Band, near?: Band) => {
      const graph = attention({ constants }, nodes);
      const tensors = new Map(graph.tensors);
      for (const [name, band] of Object.entries({ le, near })) {
        const tensor = tensors.get(name);
        if (tensor && band) tensors.set(name, { ...tensor, band });
      }
      return attributesOf({ ...graph, tensors });
    };
    const [all, before] = [T - 1, 0].map((ahead) => ({ behind: T - 1, ahead }));
    expect(hides(before, all)).toEqual({ is_causal: 1 });
    expect(hides(all, all)).toEqual({ is_causal: 0 });
    expect(hides(before, { behind: 4, ahead: T - 1 })).toEqual({
      is_causal: 1,
      local_window_size: 5,
    });
    expect(hides({ behind: 3, ahead: 3 }, all)).toEqual({ is_causal: 0, local_window_size: 7 });
    expect(hides()).toEqual({ is_causal: 0 });
  });

  it("reads what a Constant node hides, and says where that is a guess", () => {
    const constants = { stored: [B, T, T], mask: [B, 1, T, T] };
    const nodes: readonly Node[] = [
      ["stored", "Constant", []],
      TURN,
      ["mask", "Unsqueeze", ["stored"]],
    ];
    const made = (band?: Band) => {
      const graph = attention({ constants }, nodes);
      const tensors = new Map(graph.tensors);
      const tensor = tensors.get("stored");
      if (tensor && band) tensors.set("stored", { ...tensor, band });
      const codes: string[] = [];
      const { attributes } = runPass(recognizeAttention, { ...graph, tensors }, {}, ({ code }) =>
        codes.push(code),
      ).nodes.at(-1) ?? { attributes: null };
      return [attributes, ...codes];
    };
    expect(made({ behind: T - 1, ahead: 0 })).toEqual([{ is_causal: 1 }]);
    expect(made()).toEqual([{ is_causal: 0 }, "KRS1429"]);
  });

  it("reads what comparing stored differences of positions shows", () => {
    const square = [T, T];
    const constants = {
      ...{ d: square, e: square, near: square, le: square, both: square, mask: square },
      ...{ low: [], zero: [], bound: [], yes: [], no: [] },
    };
    const grow = { diagonal: 0, before: 1, after: -1 };
    const all = { behind: T - 1, ahead: T - 1 };
    const made = (band: Band | null, ...nodes: readonly Node[]) => {
      const graph = attention({ constants }, [TURN, ...nodes]);
      const tensors = new Map(graph.tensors);
      const known = { low: { value: -4 }, zero: { value: 0 }, bound: { value: 4 }, d: { band } };
      for (const [name, facts] of Object.entries(known)) {
        const tensor = tensors.get(name);
        if (tensor) tensors.set(name, { ...tensor, ...facts });
      }
      return attributesOf({ ...graph, tensors });
    };
    const differences = { ...all, slopes: grow };
    const where: Node = ["mask", "Where", ["both", "yes", "no"]];
    const both: readonly Node[] = [["both", "And", ["le", "near"]], where];
    const later: Node = ["le", "GreaterOrEqual", ["d", "zero"]];
    const window = { is_causal: 1, local_window_size: 4 };
    expect(made(differences, later, ["near", "Less", ["d", "bound"]], ...both)).toEqual(window);
    expect(made(differences, later, ["near", "Greater", ["bound", "d"]], ...both)).toEqual(window);
    const wider = { is_causal: 1, local_window_size: 5 };
    expect(made(differences, later, ["near", "LessOrEqual", ["d", "bound"]], ...both)).toEqual(
      wider,
    );
    const far: readonly Node[] = [
      ["e", "Greater", ["d", "bound"]],
      ["near", "Not", ["e"]],
    ];
    expect(made(differences, later, ...far, ...both)).toEqual(wider);
    const moved: readonly Node[] = [
      ["e", "Sub", ["bound", "d"]],
      ["near", "Greater", ["e", "zero"]],
    ];
    expect(made(differences, later, ...moved, ...both)).toEqual(window);
    const turned = { ...all, slopes: { diagonal: 0, before: -1, after: 1 } };
    const before: Node = ["le", "LessOrEqual", ["d", "zero"]];
    expect(made(turned, before, ["near", "Greater", ["d", "low"]], ...both)).toEqual(window);
    const sides = { is_causal: 0, local_window_size: 7 };
    const apart: Node = ["e", "Abs", ["d"]];
    expect(made(differences, apart, ["both", "Less", ["e", "bound"]], where)).toEqual(sides);
    // A mask of numbers shows in the comparison what it shows itself.
    const causal = { behind: T - 1, ahead: 0 };
    expect(made(causal, ["both", "Equal", ["d", "zero"]], where)).toEqual({ is_causal: 1 });
    expect(made(null, ["both", "Greater", ["d", "zero"]], where)).toEqual({ is_causal: 0 });
  });

  it("costs a stored mask whole that hides other places, and says so", () => {
    const graph = attention();
    const made = (band: Band | null) => {
      const tensors = new Map(graph.tensors);
      const mask = tensors.get("mask");
      if (mask) tensors.set("mask", { ...mask, band });
      const codes: string[] = [];
      const fused = runPass(recognizeAttention, { ...graph, tensors }, {}, ({ code }) =>
        codes.push(code),
      );
      return [fused.nodes.find(({ op }) => op === "Attention")?.attributes, ...codes];
    };
    expect(made(null)).toEqual([{ is_causal: 0 }, "KRS1433"]);
    expect(made({ behind: 0, ahead: T - 1 })).toEqual([{ is_causal: 0 }, "KRS1433"]);
    // A learned bias hides nothing, and nothing is to be said of it.
    expect(made({ behind: T - 1, ahead: T - 1 })).toEqual([{ is_causal: 0 }]);
    expect(made({ behind: T - 1, ahead: 0 })).toEqual([{ is_causal: 1 }]);
  });

  it("takes a mask that shows what either of two shows for neither", () => {
    const square = [T, T];
    const constants = {
      ...{ ones: square, prefix: [1, T], low: [], high: [] },
      ...{ le: square, both: square, mask: square },
    };
    const said = (op: string, masked: Node, ...mask: readonly Node[]) => {
      const codes: string[] = [];
      const both: readonly Node[] = [
        TURN,
        ["le", "Trilu", ["ones"], { upper: 0 }],
        ["both", op, ["le", "prefix"]],
        ...mask,
      ];
      const graph = attention({ constants }, both);
      const [name, instead, inputs] = masked;
      const nodes = graph.nodes.map((node) =>
        node.name === name ? { ...node, op: instead, inputs } : node,
      );
      const tensors = new Map(graph.tensors);
      for (const [number, value] of [["low", -1e9] as const, ["high", 0] as const]) {
        tensors.set(number, { ...tensorOf(graph, number), value });
      }
      const input = { ...graph, nodes, tensors };
      const fused = runPass(recognizeAttention, input, {}, ({ code }) => codes.push(code));
      return [fused.nodes.find((node) => node.op === "Attention")?.attributes.is_causal, ...codes];
    };
    const adds: Node = ["masked", "Add", ["scaled", "mask"]];
    const where = (...numbers: readonly string[]): Node => ["mask", "Where", ["both", ...numbers]];
    expect(said("Or", adds, where("high", "low"))).toEqual([0, "KRS1433"]);
    expect(said("And", adds, where("high", "low"))).toEqual([1]);
    expect(said("Or", adds, where("low", "high"))).toEqual([1]);
    expect(said("And", adds, where("low", "high"))).toEqual([0, "KRS1433"]);
    expect(said("Or", ["masked", "Where", ["both", "scaled", "low"]])).toEqual([0, "KRS1433"]);
    expect(said("And", ["masked", "Where", ["both", "low", "scaled"]])).toEqual([0, "KRS1433"]);
    expect(said("Or", ["masked", "Where", ["both", "low", "scaled"]])).toEqual([1]);
  });

  it("takes a choice between masks for what either shows, and one between numbers for its condition", () => {
    const square = [T, T];
    const constants = {
      ...{ stored: square, other: square, mask: square, zero: [], low: [] },
      ...{ zeros: square, lows: square, even: square },
    };
    const said = (then: string, otherwise: string, condition = "prefix") => {
      const graph = attention({ constants, activations: { prefix: [1, T] } }, [
        TURN,
        ["zeros", "Expand", ["zero"]],
        ["lows", "Expand", ["low"]],
        ["mask", "Where", [condition, then, otherwise]],
      ]);
      const tensors = new Map(graph.tensors);
      const [causal, all] = [0, T - 1].map((ahead) => ({ band: { behind: T - 1, ahead } }));
      const known = {
        stored: causal,
        other: causal,
        even: all,
        zero: { value: 0 },
        low: { value: -1e9 },
      };
      for (const [name, more] of Object.entries(known)) {
        tensors.set(name, { ...tensorOf(graph, name), ...more });
      }
      const codes: string[] = [];
      const fused = runPass(recognizeAttention, { ...graph, tensors }, {}, ({ code }) =>
        codes.push(code),
      );
      return [fused.nodes.find(({ op }) => op === "Attention")?.attributes.is_causal, ...codes];
    };
    expect(said("zeros", "stored")).toEqual([0, "KRS1433"]);
    expect(said("even", "stored")).toEqual([0, "KRS1433"]);
    expect(said("other", "stored")).toEqual([0, "KRS1433"]);
    expect(said("lows", "stored")).toEqual([1]);
    expect(said("zeros", "lows", "stored")).toEqual([1]);
    expect(said("even", "lows", "stored")).toEqual([1]);
  });

  it.each([
    ["Mul", "show", 1],
    ["Min", "show", 1],
    ["Max", "show", 0],
    ["Mul", "hide", 0],
    ["Min", "hide", 0],
    ["Max", "hide", 1],
  ])("reads a stored triangle that meets padding by %s, where ones %s", (op, ones, is_causal) => {
    const large = [B, 1, T, T];
    const graph = attention(
      {
        constants: { stored: [T, T], one: [], low: [] },
        activations: { padding: [B, 1, 1, T], both: large, left: large, mask: large },
      },
      [
        TURN,
        ["both", op, ["stored", "padding"]],
        ["left", "Sub", ["one", "both"]],
        ["mask", "Mul", [ones === "show" ? "left" : "both", "low"]],
      ],
    );
    const tensors = new Map(graph.tensors);
    for (const [name, more] of [
      ["stored", { band: { behind: T - 1, ahead: 0 } }] as const,
      ["one", { value: 1 }] as const,
      ["low", { value: -1e9 }] as const,
    ]) {
      tensors.set(name, { ...tensorOf(graph, name), ...more });
    }
    expect(attributesOf({ ...graph, tensors })).toEqual({ is_causal });
  });

  it.each([
    [-1e9, T, [1]],
    [0, T, [0, "KRS1433"]],
    // Rows that would see nothing.
    [0, 1, [1]],
  ])(
    "reads a stored triangle some of which is replaced by %i, by %i columns",
    (value, columns, said) => {
      const graph = attention(
        {
          constants: { stored: [T, T], low: [] },
          activations: { padding: [B, 1, columns === 1 ? T : 1, columns], mask: [B, 1, T, T] },
        },
        [TURN, ["mask", "Where", ["padding", "low", "stored"]]],
      );
      const tensors = new Map(graph.tensors);
      const band = { behind: T - 1, ahead: 0 };
      tensors.set("stored", { ...tensorOf(graph, "stored"), band });
      tensors.set("low", { ...tensorOf(graph, "low"), value });
      const codes: string[] = [];
      const fused = runPass(recognizeAttention, { ...graph, tensors }, {}, ({ code }) =>
        codes.push(code),
      );
      const found = fused.nodes.find(({ op }) => op === "Attention")?.attributes.is_causal;
      expect([found, ...codes]).toEqual(said);
    },
  );

  it("reads the stored triangle beyond which padding is replaced", () => {
    const graph = attention(
      {
        constants: { stored: [T, T], low: [] },
        activations: { padding: [B, 1, 1, T], mask: [B, 1, T, T] },
      },
      [TURN, ["mask", "Where", ["stored", "padding", "low"]]],
    );
    const tensors = new Map(graph.tensors);
    const band = { behind: T - 1, ahead: 0 };
    tensors.set("stored", { ...tensorOf(graph, "stored"), band });
    tensors.set("low", { ...tensorOf(graph, "low"), value: -1e9 });
    expect(attributesOf({ ...graph, tensors })).toEqual({ is_causal: 1 });
  });

  it("reads the mask that a gradient belongs to, however wide others are", () => {
    const graph = attention({
      parameters: { bias: [1, H, 1, 1] },
      activations: { biased: SCORES },
    });
    const nodes = graph.nodes.flatMap((node) => {
      if (node.name !== "masked") return [node];
      const biased = { ...node, name: "biased", inputs: ["scaled", "bias"], outputs: ["biased"] };
      return [biased, { ...node, inputs: ["biased", "mask"] }];
    });
    const fused = runPass(recognizeAttention, { ...graph, nodes });
    expect(nodeLines(fused)).toEqual(["y Attention(q k v bias)"]);
    expect(fused.nodes[0]?.attributes.is_causal).toBe(1);
  });

  it("takes no scores for a mask of themselves", () => {
    const graph = attention({ constants: { one: [] }, activations: { less: SCORES } });
    const nodes = graph.nodes.flatMap((node) => {
      if (node.name !== "masked") return [node];
      const less = {
        ...node,
        name: "less",
        op: "Sub",
        inputs: ["one", "scaled"],
        outputs: ["less"],
      };
      return [less, { ...node, inputs: ["less", "scaled"] }];
    });
    const fused = runPass(recognizeAttention, { ...graph, nodes });
    expect(nodeLines(fused)).toEqual(["y Attention(q k v)"]);
  });

  it("reads keys as values where they are both", () => {
    const SQUARE = [B, H, T, T];
    const graph = tensorGraph({
      data: { q: SQUARE, k: SQUARE },
      constants: { scale: [] },
      activations: { kt: SQUARE, scaled: SQUARE, raw: SCORES, weights: SCORES, y: SQUARE },
      nodes: [
        TURN,
        ["scaled", "Mul", ["kt", "scale"]],
        ["raw", "MatMul", ["q", "scaled"]],
        ["weights", "Softmax", ["raw"], { axis: -1 }],
        ["y", "MatMul", ["weights", "scaled"]],
      ],
      outputs: ["y"],
    });
    const fused = runPass(recognizeAttention, graph);
    expect(verify(fused)).toEqual([]);
    expect(fused.nodes.map(({ op }) => op)).toContain("Attention");
  });

  it("leaves alone what weights its own scores", () => {
    const graph = attention({ activations: { y: SCORES } });
    const nodes = graph.nodes.map((node) =>
      node.name === "y" ? { ...node, inputs: ["dropped", "raw"] } : node,
    );
    expect(attributesOf({ ...graph, nodes })).toBeUndefined();
  });

  it("fuses scores, scale, mask, softmax, dropout and the weighted sum", () => {
    const fused = runPass(recognizeAttention, attention());
    expect(nodeLines(fused)).toEqual(["y Attention(q k v mask)"]);
    expect(fused.nodes[0]).toMatchObject({
      // A square that is the same for every sample and head.
      attributes: { is_causal: 1 },
      covers: ["kt", "raw", "scaled", "masked", "weights", "dropped", "y"],
    });
  });

  it("takes a bias of its own for each head for what it is", () => {
    const fused = runPass(recognizeAttention, attention({ constants: { mask: [H, T, T] } }));
    expect(fused.nodes.at(-1)?.attributes.is_causal).toBe(0);
  });

  it("finds a causal mask through Trilu and through compared positions", () => {
    const triangle = runPass(recognizeAttention, attention({}, [MASK, TURN]));
    expect(triangle.nodes.at(-1)?.attributes.is_causal).toBe(1);
    const positions: Node[] = [
      ["later", "Greater", ["row", "column"]],
      ["mask", "Where", ["later", "low", "scale"]],
      TURN,
    ];
    const constants = { row: [T, 1], column: [1, T], low: [], later: [T, T] };
    const compared = runPass(recognizeAttention, attention({ constants }, positions));
    expect(compared.nodes.at(-1)?.attributes.is_causal).toBe(1);
  });

  it("takes grouped-query keys and values before they are repeated", () => {
    const [few, unsqueezed, spread] = [
      [B, 2, T, D],
      [B, 2, 1, T, D],
      [B, 2, 2, T, D],
    ] as const;
    const repeated = (name: string): Node[] => [
      [`${name}5`, "Unsqueeze", [`${name}2`, "axes"]],
      [`${name}e`, "Expand", [`${name}5`, "shape"]],
      [name, "Reshape", [`${name}e`, "shape"]],
    ];
    const graph = tensorGraph({
      data: { q: HEADS, k2: few, v2: few },
      constants: { axes: [1], shape: [4] },
      activations: {
        ...{ k5: unsqueezed, ke: spread, k: HEADS, v5: unsqueezed, ve: spread, v: HEADS },
        ...{ kt: [B, H, D, T], raw: SCORES, weights: SCORES, y: HEADS },
      },
      nodes: [
        ...repeated("k"),
        ...repeated("v"),
        TURN,
        ["raw", "MatMul", ["q", "kt"]],
        ["weights", "Softmax", ["raw"]],
        ["y", "MatMul", ["weights", "v"]],
      ],
      outputs: ["y"],
    });
    const fused = runPass(recognizeAttention, graph);
    expect(nodeLines(fused)).toEqual(["y Attention(q k2 v2)"]);
    const [node] = fused.nodes;
    if (node === undefined) throw new Error("nothing fused");
    expect(workOf(shapedNode(fused, node))).toMatchObject({
      work: { b: B, heads: H, kv_heads: 2, q_len: T, kv_len: T, head_dim: D },
    });
  });

  it("counts heads that were merged into the batch as samples of one head", () => {
    const merged: Shape = [B * H, T, D];
    const scores: Shape = [B * H, T, T];
    const graph = tensorGraph({
      data: { q: merged, k: merged, v: merged },
      activations: { kt: [B * H, D, T], raw: scores, weights: scores, y: merged },
      nodes: [
        ["kt", "Transpose", ["k"], { perm: [0, 2, 1] }],
        ["raw", "MatMul", ["q", "kt"]],
        ["weights", "Softmax", ["raw"]],
        ["y", "MatMul", ["weights", "v"]],
      ],
      outputs: ["y"],
    });
    const fused = runPass(recognizeAttention, graph);
    const [node] = fused.nodes;
    if (node === undefined) throw new Error("nothing fused");
    expect(workOf(shapedNode(fused, node))).toMatchObject({
      work: { op: "attention", b: B * H, heads: 1, kv_heads: 1, q_len: T, head_dim: D },
    });
  });

  it("merges the axes of grouped heads, and parts them again behind the attention", () => {
    const grouped: Shape = [B, 2, 2, T, D];
    const few: Shape = [B, 2, 1, T, D];
    const graph = tensorGraph({
      data: { q: grouped, k: few, v: few },
      activations: {
        kt: [B, 2, 1, D, T],
        raw: [B, 2, 2, T, T],
        weights: [B, 2, 2, T, T],
        y: grouped,
      },
      nodes: [
        ["kt", "Transpose", ["k"], { perm: [0, 1, 2, 4, 3] }],
        ["raw", "MatMul", ["q", "kt"]],
        ["weights", "Softmax", ["raw"]],
        ["y", "MatMul", ["weights", "v"]],
      ],
      outputs: ["y"],
    });
    const fused = runPass(recognizeAttention, graph);
    expect(nodeLines(fused).toSorted()).toEqual([
      "y Attention(y/query_1 y/key_1 y/value_1)",
      "y/key_1 Reshape(k)",
      "y/query_1 Reshape(q)",
      "y/result_1 Reshape(y/heads)",
      "y/value_1 Reshape(v)",
    ]);
    const node = fused.nodes.find(({ op }) => op === "Attention");
    expect(node && workOf(shapedNode(fused, node))).toMatchObject({
      work: { b: B, heads: 4, kv_heads: 2, q_len: T, kv_len: T, head_dim: D },
    });
  });

  it.each(["raw", "masked", "weights", "dropped"])("leaves scores read elsewhere: %s", (name) => {
    const read = attention({
      activations: { other: SCORES },
      nodes: [["other", "Relu", [name]]],
      outputs: ["other"],
    });
    expect(runPass(recognizeAttention, read)).toBe(read);
    const output = attention({ outputs: [name] });
    expect(runPass(recognizeAttention, output)).toBe(output);
  });

  it("keeps turned keys that others read, and those that leave the graph", () => {
    for (const outputs of [[], ["kt"]]) {
      const graph = attention({
        activations: { other: [B, H, D, T] },
        nodes: outputs.length === 0 ? [["other", "Relu", ["kt"]]] : [],
        outputs,
      });
      const fused = runPass(recognizeAttention, graph);
      expect(nodeLines(fused).slice(0, 2)).toEqual(["kt Transpose(k)", "y Attention(q k v mask)"]);
    }
  });
});
