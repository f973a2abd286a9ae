import { nameAt } from "../names.js";
import { axisIn, numberOf } from "../operators/call.js";
import { type Fact, ShapeError } from "../operators/operator.js";
import type { SourceNode } from "../source.js";
import { simpleNode } from "./simple-node.js";

/** Whether an operator works on lists of tensors. */
export function isSequence(op: string): boolean {
  return /^(Sequence[A-Z]|SplitToSequence$|ConcatFromSequence$)/.test(op);
}

/**
 * Lists of tensors whose length is known before the run, as chunks and repeat_interleave are exported:
 * they vanish, and what was done to the list is done to its tensors.
 */
export class Sequences {
  readonly #lists = new Map<string, readonly string[]>();
  readonly #factOf: (name: string) => Fact | undefined;
  readonly #fresh: (name: string) => string;
  readonly #assumeBalanced: (node: SourceNode, parts: number) => void;

  /** @param assumeBalanced hears of parts that are taken to be equal, since only the run knows how long each is */
  constructor(
    factOf: (name: string) => Fact | undefined,
    fresh: (name: string) => string,
    assumeBalanced: (node: SourceNode, parts: number) => void,
  ) {
    this.#factOf = factOf;
    this.#fresh = fresh;
    this.#assumeBalanced = assumeBalanced;
  }

  /**
   * The nodes on plain tensors that do what a node on lists does. Null where the length of a list, or
   * a place in it, is not known. Throws ShapeError for a place that the list does not have.
   */
  unrolled(node: SourceNode): readonly SourceNode[] | null {
    switch (node.op) {
      case "SplitToSequence":
        return this.#split(node);
      case "ConcatFromSequence":
        return this.#concat(node);
      case "SequenceConstruct":
        return this.#keep(node, node.inputs);
      case "SequenceEmpty":
        return this.#keep(node, []);
      case "SequenceInsert":
        return this.#insert(node);
      case "SequenceErase":
        return this.#erase(node);
      case "SequenceAt":
        return this.#at(node);
      case "SequenceLength":
        return this.#length(node);
      default:
        return null;
    }
  }

  /** The tensors of a list; undefined for what is no list. */
  held(name: string): readonly string[] | undefined {
    return this.#lists.get(name);
  }

  /** From now on a name stands for a list. */
  hold(name: string, list: readonly string[]): void {
    this.#lists.set(name, list);
  }

  #keep(node: SourceNode, list: readonly string[]): readonly SourceNode[] {
    this.hold(nameAt(node.outputs, 0), list);
    return [];
  }

  #listOf(node: SourceNode): readonly string[] | undefined {
    return this.held(nameAt(node.inputs, 0));
  }

  /** Parts as long as the list says, or all of one length; without a length, slices of one. */
  #split(node: SourceNode): readonly SourceNode[] | null {
    const input = this.#factOf(nameAt(node.inputs, 0));
    if (input === undefined) return null;
    const axis = axisIn(numberOf(node, "axis", 0), input.shape.length);
    const total = input.shape[axis];
    const split = this.#factOf(nameAt(node.inputs, 1));
    if (total === undefined) return null;
    const sizes = this.#sizesOf(node, split, total);
    const base = nameAt(node.outputs, 0);
    const parts = sizes.map((_, i) => this.#fresh(`${base}/${i}`));
    const drops = split === undefined && numberOf(node, "keepdims", 1) === 0;
    const squeezed = drops ? parts.map((name) => this.#fresh(`${name}/item`)) : parts;
    this.#lists.set(base, squeezed);
    return [
      {
        ...node,
        op: "Split",
        inputs: [nameAt(node.inputs, 0)],
        outputs: parts,
        attributes: { axis, split: sizes },
      },
      ...(drops
        ? parts.map((name, i) =>
            simpleNode(node, "Squeeze", [name], nameAt(squeezed, i), { axes: [axis] }),
          )
        : []),
    ];
  }

  #concat(node: SourceNode): readonly SourceNode[] | null {
    const list = this.#listOf(node);
    if (list === undefined) return null;
    const [axis, output] = [numberOf(node, "axis", 0), nameAt(node.outputs, 0)];
    if (numberOf(node, "new_axis", 0) === 0)
      return [simpleNode(node, "Concat", list, output, { axis })];
    const raised = list.map((name) => this.#fresh(`${name}/stacked`));
    return [
      ...list.map((name, i) =>
        simpleNode(node, "Unsqueeze", [name], nameAt(raised, i), { axes: [axis] }),
      ),
      simpleNode(node, "Concat", raised, output, { axis }),
    ];
  }

  #insert(node: SourceNode): readonly SourceNode[] | null {
    const list = this.#listOf(node);
    const place = list && this.#place(node, 2, list.length + 1, list.length);
    if (list === undefined || place === null || place === undefined) return null;
    return this.#keep(node, list.toSpliced(place, 0, nameAt(node.inputs, 1)));
  }

  #erase(node: SourceNode): readonly SourceNode[] | null {
    const list = this.#listOf(node);
    const place = list && this.#place(node, 1, list.length, list.length - 1);
    if (list === undefined || place === null || place === undefined) return null;
    return this.#keep(node, list.toSpliced(place, 1));
  }

  #at(node: SourceNode): readonly SourceNode[] | null {
    const list = this.#listOf(node);
    const place = list && this.#place(node, 1, list.length, undefined);
    if (list === undefined || place === null || place === undefined) return null;
    return [simpleNode(node, "Identity", [nameAt(list, place)], nameAt(node.outputs, 0), {})];
  }

  #length(node: SourceNode): readonly SourceNode[] | null {
    const list = this.#listOf(node);
    if (list === undefined) return null;
    return [simpleNode(node, "Constant", [], nameAt(node.outputs, 0), { value_int: list.length })];
  }

  /** How long parts are: tokens by expert are expected to be as many for each. */
  #sizesOf(node: SourceNode, split: Fact | undefined, total: number): readonly number[] {
    if (split === undefined) return new Array<number>(total).fill(1);
    const [count] = split.shape;
    if (split.value === null) {
      if (count === undefined || count < 1) throw new ShapeError(1, "the shape depends on data");
      this.#assumeBalanced(node, count);
      return Array.from({ length: count }, (_, i) => Math.floor((total + i) / count));
    }
    if (count !== undefined) return split.value;
    const [size] = split.value;
    if (size === undefined || size < 1) throw new ShapeError(1, "parts need a length");
    return Array.from({ length: Math.ceil(total / size) }, (_, i) =>
      Math.min(size, total - i * size),
    );
  }

  /** A place among `count`, given as an input; `absent` where it is left out; null: not known. */
  #place(node: SourceNode, input: number, count: number, absent: number | undefined) {
    const name = nameAt(node.inputs, input);
    if (name === "") return absent ?? null;
    const place = this.#factOf(name)?.value?.[0];
    return place === undefined ? null : axisIn(place, count, input);
  }
}
