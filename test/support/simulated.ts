import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.js";

const BUILD = join(ROOT, "native/build");
const PYTHON = "python3";

/** A job of one rank of native/python/tests, to be started with Python. */
export const JOB: readonly [string, string] = [PYTHON, join(ROOT, "native/python/tests/job.py")];

/** Whether the runtime's native half is built, and Python there to use it. */
export const hasRuntime =
  existsSync(join(BUILD, "libkareus.so")) && spawnSync(PYTHON, ["--version"]).status === 0;

/** The environment of a machine with a simulated driver, which keeps its state in a folder. */
export function simulatedMachine(folder: string, gpus = 1): NodeJS.ProcessEnv {
  return {
    ...process.env,
    KAREUS_NVML: join(BUILD, "simulated/libnvidia-ml.so.1"),
    KAREUS_CUDA: join(BUILD, "simulated/libcuda.so.1"),
    KAREUS_SIM: `devices=${gpus}`,
    KAREUS_SIM_STATE: join(folder, "nvml.state"),
    KAREUS_SIM_LOG: join(folder, "nvml.log"),
    KAREUS_STATE_DIR: join(folder, "state"),
    KAREUS_PRIVILEGED: "1",
    KAREUS_GUARDD: join(folder, "no-guardd"),
    PYTHONDONTWRITEBYTECODE: "1",
  };
}
