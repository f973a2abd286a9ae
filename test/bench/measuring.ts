import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** GPU seconds that measuring takes, on a simulated board in the board's own time. */
export interface MeasuringResult {
  /** Per configuration at 1% energy, set-up included. */
  readonly each_s: number;
  /** What the published method takes for one, cool-down not counted. */
  readonly reference_s: number;
  readonly configurations: number;
}

const REFERENCE_S = 13;

// From dist/test/bench, where this runs.
const RECORDER = fileURLToPath(
  new URL("../../../native/build/kareus-recorder-simulated", import.meta.url),
);

/** Products and streams as long as a model's, alone and with a copy beside them. */
function workList(): string {
  const sizes = [1024, 2048, 4096, 8192, 16384];
  const kernels = sizes.flatMap((size) => [
    `matmul 1 ${size} ${size} ${size} bfloat16`,
    `memory ${size * 65536} ${size * 65536} 0 bfloat16`,
  ]);
  const communications = [
    "sms 0 first 0 comm none 0 1",
    "sms 16 first 0 comm all_reduce 67108864 8",
  ];
  const tasks = kernels.flatMap((kernel) =>
    communications.map((comm) => `${comm} kernels 1 ${kernel}`),
  );
  return tasks.map((task, id) => `task ${id} clock 1980 ${task}\n`).join("");
}

/** Measures the list; null where the simulated recorder is not built. */
export function benchMeasuring(): MeasuringResult | null {
  if (!existsSync(RECORDER)) return null;
  const { stderr, stdout } = spawnSync(RECORDER, { input: workList(), encoding: "utf8" });
  const configurations = stdout.split("\n").filter((line) => line.includes('"energy_j":')).length;
  const [, total] = /^simulated: ([\d.]+) s/.exec(stderr) ?? [];
  if (total === undefined) throw new Error(`the simulated recorder failed: ${stderr}`);
  return { each_s: Number(total) / configurations, reference_s: REFERENCE_S, configurations };
}
