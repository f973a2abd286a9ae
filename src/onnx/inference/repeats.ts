import type { Report } from "../../base/diagnostics/diagnostic.js";
import { repeatsMended } from "../../base/diagnostics/graph.js";
import { at } from "../../base/need.js";
import { nameAt, nodeLabel } from "../names.js";
import { axisIn, numbersOf } from "../operators/call.js";
import type { Fact } from "../operators/operator.js";
import type { SourceNode } from "../source.js";

/**
 * `repeat_interleave` as torch.onnx writes it for sizes that it does not know: each part gets an axis
 * of 1 behind the repeated one, is expanded along it, and reshaped with 0 for every unknown size. The
 * zeros count axes as they were before the new one, where ONNX counts those of the expanded tensor:
 * by its rule the repeats change places with the axis behind them, and nothing fits afterwards.
 */
export class Repeats {
  /** The axis that a tensor got, or was repeated along, last. */
  readonly #axes = new Map<string, number>();
  readonly #factOf: (name: string) => Fact | undefined;
  readonly #report: Report;
  #isSaid = false;

  constructor(factOf: (name: string) => Fact | undefined, report: Report) {
    this.#factOf = factOf;
    this.#report = report;
  }

  /** Remembers what a node does to axes. */
  note({ op, inputs, outputs, attributes }: SourceNode): void {
    const [input, output] = [nameAt(inputs, 0), nameAt(outputs, 0)];
    if (op === "Unsqueeze") {
      const [axis, ...others] = numbersOf({ op, attributes }, "axes") ?? [];
      const rank = this.#factOf(output)?.shape.length;
      if (axis === undefined || rank === undefined || others.length > 0) return;
      // Where the file states another rank, the axis says nothing.
      if (!Number.isInteger(axis) || axis < -rank || axis >= rank) return;
      this.#axes.set(output, axisIn(axis, rank));
    } else if (op === "Expand") {
      const axis = this.#axes.get(input);
      if (axis !== undefined) this.#axes.set(output, axis);
    }
  }

  /** A Reshape that ends a repeat, with the sizes that it means; any other node as it is. */
  mended(node: SourceNode): SourceNode {
    if (node.op !== "Reshape" || node.inputs.length < 2) return node;
    const data = nameAt(node.inputs, 0);
    const axis = this.#axes.get(data);
    const shape = this.#factOf(data)?.shape;
    const target = this.#factOf(nameAt(node.inputs, 1))?.value;
    if (axis === undefined || shape === undefined || !target) return node;
    const merges = target.length === shape.length - 1 && target[axis - 1] === -1;
    if (!merges || target[axis] !== 0) return node;
    if (!this.#isSaid) this.#report(repeatsMended(nodeLabel(node)));
    this.#isSaid = true;
    const sizes = target.map((size, i) => (size === 0 && i >= axis ? at(shape, i + 1) : size));
    return { ...node, inputs: [data], attributes: { ...node.attributes, shape: sizes } };
  }
}
