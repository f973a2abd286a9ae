import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { random } from "../../test/reference/random-search.js";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import { forkRng } from "../base/rng.js";
import { modelledOracle } from "../cost/index.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { inlineEvaluator } from "./evaluator.js";
import { legalLaunches, legalSms } from "./legality.js";
import { openSearch } from "./loop.js";
import type { costEvaluator } from "./pool.js";
import { searchPartitions } from "./search.js";
import { type ConfigurationSpace, configurationSpace } from "./space.js";
import { exhaustive } from "./strategies/exhaustive.js";
import type { Strategy } from "./strategies/strategy.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const overlapped = partitionOf("forward.b", layer.forward_attention, layer.reduced_bytes);
const dependent = partitionOf("forward.c", layer.forward_mlp, layer.reduced_bytes, true);
const compute = partitionOf("backward.a", layer.backward_mlp, null);
const communication = partitionOf("forward.a", [], layer.reduced_bytes);
const modelled = inlineEvaluator(modelledOracle(device));
const partitions = [overlapped, dependent, compute, communication];
const options = { seed: 0, budget: 224, static_power_w: 84 };
const LARGE = Array.from({ length: 90 }, () => layer.forward_attention).flat();

const name = ({ freq_mhz, launch_slot, sms }: Configuration) => `${freq_mhz}/${launch_slot}/${sms}`;

/** Every configuration that a strategy asks for. */
function drain(space: ConfigurationSpace, strategy: Strategy, count = 7): Configuration[] {
  const all: number[] = [];
  for (let batch = strategy.ask(count); batch.length > 0; batch = strategy.ask(count)) {
    expect(batch.length).toBeLessThanOrEqual(count);
    all.push(...batch);
  }
  return all.map(space.at);
}

describe("legality", () => {
  const slots = (type: PartitionType) => legalLaunches(type).map(({ slot }) => slot);

  test("overlapped: every slot and none, every SM count", () => {
    expect(slots(overlapped)).toEqual([null, ...overlapped.slots.map(({ name }) => name)]);
    expect(legalSms(overlapped, device)).toEqual([
      2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30,
    ]);
  });

  test("communication that waits or runs alone has no slot; without it there are no SMs", () => {
    expect(slots(dependent)).toEqual([null]);
    expect(slots(communication)).toEqual([null]);
    expect(slots(compute)).toEqual([null]);
    expect(legalSms(compute, device)).toEqual([0]);
    expect(legalSms(dependent, device)).toContain(24);
  });

  // dgrad, wgrad, activation, dgrad, wgrad, norm, norm: the weight gradients wait for nothing.
  const free_order = [1, 4].map((kernel) => [kernel, 6] as const);
  const backward = partitionOf("backward.b", layer.backward_mlp, layer.reduced_bytes);
  const own = backward.slots.map(({ name }) => name);

  test("free kernels run where they are listed, or the last of them after all others", () => {
    const launches = legalLaunches({ ...backward, free_order });
    const orders = [null, [0, 1, 2, 3, 5, 6, 4], [0, 2, 3, 5, 6, 1, 4]];
    expect(launches).toEqual(
      orders.flatMap((order) =>
        (order === null ? [null, ...own] : own).map((slot) => ({ order, slot })),
      ),
    );
  });

  test("communication that waits may start once only free kernels are left", () => {
    expect(legalLaunches({ ...backward, dependent: true, free_order })).toEqual([
      { order: null, slot: null },
      { order: [0, 1, 2, 3, 5, 6, 4], slot: "linear_4" },
      { order: [0, 2, 3, 5, 6, 1, 4], slot: "linear_1" },
      { order: [0, 2, 3, 5, 6, 1, 4], slot: "linear_4" },
    ]);
    const last = { ...backward, dependent: true, free_order: [[6, 6]] as const };
    expect(slots(last)).toEqual([null, "norm_6"]);
  });

  test("many free kernels make few orders, from one of them last to all", () => {
    const free = Array.from({ length: 40 }, (_, i) => [i, 89] as const);
    const long = partitionOf("backward.l", LARGE.slice(0, 90), layer.reduced_bytes);
    const orders = legalLaunches({ ...long, free_order: free }).map(({ order }) => order);
    const distinct = [...new Set(orders)];
    expect(distinct).toHaveLength(4);
    expect(distinct.slice(1).map((order) => order?.findIndex((slot, i) => slot !== i))).toEqual([
      39, 19, 0,
    ]);
  });

  test("what is queued follows: the launches are those of the first", () => {
    const sum = { kind: "reduce_scatter", size_bytes: 8, ranks: 4, ranks_per_node: 4 } as const;
    for (const waits of [false, true]) {
      const queued = [{ ...sum, group: "dp", dependent: waits }];
      const types = [backward, dependent, { ...backward, free_order }, communication];
      for (const type of types) {
        expect(legalLaunches({ ...type, queued })).toEqual(legalLaunches(type));
        expect(legalSms({ ...type, queued }, device)).toEqual(legalSms(type, device));
      }
    }
  });

  test("SMs 0 needs a copy engine; a default outside the list is added", () => {
    expect(legalSms(overlapped, device)).not.toContain(0);
    expect(legalSms(overlapped, { ...device, copy_engine_collectives: true })[0]).toBe(0);
    expect(legalSms(overlapped, { ...device, default_comm_sms: 7 })).toContain(7);
  });
});

