import { at } from "../../base/need.js";
import { duration, plural, scaled } from "../../base/units.js";
import { type Column, table } from "../table.js";
import type { Inspection } from "./inspection.js";

/** The inspection as a person reads it in a terminal. */
export function inspectionTables(found: Inspection): string {
  const { graph, layers, stages, gpu } = found;
  const title = `${graph.name}: ${plural(layers, "layer")}, ${plural(stages, "stage")}, ${gpu}\n`;
  const sections = [
    operators(found),
    patterns(found),
    doubts(found),
    kernels(found),
    collectives(found),
    partitions(found),
    parameters(found),
  ];
  return [title, ...sections.filter((section) => section !== "")].join("\n");
}

/** A titled table; nothing at all where there are no rows. */
function section(
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return rows.length === 0 ? "" : `${title}\n${table(columns, rows)}`;
}

function operators(found: Inspection): string {
  const columns: Column[] = [
    ["operator", "left"],
    ["nodes", "right"],
  ];
  return section(
    "Operators",
    columns,
    found.operators.map(({ op, count }) => [op, count]),
  );
}

function patterns(found: Inspection): string {
  const columns: Column[] = [
    ["recognised", "left"],
    ["times", "right"],
    ["from nodes", "right"],
  ];
  return section(
    "Patterns",
    columns,
    found.patterns.map(({ op, count, nodes }) => [op, count, nodes]),
  );
}

function doubts(found: Inspection): string {
  const columns: Column[] = [
    ["not understood", "left"],
    ["launches", "right"],
    ["time", "right"],
  ];
  return section(
    "Doubts: what is costed by a guess, per microbatch",
    columns,
    found.doubts.map(({ what, count, time_s }) => [what, count, duration(time_s)]),
  );
}

function kernels(found: Inspection): string {
  const columns: Column[] = [
    ["direction", "left"],
    ["origin", "left"],
    ["class", "left"],
    ["launches", "right"],
    ["work", "right"],
    ["memory traffic", "right"],
  ];
  return section(
    "Compute kernels of one microbatch, on one GPU of each stage",
    columns,
    found.kernels.map((kernel) => [
      kernel.direction,
      kernel.origin,
      kernel.class,
      kernel.count,
      scaled(kernel.flops, "FLOP"),
      scaled(kernel.size_bytes, "B"),
    ]),
  );
}

function collectives(found: Inspection): string {
  const columns: Column[] = [
    ["direction", "left"],
    ["collective", "left"],
    ["group", "left"],
    ["ranks", "right"],
    ["launches", "right"],
    ["size", "right"],
  ];
  return section(
    "Collectives of one microbatch",
    columns,
    found.collectives.map((collective) => [
      collective.direction,
      collective.kind,
      collective.group,
      collective.ranks,
      collective.count,
      scaled(collective.size_bytes, "B"),
    ]),
  );
}

function partitions(found: Inspection): string {
  const columns: Column[] = [
    ["partition", "left"],
    ["sequential", "right"],
    ["nanobatched", "right"],
    ["time", "right"],
    ["energy", "right"],
    ["source", "left"],
    ["communication", "left"],
    ["kernels", "left"],
  ];
  type Summary = Inspection["partitions"][number];
  const communications = ({ communication, queued }: Summary): string =>
    [...(communication === null ? [] : [communication]), ...queued]
      .map(({ kind, size_bytes, ranks }) => `${kind} ${scaled(size_bytes, "B")} x${ranks}`)
      .join(", ") || "-";
  return section(
    "Partition types: runs per microbatch, cost of one run at the highest clock without overlap",
    columns,
    found.partitions.map((partition) => [
      partition.name,
      partition.sequential,
      partition.nanobatched,
      duration(partition.cost.time_s),
      scaled(partition.cost.energy_j, "J"),
      partition.cost.source,
      communications(partition),
      runs(partition.kernels),
    ]),
  );
}

/** `norm linear*3 attn`: neighbours of one class are counted. */
function runs(classes: readonly string[]): string {
  const groups: { name: string; times: number }[] = [];
  for (const name of classes) {
    const last = groups.at(-1);
    if (last?.name === name) last.times += 1;
    else groups.push({ name, times: 1 });
  }
  const words = groups.map(({ name, times }) => (times === 1 ? name : `${name}*${times}`));
  return words.join(" ") || "-";
}

function parameters(found: Inspection): string {
  const columns: Column[] = [
    ["stage", "right"],
    ["parameters", "right"],
    ["weights", "right"],
    ["gradients", "right"],
    ["optimizer", "right"],
    ["activations", "right"],
    ["peak", "right"],
  ];
  return section(
    "Parameters and estimated memory of one GPU",
    columns,
    found.memory.map((memory, stage) => [
      stage,
      scaled(at(found.parameters, stage), ""),
      scaled(memory.weights_bytes, "B"),
      scaled(memory.gradients_bytes, "B"),
      scaled(memory.optimizer_bytes, "B"),
      scaled(memory.activations_bytes, "B"),
      scaled(memory.peak_bytes, "B"),
    ]),
  );
}
