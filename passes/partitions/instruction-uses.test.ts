import { describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel-graph.js";
import type { Communication, PartitionUse } from "../../src/ir/partition.js";
import { allReduce, linear, memory } from "../../test/support/kernel-graph.js";
import { freeKernels } from "./free-kernels.js";
import { nanobatchedUses, sequentialUses } from "./instruction-uses.js";
import { PartitionRegistry } from "./partition-registry.js";
import { readersOfTransfers } from "./transfers.js";

/** One line per use: what computes (by m or bytes), what communicates, nanobatch and layers. */
function lines(
  uses: (kernels: readonly Kernel[], registry: PartitionRegistry) => PartitionUse[] | null,
  kernels: readonly Kernel[],
): string[] | null {
  const registry = new PartitionRegistry(new Set());
  const found = uses(kernels, registry);
  const types = registry.types();
  return (
    found?.map(({ partition, layers, nanobatch }) => {
      const type = types.get(partition);
      const compute = type?.kernels.map(({ work }) =>
        work.op === "matmul" ? `m${work.m}` : work.op === "memory" ? `b${work.bytes_read}` : "?",
      );
      const joint = (dependent: boolean | undefined) => (dependent ? "then" : "beside");
      const moved = ({ kind, size_bytes }: Communication) => `${kind} ${size_bytes}`;
      const first = type?.communication;
      const communication = [
        ...(first ? [` ${joint(type.dependent)} ${moved(first)}`] : []),
        ...(type?.queued ?? []).map((each) => `, ${joint(each.dependent)} ${moved(each)}`),
      ].join("");
      return `${nanobatch ?? "whole"} [${compute}]${communication} layers ${layers.join() || "none"}`;
    }) ?? null
  );
}

/** Two layers: attention (m 100), all-reduce, MLP (m 200), all-reduce. */
const layer = (i: number): Kernel[] => [
  linear(`${i}.attention`, 100, { layer: i }),
  allReduce(`${i}.first`, 1000, { layer: i }),
  linear(`${i}.mlp`, 200, { layer: i }),
  allReduce(`${i}.second`, 2000, { layer: i }),
];
const LAYERS = [...layer(0), ...layer(1)];

describe("free kernels", () => {
  it("are weight gradients that no other kernel reads", () => {
    const origin = "weight-gradient" as const;
    const kernels = [
      linear("dgrad", 8, { origin: "input-gradient" }),
      linear("wgrad", 8, { origin, after: [0] }),
      linear("accumulated", 8, { origin, after: [0] }),
      memory("sum", 8, { after: [2] }),
    ];
    expect([...freeKernels(kernels)].map(({ name }) => name)).toEqual(["wgrad"]);
  });
});

describe("sequential uses", () => {
  it("run transfers beside what comes before their readers, and others behind their segment", () => {
    const send = (name: string, after: readonly number[]) =>
      ({ ...allReduce(name, 30, { layer: 0, after }), collective: "send" }) as const;
    const kernels = [
      linear("keys", 1, { layer: 0 }),
      send("first", [0]),
      linear("own", 2, { layer: 0, after: [0] }),
      send("second", [1]),
      linear("received", 3, { layer: 0, after: [1] }),
      memory("sum", 4, { layer: 0, after: [3, 4] }),
      allReduce("reduced", 50, { layer: 0, after: [5] }),
      send("nobody reads", [5]),
    ];
    const readers = readersOfTransfers(kernels);
    expect(lines((all, registry) => sequentialUses(all, registry, { readers }), kernels)).toEqual([
      "whole [m1] layers 0",
      "whole [m2] beside send 30 layers 0",
      "whole [m3] beside send 30 layers 0",
      "whole [b4] then all_reduce 50, then send 30 layers 0",
    ]);
  });

  it("put each segment before its own communication, once per layer", () => {
    expect(lines(sequentialUses, LAYERS)).toEqual([
      "whole [m100] then all_reduce 1000 layers 0,1",
      "whole [m200] then all_reduce 2000 layers 0,1",
    ]);
  });

  it("fuse consecutive collectives of one kind; others run one after the other", () => {
    const pair = (more: Parameters<typeof allReduce>[2]) =>
      lines(sequentialUses, [linear("l", 100), allReduce("a", 10), allReduce("b", 20, more)]);
    expect(pair({})).toEqual(["whole [m100] then all_reduce 30 layers none"]);
    expect(pair({ collective: "all_gather" })).toEqual([
      "whole [m100] then all_reduce 10, then all_gather 20 layers none",
    ]);
    const apart = ["whole [m100] then all_reduce 10, then all_reduce 20 layers none"];
    expect(pair({ group: "ep" })).toEqual(apart);
    expect(pair({ ranks: 8 })).toEqual(apart);
  });

  it("keep equal work outside layers apart: each use runs once", () => {
    expect(lines(sequentialUses, [linear("a", 10), allReduce("r", 8), linear("b", 10)])).toEqual([
      "whole [m10] then all_reduce 8 layers none",
      "whole [m10] layers none",
    ]);
  });
});

describe("nanobatched uses", () => {
  it("alternate: each segment beside the other nanobatch's preceding communication", () => {
    // A1 | B1 beside A's c1 | A2 beside B's c1 | B2 beside A's c2 | ... | B's last alone.
    expect(lines(nanobatchedUses, layer(0))).toEqual([
      "0 [m50] layers 0",
      "1 [m50] beside all_reduce 500 layers 0",
      "0 [m100] beside all_reduce 500 layers 0",
      "1 [m100] beside all_reduce 1000 layers 0",
      "0 [] beside all_reduce 1000 layers 0",
    ]);
  });

  it("run all communication between two segments beside the other nanobatch's compute", () => {
    const gather = allReduce("g", 600, { layer: 0, collective: "all_gather" });
    const [attention, first, mlp] = layer(0);
    const kernels = [attention, first, gather, mlp].flatMap((kernel) => kernel ?? []);
    expect(lines(nanobatchedUses, kernels)).toEqual([
      "0 [m50] layers 0",
      "1 [m50] beside all_reduce 500, beside all_gather 300 layers 0",
      "0 [m100] beside all_reduce 500, beside all_gather 300 layers 0",
      "1 [m100] layers 0",
    ]);
  });

  it("gather the layers of one type, the seam between layers with the layer it leads to", () => {
    expect(lines(nanobatchedUses, LAYERS)).toEqual([
      "0 [m50] layers 0",
      "1 [m50] beside all_reduce 500 layers 0,1",
      "0 [m100] beside all_reduce 500 layers 0,1",
      "1 [m100] beside all_reduce 1000 layers 0,1",
      "0 [m50] beside all_reduce 1000 layers 1",
      "0 [] beside all_reduce 1000 layers 1",
    ]);
  });

  it("end with B's last compute alone where no communication follows it", () => {
    const kernels = [...layer(0), memory("add", 60, { layer: 0, class: "other" })];
    expect(lines(nanobatchedUses, kernels)?.slice(-2)).toEqual([
      "0 [b30] beside all_reduce 1000 layers 0",
      "1 [b30] layers 0",
    ]);
  });

  it("leave work outside layers whole, before and after", () => {
    const kernels = [
      ...[memory("embed", 8), allReduce("sum", 80)],
      ...layer(0),
      ...[memory("norm", 16), linear("head", 300), allReduce("loss", 90)],
    ];
    const uses = lines(nanobatchedUses, kernels);
    expect(uses?.[0]).toBe("whole [b8] then all_reduce 80 layers none");
    expect(uses?.at(-1)).toBe("whole [b16,m300] then all_reduce 90 layers none");
    expect(uses).toHaveLength(7);
  });

  it("do not exist without layers, without communication in them, or where a kernel is whole", () => {
    expect(lines(nanobatchedUses, [linear("l", 8), allReduce("r", 8)])).toBeNull();
    expect(lines(nanobatchedUses, [linear("l", 8, { layer: 0 }), allReduce("r", 8)])).toBeNull();
    const alone = [linear("l", 8, { layer: 0 }), allReduce("r", 8, { layer: 0, ranks: 1 })];
    expect(lines(nanobatchedUses, alone)).toBeNull();
    const odd = [...layer(0), linear("odd", 9, { layer: 0, nanobatch: null })];
    expect(lines(nanobatchedUses, odd)).toBeNull();
  });
});

describe("partition types", () => {
  const typeOf = (kernels: readonly Kernel[]) => {
    const registry = new PartitionRegistry(new Set());
    sequentialUses(kernels, registry);
    const [type] = registry.types().values();
    if (type === undefined) throw new Error("no type");
    return type;
  };

  it("are one for equal shapes, whatever names, layers and stages", () => {
    const a = typeOf([linear("a", 8, { layer: 1, stage: 1 }), allReduce("r", 8)]);
    const b = typeOf([linear("b", 8), allReduce("s", 8, { layer: 3 })]);
    expect(a.key).toBe(b.key);
    expect(a.key).toMatch(/^forward\.[0-9a-f]{12}$/);
  });

  it("differ by direction, shape, order, dtype, bytes, ranks and by what may overlap", () => {
    const [l, n] = [linear("l", 8), memory("n", 8)];
    const keys = [
      ...[[l], [n], [l, n], [n, l], [{ ...l, direction: "backward" as const }], [linear("l", 16)]],
      [linear("l", 8, { work: { ...linear("l", 8).work, dtype: "float32" } })],
      [l, allReduce("r", 8)],
      [l, allReduce("r", 16)],
      [l, allReduce("r", 8, { ranks: 8 })],
      [l, allReduce("r", 8, { collective: "all_gather" })],
    ].map((kernels) => typeOf(kernels).key);
    expect(new Set(keys).size).toBe(keys.length);
    const registry = new PartitionRegistry(new Set());
    const content = { kernels: [l], communication: [allReduce("r", 8)], nanobatch: false };
    const dependent = registry.keyOf({ ...content, dependent: true });
    expect(registry.keyOf({ ...content, dependent: false })).not.toBe(dependent);
  });

  it("let weight gradients that are slots of their own run up to the end, beside communication", () => {
    const wgrad = (name: string) =>
      linear(name, 8, { direction: "backward", origin: "weight-gradient" });
    const [first, second] = [wgrad("w1"), wgrad("w2")];
    const bias = memory("b", 8, { direction: "backward", origin: "weight-gradient" });
    const kernels = [linear("d1", 8), first, memory("a", 8), bias, linear("d2", 8), second];
    const free = new Set<Kernel>([first, second, bias]);
    const keyOf = (communication: Parameters<PartitionRegistry["keyOf"]>[0]["communication"]) => {
      const registry = new PartitionRegistry(free);
      registry.keyOf({ kernels, communication, dependent: true, nanobatch: false });
      return [...registry.types().values()][0]?.free_order;
    };
    expect(keyOf([allReduce("r", 8)])).toEqual([
      [1, 5],
      [5, 5],
    ]);
    expect(keyOf([])).toEqual([]);
  });

  it("count recomputed work as forward work", () => {
    const again = { direction: "backward", origin: "recompute" } as const;
    expect(typeOf([linear("l", 8, again), allReduce("r", 8, again)]).key).toBe(
      typeOf([linear("l", 8), allReduce("r", 8)]).key,
    );
    expect(typeOf([linear("l", 8, again), linear("g", 8, { direction: "backward" })]).key).toMatch(
      /^backward\./,
    );
  });

  it("have a slot per product and one per run of memory-bound kernels, named by its main class", () => {
    const other = { class: "other" } as const;
    const { slots } = typeOf([
      ...[memory("add", 8, other), memory("norm", 8), linear("qkv", 8)],
      ...[memory("rope", 8, { class: "rope" }), linear("out", 8), memory("late", 8, other)],
    ]);
    expect(slots).toEqual([
      { name: "norm_0", first: 0, nodes: ["add", "norm"] },
      { name: "linear_0", first: 2, nodes: ["qkv"] },
      { name: "rope_0", first: 3, nodes: ["rope"] },
      { name: "linear_1", first: 4, nodes: ["out"] },
      { name: "other_0", first: 5, nodes: ["late"] },
    ]);
  });
});
