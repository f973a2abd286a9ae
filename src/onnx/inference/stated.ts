import type { Report } from "../../base/diagnostics/diagnostic.js";
import { shapeDisagreement } from "../../base/diagnostics/graph.js";
import type { Binding } from "../bind.js";
import type { Fact } from "../operators/operator.js";
import type { SourceNode, SourceType } from "../source.js";
import { checkedShape } from "../tensor-data.js";

/** What an output that nobody asked for is. */
export const UNUSED: Fact = { dtype: "unknown", shape: [], value: null };

/** What the file says of its tensors' shapes, and where inference says otherwise. */
export class StatedShapes {
  readonly #types: Map<string, SourceType>;
  readonly #binding: Binding;
  /** Tensors whose stated shape holds against the inferred one. */
  readonly #trusted: ReadonlySet<string>;
  readonly #disagreements = new Map<string, { inferred: Fact; stated: readonly number[] }>();

  constructor(
    types: Iterable<readonly [string, SourceType]>,
    binding: Binding,
    trusted: ReadonlySet<string>,
  ) {
    this.#types = new Map(types);
    this.#binding = binding;
    this.#trusted = trusted;
  }

  add(name: string, type: SourceType): void {
    this.#types.set(name, type);
  }

  /** What the file says of a tensor; null where it says nothing, or leaves a size open. */
  factOf(name: string): Fact | null {
    const type = this.#types.get(name);
    const shape = type && this.#binding.shapeOf(name, type);
    if (type === undefined || !shape) return null;
    return { dtype: type.dtype, shape: checkedShape(name, shape), value: null };
  }

  /** What the file says of all outputs of a node; null where one of them is missing. */
  factsOf(node: SourceNode): readonly Fact[] | null {
    const facts = node.outputs.map((name) => (name === "" ? UNUSED : this.factOf(name)));
    return facts.every((fact) => fact !== null) ? facts : null;
  }

  /**
   * The shape that holds for an output: the inferred one, unless the file states another that is
   * trusted or that the operator may also make. A disagreement is noted.
   */
  settled(node: SourceNode, name: string, inferred: Fact): Fact {
    const stated = this.factOf(name)?.shape;
    if (stated === undefined || equal(stated, inferred.shape)) return inferred;
    if (this.#trusted.has(name) || mayMake(node, inferred.shape, stated)) {
      return { ...inferred, shape: stated, value: null };
    }
    this.#disagreements.set(name, { inferred, stated });
    return inferred;
  }

  /** Tensors whose stated shape could take the inferred one's place: of the same rank. */
  candidates(): ReadonlySet<string> {
    const close = [...this.#disagreements].filter(
      ([, { inferred, stated }]) => inferred.shape.length === stated.length,
    );
    return new Set(close.map(([name]) => name));
  }

  reportDisagreements(report: Report): void {
    const [first] = this.#disagreements;
    if (first === undefined) return;
    const [tensor, { inferred, stated }] = first;
    report(shapeDisagreement(tensor, inferred.shape, stated, this.#disagreements.size));
  }
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/**
 * A transposed convolution of stride s makes one of s sizes, which output_padding tells apart: files
 * that leave it out (as gradients of strided convolutions do) mean the size that they state.
 */
function mayMake(
  node: SourceNode,
  inferred: readonly number[],
  stated: readonly number[],
): boolean {
  if (node.op !== "ConvTranspose" || stated.length !== inferred.length) return false;
  const { strides } = node.attributes;
  return stated.every((dim, axis) => {
    const more = dim - (inferred[axis] ?? Number.NaN);
    const stride = axis < 2 || !Array.isArray(strides) ? 1 : Number(strides[axis - 2]);
    return more >= 0 && more < stride;
  });
}
