import { describe, expect, test } from "vitest";
import { forkRng } from "../../base/rng.js";
import type { Knob, Space } from "../space.js";
import { surrogate } from "../strategies/surrogate.js";
import { freshCandidates, spreadCandidates } from "./candidates.js";
import { coordinatesOf } from "./coordinates.js";
import { fitCosts, type Located } from "./cost-model.js";
import { kernelOf } from "./kernel.js";
import { adaptiveShares } from "./passes.js";
import { gather } from "./seen.js";

const KNOBS: readonly Knob[] = [
  { name: "freq_mhz", kind: "scale", least: 900, most: 1410 },
  { name: "sms", kind: "scale", least: 0, most: 30 },
  { name: "slot", kind: "choice" },
];

/** Every clock in MHz, SM count and slot of a grid that is never listed. */
function grid(clocks: number, sms: number, slots: number): Space {
  const split = (index: number) => [
    Math.floor(index / (sms * slots)),
    Math.floor(index / slots) % sms,
    index % slots,
  ];
  const join = ([a = 0, b = 0, c = 0]: readonly number[]) => (a * sms + b) * slots + c;
  const limits = [clocks, sms, slots];
  return {
    size: clocks * sms * slots,
    knobs: KNOBS,
    features: (index) => {
      const [clock = 0, sm = 0, slot = 0] = split(index);
      return [900 + (510 * clock) / (clocks - 1), (30 * sm) / (sms - 1), slot];
    },
    neighbours: (index) => {
      const here = split(index);
      return here.flatMap((value, k) =>
        [value - 1, value + 1]
          .filter((next) => next >= 0 && next < (limits[k] ?? 0))
          .map((next) => join(here.with(k, next))),
      );
    },
    first: [],
  };
}

describe("coordinates", () => {
  test("scales run from 0 to 1 by ratio, choices keep their number", () => {
    const space = grid(2, 3, 4);
    const at = coordinatesOf(space);
    expect(at(0)).toEqual([0, 0, 0]);
    const [clock, sm, slot] = at(space.size - 1);
    expect([clock, sm, slot]).toEqual([1, 1, 3]);
    expect(at(4)[1]).toBeCloseTo(Math.log(16) / Math.log(31), 12);
  });
});

describe("kernel", () => {
  test("is its variance at no distance and falls with every knob", () => {
    const kernel = kernelOf(KNOBS);
    const fit = kernel.start.with(0, Math.log(2.5));
    const covariance = (a: readonly number[], b: readonly number[]) =>
      kernel.between([a], [b])(fit)(0, 0);
    const here = [0.3, 0.6, 1];
    expect(covariance(here, here)).toBeCloseTo(2.5, 12);
    for (const k of [0, 1, 2]) {
      const near = covariance(here, here.with(k, (here[k] ?? 0) + 1));
      const far = covariance(here, here.with(k, (here[k] ?? 0) + 2));
      expect(near).toBeLessThan(2.5);
      expect(far).toBeLessThan(near);
      expect(far).toBeGreaterThan(0);
    }
  });
});

describe("shares", () => {
  const count = (gains: Readonly<Record<string, number>>) => {
    const shares = adaptiveShares();
    const given = new Map<string, number>();
    for (let k = 0; k < 1000; k++) {
      const pass = shares.next();
      given.set(pass, (given.get(pass) ?? 0) + 1);
      shares.pay(pass, gains[pass] ?? 0);
    }
    return given;
  };

  test("hold as they are while nothing pays", () => {
    const given = count({});
    expect(given.get("total")).toBe(450);
    expect(given.get("dynamic")).toBe(450);
    expect(given.get("time")).toBe(50);
    expect(given.get("uncertainty")).toBe(50);
  });

  test("move to what pays, and nobody is forgotten", () => {
    const given = count({ dynamic: 0.01 });
    expect(given.get("dynamic")).toBeGreaterThan(650);
    expect(given.get("total")).toBeGreaterThan(200);
    expect(given.get("uncertainty")).toBeGreaterThan(20);
  });
});

describe("observations", () => {
  test("of one configuration are averaged, whatever their indices", () => {
    const seen = gather((index) => String(index % 10));
    seen.add({ index: 3, time_s: 1, energy_j: 10 });
    seen.add({ index: 4, time_s: 7, energy_j: 70 });
    seen.add({ index: 13, time_s: 2, energy_j: 30 });
    seen.add({ index: 23, time_s: 3, energy_j: 20 });
    expect(seen.means()).toEqual([
      { index: 3, key: "3", count: 3, time_s: 2, energy_j: 20 },
      { index: 4, key: "4", count: 1, time_s: 7, energy_j: 70 },
    ]);
  });
});

