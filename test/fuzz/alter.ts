import type { Rng } from "../../src/base/rng.js";
import { anyTensor, type Change, type Graph, type Node, pick } from "./model.js";

/** Changes that a graph mostly survives, so that what they upset is met by the passes behind the reader. */

const UNARY = [
  "Relu",
  "Tanh",
  "Gelu",
  "Sigmoid",
  "Exp",
  "Neg",
  "Abs",
  "Identity",
  "Softmax",
  "Erf",
];
const BINARY = ["Add", "Mul", "Sub", "Div", "Max", "Min"];

/** A name that nothing has yet. */
const fresh = (graph: Graph, stem: string) => `${stem}~${graph.node?.length ?? 0}`;

const placeOf = (graph: Graph, rng: Rng) => rng.integer(Math.max(1, graph.node?.length ?? 0));

/** Puts a node before one of its reader's inputs. */
function insert(graph: Graph, rng: Rng): void {
  const place = placeOf(graph, rng);
  const reader = graph.node?.[place];
  if (!reader?.input?.length) return;
  const k = rng.integer(reader.input.length);
  const output = fresh(graph, "inserted");
  const node: Node = {
    name: output,
    opType: pick(rng, UNARY) ?? "Relu",
    input: [reader.input[k] ?? ""],
    output: [output],
  };
  reader.input[k] = output;
  graph.node?.splice(place, 0, node);
}

/** Lets the readers of a node read its first input instead. */
function bypass(graph: Graph, rng: Rng): void {
  const place = placeOf(graph, rng);
  const [from = "", to = ""] = [graph.node?.[place]?.output?.[0], graph.node?.[place]?.input?.[0]];
  for (const { input } of graph.node ?? []) {
    for (const [k, name] of (input ?? []).entries()) if (name === from && input) input[k] = to;
  }
}

/** Lets a node read what an earlier one of the same operator reads in that place. */
function readLikeAnother(graph: Graph, rng: Rng): void {
  const place = placeOf(graph, rng);
  const node = graph.node?.[place];
  const others = (graph.node ?? []).slice(0, place).filter(({ opType }) => opType === node?.opType);
  const other = pick(rng, others);
  if (!node?.input?.length || !other) return;
  const k = rng.integer(node.input.length);
  node.input[k] = other.input?.[k] ?? "";
}

/** Lets a node read another stored tensor of the same size. */
function readAlike(graph: Graph, rng: Rng): void {
  const tensor = pick(rng, graph.initializer);
  const alike = (graph.initializer ?? []).filter(({ dims }) => `${dims}` === `${tensor?.dims}`);
  const other = pick(rng, alike)?.name ?? "";
  const reader = graph.node?.find(({ input }) => input?.includes(tensor?.name ?? ""));
  if (reader?.input)
    reader.input = reader.input.map((name) => (name === tensor?.name ? other : name));
}

/** Does the work of a node twice; one result may leave the graph. */
function double(graph: Graph, rng: Rng): void {
  const place = placeOf(graph, rng);
  const node = graph.node?.[place];
  if (!node) return;
  const stem = fresh(graph, "again");
  const output = (node.output ?? []).map((name, k) => (name === "" ? "" : `${stem}.${k}`));
  graph.node?.splice(place + 1, 0, { ...node, name: stem, output });
  if (rng.integer(2) === 0) graph.output?.push({ name: output[0] ?? "" });
}

const changeOperator =
  (operators: readonly string[]): Change =>
  (graph, rng) => {
    const node = pick(
      rng,
      (graph.node ?? []).filter(({ opType }) => operators.includes(opType ?? "")),
    );
    if (node) node.opType = pick(rng, operators) ?? "";
  };

export const ALTERATIONS: readonly Change[] = [
  insert,
  bypass,
  readLikeAnother,
  readAlike,
  double,
  changeOperator(UNARY),
  changeOperator(BINARY),
  (graph, rng) => void graph.output?.push({ name: anyTensor(graph, rng) }),
  (graph, rng) => {
    const node = pick(rng, graph.node);
    if (node)
      node.name = pick(rng, [pick(rng, graph.node)?.name ?? "", "", "a/b#2", "__proto__"]) ?? "";
  },
  (graph, rng) => {
    const attribute = pick(rng, pick(rng, graph.node)?.attribute);
    if (attribute) attribute.i = rng.integer(6) - 2;
  },
];
