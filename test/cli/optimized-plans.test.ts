import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { kareus, temporaryFolder } from "../support/cli.js";
import { originalName } from "../support/derived-names.js";
import { namesOf } from "../support/onnx-reader.js";
import {
  ARGUMENTS,
  expectClose,
  frontierOf,
  MICROBATCHES,
  MINI,
  plansOf,
  STAGES,
} from "../support/optimized.js";
import { documentedOrder, replay } from "../support/replay.js";

const folder = temporaryFolder();
const run = join(folder, "run");

beforeAll(async () => {
  expect((await kareus([...ARGUMENTS, "--out", run, "--threads", "1"])).status).toBe(0);
});

describe("plans", () => {
  test("replayed by the documented rules, each gives its point again", () => {
    const { points } = frontierOf(run);
    plansOf(run).forEach((plan, index) => {
      const { time_s, energy_j } = replay(plan);
      expect(plan.point.id).toBe(points[index]?.id);
      for (const claim of [plan.point, points[index]]) {
        expectClose(claim?.time_s ?? 0, time_s);
        expectClose(claim?.energy_j ?? 0, energy_j);
      }
    });
  });

  test("hold every instruction once, in 1F1B order, none before what it waits for", () => {
    for (const plan of plansOf(run)) {
      const { starts } = replay(plan);
      const shape = { pipeline: "1f1b", stages: STAGES, microbatches: MICROBATCHES, chunks: 1 };
      expect(plan.stages.length).toBe(STAGES);
      plan.stages.forEach(({ stage, instructions }, index) => {
        expect(stage).toBe(index);
        const [pipeline, tail] = [
          instructions.filter((instruction) => instruction.kind !== "tail"),
          instructions.filter((instruction) => instruction.kind === "tail"),
        ];
        const spelled = pipeline.map((i) => `${i.kind} ${i.microbatch} ${i.chunk}`);
        expect(spelled).toEqual(documentedOrder(shape, index));
        expect(instructions.slice(pipeline.length)).toEqual(tail);
        instructions.forEach(({ start_s, time_s }, position) => {
          expect(time_s).toBeGreaterThan(0);
          expect(start_s).toBeGreaterThanOrEqual((starts[index]?.[position] ?? 0) * (1 - 1e-9));
        });
      });
    }
  });

  test("name nodes of the graph, slots of the partition and clocks of the GPU", () => {
    const names = namesOf(MINI).add("optimizer");
    for (const plan of plansOf(run)) {
      const partitions = new Map(plan.partitions.map((partition) => [partition.key, partition]));
      expect(plan.partitions.flatMap(({ slots }) => slots).length).toBeGreaterThan(0);
      for (const { key, slots } of plan.partitions) {
        expect(key).toMatch(/^(forward|backward)\.[0-9a-f]{12}$/);
        for (const slot of slots) {
          expect(slot.name).toMatch(/^(norm|linear|rope|attn|activation|conv|gather|other)_\d+$/);
          for (const node of slot.nodes) expect(originalName(node, names), node).not.toBeNull();
        }
      }
      for (const { partition, launch_slot, sms } of plan.configurations) {
        const slots = partitions.get(partition)?.slots.map(({ name }) => name) ?? [];
        expect([...slots, null]).toContain(launch_slot);
        expect(sms).toBeLessThanOrEqual(108);
      }
      for (const { freq_mhz } of plan.stages.flatMap(({ instructions }) => instructions)) {
        expect((freq_mhz - 210) % 15).toBe(0);
        expect(freq_mhz).toBeLessThanOrEqual(1410);
      }
    }
  });

  test("of eager kernels name the node and the piece of it", async () => {
    const eager = join(folder, "eager");
    const flags = ["--execution", "eager", "--points", "2", "--out", eager];
    expect((await kareus([...ARGUMENTS, ...flags])).status).toBe(0);
    const names = namesOf(MINI).add("optimizer");
    const partitions = plansOf(eager).flatMap((plan) => plan.partitions);
    const nodes = partitions.flatMap(({ slots }) => slots.flatMap((slot) => slot.nodes));
    for (const node of nodes) expect(originalName(node, names), node).not.toBeNull();
    expect(nodes).toContain("/norm/Pow/dgrad/from_float32");
    expect(originalName("/norm/Pow/dgrad/from_float32", names)).toBe("/norm/Pow");
    expect(originalName("/norm/Pow/dgrad/from_nowhere", names)).toBeNull();
  });

  test("cover every layer with every nanobatch, forward and backward", () => {
    const [plan] = plansOf(run);
    for (const { stage, instructions } of plan?.stages ?? []) {
      for (const { kind, execution, use } of instructions) {
        if (kind === "tail") continue;
        const wanted = execution === "nanobatched" ? [0, 1] : [null];
        for (const nanobatch of wanted) {
          const layers = use.filter((u) => u.nanobatch === nanobatch).flatMap((u) => u.layers);
          expect([...new Set(layers)]).toEqual([stage]);
        }
      }
    }
  });
});
