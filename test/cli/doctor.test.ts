import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectBadInput } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { hasRuntime, simulatedMachine } from "../support/simulated.js";

const folder = temporaryFolder();

/** A job in the middle of an instruction, its clock locked, until it is killed. */
const HOLDER = `
import sys, time
sys.path[:0] = ["native/python", "native/python/tests"]
from support import plan_data, write_plan
from kareus_runtime import Options, Runtime
runtime = Runtime(write_plan(sys.argv[1], plan_data()), 0, 0, options=Options(device="0", synchronous=True))
with runtime.step(), runtime.instruction("forward", 0):
    print("locked", flush=True)
    time.sleep(60)
`;

describe.skipIf(!hasRuntime)("kareus doctor", () => {
  const machine = (gpus = 1) => simulatedMachine(mkdtempSync(join(folder, "machine-")), gpus);
  const doctor = (env: NodeJS.ProcessEnv, ...flags: string[]) =>
    kareus(["doctor", ...flags], ROOT, env);

  test("says what is there", async () => {
    const run = await doctor(machine(2));
    expect([run.status, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(/^node +\d+\./m);
    expect(run.stdout).toMatch(/^libkareus +built$/m);
    expect(run.stdout).toMatch(
      /^GPU 1 +NVIDIA A100-SXM4-40GB, .* 210 to 1410 MHz, may be locked$/m,
    );
    expect(run.stdout).toMatch(/^clocks +none locked$/m);
    expect(run.stdout).toMatch(/^kareus run +would follow a plan$/m);
  });

  test("says what defeats overlap: a plan's clocks are followed all the same", async () => {
    const settings = { CUDA_DEVICE_MAX_CONNECTIONS: "1", NCCL_MAX_CTAS: "4" };
    const run = await doctor({ ...machine(), ...settings });
    expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS5422", "KRS5422"]]);
    for (const name of Object.keys(settings)) expect(run.stderr).toContain(name);
    const wide = await doctor({ ...machine(), CUDA_DEVICE_MAX_CONNECTIONS: "8" }, "--json");
    expect([wide.status, wide.stderr, JSON.parse(wide.stdout).ready]).toEqual([0, "", true]);
  });

  test("says what is missing, and whether a run would work", async () => {
    const none = await doctor({ ...machine(), KAREUS_NVML: "/nowhere/libnvidia-ml.so.1" });
    expect([none.status, codes(none, "warning")]).toEqual([1, ["KRS5420"]]);
    const denied = await doctor({ ...machine(), KAREUS_PRIVILEGED: "0" });
    expect([denied.status, codes(denied, "warning")]).toEqual([1, ["KRS5420"]]);
    expect(denied.stdout).toContain("may not be locked by this user");
    const nothing = { KAREUS_LIBRARY: "/nowhere/a", KAREUS_GUARD: "/nowhere/b" };
    const unbuilt = await doctor({ ...machine(), ...nothing });
    expect([unbuilt.status, codes(unbuilt, "warning")]).toEqual([1, ["KRS5420", "KRS5420"]]);
    expect(unbuilt.stdout).toMatch(/^kareus run +would not follow a plan/m);
    const reset = await doctor({ ...machine(), ...nothing }, "--reset");
    expect([reset.status, codes(reset, "error")]).toEqual([2, ["KRS5402"]]);
  });

  test("a folder that others may write to is no journal", async () => {
    const env = machine();
    mkdirSync(env.KAREUS_STATE_DIR ?? "", { recursive: true });
    chmodSync(env.KAREUS_STATE_DIR ?? "", 0o777);
    const run = await doctor(env, "--reset");
    expect([run.status, codes(run, "error")]).toEqual([2, ["KRS5405"]]);
    expect(run.stderr).toContain("KRS5016");
  });

  test("no journal is not no lock: a clock below the highest under load is told, and --reset --all", async () => {
    const env = machine();
    const set = (...words: string[]) =>
      spawnSync(join(ROOT, "native/build/simulated/kareus-sim"), ["0", ...words], { env });
    set("locked_mhz", "900");
    const found = await doctor(env);
    expect([found.status, codes(found, "error")]).toEqual([1, ["KRS5413"]]);
    expect(found.stdout).toMatch(/^clocks .*at 900 of 1410 MHz/m);
    expect(found.stdout).not.toContain("none locked");
    set("busy", "0");
    const idle = await doctor(env);
    expect([idle.status, idle.stderr]).toEqual([0, ""]);
    expect(idle.stdout).toMatch(/^clocks .*idle: a lock shows under load only$/m);
    set("busy", "1");
    set("limits", "4");
    expect((await doctor(env)).stdout).toMatch(/^clocks .*limited by power or heat/m);
    set("limits", "0");
    expect((await doctor(env, "--reset")).status).toBe(1);
    const reset = await doctor(env, "--reset", "--all");
    expect([reset.status, reset.stderr]).toEqual([0, ""]);
    expect((await doctor(env)).stdout).toMatch(/^clocks +none locked$/m);
    expectBadInput(await doctor(env, "--all"), "KRS5414");
  });

  test("a damaged journal is an error that is told, never none", async () => {
    const env = machine();
    mkdirSync(env.KAREUS_STATE_DIR ?? "", { recursive: true, mode: 0o700 });
    for (const [name, text] of [
      ["journal", "kareus-journal 7\n"],
      ["journal", "\u0000\u001b[2J"],
      ["held", ""],
    ] as const) {
      const path = join(
        env.KAREUS_STATE_DIR ?? "",
        `GPU-00000000-0000-0000-0000-000000000000.${name}`,
      );
      writeFileSync(path, text);
      for (const flags of [[], ["--reset"]]) {
        const run = await doctor(env, ...flags);
        expect([run.status, codes(run, "error")]).toEqual([1, ["KRS5412"]]);
        expect(run.stdout).not.toContain("none locked");
      }
      expect((await doctor(env, "--reset", "--all")).status).toBe(0);
      expect(existsSync(path)).toBe(false);
    }
  });

  test("says who else has a hand on the clocks", async () => {
    const name = join(mkdtempSync(join(folder, "dcgm-")), "nv-hostengine");
    copyFileSync("/bin/sleep", name);
    const engine = spawn(name, ["60"]);
    await once(engine, "spawn");
    const run = await doctor({ ...machine(), SLURM_JOB_ID: "7" });
    engine.kill("SIGKILL");
    expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS5421", "KRS5421"]]);
    expect(run.stderr).toMatch(/DCGM.*own target over ours.*application clocks/s);
  });

  test("finds a lock that nobody holds, and --reset undoes it", async () => {
    const env = machine();
    const holder = spawn("python3", ["-c", HOLDER, folder], { cwd: ROOT, env });
    await once(holder.stdout, "data");
    const held = JSON.parse((await doctor(env, "--json")).stdout).locks;
    expect(held).toMatchObject([{ owner_pid: holder.pid, state: "held", backend: "nvml" }]);
    // Stopped, it cannot start another guard; then neither it nor the guard can reset.
    holder.kill("SIGSTOP");
    process.kill(held[0].guard_pid, "SIGKILL");
    holder.kill("SIGKILL");
    await once(holder, "close");

    const found = await doctor(env);
    expect([found.status, codes(found, "error")]).toEqual([1, ["KRS5410"]]);
    expect(found.stderr).toContain("kareus doctor --reset");
    const reset = await doctor(env, "--reset");
    expect([reset.status, reset.stderr]).toEqual([0, ""]);
    expect(reset.stdout).toMatch(/^clocks .*unlocked now/m);
    const after = await doctor(env, "--json");
    expect([after.status, JSON.parse(after.stdout).locks]).toEqual([0, []]);
  });
});

describe("a guard that does not answer", () => {
  /** A guard that says this and ends like that. */
  const guarded = (said: string, end: string, ...flags: string[]) => {
    const guard = join(mkdtempSync(join(folder, "guard-")), "kareus-guard");
    writeFileSync(guard, `#!/bin/sh\necho '${said}'\n${end}\n`, { mode: 0o755 });
    return kareus(["doctor", ...flags], ROOT, { ...process.env, KAREUS_GUARD: guard });
  };

  test.each(["exit 1", "exit 3", "kill -9 $$"])("%s: no word of locks is no lock", async (end) => {
    for (const flags of [[], ["--reset"]]) {
      expectBadInput(await guarded("", end, ...flags), "KRS5404");
    }
  });

  test("what it cannot undo is its answer", async () => {
    const lock = { gpu: "GPU-0", backend: "nvml", owner_pid: 1, guard_pid: 2 };
    const run = await guarded(JSON.stringify({ ...lock, state: "failed" }), "exit 1", "--reset");
    expect([run.status, codes(run, "error")]).toEqual([1, ["KRS5411"]]);
  });
});
