import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel-graph.js";
import { linear } from "../../test/support/kernel-graph.js";
import { ONE_GPU } from "../../test/support/one-gpu.js";
import { gradientBuckets } from "./gradient-buckets.js";
import { GradientSums } from "./gradient-sums.js";
import { type Elements, NO_ELEMENTS } from "./replica-exchange.js";

const trained = (name: string, elements: number, expert = false) => ({
  parameters: [{ name, elements, size_bytes: 2 * elements, expert }],
});
const back = (layer: number | null) => ({ layer, direction: "backward" }) as const;
const wgrad = (name: string, layer: number | null) =>
  linear(name, 8, { ...back(layer), origin: "weight-gradient" });

describe("gradient buckets", () => {
  const forward = [
    linear("embed", 8, trained("embedding", 1000)),
    linear("f0", 8, { layer: 0, ...trained("w0", 10) }),
    linear("f1", 8, { layer: 1, ...trained("w1", 20) }),
    linear("x1", 8, { layer: 1, ...trained("e1", 7, true) }),
    linear("head", 8, trained("head", 300)),
  ];
  const backward = [
    linear("head/dgrad", 8, { ...back(null), ...trained("head", 300) }),
    wgrad("head/wgrad", null),
    linear("f1/dgrad", 8, { ...back(1), ...trained("w1", 20) }),
    wgrad("f1/wgrad", 1),
    wgrad("f0/wgrad", 0),
    wgrad("embed/wgrad", null),
  ];
  const named = (kernels: readonly Kernel[], last: readonly Kernel[]) =>
    [...gradientBuckets(kernels, last)].map(([{ name }, elements]) => [name, elements]);

  it("are whole after a layer's last backward kernel, the head's before the layers", () => {
    expect(named([...forward, ...backward], backward)).toEqual([
      ["f0/wgrad", { dense: 10, experts: 0 }],
      ["f1/wgrad", { dense: 20, experts: 7 }],
      ["head/wgrad", { dense: 300, experts: 0 }],
    ]);
  });

  it("wait for every layer that reads a tensor, and are left out with the embeddings", () => {
    const shared = linear("again", 8, { layer: 0, ...trained("w1", 20) });
    const tied = linear("tied", 8, trained("head", 300));
    expect(named([tied, ...forward, shared, ...backward], backward)).toEqual([
      ["f0/wgrad", { dense: 30, experts: 0 }],
      ["f1/wgrad", { dense: 0, experts: 7 }],
    ]);
  });

  it("leave out the head's where its weight gradient may come later", () => {
    const late = backward.toSpliced(1, 1).toSpliced(2, 0, wgrad("head/wgrad", null));
    expect(named([...forward, ...late], late).map(([name]) => name)).toEqual([
      "f0/wgrad",
      "f1/wgrad",
    ]);
  });

  it("leave out what another chunk reads too", () => {
    const other = linear("elsewhere", 8, { chunk: 1, layer: 2, ...trained("w0", 10) });
    expect(named([...forward, other, ...backward], backward).map(([name]) => name)).toEqual([
      "f1/wgrad",
      "head/wgrad",
    ]);
  });
});

describe("gradient sums", () => {
  const DP4 = { ...ONE_GPU, dp: 4 };
  /** Compute takes m seconds; a sum one second, and one more for every 40 elements. */
  const kernelTime = (kernel: Kernel): number => {
    if (kernel.kind === "communication") return 1 + kernel.size_bytes / 4 / 40;
    return kernel.work.op === "matmul" ? kernel.work.m : 0;
  };
  const [done, next] = [linear("done", 1), linear("next", 4)];
  const sumsOf = (elements: Elements, most = elements) =>
    new GradientSums(0, new Map([[done, elements]]), most, { options: DP4, kernelTime });
  const alone = { communication: [], dependent: true, nanobatch: false };
  const beside = (sums: GradientSums, seconds: number) =>
    sums
      .beside({ ...alone, kernels: [linear("k", seconds)] })
      .map(({ collective, size_bytes, ranks }) => `${collective} ${size_bytes} over ${ranks}`);

  it("start once gradients are whole, as much as is done in time, on every rank alike", () => {
    const sums = sumsOf({ dense: 100, experts: 0 });
    expect(beside(sums, 4)).toEqual([]);
    sums.ran([next]);
    expect(beside(sums, 4)).toEqual([]);
    sums.ran([done]);
    // One second of latency: in 1.5 s, half a second of 40 a second; no room for latency alone.
    expect(beside(sums, 1.5)).toEqual(["reduce_scatter 80 over 4"]);
    expect(beside(sums, 1)).toEqual([]);
    // A second and 39/40: 39 elements, of which 36 make whole parts of four ranks.
    expect(beside(sums, 1.975)).toEqual(["reduce_scatter 144 over 4"]);
    expect(beside(sums, 100)).toEqual(["reduce_scatter 176 over 4"]);
    expect(beside(sums, 100)).toEqual([]);
    expect(sums.started).toEqual({ dense: 100, experts: 0 });
  });

  it("leave their time to communication that also runs beside the kernels", () => {
    const sums = sumsOf({ dense: 100, experts: 0 });
    sums.ran([done]);
    const [communication] = sumsOf({ dense: 40, experts: 0 }, { dense: 40, experts: 0 }).rest();
    expect(communication).toBeUndefined();
    const other = sumsOf({ dense: 40, experts: 0 });
    other.ran([done]);
    const content = { kernels: [linear("k", 4)], communication: other.rest(), nanobatch: false };
    // Two of four seconds are taken.
    expect(sums.beside({ ...content, dependent: false })[0]?.size_bytes).toBe(4 * 40);
    expect(sums.beside({ ...content, dependent: true })[0]?.size_bytes).toBe(4 * 60);
  });

  it("of half a microbatch see half the compute", () => {
    const sums = sumsOf({ dense: 100, experts: 0 });
    sums.ran([done]);
    const half = { ...alone, kernels: [linear("k", 4)], nanobatch: true };
    expect(sums.beside(half)[0]?.size_bytes).toBe(4 * 40);
  });

  it("never start more than there is, nor than is asked for, whatever comes", () => {
    const rooms = fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { maxLength: 8 });
    const elements = fc.record({ dense: fc.nat(500), experts: fc.nat(500) });
    fc.assert(
      fc.property(rooms, elements, elements, fc.boolean(), (seconds, all, cap, whole) => {
        const most = {
          dense: Math.min(all.dense, cap.dense),
          experts: Math.min(all.experts, cap.experts),
        };
        const sums = sumsOf(all, most);
        sums.ran([done]);
        const started = seconds.flatMap((room) =>
          sums.beside({ ...alone, kernels: [linear("k", room)] }),
        );
        const rest = whole ? sums.rest() : [];
        const moved = [...started, ...rest].reduce(
          (sum, { size_bytes }) => sum + size_bytes / 4,
          0,
        );
        const { dense, experts } = sums.started;
        expect(moved).toBe(dense + experts);
        expect(dense).toBeLessThanOrEqual(most.dense);
        expect(experts).toBeLessThanOrEqual(most.experts);
        if (whole) expect(sums.started).toEqual(most);
      }),
      { seed: 5 },
    );
    expect(sumsOf(NO_ELEMENTS).rest()).toEqual([]);
  });
});
