import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { missingFlags, oneOf } from "../../base/diagnostics/usage.js";
import { readText } from "../../base/files.js";
import { at } from "../../base/need.js";
import type { Job } from "../../fleet/allocate-jobs.js";
import type { Cap } from "../../fleet/allocate-over-time.js";
import type { AllocationFile } from "../../plan/allocation.js";
import { jobPower } from "../../plan/beyond-gpus.js";
import { gpusOfJob } from "../../plan/gpus.js";
import type { BeyondGpus } from "../../plan/shared.js";
import { BEYOND_FLAGS } from "../beyond.js";
import { toggle } from "../flags/flag.js";
import { numbers, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { checkOneEach, readFleetFrontier } from "../fleet-frontiers.js";
import { print, say } from "../terminal.js";

const FLAGS = {
  powerCap: quantity("--power-cap <w>", "what all jobs may draw together", "watts", null),
  trace: text("--trace <file>", "a cap that changes: CSV with the columns time and power_w", null),
  rates: numbers(
    "--rates <a,b,...>",
    "iterations per second of each job: the least energy that does them, in place of the most throughput",
  ),
  weights: numbers(
    "--weights <a,b,...>",
    "what a job's throughput counts, one for each (default: 1)",
  ),
  slowdown: numbers(
    "--slowdown <pct,...>",
    "how much a job may slow down at most, one for each, in percent of its fastest time",
  ),
  notice: quantity(
    "--notice-s <s>",
    "how long before a cap falls jobs hear of it: whether they can follow",
    "seconds",
    null,
  ),
  reload: quantity("--reload-s <s>", "time that taking another plan up takes", "seconds", 0),
  pausing: toggle("--pausing", "jobs may wait, and draw nothing meanwhile"),
  ...BEYOND_FLAGS,
  json: toggle("--json", "the allocation as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
A job's power is the average_power_w of its point (one data-parallel replica), its throughput the time of its
fastest point over that of the chosen one. The bound is proven: no choice of points has more.
Before a cap falls a job ends its iteration and takes its plan up: how long before it must hear of it is said.

Examples:
  $ kareus allocate llama.kareus qwen.kareus --power-cap 9000
  $ kareus allocate a.kareus b.kareus --trace caps.csv --slowdown 0,25 --weights 2,1 --notice-s 30
  $ kareus allocate a.kareus b.kareus --rates 0.25,0.3`;

/** `kareus allocate`: which point each of several jobs runs at under one power cap. */
export function addAllocate(program: Command): void {
  const command = program
    .command("allocate")
    .summary("share a power cap among jobs")
    .description(
      "Choose a point for each of several jobs, so that together they stay within a power cap and do the most.",
    )
    .argument("<dir|frontier.json...>", "what optimize wrote, one for each job")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((sources: readonly string[]) => run(sources, readFlags(command, FLAGS)));
}

async function run(sources: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ allocateOverTime }, { writeAllocation }] = await Promise.all([
    import("../../fleet/allocate-over-time.js"),
    import("../../plan/allocation.js"),
  ]);
  const jobs = await readJobs(sources, flags);
  const notice = { notice_s: flags.notice, reload_s: flags.reload };
  const slots = allocateOverTime(jobs, await readCaps(flags), flags.pausing, notice).map(
    (slot) => ({
      ...slot,
      jobs: slot.jobs.map(({ name, ...choice }, k) => ({
        name,
        gpus: at(jobs, k).gpus,
        ...choice,
      })),
    }),
  );
  const { start_s: _, end_s: __, ...first } = at(slots, 0);
  const file: AllocationFile = {
    format: "kareus-allocation",
    version: 1,
    ...first,
    ...(flags.trace === null ? {} : { slots }),
  };
  if (flags.json) {
    print(writeAllocation(file));
    return;
  }
  const { allocationSummary } = await import("../../views/allocation.js");
  const { countedLines } = await import("../../views/beyond.js");
  say(`${allocationSummary(file)}${countedLines(jobs).join("\n")}\n`);
}

/** A job and its GPUs, of all its data-parallel replicas. */
interface Counted extends Job {
  readonly gpus: number;
  /** What its powers hold beside the GPUs'. */
  readonly beyond: BeyondGpus | null;
}

/** The jobs of the frontiers, each with its weight and with the points that its slowdown allows. */
async function readJobs(
  sources: readonly string[],
  flags: Values<typeof FLAGS>,
): Promise<Counted[]> {
  const { weights, slowdown, rates } = flags;
  checkOneEach({ "--weights": weights, "--slowdown": slowdown, "--rates": rates }, sources);
  return Promise.all(
    sources.map(async (source, i): Promise<Counted> => {
      const { frontier, points, beyond } = await readFleetFrontier(source, flags, jobPower);
      const gpus = gpusOfJob(frontier.parallelism);
      return {
        gpus,
        beyond,
        name: source,
        rate_per_s: rates === null ? null : at(rates, i),
        weight: weights === null ? 1 : at(weights, i),
        slowdown: slowdown === null ? null : at(slowdown, i) / 100,
        points,
      };
    }),
  );
}

/** One cap for ever, those of a trace, or none where rates are given. */
async function readCaps({ powerCap, trace, rates }: Values<typeof FLAGS>): Promise<Cap[]> {
  const names = ["--power-cap", "--trace"];
  if (powerCap === null && trace === null && rates === null) {
    fail(missingFlags("kareus allocate", ["--power-cap"]));
  }
  if (powerCap !== null && trace !== null) fail(oneOf("kareus allocate", names, names));
  if (trace === null) return [{ start_s: 0, end_s: 0, power_cap_w: powerCap }];
  const [{ readTrace }, { traceLacks }] = await Promise.all([
    import("../../fleet/read-trace.js"),
    import("../../base/diagnostics/fleet.js"),
  ]);
  return readTrace(await readText(trace), trace).slots.map(({ start_s, end_s, power_w }) =>
    power_w === null
      ? fail(traceLacks(trace, "power_w", "energy"))
      : { start_s, end_s, power_cap_w: power_w },
  );
}
