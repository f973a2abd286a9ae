import { availableParallelism } from "node:os";
import { resourceUsage } from "node:process";
import { fileURLToPath } from "node:url";
import { hypervolume } from "../../src/math/hypervolume.js";
import { type OptimizeOptions, optimize } from "../../src/pipeline.js";
import { benchAllocate, benchSweep } from "./fleet.js";
import { benchMeasuring } from "./measuring.js";
import { benchScale } from "./scale.js";
import { benchSolver } from "./solver.js";
import { slowness } from "./yardstick.js";

/**
 * Stage times and peak memory of the example, the way the README runs it; then models of the largest
 * sizes, and the pipeline solver alone: `npm run bench`.
 */

// From dist/test/bench, where this runs.
const GRAPH = fileURLToPath(
  new URL("../../../examples/llama-3.2-3b/llama-3.2-3b.onnx", import.meta.url),
);

const OPTIONS: OptimizeOptions = {
  graph: {
    file: GRAPH,
    bind: new Map([
      ["batch", 8],
      ["sequence", 4096],
    ]),
    dtype: "bf16",
    expect: new Map(),
    freeze: [],
    group: new Map(),
    strict: true,
  },
  job: {
    tp: 8,
    sequence_parallel: false,
    async_tp: false,
    forward_only: false,
    cp: 1,
    cp_attention: "all-gather",
    ep: 1,
    expert_load: 1,
    pp: 2,
    dp: 1,
    zero: 1,
    optimizer: "adamw",
    linear_dtype: null,
    gpus_per_node: 8,
    microbatches: 8,
    pipeline: "1f1b",
    chunks: 1,
    recompute: "full",
    execution: "compiled",
  },
  hardware: {
    gpu: "a100-sxm4-40gb",
    profile: [],
    static_power_w: null,
    launch_us: null,
    gap_us: null,
    transfer_s: 0,
    switch_time_s: null,
    power_limit_w: null,
  },
  search: {
    budget: 224,
    control: "all",
    allow_oversize: true,
    replay: null,
    points: 32,
    seed: 0,
    threads: availableParallelism(),
  },
  output: { print_ir: null },
  measure: null,
  journal: null,
};

const HOOKS = {
  report: (diagnostic: { readonly code: string; readonly message: string }) =>
    console.error(`${diagnostic.code}: ${diagnostic.message}`),
  progress: () => undefined,
  printIr: () => undefined,
};

const row = (label: string, value: string) =>
  console.log(`${label.padEnd(32)}${value.padStart(18)}`);
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const most = <T>(items: readonly T[], value: (item: T) => number) =>
  Math.max(...items.map((item) => value(item)));
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const seconds = (time_s: number) => `${time_s.toFixed(3)} s`;

/** What the example may take on two idle cores. */
const LIMIT = { time_s: 20, memory_mib: 600 };
/** How far over its limit a time may be, the machine's slowness counted, before it is the code. */
const BUSY = 3;

/** Says that a part took longer than it may on two idle cores; fails if this machine does not explain it. */
function judge(name: string, time_s: number, limit_s: number): void {
  if (time_s <= limit_s) return;
  const slow = slowness();
  console.error(
    `${name}: over the limit of ${limit_s} s (this machine is ${slow.toFixed(1)} times slow)`,
  );
  if (time_s > BUSY * slow * limit_s) process.exitCode = 1;
}

const { frontier, evaluations, timings } = await optimize(OPTIONS, HOOKS);
const phase_s = (name: string) => timings.find(({ phase }) => phase === name)?.time_s ?? Number.NaN;
const total_s = timings.reduce((sum, { time_s }) => sum + time_s, 0);
const peak_mib = resourceUsage().maxRSS / 1024;

const gaps = frontier.points.map(({ energy_j, lower_bound_j }) => energy_j / lower_bound_j - 1);

/** Share of the box from the searched frontier's ideal point to the slowest and dearest of all. */
function volume(points: readonly { readonly time_s: number; readonly energy_j: number }[]): number {
  const all = [...frontier.points, ...frontier.baselines.flatMap((baseline) => baseline.points)];
  const [slowest_s, dearest_j] = [most(all, (p) => p.time_s), most(all, (p) => p.energy_j)];
  const box =
    (slowest_s - Math.min(...all.map((p) => p.time_s))) *
    (dearest_j - Math.min(...all.map((p) => p.energy_j)));
  const [x, y] = [points.map((p) => p.time_s), points.map((p) => p.energy_j)];
  return hypervolume({ x, y }, slowest_s, dearest_j) / box;
}

for (const { phase, time_s } of timings) row(phase, seconds(time_s));
row("all phases", seconds(total_s));
row("cost-model calls", String(evaluations.length));
row("cost-model calls per second", (evaluations.length / phase_s("search")).toFixed(0));
row("worker threads", String(OPTIONS.search.threads));
row("frontier points", String(frontier.points.length));
row("energy above the bound, median", percent(median(gaps)));
row("energy above the bound, most", percent(Math.max(...gaps)));
for (const { name, points } of frontier.baselines) {
  row(`hypervolume, ${name}`, percent(volume(points)));
}
row("hypervolume, searched", percent(volume(frontier.points)));
row("peak memory", `${peak_mib.toFixed(0)} MiB`);
judge("all phases", total_s, LIMIT.time_s);
if (peak_mib > LIMIT.memory_mib) {
  console.error(`over the limit of ${LIMIT.memory_mib} MiB`);
  process.exitCode = 1;
}

// The disk has a say in these times: a slow one is told, and fails nothing.
for (const { name, time_s, limit_s, memory } of await benchScale(OPTIONS)) {
  row(name, seconds(time_s) + (memory === null ? "" : `, ${memory.peak_mib.toFixed(0)} MiB`));
  if (memory !== null && memory.peak_mib > memory.limit_mib) {
    console.error(`${name}: over the limit of ${memory.limit_mib} MiB`);
    process.exitCode = 1;
  }
  if (time_s > limit_s) console.error(`${name}: over the limit of ${limit_s} s`);
}

for (const { name, time_s, limit_s, points, medianGap, mostGap } of benchSolver()) {
  row(`solver ${name}, ${points} points`, seconds(time_s));
  row(`solver ${name}, above the bound`, `${percent(medianGap)}, ${percent(mostGap)}`);
  judge(`solver ${name}`, time_s, limit_s);
}

for (const { name, time_s, limit_s } of [benchAllocate(), benchSweep(GRAPH)]) {
  row(name, seconds(time_s));
  judge(name, time_s, limit_s);
}

/** How many times fewer GPU seconds measuring must take than the reference's does. */
const FEWER = 10;

const measuring = benchMeasuring();
if (measuring !== null) {
  const { each_s, reference_s, configurations } = measuring;
  const fewer = reference_s / each_s;
  row(`measuring at 1%, ${configurations} simulated`, `${seconds(each_s)}, ${fewer.toFixed(0)}x`);
  if (fewer < FEWER) {
    console.error(`measuring takes more than a ${FEWER}th of the reference's ${reference_s} s`);
    process.exitCode = 1;
  }
}
