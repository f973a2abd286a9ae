import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KernelGraph } from "../../src/ir/kernel-graph.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { readTensorGraph } from "../../src/onnx/read.js";
import { decoderModel } from "../../test/bench/large-models.js";
import { ONE_GPU } from "../../test/support/one-gpu.js";
import { passes } from "../index.js";
import { foldLayers } from "./fold-layers.js";
import { RepeatedNames } from "./repeated-names.js";
import { unfoldKernels } from "./unfold-kernels.js";

type Job = LoweringContext["options"];

const SMALL = { hidden: 64, heads: 4, kv_heads: 2, ffn: 128, vocab: 256 };

let folder: string;
let whole: TensorGraph;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kareus-fold-"));
  whole = read("deep", decoderModel({ layers: 40, ...SMALL }));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(name: string, model: Uint8Array): TensorGraph {
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, model);
  const bind = new Map(Object.entries({ batch: 2, sequence: 16 }));
  return readTensorGraph(file, { bind, dtype: "bfloat16", report: () => {} });
}

/** The kernels of a graph, and its nodes after recognition. */
function kernelsOf(graph: TensorGraph, job: Partial<Job> = {}) {
  const context = { options: { ...ONE_GPU, ...job }, kernelTime: () => 1, report: () => {} };
  let level: Parameters<(typeof passes)[number]["run"]>[0] = graph;
  let recognised = graph;
  for (const pass of passes) {
    level = pass.run(level, context);
    if (pass.name.startsWith("recognize-") && level.level === "tensor") recognised = level;
    if (level.level === "kernel") return { kernels: level satisfies KernelGraph, recognised };
  }
  throw new Error("no kernels were formed");
}

describe("unfoldKernels", () => {
  const jobs: readonly Partial<Job>[] = [
    {},
    { tp: 2 },
    { tp: 2, sequence_parallel: true },
    { tp: 2, sequence_parallel: true, recompute: "full", execution: "eager" },
    { cp: 2 },
    { recompute: "full" },
    { recompute: "selective" },
    { execution: "eager", microbatches: 8 },
    { execution: "eager", recompute: "full", tp: 2 },
  ];
  it.each(jobs)("gives the kernels of the whole graph under %j", (job) => {
    const folded = foldLayers(whole, 0);
    if (folded === null) throw new Error("nothing was folded");
    expect(folded.dropped).toBe(32);
    expect(folded.graph.nodes.length).toBeLessThan(whole.nodes.length);
    const unfolded = unfoldKernels(folded, kernelsOf(folded.graph, job).kernels);
    expect(unfolded).toEqual(kernelsOf(whole, job).kernels);
  });

  it("knows the names that a recognised node stands for", () => {
    const folded = foldLayers(whole, 0);
    if (folded === null) throw new Error("nothing was folded");
    const names = new RepeatedNames(folded);
    const all = kernelsOf(folded.graph).recognised.nodes.flatMap(({ name }) => names.all(name));
    expect(all.sort()).toEqual(
      kernelsOf(whole)
        .recognised.nodes.map(({ name }) => name)
        .sort(),
    );
  });
});

describe("foldLayers", () => {
  it("leaves small graphs and graphs of few layers alone", () => {
    expect(foldLayers(whole)).toBeNull();
    const few = read("few", decoderModel({ layers: 9, ...SMALL }));
    expect(foldLayers(few, 0)).toBeNull();
  });

  it("leaves layers alone that are not the same", () => {
    const odd = (place: number, change: (node: TensorGraph["nodes"][number]) => object) => ({
      ...whole,
      nodes: whole.nodes.map((node, k) => (k === place ? { ...node, ...change(node) } : node)),
    });
    const middle = whole.nodes.findIndex(({ name }) => name.includes("l20.mixed"));
    const softcap = odd(middle, ({ attributes }) => ({
      attributes: { ...attributes, softcap: 30 },
    }));
    expect(foldLayers(softcap, 0)).toBeNull();
    // A weight of another layer, and a value of a layer far away.
    const wq = whole.nodes.findIndex(({ name }) => name.includes("l20.wq"));
    const shared = odd(wq, ({ inputs: [x = ""] }) => ({ inputs: [x, "l3.wq.w"] }));
    expect(foldLayers(shared, 0)).toBeNull();
    const skipping = odd(wq, ({ inputs: [, w = ""] }) => ({ inputs: ["l3.norm1", w] }));
    expect(foldLayers(skipping, 0)).toBeNull();
  });

  it("leaves graphs alone whose middle layers are read at the end", () => {
    expect(foldLayers({ ...whole, outputs: [...whole.outputs, "l20.mixed"] }, 0)).toBeNull();
  });
});
