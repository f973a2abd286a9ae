import { suggesting } from "../suggest.js";
import { type Diagnostic, error, warning } from "./diagnostic.js";

/** KRS14xx: the graph is sound, but cannot be laid out as asked. */

export const tensorParallelIndivisible = (
  node: string,
  tp: number,
  size: number,
  axis: number,
): Diagnostic =>
  error(
    "KRS1401",
    node,
    `--tp ${tp} does not divide ${size} (axis ${axis} of its result)`,
    "choose a --tp that divides attention heads and feed-forward width, and divides key-value heads or is a multiple of them",
  );

export const cannotCutBackward = (graph: string, flag: string, degree: number): Diagnostic =>
  error(
    "KRS1402",
    graph,
    `${flag} ${degree} cannot cut a graph that already holds its backward but no collectives`,
    "export the forward graph with its loss, or a joint graph with its collectives in place",
  );

export const moreStagesThanLayers = (
  graph: string,
  pp: number,
  chunks: number,
  layers: number,
): Diagnostic =>
  error(
    "KRS1403",
    graph,
    chunks === 1
      ? `--pp ${pp} needs at least ${pp} repeated layers; ${layers} found`
      : `--pp ${pp} --chunks ${chunks} need at least ${pp * chunks} repeated layers; ${layers} found`,
    "lower --pp (or --chunks); layers count as repeated where their graphs are the same",
  );

export const recomputeIgnored = (graph: string, what: string): Diagnostic =>
  warning(
    "KRS1410",
    graph,
    `the graph brings its own backward: --recompute ${what} changes nothing`,
    "export the forward graph alone to have recomputation planned",
  );

export const freezeIgnored = (graph: string): Diagnostic =>
  warning(
    "KRS1441",
    graph,
    "the graph brings its own backward: frozen parameters change its states, not what it computes",
    "export the forward graph alone to have its backward derived without weight gradients",
  );

export const collectiveRanksUnknown = (node: string, group: string, flag: string): Diagnostic =>
  warning(
    "KRS1404",
    node,
    `the graph does not say how many ranks group ${group} has; its collectives cost nothing at 1`,
    `pass the degree, for example ${flag} 8`,
  );

export const collectiveRanksConflict = (
  node: string,
  ranks: number,
  flag: string,
  degree: number,
): Diagnostic =>
  error(
    "KRS1405",
    node,
    `the graph's collective spans ${ranks} ranks but ${flag} is ${degree}`,
    `pass ${flag} ${ranks}, or leave it out`,
  );

export const batchNotSplittable = (
  graph: string,
  batch: number,
  symbol: string | null | undefined,
): Diagnostic =>
  warning(
    "KRS1406",
    graph,
    `a microbatch of ${batch} does not split into two equal nanobatches; only sequential execution is searched`,
    symbol
      ? `bind an even batch, for example --bind ${symbol}=8`
      : "the graph's batch is fixed: export it with an even one (python -m kareus_runtime.export --batch 8)",
  );

export const nothingToSchedule = (graph: string): Diagnostic =>
  error(
    "KRS1407",
    graph,
    "no node computes anything from the graph's inputs: there is nothing to schedule",
    "export a training or inference graph whose inputs reach its outputs",
  );

export const unknownPass = (name: string, passes: readonly string[]): Diagnostic =>
  error(
    "KRS1408",
    "--print-ir",
    `there is no pass ${name}`,
    suggesting(name, passes, `the passes are ${passes.join(", ")}`),
  );

export const noOptions = (stage: number, kind: string): Diagnostic =>
  error(
    "KRS1409",
    `stage ${stage} ${kind}`,
    "no configuration that covers all of its partitions was evaluated",
    "raise --budget",
  );

export const memoryExceeded = (
  stage: number,
  needed: string,
  available: string,
  remedies: readonly string[],
): Diagnostic =>
  warning(
    "KRS1430",
    `stage ${stage}`,
    `one GPU needs about ${needed} of memory and has ${available}`,
    `use ${remedies.join(", or ")}`,
  );

export const memoryRefused = (
  stage: number,
  needed: string,
  available: string,
  fitting: readonly string[],
): Diagnostic =>
  error(
    "KRS1432",
    `stage ${stage}`,
    `one GPU needs about ${needed} of memory and has ${available}: no plan of this layout can run`,
    `${fitting.length === 0 ? "no layout near this one fits" : `these fit: ${fitting.join("; ")}`}; --allow-oversize plans all the same`,
  );

export const interNodeRateUnknown = (device: string, group: string): Diagnostic =>
  warning(
    "KRS1431",
    device,
    `group ${group} spans nodes, and the device file has no inter_node_bytes_per_s: its collectives are costed as if within a node`,
    "add the rate of the network to the device file, or pass the --gpus-per-node of the machine",
  );

export const noNarrowProducts = (device: string): Diagnostic =>
  error(
    "KRS1442",
    "--linear-dtype fp8",
    `${device} does not multiply 8-bit floats`,
    "leave --linear-dtype out, or plan for a GPU with them: --gpu h100-sxm, --gpu h200",
  );

export const noSequence = (graph: string, flag: string): Diagnostic =>
  error(
    "KRS1421",
    graph,
    `${flag} finds no sequence to cut: no axis of the graph's data meets itself in attention`,
    `leave ${flag} out; \`kareus inspect\` shows what was recognized`,
  );

export const sequenceIndivisible = (tensor: string, flag: string, size: number): Diagnostic =>
  error(
    "KRS1422",
    tensor,
    `${flag} does not divide a sequence of ${size}`,
    "bind a sequence that is a multiple of it, for example --bind sequence=4096",
  );

