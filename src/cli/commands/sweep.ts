import { basename } from "node:path";
import type { Command } from "commander";
import { fail, refuse } from "../../base/diagnostics/diagnostic.js";
import {
  noLayout,
  nothingFits,
  tooManyLayouts,
  unboundBatch,
} from "../../base/diagnostics/search.js";
import { writeText } from "../../base/files.js";
import { at, present } from "../../base/need.js";
import { shellWord } from "../../base/shell-word.js";
import { RECOMPUTES } from "../../ir/choices.js";
import type { SweepFile } from "../../plan/sweep.js";
import type { Combination, SweepLists } from "../../sweep/layouts.js";
import type { SweptLayout } from "../../sweep/sweep.js";
import { sizes } from "../flags/by-name.js";
import { integer, integers, numbers } from "../flags/numbers.js";
import {
  addFlags,
  addTopics,
  defaults,
  readFlags,
  readTopics,
  type TopicValues,
  type Values,
  writtenFlags,
} from "../flags/table.js";
import { choices, text } from "../flags/texts.js";
import { namedFile } from "../named-file.js";
import { DEGREE, JSON_FLAG, LOWERING_FLAGS, SEARCH_FLAGS } from "../options.js";
import { print, say, Terminal } from "../terminal.js";

const { graph: GRAPH, job: JOB, hardware: HARDWARE } = LOWERING_FLAGS;

const TOPICS = {
  graph: {
    ...GRAPH,
    bind: sizes("--bind <name=int,int,...>", "sizes of symbolic dimensions, one or several each"),
  },
  job: {
    ...JOB,
    tp: integers("--tp <n,...>", "tensor-parallel degrees", DEGREE),
    cp: integers("--cp <n,...>", "context-parallel degrees", DEGREE),
    ep: integers("--ep <n,...>", "expert-parallel degrees", DEGREE),
    pp: integers("--pp <n,...>", "numbers of pipeline stages", DEGREE),
    dp: integers("--dp <n,...>", "numbers of replicas (default: what --gpus leaves, or 1)", DEGREE),
    microbatches: integers(
      "--microbatches <n,...>",
      "microbatches per iteration (default: what --global-batch leaves, or 4 x pp)",
      { min: 1, max: 65536 },
    ),
    recompute: choices("--recompute <what,...>", "activation checkpointing", RECOMPUTES),
  },
  hardware: {
    ...HARDWARE,
    power_limit_w: numbers("--power-limit-w <w,...>", "power limits of each GPU"),
  },
} as const;

/** Flags that say how layouts differ. */
const LISTS = ["bind", "tp", "cp", "ep", "pp", "dp", "microbatches", "recompute", "power_limit_w"];

/** The others: what all layouts have in common. */
const ALIKE = Object.values(TOPICS).map((topic) =>
  Object.fromEntries(Object.entries(topic).filter(([name]) => !LISTS.includes(name))),
);

const SWEEP_FLAGS = {
  gpus: integer("--gpus <n>", "only layouts of this many GPUs, all replicas together", null, {
    min: 1,
    max: 1_000_000,
  }),
  global_batch: integer(
    "--global-batch <n>",
    "only layouts that train on this many samples in an iteration",
    null,
    { min: 1, max: Number.MAX_SAFE_INTEGER },
  ),
  batch: text("--batch <symbol>", "the symbolic dimension that counts samples", "batch"),
  points: integer("--points <n>", "points of each layout's frontier at most", 8, {
    min: 2,
    max: 1000,
  }),
  threads: SEARCH_FLAGS.search.threads,
  out: text("--out <file>", "write the sweep to this file", null),
  ...JSON_FLAG,
} as const;

const EXAMPLES = `
Every combination of the lists is a layout. Their frontiers are merged into one: time and energy for each sample,
all replicas counted; each point names its layout. Layouts that do not fit into memory are left out. Layouts are
compared on every second clock and with a few SM counts; optimize the one that you choose.

Example:
  $ kareus sweep llama.onnx --bind batch=4,8,16,sequence=4096 --dtype bf16 --tp 2,4,8 --pp 1,2,4 \\
      --power-limit-w 300,400 --gpus 16 --global-batch 128`;

/** Combinations of more flags than this are a mistake. */
const MOST_LAYOUTS = 20_000;

/** `kareus sweep`: which layout of a job is best at what. */
export function addSweep(program: Command): void {
  const command = program
    .command("sweep")
    .summary("compare layouts: batch, degrees, microbatches, power limits")
    .description("Find the frontiers of many layouts of a job, and what is best of all of them.")
    .argument("<graph.onnx>", "ONNX file", namedFile("<graph.onnx>"))
    .addHelpText("after", EXAMPLES);
  addTopics(command, TOPICS);
  addFlags(command, SWEEP_FLAGS);
  command.action((graph: string) =>
    run(graph, readTopics(command, TOPICS), {
      ...readFlags(command, SWEEP_FLAGS),
      told: writtenFlags(command, ALIKE),
    }),
  );
}

type Topics = TopicValues<typeof TOPICS>;
type Flags = Values<typeof SWEEP_FLAGS> & {
  /** The flags that all layouts have in common, as they were given. */
  readonly told: readonly string[];
};

