import { describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { loadDevice } from "../gpu/device.js";
import { measuringTasks } from "./measuring.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const overlapped = partitionOf("forward.a", layer.forward_attention, layer.reduced_bytes);
const dependent = partitionOf("forward.b", layer.forward_mlp, layer.reduced_bytes, true);
const compute = partitionOf("backward.a", layer.backward_mlp, null);
const alone = partitionOf("backward.b", [], layer.reduced_bytes);
const options = { clocks_mhz: [1410], settings: 10 };
const tasks = measuringTasks([overlapped, dependent, compute, alone], device, options);
const of = (kind: string, list = tasks) => list.filter(({ subject }) => subject.record === kind);

describe("what is measured of a graph", () => {
  test("each distinct kernel and collective once a setting", () => {
    const works = [layer.forward_attention, layer.forward_mlp, layer.backward_mlp].flat();
    const distinct = new Set(works.map(({ work }) => JSON.stringify(work)));
    const kernels = of("kernel").map((task) => JSON.stringify(task.kernels[0]));
    expect(new Set(kernels)).toEqual(distinct);
    expect(kernels).toHaveLength(distinct.size);
    const sms = of("collective").map((task) => task.sms);
    expect(sms).toEqual([2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30]);
  });

  test("partitions at the baselines' settings and some more, at most as many as asked", () => {
    const settings = of("partition").filter(
      ({ subject }) => subject.record === "partition" && subject.partition === "forward.a",
    );
    const names = settings.map(({ first, sms }) => `${first}/${sms}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["6/24", "0/24", "6/2", "5/30"]));
    expect(names.length).toBeGreaterThan(8);
    expect(names.length).toBeLessThanOrEqual(12);
    // Launched before kernel `first`, or after all of them.
    for (const { subject, first } of settings) {
      const slot = subject.record === "partition" ? subject.launch_slot : "";
      expect(slot).toBe(first === 6 ? null : overlapped.slots[first]?.name);
    }
  });

  test("what cannot overlap is measured as the baselines run it; one launch alone is no partition", () => {
    const counts = new Map<string, number>();
    for (const { subject } of of("partition")) {
      const key = subject.record === "partition" ? subject.partition : "";
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.get("forward.b")).toBe(1);
    expect(counts.get("backward.a")).toBe(1);
    expect(counts.get("backward.b")).toBeUndefined();
  });

  test("every clock has its own, and equal SMs stand together", () => {
    const two = measuringTasks([overlapped, compute], device, {
      ...options,
      clocks_mhz: [900, 1200],
    });
    for (const kind of ["kernel", "collective", "partition"]) {
      const clocks = of(kind, two).map(({ freq_mhz }) => freq_mhz);
      expect(clocks.filter((clock) => clock === 900)).toHaveLength(clocks.length / 2);
    }
    const sms = two.map((task) => task.sms);
    expect(sms).toEqual([...sms].sort((a, b) => a - b));
  });
});
