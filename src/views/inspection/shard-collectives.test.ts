import { expect, it } from "vitest";
import { lowerFile, MINI } from "../../../test/support/lowering.js";
import { communicationsOf, useCount } from "../../ir/partition.js";
import { shardCollectives } from "./shard-collectives.js";

const LAYOUT = { dp: 4, cp: 1, ep: 1, optimizer: "adamw" } as const;
const lowered = (layout: Parameters<typeof lowerFile>[2]) =>
  lowerFile(MINI, { batch: 2, sequence: 128 }, { dp: 4, ...layout });

function sums(
  calls: readonly { readonly key: string; readonly size_bytes: number }[],
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { key, size_bytes } of calls) found[key] = (found[key] ?? 0) + size_bytes;
  return found;
}

it.each([
  { zero: 2, pp: 1 },
  { zero: 3, pp: 1 },
  { zero: 3, pp: 2 },
] as const)("shows the bytes that the instructions exchange: %o", async ({ zero, pp }) => {
  const { kernels, partitions } = await lowered({ zero, pp });
  const shown = shardCollectives(kernels, { ...LAYOUT, zero });
  const planned = partitions.instructions.flatMap(({ kind, executions }) =>
    (kind === "tail" ? [] : executions.filter(({ model }) => model === "sequential")).flatMap(
      ({ uses }) =>
        uses.flatMap((use) => {
          const type = partitions.partitions.get(use.partition);
          return (type ? communicationsOf(type) : [])
            .filter(({ group }) => group === "dp")
            .map((each) => ({
              key: `${kind} ${each.kind}`,
              size_bytes: each.size_bytes * useCount(use),
            }));
        }),
    ),
  );
  const wanted = sums(planned);
  const found = sums(shown.map((c) => ({ ...c, key: `${c.direction} ${c.collective}` })));
  expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
  for (const [key, size_bytes] of Object.entries(wanted)) {
    expect(Math.abs((found[key] ?? 0) / size_bytes - 1)).toBeLessThan(1e-3);
  }
});

it("counts a call for each unit: layers, and what lies outside", async () => {
  const { kernels } = await lowered({ zero: 3 });
  const calls = shardCollectives(kernels, { ...LAYOUT, zero: 3 });
  expect(calls.map((c) => `${c.direction} ${c.collective}`)).toEqual([
    ...Array(3).fill("forward all_gather"),
    ...Array(2).fill("backward all_gather"),
    ...Array(3).fill("backward reduce_scatter"),
  ]);
  expect(shardCollectives(kernels, { ...LAYOUT, dp: 1, zero: 3 })).toEqual([]);
  expect(shardCollectives(kernels, { ...LAYOUT, zero: 1 })).toEqual([]);
});
