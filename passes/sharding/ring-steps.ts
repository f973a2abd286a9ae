import { at, byDefault, need } from "../../src/base/need.js";
import type { Tensor, TensorNode } from "../../src/ir/tensor-graph.js";

/**
 * The steps of one ring attention over `ranks` ranks. A rank begins with its own block of keys and
 * values and ends with that of the rank after it.
 */
export class RingSteps {
  readonly nodes: TensorNode[] = [];
  readonly tensors: Tensor[] = [];
  readonly #node: TensorNode;
  readonly #ranks: number;
  readonly #tensor: (name: string) => Tensor;

  constructor(node: TensorNode, ranks: number, tensor: (name: string) => Tensor) {
    this.#node = node;
    this.#ranks = ranks;
    this.#tensor = tensor;
  }

  /** Attention on every block; its results, weighted by their softmax sums, add up. */
  forward(): void {
    const [query = "", ...rest] = this.#node.inputs;
    const [result = "", ...others] = this.#node.outputs;
    const masks = rest.slice(2);
    let block: readonly string[] = rest.slice(0, 2);
    const parts: string[] = [];
    for (let step = 0; step < this.#ranks; step++) {
      const next = step < this.#ranks - 1 ? this.#shift(step, block) : [];
      const part = this.#like(result, `step_${step}`);
      const outputs = step === 0 ? [part, ...others] : [part];
      this.#step(step, [query, ...block, ...masks], outputs);
      parts.push(part);
      block = next;
    }
    this.#sum("sum", parts, result);
  }

  /** Attention's gradient on every block; beside it travel the next block and the last one's gradients. */
  backward(): void {
    const [dy = "", query = "", ...rest] = this.#node.inputs;
    const behind = rest.slice(2);
    let block: readonly string[] = rest.slice(0, 2);
    const of = this.#node.attributes.of as readonly number[];
    const made = (wanted: (input: number) => boolean) =>
      this.#node.outputs.filter((_, output) => wanted(at(of, output)));
    const travelling = made((input) => input === 1 || input === 2);
    const queries = made((input) => input === 0);
    const others = made((input) => input > 2);
    const parts = new Map(queries.map((name) => [name, [] as string[]]));
    let gathered: readonly string[] = [];
    for (let step = 0; step < this.#ranks; step++) {
      const isLast = step === this.#ranks - 1;
      const sent = [...(isLast ? [] : block), ...gathered];
      const received = sent.length > 0 ? this.#shift(step, sent) : [];
      const next = isLast ? [] : received.slice(0, block.length);
      const arrived = received.slice(next.length);
      const outputs = this.#node.outputs.flatMap((name) =>
        others.includes(name) ? (isLast ? [name] : []) : [this.#like(name, `step_${step}`)],
      );
      this.#step(step, [dy, query, ...block, ...behind], outputs);
      for (const name of queries) need(parts, name).push(`${name}/step_${step}`);
      gathered = travelling.map((name, i) => {
        const own = `${name}/step_${step}`;
        const earlier = arrived[i];
        if (earlier === undefined) return own;
        return this.#sum(`sum_${step}.${i}`, [earlier, own], this.#like(name, `sum_${step}`));
      });
      block = next;
    }
    for (const name of queries) this.#sum("sum", need(parts, name), name);
    if (travelling.length > 0) this.#shift(this.#ranks, gathered, travelling);
  }

  /** A tensor of the shape of another, named after it. */
  #like(name: string, suffix: string): string {
    const copy = `${name}/${suffix}`;
    this.tensors.push({ ...this.#tensor(name), name: copy });
    return copy;
  }

  #step(step: number, inputs: readonly string[], outputs: readonly string[]): void {
    const { ring: _, of: __, ...rest } = this.#node.attributes;
    const window = Number(byDefault(rest.local_window_size, 0));
    // Of the keys in a query's window every step has its share.
    const share = { local_window_size: Math.ceil(window / this.#ranks) };
    const attributes = window > 0 ? { ...rest, ...share } : rest;
    const name = `${this.#node.name}/step_${step}`;
    const covers = this.#node.covers.map((covered) => `${covered}/step_${step}`);
    this.nodes.push({ ...this.#node, name, inputs, outputs, attributes, covers });
  }

  /** Passes tensors on to the next rank; what the rank before sent arrives under other names. */
  #shift(step: number, sent: readonly string[], received?: readonly string[]): readonly string[] {
    const name = `${this.#node.name}/shift_${step}`;
    const outputs = received ?? sent.map((each, i) => this.#received(each, `${name}.${i}`));
    const attributes = { group: "cp", group_size: this.#ranks };
    this.#insert({ name, op: "kareus::RingShift", inputs: sent, outputs, attributes });
    return outputs;
  }

  #received(sent: string, name: string): string {
    const known = this.tensors.find((tensor) => tensor.name === sent) ?? this.#tensor(sent);
    this.tensors.push({ ...known, name });
    return name;
  }

  #sum(suffix: string, inputs: readonly string[], output: string): string {
    const name = `${this.#node.name}/${suffix}/${output}`;
    this.#insert({ name, op: "Sum", inputs, outputs: [output], attributes: {} });
    return output;
  }

  #insert(node: Pick<TensorNode, "name" | "op" | "inputs" | "outputs" | "attributes">): void {
    this.nodes.push({ ...this.#node, ...node, covers: [] });
  }
}
