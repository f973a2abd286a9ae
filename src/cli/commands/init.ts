import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type Diagnostic, fail, type Report } from "../../base/diagnostics/diagnostic.js";
import { unboundSymbols } from "../../base/diagnostics/graph.js";
import { noLayoutFits, otherGroups, unwritable } from "../../base/diagnostics/usage.js";
import { writeText } from "../../base/files.js";
import { shellWord } from "../../base/shell-word.js";
import { toggle } from "../flags/flag.js";
import { integer } from "../flags/numbers.js";
import { addFlags, CONFIG_FILE, defaults, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { type Layout, USABLE } from "../init/layout.js";
import { type Asker, SILENT, sizesOf, terminalAsker } from "../init/sizes.js";
import { namedFile } from "../named-file.js";
import { JSON_FLAG, LOWERING_FLAGS } from "../options.js";
import { isQuiet } from "../shown.js";
import { note, print, say, Terminal } from "../terminal.js";

const FLAGS = {
  gpu: LOWERING_FLAGS.hardware.gpu,
  gpus: integer("--gpus <n>", "GPUs of the whole job", 8, { min: 1, max: 1 << 20 }),
  bind: LOWERING_FLAGS.graph.bind,
  dtype: LOWERING_FLAGS.graph.dtype,
  out: text("--out <file>", `where to write it (default: ${CONFIG_FILE})`, null),
  ...JSON_FLAG,
  yes: toggle("--yes", "ask nothing: take what is inferred"),
} as const;

type Flags = Values<typeof FLAGS>;

const EXAMPLES = `
Infers what a job needs: sizes of symbolic dimensions from their names, precision, and the layout that
divides the model least and still fits the GPU's memory by kareus' estimate. On a terminal it asks, and an
empty answer takes the proposal; flags answer in advance. \`kareus optimize\` in the same folder takes it.

Examples:
  $ kareus init llama.onnx
  $ kareus init llama.onnx --gpu h100 --gpus 64 --bind batch=1,sequence=8192 --yes`;

/** `kareus init`: a config file for a graph. */
export function addInit(program: Command): void {
  const command = program
    .command("init")
    .summary("write a config file for a graph: sizes, precision, a layout that fits")
    .description("Write kareus.config.json for a graph.")
    .argument("<graph.onnx>", "ONNX file", namedFile("<graph.onnx>"))
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action(async (graph: string) => {
    const flags = readFlags(command, FLAGS);
    const asks = !flags.yes && process.stdin.isTTY === true;
    const asker = asks ? terminalAsker() : SILENT;
    const given = (name: string) => command.getOptionValueSource(name) !== undefined;
    try {
      await run(graph, flags, asker, given);
    } finally {
      asker.close();
    }
  });
}

async function run(
  graph: string,
  flags: Flags,
  asker: Asker,
  given: (name: string) => boolean,
): Promise<void> {
  const out = flags.out ?? CONFIG_FILE;
  if (existsSync(out)) fail(unwritable(out, "it exists, and is not overwritten"));
  const { loadDevice } = await import("../../gpu/device.js");
  const terminal = new Terminal(flags.json);
  const asked = await answers(graph, flags, asker, given);
  const device = loadDevice(asked.gpu, terminal.report);
  const { layout: found, gpus } = await layoutFor(
    graph,
    asked,
    device.memory_bytes,
    flags.json || isQuiet(),
    terminal.report,
  );
  if (found === null) return fail(noLayoutFits(graph, gpus, device.name));
  const { asFlags } = await import("../init/layout.js");
  const { CONFIG_FORMAT } = await import("../../plan/config.js");
  const { writeFormat } = await import("../../plan/format.js");
  const text = writeFormat(CONFIG_FORMAT, {
    format: "kareus-config",
    version: 1,
    gpu: device.name,
    bind: Object.fromEntries([...asked.bind].filter(([symbol]) => asked.symbols.has(symbol))),
    dtype: asked.dtype,
    ...asFlags(found),
  });
  await writeText(out, text);
  const flag = flags.out === null ? "" : ` --config ${shellWord(out)}`;
  const next = `\nWritten to ${out}. Next: kareus optimize ${shellWord(graph)}${flag}\n`;
  if (flags.json) print(text);
  else say(`${text}${assumed({ ...asked, gpus }, found, given)}${next}`);
}

/** What nobody said, and the flag that says it. */
function assumed(
  { gpu, gpus, bind, dtype }: Answers,
  { pp }: { readonly pp: number },
  given: (name: string) => boolean,
): string {
  const sizes = [...bind].map(([symbol, size]) => `${symbol} ${size}`).join(", ");
  const lines = [
    ...(given("gpu") ? [] : [`GPU ${gpu} (--gpu)`]),
    ...(given("gpus") ? [] : [`${gpus} GPUs in all (--gpus)`]),
    ...(given("bind") || sizes === "" ? [] : [`${sizes}, as usual for such names (--bind)`]),
    ...(given("dtype") ? [] : [`${dtype} (--dtype)`]),
    `the fewest cuts that fit, in ${Math.round(100 * USABLE)}% of the memory; --dp makes up the GPUs: change it with --tp or --pp`,
    `${4 * pp} microbatches, four for each stage, compiled layers, AdamW; optimize has flags for these`,
  ];
  return `\nAssumed:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

type Answers = Pick<Flags, "gpu" | "gpus" | "bind"> & {
  readonly dtype: "bf16" | "fp16" | "fp32";
  /** That the graph has; what is bound beside them is told and not used. */
  readonly symbols: ReadonlySet<string>;
  /** Whether somebody said how many GPUs. */
  readonly gpusGiven: boolean;
};

/** What the flags say, else what is answered, else what is usual. */
async function answers(
  graph: string,
  flags: Flags,
  asker: Asker,
  given: (name: string) => boolean,
): Promise<Answers> {
  const { symbolsOf } = await import("../../onnx/symbols.js");
  const symbols = new Set(symbolsOf(graph));
  const open = [...symbols].filter((symbol) => !flags.bind.has(symbol));
  const gpu = given("gpu") ? flags.gpu : await asker.ask("GPU", flags.gpu);
  const gpus = given("gpus") ? flags.gpus : await asker.ask("GPUs", String(flags.gpus));
  const { sizes, unknown } = await sizesOf(open, asker);
  if (unknown.length > 0) fail(unboundSymbols(unknown, []));
  const written = [...sizes].map(([symbol, size]) => `${symbol}=${size}`);
  const more = written.length === 0 ? new Map() : FLAGS.bind.read(written, "--bind");
  return {
    gpu,
    gpus: FLAGS.gpus.read([String(gpus)], "--gpus"),
    gpusGiven: given("gpus") || Number(gpus) !== flags.gpus,
    bind: new Map([...flags.bind, ...more]),
    symbols,
    dtype: flags.dtype ?? "bf16",
  };
}

/** The layout that fits and its GPUs, what was tried told on standard error. */
async function layoutFor(
  graph: string,
  asked: Answers,
  memory_bytes: number,
  silent: boolean,
  report: Report,
) {
  const { inspect } = await import("../../pipeline.js");
  const { SILENT } = await import("../../lowering.js");
  const { loweringOptions } = await import("../../options.js");
  const { gpusOfJob } = await import("../../plan/gpus.js");
  const { fittingLayout, isUncut, layoutsOf, withLayout } = await import("../init/layout.js");
  const options = loweringOptions(graph, {
    graph: { ...defaults(LOWERING_FLAGS.graph), bind: asked.bind, dtype: asked.dtype },
    job: defaults(LOWERING_FLAGS.job),
    hardware: { ...defaults(LOWERING_FLAGS.hardware), gpu: asked.gpu },
    output: defaults(LOWERING_FLAGS.output),
  });
  const tell = (line: string) => {
    if (!silent) note(`${line}\n`);
  };
  const own = await ownDegrees();
  const group = own === undefined ? 1 : gpusOfJob({ ...own, pp: 1 });
  const gpus = asked.gpusGiven ? asked.gpus : group * Math.ceil(asked.gpus / group);
  if (gpus % group !== 0) fail(otherGroups(graph, gpus, group));
  let heard: Diagnostic[] = [];
  const inspected = (layout: Layout) => {
    heard = [];
    const report = (diagnostic: Diagnostic) => heard.push(diagnostic);
    return inspect(withLayout(options, layout), { ...SILENT, report });
  };
  const layout = await fittingLayout(layoutsOf(gpus, own), memory_bytes, inspected, tell);
  // Of the last that was inspected: the one that fits.
  if (layout !== null) for (const diagnostic of heard) report(diagnostic);
  return { layout, gpus };

  /** Of the collectives that the graph holds; undefined: as it is it cannot be read so. */
  async function ownDegrees() {
    try {
      return (await inspect(options, SILENT)).degrees;
    } catch (cause) {
      if (isUncut(cause)) return undefined;
      throw cause;
    }
  }
}