describe("candidates", () => {
  test("of a small space are all that are fresh, of a large one few, with the good ones' neighbours", () => {
    const small = freshCandidates(grid(5, 5, 2), forkRng(0, "c"), (index) => index !== 7, []);
    expect(small).toHaveLength(49);
    const large = grid(500, 400, 300);
    const good = 30_000_000;
    const found = freshCandidates(large, forkRng(0, "c"), () => true, [good]);
    expect(found.length).toBeLessThanOrEqual(1500);
    expect(found).toEqual(expect.arrayContaining([...large.neighbours(good)]));
    expect(new Set(found).size).toBe(found.length);
  });

  test("a design takes each candidate once, up to the whole space", () => {
    const space = grid(3, 3, 3);
    const taken = new Set([0, 5]);
    const chosen = spreadCandidates(space, coordinatesOf(space), forkRng(0, "d"), taken, 99);
    expect([...chosen, ...taken].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 27 }, (_, i) => i),
    );
  });
});

/** A cost with a kink in SMs, a slow slot, and a dynamic energy that rises with the clock. */
function costOf([clock = 0, sm = 0, slot = 0]: readonly number[]) {
  const time_s = (slot === 1 ? 1.3 : 1) * Math.max(1.4 / clock, 0.02 / (1 + sm));
  return { time_s, energy_j: 85 * time_s + 0.1 * (clock / 900) ** 3 };
}

describe("cost model", () => {
  const space = grid(18, 11, 3);
  const at = coordinatesOf(space);
  const rng = forkRng(1, "model");
  const observe = (index: number, off = 1): Located => {
    const { time_s, energy_j } = costOf(space.features(index));
    const noise = () => 1 + 0.01 * (rng.uniform() + rng.uniform() + rng.uniform() - 1.5) * 2;
    return { index, at: at(index), time_s: time_s * noise() * off, energy_j: energy_j * noise() };
  };
  const trained = spreadCandidates(space, at, rng, new Set(), 70);
  const kernel = kernelOf(space.knobs);
  const model = (observations: readonly Located[], doubted: ReadonlySet<number> = new Set()) =>
    fitCosts(kernel, observations, 85, doubted, null, true);

  test("predicts what it has not seen, and knows how well", () => {
    const fresh = Array.from({ length: space.size }, (_, index) => index).filter(
      (index) => !trained.includes(index),
    );
    const fitted = model(trained.map((index) => observe(index)));
    const belief = fitted.believe(fresh.map((index) => ({ at: at(index) })));
    let errors = 0;
    let outside = 0;
    fresh.forEach((index, c) => {
      const { time_s, energy_j } = costOf(space.features(index));
      const { total, dynamic } = belief.forecast(c);
      errors += Math.abs(total.x / time_s - 1) + Math.abs(total.y / energy_j - 1);
      const dynamic_j = energy_j - 85 * time_s;
      if (Math.abs(total.x - time_s) > 2 * total.deviation_x) outside++;
      if (Math.abs(dynamic.y - dynamic_j) > 2 * dynamic.deviation_y) outside++;
    });
    expect(errors / (2 * fresh.length)).toBeLessThan(0.03);
    expect(outside / (2 * fresh.length)).toBeLessThan(0.12);
    expect(Math.sqrt(fitted.time.noise)).toBeGreaterThan(0.003);
    expect(Math.sqrt(fitted.time.noise)).toBeLessThan(0.03);
  });

  test("finds the measurement that took three times as long", () => {
    const observations = trained.map((index, i) => observe(index, i === 30 ? 3 : 1));
    expect(model(observations).doubtful()).toEqual([30]);
  });

  test("a prior mean that knows everything leaves nothing to learn", () => {
    const few = trained.slice(0, 8).map((index) => {
      return { ...observe(index), prior: costOf(space.features(index)) };
    });
    const places = [3, 200, 500].map((index) => {
      return { at: at(index), prior: costOf(space.features(index)) };
    });
    const belief = model(few).believe(places);
    places.forEach(({ prior }, c) => {
      const { total } = belief.forecast(c);
      expect(Math.abs(total.x / prior.time_s - 1)).toBeLessThan(0.02);
      expect(Math.abs(total.y / prior.energy_j - 1)).toBeLessThan(0.02);
    });
  });
});

describe("the strategy", () => {
  test("searches a space of 60 million in which it lists nothing", () => {
    const space = grid(500, 400, 300);
    const strategy = surrogate(space, { rng: forkRng(0, "large"), static_power_w: 85 });
    const asked: number[] = [];
    let fastest = Number.POSITIVE_INFINITY;
    while (asked.length < 60) {
      const batch = strategy.ask(8);
      asked.push(...batch);
      strategy.tell(
        batch.map((index) => {
          const cost = costOf(space.features(index));
          fastest = Math.min(fastest, cost.time_s);
          return { index, ...cost };
        }),
      );
    }
    expect(new Set(asked).size).toBe(asked.length);
    expect(fastest).toBeLessThan(1.03 * (1.4 / 1410));
  });
});
