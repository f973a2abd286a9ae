import type { TensorNode } from "../../src/ir/tensor-graph.js";

/** The ranks among which a collective runs. */
export interface Group {
  readonly name: "tp" | "cp" | "ep";
  readonly ranks: number;
}

/** What a collective takes, makes, and along which axis it gathers or scatters. */
interface Transfer {
  readonly op: `kareus::${string}`;
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly axis?: number;
}

/** A collective that sharding puts beside a node. */
export function collectiveNode(near: TensorNode, group: Group, transfer: Transfer): TensorNode {
  const { op, name, input, output, axis } = transfer;
  const attributes = { group: group.name, group_size: group.ranks };
  return {
    name,
    op,
    inputs: [input],
    outputs: [output],
    attributes: axis === undefined ? attributes : { ...attributes, axis },
    direction: near.direction,
    origin: "inserted",
    layer: near.layer,
    covers: [],
  };
}