async function run(graph: string, topics: Topics, flags: Flags): Promise<void> {
  const [{ sweep }, { combinations, countOf }, { writeSweep }, { sweepSummary }, options] =
    await Promise.all([
      import("../../sweep/sweep.js"),
      import("../../sweep/layouts.js"),
      import("../../plan/sweep.js"),
      import("../../views/sweep.js"),
      import("../../options.js"),
    ]);
  const lists = listsOf(topics);
  if (!lists.bind.has(flags.batch)) fail(unboundBatch(flags.batch, "size"));
  if (countOf(lists) > MOST_LAYOUTS) fail(tooManyLayouts(countOf(lists), MOST_LAYOUTS));
  const layouts = combinations(lists, flags).map((each): SweptLayout => {
    const said = saidOf(topics, flags, each);
    const { bind, ...settings } = each;
    const samples = present(bind.get(flags.batch), "batch") * each.microbatches * each.dp;
    return {
      settings: settingsOf(bind, settings, lists),
      options: { ...options.searchingOptions(graph, said), measure: null, journal: null },
      samples,
      gpus: each.tp * each.cp * each.ep * each.pp * each.dp,
    };
  });
  const [one] = layouts;
  if (one === undefined) return fail(noLayout());
  const { threads } = one.options.search;
  const terminal = new Terminal(flags.json);
  const found = await sweep(
    layouts,
    { threads, batch: flags.batch },
    terminal.report,
    (done, total) => terminal.progress("layouts", done, total),
  ).finally(() => terminal.close());
  if (found.points.length === 0) refuse(nothingFits(String(found.layouts[0]?.left_out)));
  const file: SweepFile = {
    format: "kareus-sweep",
    version: 1,
    graph: { name: basename(graph, ".onnx") },
    gpu: topics.hardware.gpu,
    ...found,
  };
  const content = writeSweep(file);
  if (flags.out !== null) await writeText(flags.out, content);
  if (flags.json) print(content);
  else {
    const { options: chosen } = at(layouts, layoutToTry(found.points));
    const next = `kareus optimize ${shellWord(graph)} ${flagsOf(chosen, flags.told)}`;
    say(`${sweepSummary(file)}Least energy x time: ${next}\n`);
  }
}

/** The layout, by index, of the point of least energy x time; there is a point. */
function layoutToTry(points: SweepFile["points"]): number {
  const product = ({ time_s_per_sample, energy_j_per_sample }: (typeof points)[number]) =>
    time_s_per_sample * energy_j_per_sample;
  return points.reduce((a, b) => (product(b) < product(a) ? b : a)).layout;
}

/** What `optimize` is told for one layout. */
function flagsOf(
  { graph, job, hardware }: SweptLayout["options"],
  told: readonly string[],
): string {
  const bound = [...graph.bind].map(([name, size]) => `${name}=${size}`);
  const degrees = (["tp", "cp", "ep", "pp", "dp"] as const).filter((name) => job[name] !== 1);
  const { power_limit_w } = hardware;
  return [
    `--bind ${shellWord(bound.join(","))}`,
    ...degrees.map((name) => `--${name} ${job[name]}`),
    `--microbatches ${job.microbatches}`,
    ...(job.recompute === "none" ? [] : [`--recompute ${job.recompute}`]),
    ...(power_limit_w === null ? [] : [`--power-limit-w ${power_limit_w}`]),
    ...told.map(shellWord),
  ].join(" ");
}

function listsOf({ graph, job, hardware }: Topics): SweepLists {
  return {
    bind: graph.bind,
    tp: job.tp ?? [1],
    cp: job.cp ?? [1],
    ep: job.ep ?? [1],
    pp: job.pp ?? [1],
    dp: job.dp,
    microbatches: job.microbatches,
    recompute: job.recompute ?? ["none"],
    power_limit_w: hardware.power_limit_w ?? [null],
  };
}

/** What `optimize` would be told for one layout. */
function saidOf({ graph, job, hardware }: Topics, flags: Flags, each: Combination) {
  const { bind, power_limit_w, ...degrees } = each;
  return {
    graph: { ...graph, bind },
    job: { ...job, ...degrees },
    hardware: { ...hardware, power_limit_w },
    search: {
      ...defaults(SEARCH_FLAGS.search),
      points: flags.points,
      threads: flags.threads,
    },
    output: { print_ir: null },
  };
}

/** What tells layouts apart: every setting that differs between some of them, and replicas and microbatches. */
function settingsOf(
  bind: Combination["bind"],
  settings: Omit<Combination, "bind">,
  lists: SweepLists,
): SweptLayout["settings"] {
  const varies = (name: string) => {
    const list = Object.entries(lists).find(([key]) => key === name)?.[1];
    return list === null || (Array.isArray(list) && list.length > 1);
  };
  const bound = [...bind].filter(([name]) => present(lists.bind.get(name), name).length > 1);
  const others = Object.entries(settings).flatMap(([name, value]) =>
    value !== null && (varies(name) || ["tp", "pp"].includes(name)) ? [[name, value] as const] : [],
  );
  return Object.fromEntries([...bound, ...others]);
}
