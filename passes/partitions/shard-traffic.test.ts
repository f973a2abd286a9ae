import { describe, expect, it } from "vitest";
import {
  communicationsOf,
  type ExecutionModel,
  type OptionKind,
  useCount,
} from "../../src/ir/partition.js";
import { type LoweredFile, lowerFile, MINI } from "../../test/support/lowering.js";
import { ONE_GPU } from "../../test/support/one-gpu.js";
import { formPartitions } from "../form-partitions.js";

const BIND = { batch: 2, sequence: 128 };
type Layout = Parameters<typeof lowerFile>[2];
const lowered = (layout: Layout) => lowerFile(MINI, BIND, { dp: 4, ...layout });

/** Bytes that an instruction's execution exchanges with replicas, by collective. */
function exchanged(
  { partitions }: LoweredFile,
  kind: OptionKind,
  model: ExecutionModel = "sequential",
): Record<string, number> {
  const sums: Record<string, number> = {};
  const instructions = partitions.instructions.filter((each) => each.kind === kind);
  for (const { executions } of instructions) {
    const execution = executions.find((each) => each.model === model);
    for (const use of execution?.uses ?? []) {
      const type = partitions.partitions.get(use.partition);
      for (const each of type ? communicationsOf(type) : []) {
        if (!each.group.startsWith("dp")) continue;
        sums[each.kind] = (sums[each.kind] ?? 0) + each.size_bytes * useCount(use);
      }
    }
  }
  return sums;
}

/** Parameters of one GPU: elements in all, and of layers. */
function elements({ kernels }: LoweredFile) {
  const sizes = new Map<string, { elements: number; layer: number | null }>();
  for (const kernel of kernels.kernels) {
    if (kernel.kind !== "compute" || kernel.direction !== "forward") continue;
    for (const each of kernel.parameters) {
      sizes.set(each.name, { elements: each.elements, layer: kernel.layer });
    }
  }
  const sum = (list: readonly { readonly elements: number }[]) =>
    list.reduce((total, each) => total + each.elements, 0);
  const all = [...sizes.values()];
  return { all: sum(all), layers: sum(all.filter(({ layer }) => layer !== null)) };
}

const near = (found: number | undefined, expected: number) =>
  expect(Math.abs((found ?? 0) / expected - 1)).toBeLessThan(1e-4);

describe.each([1, 2])("shares of parameters over four replicas, tp %s", (tp) => {
  const models = tp === 1 ? (["sequential"] as const) : (["sequential", "nanobatched"] as const);

  it.each(models)(
    "ZeRO-3 gathers all weights forward, layers again backward: %s",
    async (model) => {
      const file = await lowered({ tp, zero: 3 });
      const own = elements(file);
      const forward = exchanged(file, "forward", model);
      expect(Object.keys(forward)).toEqual(["all_gather"]);
      near(forward.all_gather, 2 * own.all);
      const backward = exchanged(file, "backward", model);
      near(backward.all_gather, 2 * own.layers);
      near(backward.reduce_scatter, 4 * own.all);
      expect(exchanged(file, "tail")).toEqual({});
    },
  );

  it("ZeRO-2 scatters gradients with every microbatch, and gathers weights once", async () => {
    const file = await lowered({ tp, zero: 2 });
    const own = elements(file);
    expect(exchanged(file, "forward")).toEqual({});
    const backward = exchanged(file, "backward");
    expect(Object.keys(backward)).toEqual(["reduce_scatter"]);
    near(backward.reduce_scatter, 4 * own.all);
    expect(file.partitions.instructions.some(({ kind }) => kind === "last_backward")).toBe(false);
    const tail = exchanged(file, "tail");
    expect(Object.keys(tail)).toEqual(["all_gather"]);
    near(tail.all_gather, 2 * own.all);
  });
});

it("weights of a layer are gathered beside the layer before it, and alike for alike layers", async () => {
  const { partitions } = await lowered({ zero: 3 });
  const forward = partitions.instructions.find(({ kind }) => kind === "forward");
  const beside = (forward?.executions[0]?.uses ?? []).map(({ partition, layers }) => {
    const type = partitions.partitions.get(partition);
    return [layers, type?.communication?.kind ?? null, (type?.kernels.length ?? 0) > 0];
  });
  expect(beside).toEqual([
    // The weights outside layers, which nothing can run without.
    [[], "all_gather", false],
    [[], "all_gather", true],
    [[0], "all_gather", true],
    [[1], null, true],
    [[], null, true],
  ]);
});

it("a layer without weights moves nothing", async () => {
  const file = await lowered({ zero: 3 });
  const bare = {
    ...file.kernels,
    kernels: file.kernels.kernels.map((kernel) =>
      kernel.kind === "compute" && kernel.layer === 1 ? { ...kernel, parameters: [] } : kernel,
    ),
  };
  const options = { ...ONE_GPU, dp: 4, zero: 3 } as const;
  const context = { options, kernelTime: () => 1, report: () => undefined };
  const partitions = formPartitions.run(bare, context);
  const whole = exchanged(file, "forward").all_gather ?? 0;
  const left = exchanged({ ...file, partitions }, "forward").all_gather ?? 0;
  const { layers } = elements(file);
  near(whole - left, layers);
});

it("one rank alone exchanges nothing", async () => {
  const file = await lowered({ dp: 1, zero: 3 });
  for (const kind of ["forward", "backward", "tail"] as const) {
    expect(exchanged(file, kind)).toEqual({});
  }
});
