import { describe, expect, it } from "vitest";
import { artifactLaunch, artifactPartition, sumsGradients } from "./artifact-partition.js";

type Partition = Parameters<typeof artifactPartition>[0];

/** Slots as `name` or `name/part`, the part being that of its one node. */
function partition(kind: string | null, ...slots: readonly string[]): Partition {
  return {
    key: "backward.0123456789ab",
    direction: "backward",
    slots: slots.map((text) => {
      const [name = "", part] = text.split("/");
      return { name, nodes: [`/layers.0/${name}${part ? `/${part}` : ""}`] };
    }),
    communication: kind === null ? null : { kind, size_bytes: 1, group: "tp" },
  };
}

const MLP = partition(
  "all_reduce",
  ...["other_0/recompute", "linear_0/dgrad", "linear_1/wgrad", "activation_0/dgrad"],
  ...["linear_2/dgrad", "linear_3/wgrad"],
);

describe("gradient sums", () => {
  const sum = { kind: "reduce_scatter", size_bytes: 1, group: "dp-cp" };

  it("are known by their group, first or queued, and make a partition that it does not know", () => {
    expect([MLP, partition(null, "attn_0")].map(sumsGradients)).toEqual([false, false]);
    for (const summing of [
      { ...MLP, queued: [sum] },
      { ...MLP, communication: sum },
    ]) {
      expect(sumsGradients(summing)).toBe(true);
      expect(artifactPartition(summing, 1)).toBeNull();
    }
    expect(artifactPartition({ ...MLP, queued: [{ ...sum, group: "tp" }] }, 1)).toBeNull();
  });
});

describe("what the Kareus artifact calls a partition", () => {
  it.each([
    ["fwd_attn", 1, "all_reduce", ["norm_0", "linear_0", "rope_0", "attn_0", "linear_1"]],
    ["fwd_mlp", 1, "all_reduce", ["norm_0", "linear_0", "activation_0", "linear_1"]],
    // The norm's gradient of one layer beside the attention that another runs again.
    ["fwd_attn", 1, "all_reduce", ["norm_0/dgrad", "linear_0/recompute", "attn_0/recompute"]],
    ["bwd_attn", 1, "all_reduce", ["norm_0/dgrad", "attn_0/dgrad", "rope_0/dgrad"]],
    ["fwd_qkv_ag", 2, "all_gather", ["norm_0", "linear_0", "rope_0"]],
    ["fwd_ao_ar", 2, "all_reduce", ["attn_0", "linear_0"]],
    ["fwd_mlp", 2, "all_reduce", ["norm_0", "linear_0", "activation_0", "linear_1"]],
    ["bwd_o_ag", 2, "all_gather", ["norm_0/dgrad", "linear_0/dgrad", "linear_1/wgrad"]],
    ["bwd_a_rs", 2, "reduce_scatter", ["attn_0/dgrad#2"]],
    ["bwd_qkv_rs", 2, "reduce_scatter", ["rope_0/dgrad", "linear_0/dgrad", "linear_1/wgrad"]],
    [null, 1, null, ["norm_0", "linear_0", "attn_0"]],
    [null, 1, "all_reduce", ["other_0"]],
    [null, 1, "all_reduce", ["gather_0"]],
    [null, 1, "all_reduce", ["norm_0", "linear_0", "attn_0", "activation_0"]],
    [null, 2, "all_to_all", ["norm_0", "linear_0", "rope_0"]],
  ] as const)("%s at --cp %i beside %s: %j", (name, cp, kind, slots) => {
    expect(artifactPartition(partition(kind, ...slots), cp)).toBe(name);
  });
});

describe("where it launches communication", () => {
  const launch = (launch_slot: string | null, order: number[] | null = null) =>
    artifactLaunch("bwd_mlp", MLP, { id: 0, partition: MLP.key, launch_slot, sms: 3, order });

  it.each([
    ["other_0", "norm_0"],
    ["linear_0", "linear_0"],
    ["activation_0", "activation_0"],
    [null, "none"],
  ])("%s is %s", (slot, point) => {
    expect(launch(slot)).toEqual({ point, differences: [] });
  });

  it("is the next operator where a weight gradient stands alone", () => {
    expect(launch("linear_1")).toMatchObject({
      point: "activation_0",
      differences: [expect.stringContaining("beside")],
    });
  });

  it("is its last launch point for what comes later", () => {
    expect(launch("linear_2")).toMatchObject({
      point: "activation_0",
      differences: [expect.stringContaining("last")],
    });
    expect(launch("linear_3")).toMatchObject({
      point: "activation_0",
      differences: [expect.stringContaining("last")],
    });
  });

  it("follows the order in which the slots run", () => {
    const late = launch("linear_1", [0, 1, 3, 4, 2, 5]);
    expect(late).toMatchObject({
      point: "activation_0",
      differences: [expect.stringContaining("after"), expect.stringContaining("last")],
    });
    expect(launch("linear_0", [0, 1, 2, 3, 4, 5])).toEqual({ point: "linear_0", differences: [] });
  });
});
