import { bytesOf, flopsOf } from "../../ir/work.js";
import { activations } from "./activation.js";
import { attentions } from "./attention.js";
import { followNothing } from "./axes.js";
import { collectives } from "./collective.js";
import { constants } from "./constant.js";
import { convolutions } from "./convolution.js";
import { dropouts } from "./dropout.js";
import { elementwise } from "./elementwise.js";
import { mixtures } from "./experts.js";
import { gathers } from "./gather.js";
import { images } from "./image.js";
import { COPY, FREE } from "./launch.js";
import { linears } from "./linear.js";
import { losses } from "./loss.js";
import { movements } from "./movement.js";
import { normalizations } from "./normalization.js";
import {
  type AxisTarget,
  type NodeWork,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";
import { optimizers } from "./optimizer.js";
import { quantizations } from "./quantization.js";
import { recurrents } from "./recurrent.js";
import { reductions } from "./reduction.js";
import { selections } from "./selection.js";
import { signals } from "./signal.js";
import { trainings } from "./training.js";
import { views } from "./view.js";

/** Every operator entry, by family. */
const OPERATORS: readonly Operator[] = [
  ...activations,
  ...attentions,
  ...collectives,
  ...constants,
  ...convolutions,
  ...dropouts,
  ...elementwise,
  ...gathers,
  ...images,
  ...linears,
  ...losses,
  ...mixtures,
  ...movements,
  ...normalizations,
  ...optimizers,
  ...quantizations,
  ...recurrents,
  ...reductions,
  ...selections,
  ...signals,
  ...trainings,
  ...views,
];

const BY_OP = new Map<string, Operator>(
  OPERATORS.map(guarded).flatMap((operator) => operator.ops.map((op) => [op, operator] as const)),
);

/** ONNX Runtime's domain: some exporters write its operators without it, or standard ones with it. */
const RUNTIME_DOMAIN = "com.microsoft::";

/** The entry of an operator, named `Op` or `domain::Op`; undefined for an unknown operator. */
export function operatorFor(op: string): Operator | undefined {
  const exact = BY_OP.get(op);
  if (exact !== undefined) return exact;
  if (op.startsWith(RUNTIME_DOMAIN)) return BY_OP.get(op.slice(RUNTIME_DOMAIN.length));
  return op.includes("::") ? undefined : BY_OP.get(RUNTIME_DOMAIN + op);
}

/**
 * Adds two rules to every entry. What is the same every iteration is computed once: its nodes
 * launch nothing. And where a file states shapes against an operator's own rule, its axes are lost
 * and it counts as a copy; likewise an axis that an output does not have, and negative or infinite work.
 */
function guarded(operator: Operator): Operator {
  return {
    ...operator,
    follow: (node, input, axis) =>
      orElse(
        () => existing(node, operator.follow(node, input, axis)),
        () => followNothing(node, input, axis),
      ),
    work: (node) =>
      isFolded(node)
        ? FREE
        : orElse(
            () => sensible(operator.work(node)),
            () => COPY,
          ),
  };
}

/** One target per output; an axis that the output lacks is lost. */
function existing(node: ShapedNode, targets: readonly AxisTarget[]): readonly AxisTarget[] {
  return node.outputs.map((output, index) => {
    const target = targets[index] ?? "lost";
    if (typeof target !== "number") return target;
    return output !== null && target in output.shape ? target : "lost";
  });
}

function sensible(work: NodeWork): NodeWork {
  if (work.kind !== "kernel") return work;
  const amounts = [flopsOf(work.work), bytesOf(work.work)];
  return amounts.every((amount) => Number.isFinite(amount) && amount >= 0) ? work : COPY;
}

function isFolded(node: ShapedNode): boolean {
  return node.outputs.every(
    (output) => output === null || output.role === "constant" || output.role === "parameter",
  );
}

function orElse<T>(rule: () => T, otherwise: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (error instanceof ShapeError) return otherwise();
    throw error;
  }
}
