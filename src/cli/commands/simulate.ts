import { dirname, join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { strangePart } from "../../base/diagnostics/plan.js";
import { kernelsUnknown, noSuchStage, planWithoutCosts } from "../../base/diagnostics/review.js";
import { flagWithoutUse } from "../../base/diagnostics/usage.js";
import { readIfThere, readText, writeText } from "../../base/files.js";
import { duration } from "../../base/units.js";
import type { CostedPlan } from "../../plan/plan.js";
import { factors } from "../flags/by-name.js";
import { toggle } from "../flags/flag.js";
import { integer, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { device, text } from "../flags/texts.js";
import { print, say } from "../terminal.js";

const FLAGS = {
  straggler: factors(
    "--straggler <stage=factor,...>",
    "a stage whose GPUs take this many times their usual time, repeatable",
  ),
  gpu: device("--gpu <name|file>", "another GPU, at its clocks nearest to the plan's", null),
  details: text(
    "--details <details.json>",
    "what the kernels of an older plan are, for --gpu (default: beside it, or a folder above)",
    null,
  ),
  microbatches: integer("--microbatches <n>", "another number of microbatches", null, {
    min: 1,
    max: 65536,
  }),
  switchTime: quantity(
    "--switch-time-s <s>",
    "another time that a change of the clock takes",
    "seconds",
    null,
  ),
  trace: text("--trace <file>", "also write the iteration as a trace for ui.perfetto.dev", null),
  json: toggle("--json", "the result as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
The plan is kept, instruction by instruction; what changes is how long each takes and so when it
starts. A straggler does the same work in more time, at static power. With more microbatches the middle
of the plan repeats, with fewer it is left out. A switch of the clock is charged as in \`solve\`, by what
the plan itself runs at other clocks. Costs on another GPU are its model's; where the plan's costs
follow measurements of their own GPU, they are extrapolated from those.

Examples:
  $ kareus simulate plan.json --straggler 1=1.2
  $ kareus simulate llama.kareus/plans/003.json --gpu h200 --microbatches 64
  $ kareus simulate plan.json --switch-time-s 0.02 --trace iteration.json`;

/** `kareus simulate`: what comes of a plan under other conditions. */
export function addSimulate(program: Command): void {
  const command = program
    .command("simulate")
    .summary("replay a plan under other conditions")
    .description(
      "Replay a plan with a slow stage, on another GPU, with other microbatches or slower clock switches: time, energy, and power over time.",
    )
    .argument("<plan.json>", "the plan, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((path: string) => run(path, readFlags(command, FLAGS)));
}

async function run(path: string, flags: Values<typeof FLAGS>): Promise<void> {
  const [{ costedPlan, readPlan }, { simulatePlan }, { simulationFile, simulationSummary }] =
    await Promise.all([
      import("../../plan/plan.js"),
      import("../../simulate/simulate.js"),
      import("../../views/simulation.js"),
    ]);
  if (flags.details !== null && flags.gpu === null) {
    fail(flagWithoutUse("--details", "only --gpu asks what the plan's kernels are"));
  }
  const plan = readPlan(await readText(path), path);
  const own = costedPlan(plan) ?? fail(planWithoutCosts(path));
  const carried = flags.gpu === null ? own : await onGpu(own, path, flags.gpu, flags.details);
  const replayed = simulatePlan(carried, {
    stragglers: stagesOf(flags.straggler, plan.stages.length),
    microbatches: flags.microbatches,
    switch_time_s: flags.switchTime,
    recosted: carried !== own,
  });
  const simulated = { ...replayed, costs: carried.costs };
  const found = simulationFile(plan, simulated, conditionsOf(flags));
  if (flags.trace !== null) {
    const { perfettoTrace } = await import("../../exchange/perfetto.js");
    await writeText(flags.trace, perfettoTrace(simulated));
  }
  if (flags.json) {
    const { writeSimulation } = await import("../../plan/simulation.js");
    print(writeSimulation(found));
    return;
  }
  say(simulationSummary(found));
}

function stagesOf(given: ReadonlyMap<string, number>, stages: number): ReadonlyMap<number, number> {
  return new Map(
    [...given].map(([name, factor]) => {
      const stage = /^\d+$/.test(name) ? Number(name) : fail(noSuchStage(name, stages));
      return [stage, factor] as const;
    }),
  );
}

function conditionsOf(flags: Values<typeof FLAGS>): string[] {
  const { straggler, gpu, microbatches, switchTime } = flags;
  return [
    ...(gpu === null ? [] : ["costs of its model"]),
    ...(microbatches === null ? [] : [`${microbatches} microbatches`]),
    ...(switchTime === null ? [] : [`a clock takes ${duration(switchTime)} to change`]),
    ...[...straggler].map(([stage, factor]) => `stage ${stage} takes ${factor} times as long`),
  ];
}

/** The plan with the costs of another GPU, from the kernels that it tells, or details.json of an older one. */
async function onGpu(
  plan: CostedPlan,
  path: string,
  gpu: string,
  named: string | null,
): Promise<CostedPlan> {
  const [{ readDetails }, { onOtherGpu }, { loadDevice }] = await Promise.all([
    import("../../plan/details.js"),
    import("../../simulate/other-gpu.js"),
    import("../../gpu/device.js"),
  ]);
  const target = loadDevice(gpu);
  if (named === null && plan.work !== undefined) return onOtherGpu(plan, plan.work, target, path);
  const found = await detailsOf(path, named);
  const details = readDetails(found.text, found.file);
  if (details.graph.sha256 !== plan.graph.sha256) fail(strangePart(found.file));
  return onOtherGpu(plan, details.partitions, target, found.file);
}

async function detailsOf(
  plan: string,
  named: string | null,
): Promise<{ readonly file: string; readonly text: string }> {
  if (named !== null) return { file: named, text: await readText(named) };
  const folder = plan === "-" ? "." : dirname(plan);
  for (const file of [join(folder, "details.json"), join(folder, "..", "details.json")]) {
    const text = await readIfThere(file);
    if (text !== null) return { file, text };
  }
  return fail(kernelsUnknown(plan));
}
