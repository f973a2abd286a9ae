import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import { loadDevice } from "../../src/gpu/device.js";
import { readFrontier } from "../../src/plan/frontier.js";
import { readInstance } from "../../src/plan/instance.js";
import { readPlan } from "../../src/plan/plan.js";
import { importProfile } from "../../src/profile/importers/import.js";
import { mergeProfiles } from "../../src/profile/merge.js";
import { readProfile } from "../../src/profile/reader.js";
import { readStageProfile } from "../../src/profile/stage-profile.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const text = (...path: string[]) => readFileSync(join(...path), "utf8");

const OPTIONS = [
  { time_s: 0.1, energy_j: 30, freq_mhz: 1410 },
  { time_s: 0.2, energy_j: 26, freq_mhz: 900 },
];
const INSTANCE = JSON.stringify({
  ...{ format: "kareus-instance", version: 1, name: "p1x2", stages: 1, microbatches: 2 },
  ...{ pipeline: "1f1b", static_power_w: 85 },
  options: [{ forward: OPTIONS, backward: OPTIONS }],
});
const STAGES =
  "stage,instruction,frequency,time,energy\n0,forward,1410,0.1,30\n0,backward,900,0.2,5\n";

/** A protobuf field that holds a text or a message. */
function field(number: number, content: string): string {
  return String.fromCharCode(8 * number + 2, content.length) + content;
}
const RELU_INPUTS = field(2, "[[8]]") + field(3, "['Tensor(float)']");
const HOST = `${field(1, "is_cpu_op")}\u00d8\u0001\u0001`;

/** What importers take, as characters of one byte each. */
const MEASUREMENTS = {
  "kineto.json": JSON.stringify({
    traceEvents: [
      ...[
        { cat: "cpu_op", name: "aten::mm", ts: 0, dur: 9 },
        { cat: "cuda_runtime", name: "cudaLaunchKernel", ts: 1, dur: 1 },
      ].map((event) => ({
        ...{ ph: "X", pid: 1, tid: 1, ...event },
        args: {
          correlation: 3,
          "Input Dims": [
            [64, 8],
            [8, 4],
          ],
          "Input type": ["float", "float"],
        },
      })),
      {
        ...{ ph: "X", cat: "kernel", name: "gemm", ts: 5, dur: 40 },
        args: { device: 0, stream: 7, correlation: 3, grid: [8, 1, 1] },
      },
      {
        ...{ ph: "X", cat: "kernel", name: "ncclKernel", ts: 90, dur: 40 },
        args: {
          ...{ device: 0, stream: 9, grid: [8, 1, 1], "Collective name": "allreduce" },
          ...{ "In msg nelems": 512, "Group size": 2, dtype: "Float" },
        },
      },
    ],
  }),
  "chakra.json": JSON.stringify({
    workload_graph: [
      { Id: 1, Name: "ncclAllReduce", NodeType: 7, runtime: 9, comm_type: 0, comm_size: 512 },
    ],
  }),
  // A header of no fields, a host operator and the kernel of 40 us that it started.
  "chakra.et": [
    "",
    `\u0008\u0001${field(2, "aten::relu")}\u0018\u0004${field(8, RELU_INPUTS)}${field(10, HOST)}`,
    `\u0008\u0002${field(2, "k")}\u0018\u0004${field(4, "\u0001")}8(`,
  ]
    .map((message) => String.fromCharCode(message.length) + message)
    .join(""),
  "log.jsonl":
    '{"freq":1410,"overlap_start":0,"overlap_end":8,"sm":6,"block":512,"time_s":1,"energy_j":5}\n',
  "stages.csv": STAGES,
};
const SETTING = {
  device: () => ({ ...loadDevice("a100-sxm4-40gb"), peak_flop_per_s: 312e12 }),
  ...{
    freq_mhz: 1410,
    ranks: 2,
    partition: "forward.0",
    slots: new Map<string, number>(),
    block: null,
  },
};

/** What may stand in the place of some characters of a file. */
const PIECE = fc.constantFrom(
  ...["", "-1", "1e999", "NaN", "null", '"x"', "{", "]", ",", "\n", "\u0000", "9".repeat(40)],
);

interface Damage {
  /** Where, as a share of the file. */
  readonly at: number;
  readonly length: number;
  readonly piece: string;
  /** Whether the file ends there. */
  readonly cut: boolean;
}

const DAMAGE: fc.Arbitrary<Damage> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat({ max: 12 }),
  piece: PIECE,
  cut: fc.boolean(),
});

function damaged(whole: string, { at, length, piece, cut }: Damage): string {
  const start = Math.floor(at * whole.length);
  return whole.slice(0, start) + piece + (cut ? "" : whole.slice(start + length));
}

/** Reads many damaged copies: a value or a coded diagnostic, nothing else. */
async function expectSound(whole: string, read: (content: string) => unknown): Promise<void> {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(DAMAGE, async (damage) => {
      try {
        await read(damaged(whole, damage));
      } catch (cause) {
        expect(cause).toBeInstanceOf(DiagnosticError);
        refused++;
      }
    }),
    { seed: 1, numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(0);
}

/** A reader of files, as a reader of texts. */
function throughFile(name: string, read: (path: string) => unknown): (content: string) => unknown {
  const path = join(folder, name);
  return (content) => {
    writeFileSync(path, content, "latin1");
    return read(path);
  };
}

test("each of the importers' inputs is whole before it is damaged", async () => {
  for (const [name, content] of Object.entries(MEASUREMENTS)) {
    const read = (path: string) => importProfile([path], SETTING, "test", () => undefined);
    expect(await throughFile(name, read)(content), name).toHaveProperty("records.0");
  }
});

describe("damaged files end in a coded diagnostic", () => {
  const run = join(folder, "run");
  beforeAll(async () => {
    await kareus([
      ...["optimize", join(ROOT, "test/golden/mini.onnx"), "--bind", "batch=4,sequence=64"],
      ...["--points", "3", "--out", run],
    ]);
  });

  test("frontier.json", async () => {
    await expectSound(text(run, "frontier.json"), (content) => readFrontier(content, "f"));
  });

  test("plan.json", async () => {
    await expectSound(text(run, "plans/000.json"), (content) => readPlan(content, "p"));
  });

  test("measurements.jsonl", async () => {
    const lines = text(run, "measurements.jsonl").split("\n").slice(0, 20).join("\n");
    const read = throughFile("m.jsonl", (path) => readProfile(path, () => undefined));
    await expectSound(`${lines}\n`, read);
  });

  test("an instance", async () => {
    await expectSound(INSTANCE, (content) => readInstance(content, "i"));
  });

  test("a stage profile", async () => {
    await expectSound(STAGES, (content) => readStageProfile(content, "s"));
  });

  test("profiles that are merged", async () => {
    const lines = text(run, "measurements.jsonl").split("\n").slice(0, 20).join("\n");
    const read = throughFile("g.jsonl", (path) => {
      const profile = readProfile(path, () => undefined);
      return mergeProfiles([profile, profile], "test");
    });
    await expectSound(`${lines}\n`, read);
  });

  test.each(Object.entries(MEASUREMENTS))("%s that is imported", async (name, content) => {
    const read = (path: string) => importProfile([path], SETTING, "test", () => undefined);
    await expectSound(content, throughFile(name, read));
  });

  test("a device", async () => {
    const device = text(ROOT, "profiles/devices/a100-sxm4-40gb.json");
    await expectSound(device, throughFile("d.json", loadDevice));
  });
});
