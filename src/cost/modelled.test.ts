import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { deviceNames, loadDevice } from "../gpu/device.js";
import type { Communication, PartitionType } from "../ir/partition.js";
import type { Work } from "../ir/work.js";
import { modelledOracle } from "./modelled.js";
import { communicationLatency, transferTime } from "./physics/communication.js";
import { kernelTime } from "./physics/kernels.js";

const device = loadDevice("a100-sxm4-40gb");
const oracle = modelledOracle(device);
const whole = llamaLayer(8, 4096);
const half = llamaLayer(4, 4096);
const overlapped = partitionOf("overlapped", half.forward_attention, half.reduced_bytes);

/** Seconds of the kernels one after the other at a clock, launches included. */
const computeAlone = (kernels: PartitionType["kernels"], freq_mhz: number) =>
  kernels.reduce(
    (sum, { work }) => sum + device.launch_time_s + kernelTime(work, device, freq_mhz, 108),
    0,
  );
const exposed = (freq_mhz: number, sms: number) => {
  const { communication } = overlapped;
  if (communication === null) throw new Error("no communication");
  return (
    communicationLatency(communication, device) + transferTime(communication, device, freq_mhz, sms)
  );
};

describe("order of slots", () => {
  const kernels = half.backward_attention;
  const listed = partitionOf("listed", kernels, half.reduced_bytes);
  const at = { freq_mhz: 1200, sms: 6 };

  test("costs what a partition costs that lists its kernels in that order", () => {
    const order = [0, 2, 3, 4, 6, 7, 1, 5];
    const moved: PartitionType = {
      ...partitionOf(
        "moved",
        order.map((i) => kernels[i] as (typeof kernels)[number]),
        half.reduced_bytes,
      ),
      slots: order.map((i, first) => ({
        ...(listed.slots[i] as (typeof listed.slots)[number]),
        first,
      })),
    };
    for (const launch_slot of [null, ...listed.slots.map(({ name }) => name)]) {
      const expected = oracle.cost(moved, { ...at, launch_slot });
      const found = oracle.cost(listed, { ...at, launch_slot, order });
      // Energies are summed in another order.
      expect(found).toEqual({ ...expected, energy_j: expect.closeTo(expected.energy_j, 12) });
    }
    const differs = oracle.cost(listed, { ...at, launch_slot: "linear_1", order });
    expect(differs).not.toEqual(oracle.cost(listed, { ...at, launch_slot: "linear_1" }));
  });

  test("weight gradients under communication that waits for the rest hide it", () => {
    const waits = { ...listed, dependent: true };
    const order = [0, 2, 3, 4, 6, 7, 1, 5];
    const exposed_s = oracle.cost(waits, { ...at, launch_slot: null }).time_s;
    const hidden_s = oracle.cost(waits, { ...at, launch_slot: "linear_1", order }).time_s;
    const wgrads = [1, 5].map((i) => kernels[i] as (typeof kernels)[number]);
    expect(hidden_s).toBeLessThan(exposed_s);
    // They hide at most as long as they take.
    expect(hidden_s).toBeGreaterThan(exposed_s - computeAlone(wgrads, 1200) - 1e-12);
  });
});

test("SMs 0 is a copy engine: it fills the links and takes no SM from what runs beside it", () => {
  const at = { freq_mhz: 1200, launch_slot: "norm_0" };
  const cost = (sms: number) => oracle.cost(overlapped, { ...at, sms }).time_s;
  const { communication } = overlapped;
  if (communication === null) throw new Error("no communication");
  const moving_s = (sms: number) => transferTime(communication, device, 1200, sms);
  const link_s = moving_s(device.sm_count);
  expect(moving_s(0)).toBeLessThanOrEqual(link_s);
  expect(moving_s(0)).toBeGreaterThan(0.9 * link_s);
  for (const sms of device.searched_comm_sms) expect(cost(0)).toBeLessThan(cost(sms));
});

