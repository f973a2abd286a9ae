import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadDevice } from "../../src/gpu/device.js";
import { taskLine } from "../../src/profile/work-list.js";
import { measuringTasks } from "../../src/search/measuring.js";
import { temporaryFolder } from "../support/cli.js";
import { llamaLayer, partitionOf } from "../support/llama-layer.js";
import { ROOT } from "../support/paths.js";

const RECORDER = join(ROOT, "native/recorder/build/kareus-recorder");
const folder = temporaryFolder();
const TASK = "task 0 clock 1200 sms 0 first 0 comm none 0 1 kernels 1 matmul 1 8 4 2 bfloat16\n";

function recorder(input: string, flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const options = { input, encoding: "utf8", env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(RECORDER, flags, options);
  return { status, stdout, stderr };
}

/** What the recorder would do without touching a GPU: its work list again, and a last line. */
function checked(input: string, flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout } = recorder(input, ["--check", ...flags], env);
  const lines = stdout.trimEnd().split("\n");
  return { status, found: JSON.parse(lines.pop() ?? ""), tasks: lines.map((line) => `${line}\n`) };
}

describe.skipIf(!existsSync(RECORDER))("the recorder, built", () => {
  test("reads every line that a graph's work list is made of", () => {
    const layer = llamaLayer(2, 512);
    const reduced = partitionOf("a", layer.forward_attention, layer.reduced_bytes);
    const next = { kind: "reduce_scatter", size_bytes: 64, ranks: 4, ranks_per_node: 4 } as const;
    const types = [
      reduced,
      partitionOf("b", layer.backward_attention, null),
      { ...reduced, key: "c", queued: [{ ...next, group: "dp", dependent: false }] },
    ];
    const options = { clocks_mhz: [900, 1410], settings: 12 };
    const tasks = measuringTasks(types, loadDevice("a100-sxm4-40gb"), options);
    const lines = tasks.map(taskLine);
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.some((line) => line.includes(" then 3 reduce_scatter 64 4 "))).toBe(true);
    expect(checked(lines.join(""))).toMatchObject({ status: 0, tasks: lines });
  });

  test("refuses damaged work lists, naming the line", () => {
    const words = fc.constantFrom(
      "",
      "-1",
      "x",
      "1e9",
      "9".repeat(30),
      "task",
      "kernels",
      "matmul",
    );
    const place = fc.integer({ min: 0, max: TASK.trim().split(" ").length - 1 });
    fc.assert(
      fc.property(place, words, (at, word) => {
        const damaged = TASK.trim().split(" ").with(at, word).join(" ");
        fc.pre(damaged !== TASK.trim());
        const { status, stderr } = recorder(`${TASK}${damaged}\n`, ["--check"]);
        // Names of types are for the GPU to refuse.
        if (status !== 0) expect(stderr).toMatch(/^work list, line 2: /);
        expect([0, 2]).toContain(status);
        if (at < TASK.trim().split(" ").length - 1) expect(status).toBe(2);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  test.each([
    ["--trials"],
    ["--trials", "0"],
    ["--window-s", "-1"],
    ["--window-s", "x"],
    ["--fast"],
  ])("refuses the arguments %j %j", (...flags) => {
    const { status, stdout } = recorder(TASK, flags);
    expect([status, stdout]).toEqual([2, ""]);
  });

  test.skipIf(existsSync("/dev/nvidia0"))("says that there is no GPU, with an exit code", () => {
    const { status, stdout, stderr } = recorder(TASK);
    expect([status, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("no GPU: nothing was measured");
  });

  test("without the driver's library there is no energy, and no clock to lock", () => {
    const run = checked(TASK, ["--lock-clocks"], { KAREUS_NVML: join(folder, "absent.so") });
    expect(run.found).toEqual({
      ...{ driver: "", energy_j: null, clocks: "the driver's library is missing" },
    });
  });

  const compiler = ["cc", "gcc", "clang"].find(
    (name) => spawnSync(name, ["--version"]).status === 0,
  );

  describe.skipIf(compiler === undefined)("with a library in the driver's place", () => {
    const library = join(folder, "nvml.so");
    const log = join(folder, "log");
    const state = join(folder, "state");
    const journals = () => readdirSync(state).filter((name) => name.endsWith(".journal"));
    beforeAll(() => {
      const source = join(ROOT, "test/native/fake-nvml.c");
      execFileSync(compiler ?? "cc", ["-shared", "-fPIC", "-o", library, source]);
    });

    test("energy is the counter's, in joules; the default clock is left alone", () => {
      const { found } = checked(TASK, [], { KAREUS_NVML: library, FAKE_NVML_LOG: log });
      expect(found).toEqual({ driver: "580.65.06", clocks: "default", energy_j: 1000.25 });
      expect(existsSync(log)).toBe(false);
    });

    test("a clock is locked where asked for, and given back", () => {
      const env = { KAREUS_NVML: library, KAREUS_STATE_DIR: state, FAKE_NVML_LOG: log };
      expect(checked(TASK, ["--lock-clocks"], env).found.clocks).toBe("locked");
      expect(readFileSync(log, "utf8")).toBe("lock 1200 1200\nreset 0 0\n");
      expect(journals()).toEqual([]);
    });

    test("a driver that does not allow it says why", () => {
      const env = { KAREUS_NVML: library, KAREUS_STATE_DIR: state, FAKE_NVML_DENY: "1" };
      const { found } = checked(TASK, ["--lock-clocks"], env);
      expect([found.clocks, journals()]).toEqual(["Insufficient Permissions", []]);
    });

    test("clocks that a recorder left locked are in the journal, and stop the next one", () => {
      const env = { KAREUS_NVML: library, KAREUS_STATE_DIR: state };
      const { status } = recorder(TASK, ["--check", "--lock-clocks"], {
        ...env,
        FAKE_NVML_DIE: "1",
      });
      expect([status, journals()]).toEqual([9, ["GPU-fake.journal"]]);
      const { found } = checked(TASK, ["--lock-clocks"], env);
      expect(found.clocks).toMatch(/^process \d+ left them locked: `kareus doctor --reset`/);
      expect(journals()).toEqual(["GPU-fake.journal"]);
    });
  });
});
