import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { oneOf } from "../../base/diagnostics/usage.js";
import { writeText } from "../../base/files.js";
import { present } from "../../base/need.js";
import { frontierBeyond } from "../../plan/beyond-gpus.js";
import { describeError, describePoint } from "../../plan/frontier.js";
import { type Selector, select } from "../../plan/select.js";
import { BEYOND_FLAGS, beyondOf } from "../beyond.js";
import { toggle } from "../flags/flag.js";
import { integer, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { RATE_FLAGS, ratesOf } from "../rates.js";
import { readFrontierAt, readPointPlan } from "../run-folder.js";
import { plotLook, print, say } from "../terminal.js";

const FLAGS = {
  deadline: quantity("--deadline <s>", "least energy within this time", "seconds", null),
  slowdown: quantity(
    "--slowdown <percent>",
    "least energy, this much slower at most",
    "percent",
    null,
  ),
  energyBudget: quantity("--energy-budget <j>", "fastest within this energy", "joules", null),
  powerCap: quantity("--power-cap <w>", "fastest within this average power", "watts", null),
  fastest: toggle("--fastest", "the fastest point"),
  cheapest: toggle("--cheapest", "the point of least energy"),
  knee: toggle("--knee", "the point farthest from the chord between the two ends"),
  id: integer("--id <n>", "the point of this id", null, { min: 0, max: Number.MAX_SAFE_INTEGER }),
  ...RATE_FLAGS,
  ...BEYOND_FLAGS,
  out: text("--out <plan.json>", "copy the point's plan to this file", null),
  json: toggle("--json", "the point as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Exactly one selector. Energy and power count every GPU of one data-parallel replica, and its nodes, network and
site where told: then slow points that cost more than faster ones are none.

Examples:
  $ kareus select llama.kareus --deadline 4.5 --out plan.json
  $ kareus select llama.kareus/frontier.json --slowdown 5
  $ kareus optimize llama.onnx --json | kareus select - --knee`;

/** `kareus select`: one point of a frontier, by what the job demands. */
export function addSelect(program: Command): void {
  const command = program
    .command("select")
    .summary("choose one plan of a frontier")
    .description("Choose one point of a frontier, and copy its plan.")
    .argument("<dir|frontier.json>", "what optimize wrote, - for a frontier on standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((source: string) => run(source, readFlags(command, FLAGS)));
}

async function run(source: string, flags: Values<typeof FLAGS>): Promise<void> {
  const selector = selectorOf(flags);
  const { path, frontier } = await readFrontierAt(source);
  const beyond = beyondOf(flags, frontier);
  const whole = frontierBeyond(frontier, beyond);
  const point = select(whole, selector, path);
  if (flags.out !== null) {
    // Byte by byte, once it has proved to be the plan of that point.
    const own = present(
      frontier.points.find(({ id }) => id === point.id),
      "point",
    );
    const { content } = await readPointPlan(path, frontier, own);
    await writeText(flags.out, content);
  }
  const { billOf, runSentence } = await import("../../views/bill.js");
  const rates = ratesOf(flags);
  const { dp } = frontier.parallelism;
  if (flags.json) {
    const bill = rates && { bill: billOf(point, dp, rates) };
    print(`${JSON.stringify({ ...point, ...bill })}\n`);
    return;
  }
  const [
    { frontierPlot },
    { countedGpus, pointSentence },
    { beyondSentence },
    { workloadSentence },
  ] = await Promise.all([
    import("../../views/plot.js"),
    import("../../views/gains.js"),
    import("../../views/beyond.js"),
    import("../../views/workload.js"),
  ]);
  const { expected_error } = point;
  const error = expected_error && `Expected error: ${describeError(expected_error)}.`;
  const kind = error && frontier.workload && workloadSentence(frontier.workload, frontier.gpu);
  const counted = dp === 1 ? "" : ` of ${countedGpus(frontier.parallelism)}`;
  const head = `${describePoint(point)}${counted} (${point.plan})\n`;
  const plot = frontierPlot(whole, plotLook(), point);
  const lines = [
    head,
    plot,
    pointSentence(whole, point),
    rates && runSentence(point, dp, rates),
    beyond && beyondSentence(beyond),
    error,
    kind,
  ];
  const written = flags.out === null ? null : `\nWritten to ${flags.out}`;
  say(`${[...lines, written].filter(Boolean).join("\n").trimEnd()}\n`);
}

/** The one selector that was given; KRS0004 unless it is exactly one. */
function selectorOf(flags: Values<typeof FLAGS>): Selector {
  const { deadline, slowdown, energyBudget, powerCap, id } = flags;
  const selectors: readonly (readonly [string, Selector | null])[] = [
    ["--deadline", deadline === null ? null : { by: "deadline", time_s: deadline }],
    ["--slowdown", slowdown === null ? null : { by: "slowdown", percent: slowdown }],
    [
      "--energy-budget",
      energyBudget === null ? null : { by: "energy-budget", energy_j: energyBudget },
    ],
    ["--power-cap", powerCap === null ? null : { by: "power-cap", power_w: powerCap }],
    ["--fastest", flags.fastest ? { by: "fastest" } : null],
    ["--cheapest", flags.cheapest ? { by: "cheapest" } : null],
    ["--knee", flags.knee ? { by: "knee" } : null],
    ["--id", id === null ? null : { by: "id", id }],
  ];
  const names = selectors.map(([name]) => name);
  const given = selectors.filter(([, selector]) => selector !== null);
  const [first] = given;
  if (given.length === 1 && first?.[1]) return first[1];
  return fail(
    oneOf(
      "kareus select",
      names,
      given.map(([name]) => name),
    ),
  );
}
