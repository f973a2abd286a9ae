import { expect, test } from "vitest";
import type { Diagnostic } from "../src/base/diagnostics/diagnostic.js";
import { sumOf } from "../src/base/need.js";
import { modelledOracle } from "../src/cost/index.js";
import { loadDevice } from "../src/gpu/device.js";
import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import { communicationsOf, ownLaunchSlot, useCount } from "../src/ir/partition.js";
import { verify } from "../src/ir/verify.js";
import { flopsOf } from "../src/ir/work.js";
import { allReduce, kernelGraph, linear, memory } from "../test/support/kernel-graph.js";
import { runPass } from "../test/support/tensor-graph.js";
import { formPartitions } from "./form-partitions.js";
import { pieceCollectives } from "./piece-collectives.js";

const gather = (name: string) => allReduce(name, 2 ** 26, { collective: "all_gather" });
const scatter = (name: string) => allReduce(name, 2 ** 26, { collective: "reduce_scatter" });
const wide = (name: string, more: Parameters<typeof linear>[2] = {}) =>
  linear(name, 8192, {
    work: { op: "matmul", b: 1, m: 8192, n: 4096, k: 4096, dtype: "bfloat16" },
    ...more,
  });
const LAYER = [
  memory("norm", 64),
  gather("gather"),
  wide("up"),
  memory("act", 64),
  wide("down"),
  scatter("scatter"),
  memory("add", 64),
];
const ASYNC = { async_tp: true, sequence_parallel: true, tp: 4 };

function pieced(kernels: readonly Kernel[] | KernelGraph): KernelGraph {
  const graph = "level" in kernels ? kernels : kernelGraph(kernels);
  const made = runPass(pieceCollectives, graph, ASYNC);
  expect(verify(made)).toEqual([]);
  return made;
}
const namesOf = ({ kernels }: KernelGraph) => kernels.map(({ name }) => name);
const pieces = (name: string, from: number) =>
  Array.from({ length: 4 - from }, (_, i) => `${name}/piece_${from + i}`);

test("a gather runs beside all but the own piece, a scatter beside all but the first", () => {
  expect(namesOf(pieced(LAYER))).toEqual([
    ...["norm", "up/piece_0", "gather", ...pieces("up", 1), "act"],
    ...["down/piece_0", "scatter", ...pieces("down", 1), "add"],
  ]);
});

test("FLOPs, saved bytes and communication are conserved, what reads a result waits for all of it", () => {
  const saving = LAYER.map((each) =>
    each.name === "up" ? { ...each, saved_bytes: 10, released_bytes: 20 } : each,
  );
  const [before, after] = [kernelGraph(saving), pieced(saving)];
  const totals = ({ kernels }: KernelGraph) => ({
    flops: kernels.reduce((sum, k) => sum + (k.kind === "compute" ? flopsOf(k.work) : 0), 0),
    moved: kernels.reduce((sum, k) => sum + (k.kind === "compute" ? 0 : k.size_bytes), 0),
    saved: kernels.reduce((sum, k) => sum + k.saved_bytes, 0),
    released: kernels.reduce((sum, k) => sum + k.released_bytes, 0),
  });
  expect(totals(after)).toEqual(totals(before));
  const named = (name: string) => after.kernels.find((kernel) => kernel.name === name);
  const readBy = (name: string) => named(name)?.after.map((i) => after.kernels[i]?.name);
  expect(readBy("act")).toEqual(["up/piece_3", "gather"]);
  expect(readBy("add")).toEqual(["scatter"]);
});

test("several linears of one gather, and conversions before them", () => {
  const order = (after: readonly number[]) => ({ after });
  const kernels: Kernel[] = [
    gather("gather"),
    { ...memory("q/to_fp8", 64), ...order([0]) },
    { ...wide("q"), ...order([1]) },
    { ...wide("k"), ...order([0]) },
    { ...memory("attention", 64), ...order([2, 3]) },
  ];
  expect(namesOf(pieced({ ...kernelGraph([]), kernels }))).toEqual([
    ...["q/to_fp8", "q/piece_0", "k/piece_0", "gather"],
    ...[...pieces("q", 1), ...pieces("k", 1), "attention"],
  ]);
});

test("weight gradients, odd rows, other groups and sums stay whole; then it is said", () => {
  const cases: Kernel[][] = [
    [gather("g"), wide("w", { origin: "weight-gradient" })],
    [gather("g"), linear("l", 6)],
    [allReduce("g", 64, { collective: "all_gather", group: "cp" }), wide("l")],
    [wide("l"), allReduce("sum", 64)],
    [memory("m", 64), scatter("s")],
  ];
  for (const kernels of cases) {
    const heard: Diagnostic[] = [];
    const graph = kernelGraph(kernels);
    const made = runPass(pieceCollectives, graph, ASYNC, (each) => heard.push(each));
    expect(made).toBe(graph);
    expect(heard.map(({ code }) => code)).toEqual(["KRS1427"]);
  }
  expect(runPass(pieceCollectives, kernelGraph(LAYER), { tp: 4 }).kernels).toHaveLength(7);
});

test("what is hidden is hidden: faster where transfers are shorter than products, never by more", () => {
  const device = loadDevice("h100-sxm");
  const oracle = modelledOracle(device);
  const time = (graph: KernelGraph) => {
    const formed = runPass(formPartitions, graph, ASYNC);
    expect(verify(formed)).toEqual([]);
    const runs = new Map<string, number>();
    for (const { executions } of formed.instructions) {
      for (const use of executions[0]?.uses ?? []) {
        runs.set(use.partition, sumOf(runs, use.partition) + useCount(use));
      }
    }
    let [sum_s, alone_s] = [0, 0];
    for (const [key, type] of formed.partitions) {
      const at = { freq_mhz: device.highest_clock_mhz, sms: device.default_comm_sms };
      const launch_slot = ownLaunchSlot(type);
      sum_s += sumOf(runs, key) * oracle.cost(type, { ...at, launch_slot }).time_s;
      for (const communication of communicationsOf(type)) {
        const own = { ...type, kernels: [], slots: [], communication, free_order: [] };
        const cost = oracle.cost({ ...own, dependent: false }, { ...at, launch_slot: null });
        alone_s += sumOf(runs, key) * cost.time_s;
      }
    }
    return { sum_s, alone_s };
  };
  const [whole, split] = [time(kernelGraph(LAYER)), time(pieced(LAYER))];
  expect(split.sum_s).toBeLessThan(whole.sum_s);
  expect(whole.sum_s - split.sum_s).toBeLessThan(whole.alone_s);
});