describe("several communications", () => {
  const { communication } = overlapped;
  if (communication === null) throw new Error("no communication");
  const placed = { ranks: 4, ranks_per_node: 4, group: "dp", dependent: false };
  const sum = { ...placed, kind: "reduce_scatter", size_bytes: 5e7 } as const;
  const at = { freq_mhz: 1200, launch_slot: null, sms: 6 };
  const moving_s = (each: Communication) =>
    communicationLatency(each, device) + transferTime(each, device, 1200, 6);

  test("alone, run one after the other; nothing is moved for nothing", () => {
    const both = { ...overlapped, kernels: [], slots: [], queued: [sum] };
    const expected_s = moving_s(communication) + moving_s(sum);
    const cost = oracle.cost(both, at);
    expect(cost.time_s).toBeCloseTo(expected_s, 12);
    const [first, second] = [communication, sum].map((each) =>
      oracle.cost({ ...both, communication: each, queued: [] }, at),
    );
    expect(cost.energy_j).toBeCloseTo((first?.energy_j ?? 0) + (second?.energy_j ?? 0), 9);
  });

  test("behind the kernels, are exposed together; beside them, hidden as far as there is room", () => {
    const both = { ...overlapped, queued: [sum] };
    const compute_s = computeAlone(half.forward_attention, 1200);
    const exposed_s = moving_s(communication) + moving_s(sum);
    expect(oracle.cost(both, at).time_s).toBeCloseTo(compute_s + exposed_s, 12);
    const [first = null] = overlapped.slots.map(({ name }) => name);
    const hidden_s = oracle.cost(both, { ...at, launch_slot: first }).time_s;
    expect(hidden_s).toBeLessThan(compute_s + exposed_s);
    expect(hidden_s).toBeGreaterThan(Math.max(compute_s, exposed_s));
  });

  test("what waits for the kernels is exposed behind what does not", () => {
    // The sum is short enough to end beside the kernels: all that is left is the all-reduce.
    const small = { ...sum, size_bytes: 1e6 };
    const queued = [{ ...communication, dependent: true }];
    const mixed = { ...overlapped, communication: small, queued };
    const [launch_slot = null] = overlapped.slots.map(({ name }) => name);
    const alone = { ...overlapped, communication: small };
    const beside_s = oracle.cost(alone, { ...at, launch_slot }).time_s;
    expect(oracle.cost(mixed, { ...at, launch_slot }).time_s).toBeCloseTo(
      beside_s + moving_s(communication),
      12,
    );
  });
});

describe("kinds of partitions", () => {
  const at = { freq_mhz: 1200, launch_slot: null };

  test("compute only, communication only and dependent add up", () => {
    const compute = oracle.cost(partitionOf("c", half.forward_attention, null), { ...at, sms: 0 });
    const alone = oracle.cost(partitionOf("a", [], half.reduced_bytes), { ...at, sms: 12 });
    const dependent = partitionOf("d", half.forward_attention, half.reduced_bytes, true);
    const both = oracle.cost(dependent, { ...at, sms: 12 });
    expect(compute.time_s).toBeCloseTo(computeAlone(half.forward_attention, 1200), 12);
    expect(alone.time_s).toBeCloseTo(exposed(1200, 12), 12);
    expect(both.time_s).toBeCloseTo(compute.time_s + alone.time_s, 12);
    expect(both.energy_j).toBeCloseTo(compute.energy_j + alone.energy_j, 9);
    expect([compute.source, alone.source, both.source]).toEqual(Array(3).fill("modelled"));
  });

  test("no overlap is the same as waiting for the kernels", () => {
    const dependent = { ...overlapped, dependent: true };
    const configuration = { ...at, sms: 12 };
    expect(oracle.cost(overlapped, configuration)).toEqual(oracle.cost(dependent, configuration));
  });

  test("an empty partition costs nothing", () => {
    expect(oracle.cost(partitionOf("e", [], null), { ...at, sms: 0 })).toEqual({
      time_s: 0,
      energy_j: 0,
      source: "modelled",
    });
  });

  test("an unknown slot is a broken invariant", () => {
    expect(() => oracle.cost(overlapped, { ...at, launch_slot: "conv_9", sms: 3 })).toThrow(
      "conv_9",
    );
  });
});

