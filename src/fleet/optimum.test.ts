import { createRequire } from "node:module";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { at } from "../base/need.js";
import { optimum, type Pace, type WeighedSlot } from "./optimum.js";

const loadHighs: typeof import("highs").default = createRequire(import.meta.url)("highs");

type Highs = Awaited<ReturnType<typeof loadHighs>>;
let highs: Highs;
beforeAll(async () => {
  highs = await loadHighs();
});

/** The least cost by a linear program: seconds of each slot at each pace; null where it is infeasible. */
function byLinearProgram(slots: readonly WeighedSlot[], iterations: number, mayWait: boolean) {
  const ends = mayWait ? [slots.length] : slots.map((_, i) => i + 1);
  const costs = ends.flatMap((used) => {
    const terms = slots
      .slice(0, used)
      .flatMap((slot, i) =>
        slot.paces.map((pace, k) => ({ name: `x${i}_${k}`, slot: i, pace, weight: slot.weight })),
      );
    const sum = (of: typeof terms, factor: (term: (typeof terms)[number]) => number) =>
      of
        .map((term) => `+ ${factor(term).toFixed(12)} ${term.name}`)
        .join(" ")
        .replaceAll("+ -", "- ");
    const whole = slots.slice(0, used).map((slot, i) => {
      const own = sum(
        terms.filter((term) => term.slot === i),
        () => 1,
      );
      const relation = mayWait || i === used - 1 ? "<=" : "=";
      return `t${i}: ${own} ${relation} ${(slot.end_s - slot.start_s).toFixed(12)}`;
    });
    const solution = highs.solve(
      [
        "Minimize",
        `cost: ${sum(terms, ({ weight, pace }) => weight * pace.power_w)}`,
        "Subject To",
        `done: ${sum(terms, ({ pace }) => pace.rate_per_s)} = ${iterations}`,
        ...whole,
        "End",
      ].join("\n"),
    );
    return solution.Status === "Optimal" ? [solution.ObjectiveValue] : [];
  });
  return costs.length === 0 ? null : Math.min(...costs);
}

const pace = fc.record({
  rate_per_s: fc.integer({ min: 1, max: 40 }).map((n) => n / 8),
  power_w: fc.integer({ min: 1, max: 80 }).map((n) => n * 10),
});

const paces = fc
  .uniqueArray(pace, { minLength: 1, maxLength: 5, selector: ({ rate_per_s }) => rate_per_s })
  .map((all) => all.map((each, point): Pace => ({ point, ...each })));

const slots = (least: number) =>
  fc
    .array(
      fc.record({
        time_s: fc.integer({ min: 1, max: 12 }),
        weight: fc.integer({ min: least, max: 9 }),
        paces,
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((all) => {
      let start_s = 0;
      return all.map(({ time_s, ...slot }): WeighedSlot => {
        const from_s = start_s;
        start_s += time_s;
        return { start_s: from_s, end_s: start_s, ...slot };
      });
    });

/** A number of iterations between none and the most that fit, by a share. */
function someOf(all: readonly WeighedSlot[], share: number): number {
  const most = all.reduce(
    (sum, slot) =>
      sum + (slot.end_s - slot.start_s) * Math.max(...slot.paces.map((each) => each.rate_per_s)),
    0,
  );
  return Math.max(1, Math.round(share * most * 8)) / 8;
}

test.each([
  ["running", 0],
  ["waiting", 0],
  ["waiting, where power may be paid for", -4],
  ["running, where power may be paid for", -4],
])("%s: the optimum is that of a linear program", (how, least) => {
  const mayWait = how.startsWith("waiting");
  fc.assert(
    fc.property(
      slots(Number(least)),
      fc.double({ min: 0, max: 1.1, noNaN: true }),
      (all, share) => {
        const iterations = someOf(all, share);
        const expected = byLinearProgram(all, iterations, mayWait);
        const found = optimum(all, iterations, mayWait);
        if (expected === null) {
          expect(found).toBeNull();
          return;
        }
        const off = Math.abs((found?.cost ?? Number.NaN) - expected);
        expect(off).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
        const shares = found?.shares.flat() ?? [];
        const done = shares.reduce((sum, each) => sum + each.time_s * each.pace.rate_per_s, 0);
        expect(done).toBeCloseTo(iterations, 6);
        found?.shares.forEach((own, i) => {
          const time_s = own.reduce((sum, each) => sum + each.time_s, 0);
          if (own.length > 0) expect(time_s).toBeCloseTo(at(all, i).end_s - at(all, i).start_s, 9);
        });
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});
