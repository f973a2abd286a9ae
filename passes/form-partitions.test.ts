import { describe, expect, it } from "vitest";
import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import { communicationsOf, type PartitionedGraph, useCount } from "../src/ir/partition.js";
import type { LoweringContext } from "../src/ir/pass.js";
import { verify } from "../src/ir/verify.js";
import { allReduce, kernelGraph, linear, trainedBy } from "../test/support/kernel-graph.js";
import { ONE_GPU } from "../test/support/one-gpu.js";
import { runPass } from "../test/support/tensor-graph.js";
import { formPartitions } from "./form-partitions.js";

const BACK = { direction: "backward", layer: 0 } as const;
const trained = (origin: Kernel["origin"], parameters: readonly number[]) =>
  kernelGraph(
    [
      linear("f", 8, { layer: 0 }),
      allReduce("f.sum", 64, { layer: 0 }),
      linear("b", 8, { ...BACK, origin: "input-gradient" }),
      linear("w", 8, { ...BACK, origin }),
    ],
    { parameters: trainedBy(parameters) },
  );

const form = (graph: KernelGraph, options = {}) => {
  const formed = runPass(formPartitions, graph, options);
  expect(verify(formed)).toEqual([]);
  return formed;
};
const shape = (graph: KernelGraph) =>
  form(graph).instructions.map(
    ({ stage, kind, executions }) => `${stage} ${kind} ${executions.map(({ model }) => model)}`,
  );