describe("space and strategies", () => {
  const space = configurationSpace(overlapped, device);

  test("exhaustive asks for each configuration once", () => {
    const all = drain(space, exhaustive(space.size));
    expect(all).toHaveLength(18 * 14 * 7);
    expect(new Set(all.map(name)).size).toBe(all.length);
  });

  test("every space holds what the baselines need", () => {
    for (const partition of partitions) {
      const space = configurationSpace(partition, device);
      const all = new Set(drain(space, exhaustive(space.size)).map(name));
      const sms = partition.communication === null ? 0 : 24;
      const slots = partition === overlapped ? [null, "norm_0"] : [null];
      const wanted = device.searched_clocks_mhz.flatMap((freq_mhz) =>
        slots.map((launch_slot) => ({ freq_mhz, launch_slot, sms })),
      );
      expect(space.first.map(space.at)).toEqual(wanted);
      for (const configuration of wanted) expect(all).toContain(name(configuration));
    }
  });

  const free = { ...overlapped, free_order: [[1, 5] as const, [4, 5] as const] };

  test.each([
    ["a plain space", space],
    ["one with orders", configurationSpace(free, device)],
    ["one that waits", configurationSpace({ ...free, dependent: true }, device)],
  ])("indices, configurations and neighbours agree in %s", (_, space) => {
    for (const index of [0, 7, 100, space.size - 1]) {
      const configuration = space.at(index);
      expect(space.indexOf(configuration)).toBe(index);
      const here = space.features(index);
      expect(here.slice(0, 2)).toEqual([configuration.freq_mhz, configuration.sms]);
      for (const near of space.neighbours(index)) {
        const there = space.features(near);
        expect(there.filter((value, knob) => value !== here[knob])).toHaveLength(1);
        expect(space.neighbours(near)).toContain(index);
      }
    }
    expect(space.indexOf({ freq_mhz: 901, launch_slot: null, sms: 2 })).toBeNull();
  });

  test("random asks for the same set, baselines first, in an order set by the seed", () => {
    const draws = [0, 0, 1].map((seed) =>
      drain(space, random(space, forkRng(seed, "x"))).map(name),
    );
    const [first, again, other] = draws as [string[], string[], string[]];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    expect([...first].sort()).toEqual(drain(space, exhaustive(space.size)).map(name).sort());
    expect(first.slice(0, space.first.length)).toEqual(space.first.map(space.at).map(name));
  });

  test("random draws evenly: each index as likely to come early", () => {
    const small = { ...space, size: 8, first: [] };
    const early = new Map<number, number>();
    for (let seed = 0; seed < 4000; seed++) {
      const [drawn] = random(small, forkRng(seed, "even")).ask(1);
      if (drawn !== undefined) early.set(drawn, (early.get(drawn) ?? 0) + 1);
    }
    expect(early.size).toBe(8);
    for (const count of early.values()) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  test("the loop stops at the budget and tells what it was asked", () => {
    const told: number[] = [];
    const inner = random(space, forkRng(0, "y"));
    const spy: Strategy = {
      ask: inner.ask,
      tell: (observations) => told.push(...observations.map(({ index }) => index)),
    };
    const search = openSearch(spy, { budget: 100, batch: 16 });
    const asked: number[] = [];
    for (let batch = search.ask(9); batch.length > 0; batch = search.ask(9)) {
      asked.push(...batch);
      search.tell(batch.map((index) => ({ index, time_s: 1, energy_j: 1 })));
    }
    expect([asked.length, search.stop]).toEqual([100, "budget"]);
    expect(told).toEqual(asked);
  });
});

describe("searchPartitions", () => {
  test("enumerates every partition, sorted by key and configuration", async () => {
    const progress: number[] = [];
    const { evaluations, outcomes } = await searchPartitions(partitions, device, modelled, {
      ...options,
      onProgress: (done, total) => progress.push(done / total),
    });
    const keys = ["backward.a", "forward.a", "forward.b", "forward.c"];
    const sizes = [18, 252, 1764, 252];
    expect([...evaluations.keys()]).toEqual(keys);
    expect([...evaluations.values()].map((each) => each.length)).toEqual(sizes);
    expect(outcomes).toEqual(
      keys.map((partition, i) => {
        const [space, evaluated] = [sizes[i], sizes[i]];
        return { partition, space, evaluated, stop: "exhausted" };
      }),
    );
    expect(progress).toHaveLength(18 + 252 + 1764 + 252);
    expect(progress.at(-1)).toBe(1);
    const rows = evaluations.get("forward.b") ?? [];
    expect(rows[0]).toMatchObject({ freq_mhz: 900, sms: 2, launch_slot: null });
    const order = rows.map(({ freq_mhz, sms }) => freq_mhz * 1000 + sms);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(
      rows.every(({ source, partition }) => source === "modelled" && partition === "forward.b"),
    ).toBe(true);
  });

  test("a space too large to list is sampled within the budget, baselines among it", async () => {
    const large = partitionOf("forward.large", LARGE, layer.reduced_bytes);
    const few = { ...options, budget: 80 };
    const { evaluations, outcomes } = await searchPartitions([large], device, modelled, few);
    const first = evaluations.get("forward.large") ?? [];
    const alone = new Set(first.map(name));
    expect(first).toHaveLength(80);
    const space = configurationSpace(large, device);
    const outcome = { partition: "forward.large", space: space.size, evaluated: 80 };
    expect(outcomes).toEqual([{ ...outcome, stop: "budget" }]);
    for (const each of space.first) expect(alone).toContain(name(space.at(each)));
    const beside = await searchPartitions([overlapped, large], device, modelled, few);
    expect(beside.evaluations.get("forward.large")).toEqual(first);
  });

  test("an aborted search stops with the signal's reason", async () => {
    const controller = new AbortController();
    const stopped = searchPartitions(partitions, device, modelled, {
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
  });

  test("nothing to search is an empty answer", async () => {
    const found = await searchPartitions([], device, modelled, options);
    expect(found).toEqual({ evaluations: new Map(), outcomes: [] });
  });
});

const BUILT = join(import.meta.dirname, "../../dist/src/search/pool.js");

describe.skipIf(!existsSync(BUILT))("worker threads (built)", () => {
  test("any number of threads gives the same result", async () => {
    const built: { costEvaluator: typeof costEvaluator } = await import(pathToFileURL(BUILT).href);
    const sampled = ["forward.d", "forward.e"].map((key, i) =>
      partitionOf(key, LARGE.slice(0, 540 - 6 * i), layer.reduced_bytes),
    );
    const all = [...partitions, ...sampled];
    const few = { ...options, budget: 48 };
    const one = await searchPartitions(all, device, modelled, few);
    for (const threads of [2, 8]) {
      const evaluator = built.costEvaluator({ device, measurements: NO_MEASUREMENTS }, { threads });
      expect(await searchPartitions(all, device, evaluator, few)).toEqual(one);
      await evaluator.close();
    }
  });
});