describe("overlap", () => {
  const slots = overlapped.slots.map(({ name }) => name);
  const configurations = fc.record({
    freq_mhz: fc.constantFrom(...device.searched_clocks_mhz),
    launch_slot: fc.constantFrom(...slots),
    sms: fc.constantFrom(...device.searched_comm_sms),
  });

  test("is never faster than the longer of its two sides", () => {
    fc.assert(
      fc.property(configurations, (configuration) => {
        const { freq_mhz, sms } = configuration;
        const { time_s } = oracle.cost(overlapped, configuration);
        const least = Math.max(
          computeAlone(half.forward_attention, freq_mhz),
          exposed(freq_mhz, sms),
        );
        expect(time_s).toBeGreaterThanOrEqual(least * (1 - 1e-12));
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test("is not free: what runs beside communication is slowed by SMs and bandwidth", () => {
    const { time_s } = oracle.cost(overlapped, { freq_mhz: 1410, launch_slot: "norm_0", sms: 24 });
    const least = Math.max(computeAlone(half.forward_attention, 1410), exposed(1410, 24));
    expect(time_s / least).toBeGreaterThan(1.05);
    expect(time_s / least).toBeLessThan(1.4);
  });

  test("too few SMs expose communication, too many starve compute", () => {
    const times = [2, 20, 80].map(
      (sms) => oracle.cost(overlapped, { freq_mhz: 1410, launch_slot: "norm_0", sms }).time_s,
    );
    const [few, some, many] = times as [number, number, number];
    expect(few).toBeGreaterThan(some);
    expect(many).toBeGreaterThan(some);
  });

  test("a slower clock is never faster", () => {
    fc.assert(
      fc.property(configurations, (configuration) => {
        const { time_s } = oracle.cost(overlapped, configuration);
        for (const freq_mhz of device.searched_clocks_mhz) {
          if (freq_mhz > configuration.freq_mhz) continue;
          const slower = oracle.cost(overlapped, { ...configuration, freq_mhz });
          expect(slower.time_s).toBeGreaterThanOrEqual(time_s * (1 - 1e-12));
        }
      }),
      { seed: 6, numRuns: 50 },
    );
  });
});

describe("power", () => {
  test.each(deviceNames())("on %s no run, however small, draws less than static power", (name) => {
    const board = loadDevice(name);
    const oracle = modelledOracle(board);
    const size = { bytes_read: 4, bytes_written: 4, flops: 0 };
    const work: Work = { op: "memory", class: "other", dtype: "float32", ...size };
    const tiny = partitionOf("tiny", [{ class: "other", work }], null);
    for (const freq_mhz of [board.lowest_clock_mhz, ...board.searched_clocks_mhz]) {
      const { time_s, energy_j } = oracle.cost(tiny, { freq_mhz, launch_slot: null, sms: 0 });
      expect(energy_j).toBeGreaterThanOrEqual(board.static_power_w * time_s);
      const { pieces } = oracle.trace(tiny, { freq_mhz, launch_slot: null, sms: 0 });
      const told_j = pieces.reduce((sum, p) => sum + (p.end_s - p.start_s) * p.power_w, 0);
      expect(Math.abs(told_j / energy_j - 1)).toBeLessThan(1e-9);
    }
  });

  test("a limit below the cap is as good as a cap, whatever lies between them", () => {
    const run = { freq_mhz: 1410, launch_slot: null, sms: 8 };
    const free = oracle.cost(overlapped, run);
    const limit_w = (0.9 * free.energy_j) / free.time_s;
    expect(free.energy_j / free.time_s).toBeLessThan(device.power_cap_w);
    const limited = modelledOracle({ ...device, power_limit_w: limit_w }).cost(overlapped, run);
    const capped = modelledOracle({ ...device, power_cap_w: limit_w }).cost(overlapped, run);
    expect(limited).toEqual(capped);
    expect(limited.time_s).toBeGreaterThan(free.time_s);
  });

  test("average power keeps to the cap, and throttled settings cost the same", () => {
    const busy = partitionOf("busy", [whole.head], null);
    const capped = modelledOracle({ ...device, power_cap_w: 300 });
    const top = capped.cost(busy, { freq_mhz: 1410, launch_slot: null, sms: 0 });
    const next = capped.cost(busy, { freq_mhz: 1380, launch_slot: null, sms: 0 });
    expect(top.energy_j / top.time_s).toBeLessThanOrEqual(300);
    expect(top.energy_j / top.time_s).toBeGreaterThan(299);
    expect(next).toEqual(top);
    const slow = capped.cost(busy, { freq_mhz: 900, launch_slot: null, sms: 0 });
    expect(slow).toEqual(oracle.cost(busy, { freq_mhz: 900, launch_slot: null, sms: 0 }));
  });
});

describe("the workload that the device file's constants come from", () => {
  const segments = [
    whole.forward_attention,
    whole.forward_mlp,
    whole.backward_mlp,
    whole.backward_attention,
  ].map((kernels, i) => partitionOf(`segment${i}`, kernels, whole.reduced_bytes, true));
  const sequential = { freq_mhz: 1410, launch_slot: null, sms: device.default_comm_sms };

  test("the sequential iteration takes about the 5.11 s measured", () => {
    const [attention, mlp, mlp_back, attention_back] = segments.map(
      (segment) => oracle.cost(segment, sequential).time_s,
    ) as [number, number, number, number];
    const forward_s = attention + mlp;
    const layer_s = 2 * forward_s + mlp_back + attention_back;
    // 15 layers on the slower stage; 8 microbatches and one more to fill two stages.
    const iteration_s = 9 * 15 * layer_s;
    expect(iteration_s / 5.11).toBeGreaterThan(0.9);
    expect(iteration_s / 5.11).toBeLessThan(1.1);
  });

  test("it does not throttle at the highest clock", () => {
    for (const segment of segments) {
      const { time_s, energy_j } = oracle.cost(segment, sequential);
      expect(energy_j / time_s).toBeGreaterThan(250);
      expect(energy_j / time_s).toBeLessThan(400);
    }
  });
});

describe("a run from within", () => {
  const places = [null, ...overlapped.slots.map(({ name }) => name)].flatMap((launch_slot) =>
    [device.lowest_clock_mhz, 1200, device.highest_clock_mhz].map((freq_mhz) => ({
      ...{ freq_mhz, launch_slot, sms: 12 },
    })),
  );

  test.each(places)("%o adds up to what it costs", (configuration) => {
    const { time_s, energy_j } = oracle.cost(overlapped, configuration);
    const trace = oracle.trace(overlapped, configuration);
    expect([trace.time_s, trace.energy_j]).toEqual([time_s, energy_j]);
    expect(trace.pieces.at(-1)?.end_s).toBe(time_s);
    const spent_j = trace.pieces.reduce((sum, p) => sum + p.power_w * (p.end_s - p.start_s), 0);
    expect(spent_j / energy_j).toBeCloseTo(1, 9);
    for (const piece of trace.pieces) {
      expect(piece.bytes_per_s).toBeLessThanOrEqual(trace.bandwidth * (1 + 1e-9));
    }
    const moving = trace.pieces.filter((piece) => piece.moving);
    expect(moving.length).toBeGreaterThan(0);
    for (const { communication } of moving) expect(communication).toBe(0);
    expect(trace.pieces.filter(({ kernel }) => kernel === null).length).toBeGreaterThan(0);
  });

  test("says the clock that the power cap leaves", () => {
    const configuration = { freq_mhz: device.highest_clock_mhz, launch_slot: null, sms: 12 };
    const free = oracle.trace(overlapped, configuration);
    const power_cap_w = (0.9 * free.energy_j) / free.time_s;
    const capped = modelledOracle({ ...device, power_cap_w });
    const trace = capped.trace(overlapped, configuration);
    expect(free.clock_mhz).toBe(device.highest_clock_mhz);
    expect(trace.clock_mhz).toBeLessThan(device.highest_clock_mhz);
    expect(trace.time_s).toBe(capped.cost(overlapped, configuration).time_s);
    expect(trace.energy_j / trace.time_s).toBeLessThanOrEqual(power_cap_w);
  });

  test.each(places)("%o is made of parts that add up", (configuration) => {
    const { time_s } = oracle.cost(overlapped, configuration);
    const parts = oracle.parts(overlapped, configuration);
    const sum_s = Object.values(parts).reduce((sum, part_s) => sum + part_s, 0);
    expect(Math.abs(sum_s - time_s)).toBeLessThan(1e-12 * time_s);
    const { compute_s, contention_s, exposed_communication_s, throttling_s } = parts;
    expect(compute_s).toBeGreaterThan(0);
    expect(contention_s).toBeGreaterThan(-1e-12 * time_s);
    if (configuration.launch_slot === null) {
      expect(contention_s).toBeCloseTo(0, 15);
      expect(exposed_communication_s).toBeGreaterThan(0);
    }
    expect(throttling_s).toBe(0);
  });

  test("what the power cap takes is throttling, and nothing else changes", () => {
    const configuration = { freq_mhz: device.highest_clock_mhz, launch_slot: null, sms: 12 };
    const free = oracle.cost(overlapped, configuration);
    const capped = modelledOracle({ ...device, power_cap_w: (0.9 * free.energy_j) / free.time_s });
    const parts = capped.parts(overlapped, configuration);
    const slower_s = capped.cost(overlapped, configuration).time_s - free.time_s;
    expect(slower_s).toBeGreaterThan(0);
    expect(parts).toEqual({ ...oracle.parts(overlapped, configuration), throttling_s: slower_s });
  });

  test("tells what is queued from what it is queued behind, and adds up", () => {
    const { communication } = overlapped;
    if (communication === null) throw new Error("no communication");
    const kind = "all_gather" as const;
    const queued = [{ ...communication, kind, dependent: false }];
    const both = { ...overlapped, key: "both", queued };
    const configuration = { freq_mhz: 1200, launch_slot: "norm_0", sms: 12 };
    const { pieces, energy_j } = oracle.trace(both, configuration);
    const moved = pieces.flatMap((piece) => (piece.moving ? [piece.communication] : []));
    expect([...new Set(moved)]).toEqual([0, 1]);
    expect(moved).toEqual([...moved].sort());
    const spent_j = pieces.reduce((sum, p) => sum + p.power_w * (p.end_s - p.start_s), 0);
    expect(spent_j / energy_j).toBeCloseTo(1, 9);
  });

  test("kernels appear in the order of their slots", () => {
    const listed = partitionOf("listed", half.backward_attention, half.reduced_bytes);
    const order = [0, 2, 3, 4, 6, 7, 1, 5];
    const { pieces } = oracle.trace(listed, { freq_mhz: 1200, launch_slot: null, sms: 6, order });
    const seen = pieces.flatMap(({ kernel }) => (kernel === null ? [] : [kernel]));
    const starts = order.map((slot) => listed.slots[slot]?.first);
    expect(seen.filter((kernel) => starts.includes(kernel))).toEqual(starts);
  });
});

test("constants that make no finite cost are refused, whatever thread asks", () => {
  const communication = {
    ...device.communication,
    latency_base_s: Number.MAX_VALUE,
    latency_hop_s: Number.MAX_VALUE,
  };
  const endless = modelledOracle({ ...device, communication });
  const way = { freq_mhz: 1200, launch_slot: null, sms: 6 };
  expect(() => endless.cost(overlapped, way)).toThrow("KRS2007");
});