describe("form-partitions", () => {
  it("offers both executions where something can overlap, sequential first", () => {
    expect(shape(trained("weight-gradient", [0]))).toEqual([
      "0 forward sequential,nanobatched",
      "0 backward sequential",
    ]);
  });

  it("adds a tail only where parameters are trained", () => {
    const kinds = (graph: KernelGraph) => form(graph).instructions.map(({ kind }) => kind);
    expect(kinds(trained("weight-gradient", [100]))).toContain("tail");
    expect(kinds(trained("input-gradient", [100]))).not.toContain("tail");
    expect(kinds(trained("weight-gradient", [0]))).not.toContain("tail");
    const updated = { ...trained("weight-gradient", [100]), updates_parameters: true };
    expect(kinds(updated)).not.toContain("tail");
    const { instructions, partitions } = form(trained("weight-gradient", [100]));
    const [use] = instructions.at(-1)?.executions[0]?.uses ?? [];
    // Adam: 16 bytes read and 14 written for each trained element.
    expect(partitions.get(use?.partition ?? "")?.kernels[0]?.work).toMatchObject({
      ...{ op: "memory", bytes_read: 1600, bytes_written: 1400 },
    });
  });

  it("reduces gradients over the ranks that hold the same parameters", () => {
    const tail = (options: Partial<LoweringContext["options"]>) => {
      const { instructions, partitions } = form(trained("weight-gradient", [100]), options);
      return (instructions.at(-1)?.executions[0]?.uses ?? []).map(({ partition }) => {
        const { communication, kernels } = partitions.get(partition) ?? {};
        const { kind, size_bytes, ranks, group } = communication ?? {};
        const work = kernels?.[0]?.work;
        return [kind, size_bytes, ranks, group, work?.op === "memory" ? work.bytes_read : null];
      });
    };
    // Four bytes a gradient, two a weight; ZeRO-1 updates an eighth on each rank.
    expect(tail({ dp: 4, cp: 2, zero: 1 })).toEqual([
      ["reduce_scatter", 400, 8, "dp-cp", null],
      ["all_gather", 200, 8, "dp-cp", 16 * 13],
    ]);
    expect(tail({ dp: 4, zero: 0 })).toEqual([
      ["all_reduce", 400, 4, "dp", null],
      [undefined, undefined, undefined, undefined, 1600],
    ]);
  });

  /** Four layers of one product each and its weight gradient, the parameters beside them. */
  const deep = (more: readonly Kernel[] = []) => {
    const layers = [0, 1, 2, 3];
    const parameters = (i: number) => [
      { name: `w${i}`, elements: 100, size_bytes: 200, expert: false },
    ];
    const forward = layers.map((i) => linear(`f${i}`, 8, { layer: i, parameters: parameters(i) }));
    const backward = layers
      .toReversed()
      .flatMap((layer) => [
        linear(`d${layer}`, 8, { direction: "backward", layer, origin: "input-gradient" }),
        linear(`w${layer}`, 8, { direction: "backward", layer, origin: "weight-gradient" }),
      ]);
    return kernelGraph([...forward, ...backward, ...more], { parameters: trainedBy([400]) });
  };
  /** Kernels of a second each, sums of gradients of a second for `rate` bytes. */
  const lowered = (graph: KernelGraph, rate: number, options = {}) =>
    formPartitions.run(graph, {
      options: { ...ONE_GPU, dp: 4, ...options },
      kernelTime: (kernel) => (kernel.kind === "compute" ? 1 : kernel.size_bytes / rate),
      report: () => undefined,
    });
  const communication = (formed: PartitionedGraph, kind: string, model = "sequential") => {
    const shape = formed.instructions.find((instruction) => instruction.kind === kind);
    const uses = shape?.executions.find((execution) => execution.model === model)?.uses ?? [];
    return uses.flatMap((use) => {
      const type = formed.partitions.get(use.partition);
      const moved = type === undefined ? [] : communicationsOf(type);
      return moved.flatMap((c) =>
        Array.from({ length: useCount(use) }, () => `${c.kind} ${c.size_bytes}`),
      );
    });
  };

  it("sums a layer's gradients beside the backward of the layers before it", () => {
    const formed = lowered(deep(), 400);
    expect(verify(formed)).toEqual([]);
    // Layer 3's beside layer 2, and so on; nothing runs beside layer 0's.
    expect(communication(formed, "last_backward")).toEqual(Array(3).fill("reduce_scatter 400"));
    expect(communication(formed, "backward")).toEqual([]);
    expect(communication(formed, "tail")).toEqual(["reduce_scatter 400", "all_gather 800"]);
    const zero = lowered(deep(), 400, { zero: 0 });
    expect(communication(zero, "last_backward")).toEqual(Array(3).fill("all_reduce 400"));
    expect(communication(zero, "tail")).toEqual(["all_reduce 400"]);
  });

  it("leaves to the tail what takes longer than there is compute", () => {
    // Two kernels of a second each hide half of a layer's 400 bytes.
    const formed = lowered(deep(), 100);
    expect(communication(formed, "last_backward")).toEqual(Array(3).fill("reduce_scatter 192"));
    expect(communication(formed, "tail")[0]).toBe(`reduce_scatter ${1600 - 3 * 192}`);
  });

  it("sums in the tail alone without data parallelism, or where the graph sums itself", () => {
    const kinds = ({ instructions }: PartitionedGraph) => instructions.map(({ kind }) => kind);
    const single = lowered(deep(), 400, { dp: 1, cp: 2 });
    expect(kinds(single)).toEqual(["forward", "backward", "tail"]);
    expect(communication(single, "tail")).toEqual(["reduce_scatter 1600", "all_gather 800"]);
    // By the name that --group gives, and by those of ONNX Runtime's group types.
    for (const group of ["dp", "data", "node_local_data"]) {
      const own = allReduce("own", 1600, { group, direction: "backward" });
      const itself = lowered(deep([own]), 400);
      expect(kinds(itself)).toEqual(["forward", "backward", "tail"]);
      // Its update is sharded all the same.
      expect(communication(itself, "backward")).toEqual(["all_reduce 1600"]);
      expect(communication(itself, "tail")).toEqual(["all_gather 800"]);
      const both = lowered(deep([own]), 400, { cp: 2 });
      expect(communication(both, "tail")).toEqual(["reduce_scatter 1600", "all_gather 800"]);
    }
  });

  it("lists stage by stage and shares types between them", () => {
    const { kernels } = trained("weight-gradient", [0]);
    const two = kernelGraph(
      [...kernels, ...kernels.map((k) => ({ ...k, name: `${k.name}'`, stage: 1, layer: 1 }))],
      { stages: 2, parameters: trainedBy([0, 0]) },
    );
    expect(shape(two)).toEqual([
      ...["0 forward sequential,nanobatched", "0 backward sequential"],
      ...["1 forward sequential,nanobatched", "1 backward sequential"],
    ]);
    expect(form(two).partitions.size).toBe(form(trained("weight-gradient", [0])).partitions.size);
  });

  it("orders types by key, whatever came first", () => {
    const keys = [...form(trained("weight-gradient", [100])).partitions.keys()];
    expect(keys).toEqual([...keys].sort());
  });
});
