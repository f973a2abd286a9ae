import { spawnSync } from "node:child_process";
import { z } from "zod";
import { parseJson } from "../../base/json.js";
import { pythonPath, shimFile } from "../runtime-files.js";
import { PATIENCE_MS } from "./guard.js";

/** What `python3 -m kareus_runtime.capabilities` prints. */
const capabilities = z.object({
  python: z.string(),
  torch: z.string().nullable(),
  problem: z.string().nullable(),
  /** What the CPU needs for a launch of torch's eager training, in microseconds; null: no GPU for it. */
  launch_us: z.number().nullable(),
  /** Whether each communicator has SMs of its own, or one number serves all; null: no NCCL. */
  communicators: z.enum(["own", "one"]).nullable(),
  gpus: z.array(
    z.object({
      name: z.string(),
      uuid: z.string(),
      driver: z.string(),
      mig: z.boolean(),
      may_lock_clocks: z.boolean(),
      energy_counter: z.boolean(),
      lowest_mhz: z.number().nullable(),
      highest_mhz: z.number().nullable(),
    }),
  ),
});

export type Capabilities = z.infer<typeof capabilities>;
export type Gpu = Capabilities["gpus"][number];

/** What Python and the driver say of this machine; null: no Python, or one that the package does not run with. */
export function askPython(): Capabilities | null {
  const shim = shimFile();
  const library = shim.built ? { KAREUS_LIBRARY: shim.path } : {};
  const env = { ...process.env, ...library, PYTHONPATH: pythonPath() };
  const words = ["-m", "kareus_runtime.capabilities"];
  const options = { env, encoding: "utf8", timeout: PATIENCE_MS } as const;
  const { stdout } = spawnSync("python3", words, options);
  const answered = stdout === null ? null : parseJson(stdout);
  return capabilities.safeParse(answered).data ?? null;
}
