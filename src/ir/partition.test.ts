import { describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { partitionKey, queuedSlots } from "./partition.js";

const layer = llamaLayer(4, 4096);
const backward = partitionOf("backward.b", layer.backward_mlp, layer.reduced_bytes);
const SUM = {
  ...{ size_bytes: 1 << 20, ranks: 4, ranks_per_node: 4, group: "dp", dependent: false },
  kind: "reduce_scatter",
} as const;

describe("partition keys", () => {
  test("count what is queued, and whether it waits; names count for nothing", () => {
    const queued = (more: object) => partitionKey({ ...backward, queued: [{ ...SUM, ...more }] });
    const keys = [
      partitionKey(backward),
      ...[{}, { dependent: true }, { size_bytes: 8 }, { ranks_per_node: 1 }].map(queued),
      partitionKey({ ...backward, queued: [SUM, SUM] }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(queued({ group: "other" })).toBe(queued({}));
  });

  test("are what they were with one communication or none", () => {
    expect(partitionKey({ ...backward, queued: [] })).toBe(partitionKey(backward));
    expect(partitionKey(backward)).toBe("forward.7bd34432db88");
  });
});

describe("queued communication", () => {
  const first = { launch_slot: "linear_0" };
  const waiting = { ...backward, queued: [SUM, { ...SUM, dependent: true }] };
  // dgrad, wgrad, activation, dgrad, wgrad, norm, norm: the weight gradients wait for nothing.
  const free_order = [1, 4].map((kernel) => [kernel, 6] as const);

  test("follows the first at once; what waits for the kernels starts after the last", () => {
    expect(queuedSlots(waiting, first)).toEqual(["linear_0", null]);
    expect(queuedSlots({ ...waiting, free_order }, first)).toEqual(["linear_0", null]);
    expect(queuedSlots(backward, first)).toEqual([]);
  });

  test("starts once only free kernels are left, in an order of its own", () => {
    const order = [0, 2, 3, 5, 6, 1, 4];
    const ordered = { ...first, order };
    expect(queuedSlots({ ...waiting, free_order }, ordered)).toEqual(["linear_0", "linear_1"]);
    const late = { ...first, order: [0, 1, 2, 3, 5, 6, 4] };
    expect(queuedSlots({ ...waiting, free_order }, late)).toEqual(["linear_0", "linear_4"]);
    expect(queuedSlots(waiting, ordered)).toEqual(["linear_0", null]);
  });

  test("behind one that waits, nothing waits for anything else", () => {
    const all = { ...waiting, dependent: true };
    expect(queuedSlots(all, { launch_slot: null })).toEqual([null, null]);
    expect(queuedSlots(all, { launch_slot: "norm_6" })).toEqual(["norm_6", "norm_6"]);
  });
});
