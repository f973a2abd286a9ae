import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { forkRng } from "../base/rng.js";
import { modelledOracle } from "../cost/modelled.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { legalSlots, legalSms } from "./legality.js";
import { searchPartition } from "./partition.js";
import { runPool } from "./pool.js";
import { searchPartitions } from "./search.js";
import { type ConfigurationSpace, configurationSpace } from "./space.js";
import { exhaustive } from "./strategies/exhaustive.js";
import { random } from "./strategies/random.js";
import type { Strategy } from "./strategies/strategy.js";
import type { SearchTask } from "./task.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const overlapped = partitionOf("forward.b", layer.forward_attention, layer.reduced_bytes);
const dependent = partitionOf("forward.c", layer.forward_mlp, layer.reduced_bytes, true);
const compute = partitionOf("backward.a", layer.backward_mlp, null);
const communication = partitionOf("forward.a", [], layer.reduced_bytes);
const partitions = [overlapped, dependent, compute, communication];
const options = { threads: 1, seed: 0, budget: 224 };

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
  test("overlapped: every slot and none, every SM count", () => {
    expect(legalSlots(overlapped)).toEqual([null, ...overlapped.slots.map(({ name }) => name)]);
    expect(legalSms(overlapped, device)).toEqual([
      2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30,
    ]);
  });

  test("communication that waits or runs alone has no slot; without it there are no SMs", () => {
    expect(legalSlots(dependent)).toEqual([null]);
    expect(legalSlots(communication)).toEqual([null]);
    expect(legalSlots(compute)).toEqual([null]);
    expect(legalSms(compute, device)).toEqual([0]);
    expect(legalSms(dependent, device)).toContain(24);
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

  test("indices, configurations and neighbours agree", () => {
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
    const found = searchPartition(overlapped, space, modelledOracle(device), spy, 100);
    expect(found).toHaveLength(100);
    expect(found.map(name).sort()).toEqual(told.map(space.at).map(name).sort());
  });
});

describe("searchPartitions", () => {
  test("enumerates every partition, sorted by key and configuration", async () => {
    const progress: number[] = [];
    const found = await searchPartitions(partitions, device, {
      ...options,
      onPartition: (done, total) => progress.push(done / total),
    });
    expect([...found.keys()]).toEqual(["backward.a", "forward.a", "forward.b", "forward.c"]);
    expect([...found.values()].map((each) => each.length)).toEqual([18, 252, 1764, 252]);
    expect(progress).toEqual([0.25, 0.5, 0.75, 1]);
    const rows = found.get("forward.b") ?? [];
    expect(rows[0]).toMatchObject({ freq_mhz: 900, sms: 2, launch_slot: null });
    const keys = rows.map(({ freq_mhz, sms }) => freq_mhz * 1000 + sms);
    expect(keys).toEqual([...keys].sort((a, b) => a - b));
    expect(
      rows.every(({ source, partition }) => source === "modelled" && partition === "forward.b"),
    ).toBe(true);
  });

  test("a space too large to list is sampled within the budget, baselines among it", async () => {
    const kernels = Array.from({ length: 90 }, () => layer.forward_attention).flat();
    const large = partitionOf("forward.large", kernels, layer.reduced_bytes);
    const first = (await searchPartitions([large], device, options)).get("forward.large") ?? [];
    const alone = new Set(first.map(name));
    expect(first).toHaveLength(224);
    const space = configurationSpace(large, device);
    for (const each of space.first) expect(alone).toContain(name(space.at(each)));
    const beside = await searchPartitions([overlapped, large], device, options);
    expect(beside.get("forward.large")).toEqual(first);
  });

  test("an aborted search stops with the signal's reason", async () => {
    const controller = new AbortController();
    const stopped = searchPartitions(partitions, device, {
      ...options,
      signal: controller.signal,
      onPartition: () => controller.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
  });

  test("nothing to search is an empty answer", async () => {
    expect((await searchPartitions([], device, { ...options, threads: 4 })).size).toBe(0);
  });
});

const BUILT = join(import.meta.dirname, "../../dist/src/search/search.js");

describe.skipIf(!existsSync(BUILT))("worker threads (built)", () => {
  test("any number of threads gives the same result", async () => {
    const built: { searchPartitions: typeof searchPartitions } = await import(
      pathToFileURL(BUILT).href
    );
    const one = await searchPartitions(partitions, device, options);
    for (const threads of [2, 3]) {
      const many = await built.searchPartitions(partitions, device, { ...options, threads });
      expect([...many]).toEqual([...one]);
    }
  });
});

describe("the pool", () => {
  const scratch = mkdtempSync(join(tmpdir(), "kareus-pool-"));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const tasks = (types: readonly PartitionType[]): SearchTask[] =>
    types.map((partition) => ({ type: "search", partition, seed: 0, budget: 1 }));

  /** A worker module with that body, as a URL. */
  function worker(body: string): string {
    const file = join(scratch, `${body.length}.mjs`);
    writeFileSync(
      file,
      `import { existsSync, writeFileSync } from "node:fs";
       const mark = ${JSON.stringify(join(scratch, "mark"))};
       export default function (task) { ${body} }`,
    );
    return pathToFileURL(file).href;
  }

  const run = (body: string, signal?: AbortSignal) =>
    runPool(tasks([overlapped]), device, {
      threads: 1,
      signal,
      worker: worker(body),
      onDone: (index, evaluations) => done.push([index, evaluations.length]),
    });
  const done: [number, number][] = [];

  test("a thread that dies once has its partition tried again", async () => {
    await run(`if (!existsSync(mark)) { writeFileSync(mark, ""); process.exit(7); }
      return { type: "found", evaluations: [] };`);
    expect(done).toEqual([[0, 0]]);
    expect(existsSync(join(scratch, "mark"))).toBe(true);
  });

  test("dying twice is a diagnostic that names the partition", async () => {
    await expect(run("process.exit(7)")).rejects.toThrow(/KRS3001 forward\.b/);
  });

  test("a worker's diagnostics and failures arrive as such", async () => {
    const diagnostic = `{ severity: "error", code: "KRS3999", where: "w", message: "m", hint: "h" }`;
    await expect(
      run(`return { type: "refused", diagnostics: [${diagnostic}], exitCode: 1 };`),
    ).rejects.toMatchObject({ exitCode: 1, diagnostics: [{ code: "KRS3999" }] });
    await expect(run(`return { type: "broke", stack: "at fluid.ts" };`)).rejects.toThrow(
      "fluid.ts",
    );
  });

  test("a signal ends a thread that never would", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("stop")), 200);
    await expect(run("for (;;);", controller.signal)).rejects.toThrow("stop");
  });
});