export const noExperts = (graph: string, ep: number): Diagnostic =>
  error(
    "KRS1424",
    graph,
    `--ep ${ep} finds no experts: no product of tokens, sorted by expert, with a weight per expert`,
    "leave --ep out, or export experts as one batched product ([experts, capacity, width])",
  );

export const expertsIndivisible = (graph: string, ep: number, experts: number): Diagnostic =>
  error(
    "KRS1425",
    graph,
    `--ep ${ep} does not divide ${experts} experts`,
    "choose a --ep that divides the number of experts",
  );

export const ringUnused = (graph: string): Diagnostic =>
  warning(
    "KRS1440",
    graph,
    "--cp-attention ring changes nothing: no fused attention meets keys of other ranks",
    "`kareus inspect` shows what attention was recognized",
  );

export const sequenceParallelUnused = (graph: string, reason: string): Diagnostic =>
  warning("KRS1423", graph, `--sequence-parallel changes nothing: ${reason}`, "leave it out");

export const asyncTpUnused = (graph: string): Diagnostic =>
  warning(
    "KRS1427",
    graph,
    "--async-tp changes nothing: no linear stands beside a gather or scatter of its rows",
    "add --sequence-parallel and --tp, or leave it out",
  );

export const asyncTpNeedsClocks = (): Diagnostic =>
  error(
    "KRS1428",
    "--async-tp",
    "the job itself launches the pieces of its collectives, so a plan cannot place them",
    "add --control clocks",
  );

/** The first few of some names. */
function named(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

export const inputsUnreached = (
  graph: string,
  inputs: readonly string[],
  parameters: readonly string[],
): Diagnostic =>
  error(
    "KRS1411",
    graph,
    `the loss does not depend on ${named(inputs)}, and ${named(parameters)} never meet data: the export lost what connects them`,
    "export the model on a real device (not on meta tensors) and check that its output changes with every input",
  );

export const parametersFolded = (graph: string, parameters: readonly string[]): Diagnostic =>
  warning(
    "KRS1412",
    graph,
    `${named(parameters)} are combined with other parameters before they meet data: they are taken as constant, without gradients`,
    "export the model so that each weight meets data itself, for example with adapters that are not merged",
  );

export const parametersUnreached = (graph: string, parameters: readonly string[]): Diagnostic =>
  warning(
    "KRS1413",
    graph,
    `the loss does not depend on ${named(parameters)}: they run forward but take no gradient`,
    "add what they compute to the loss, or leave its output out of the export",
  );

export const backwardUnlike = (graph: string, ratio: string, expected: string): Diagnostic =>
  warning(
    "KRS1414",
    graph,
    `backward does ${ratio} times the forward's work in linears, convolutions and attention; ${expected}`,
    "frozen parameters and recomputation explain less or more; if there are none, `kareus inspect` shows what was recognized",
  );

export const backwardsUnlike = (graph: string, operators: readonly string[]): Diagnostic =>
  warning(
    "KRS1419",
    graph,
    `backward does another multiple of the forward's work than is expected for ${named(operators)}`,
    "frozen parameters and recomputation explain less or more; if there are none, `kareus inspect` shows what was recognized",
  );

export const masksGuessed = (
  graph: string,
  masks: readonly string[],
  hidden: "later positions" | "nothing",
): Diagnostic =>
  warning(
    "KRS1429",
    graph,
    `${named(masks)} are attention masks whose numbers are not there to be read: they are taken to hide ${hidden}`,
    "masks that the export folded: keep the file with external data beside the graph and give the graph by its path (standard input has no folder), or export with is_causal in place of the mask",
  );

export const masksElsewhere = (graph: string, masks: readonly string[]): Diagnostic =>
  warning(
    "KRS1433",
    graph,
    `${named(masks)} are attention masks that hide other places than those far from the diagonal: what they hide is costed all the same, as kernels compute it that are given such a mask`,
    "where training skips what they hide (FlexAttention, sequences of several lengths), export each part as an attention of its own",
  );

export const cutLosesWork = (graph: string, flag: string, share: string): Diagnostic =>
  error(
    "KRS1415",
    graph,
    `${flag} leaves only ${share} of the work of linears and attention on all ranks together: the graph is not cut right`,
    `leave ${flag} out, and please report this graph`,
  );

export const cutLeavesWhole = (
  graph: string,
  flag: string,
  share: string,
  nodes: string,
): Diagnostic =>
  warning(
    "KRS1416",
    graph,
    `${flag} leaves ${share} of the work of linears and attention whole on every rank: ${nodes}`,
    "what is not between a column-parallel and a row-parallel product stays whole",
  );

export const collectiveMisshapen = (node: string, was: string, wanted: string): Diagnostic =>
  error(
    "KRS1417",
    node,
    `its result is ${was} where the collective makes ${wanted}: the graph is not cut right`,
    "use other degrees, and please report this graph",
  );

export const unrecognised = (graph: string, share: string, kinds: readonly string[]): Diagnostic =>
  warning(
    "KRS1418",
    graph,
    `${share} of a microbatch's time is costed by a guess: ${named(kinds)}`,
    "`kareus inspect` counts it under Doubts; a recorded profile (--profile) replaces guesses by measurements",
  );

/** KRS1426: a load of experts that no rank waits for. */
export function expertLoadUnused(graph: string, reason: string): Diagnostic {
  return warning("KRS1426", graph, `--expert-load changes nothing: ${reason}`, "leave it out");
}
