import { activations } from "./activation.js";
import { attentions } from "./attention.js";
import { collectives } from "./collective.js";
import { constants } from "./constant.js";
import { convolutions } from "./convolution.js";
import { dropouts } from "./dropout.js";
import { elementwise } from "./elementwise.js";
import { gathers } from "./gather.js";
import { FREE } from "./launch.js";
import { linears } from "./linear.js";
import { losses } from "./loss.js";
import { movements } from "./movement.js";
import { normalizations } from "./normalization.js";
import type { NodeWork, Operator, ShapedNode } from "./operator.js";
import { quantizations } from "./quantization.js";
import { reductions } from "./reduction.js";
import { trainings } from "./training.js";
import { views } from "./view.js";

/** Every operator entry, by family. */
export const OPERATORS: readonly Operator[] = [
  ...activations,
  ...attentions,
  ...collectives,
  ...constants,
  ...convolutions,
  ...dropouts,
  ...elementwise,
  ...gathers,
  ...linears,
  ...losses,
  ...movements,
  ...normalizations,
  ...quantizations,
  ...reductions,
  ...trainings,
  ...views,
];

const BY_OP = new Map<string, Operator>(
  OPERATORS.map(folding).flatMap((operator) => operator.ops.map((op) => [op, operator] as const)),
);

/** ONNX Runtime's domain: some exporters write its operators without it, or standard ones with it. */
const RUNTIME_DOMAIN = "com.microsoft::";

/** The entry of an operator, named `Op` or `domain::Op`; undefined if none is known. */
export function operatorFor(op: string): Operator | undefined {
  const exact = BY_OP.get(op);
  if (exact !== undefined) return exact;
  if (op.startsWith(RUNTIME_DOMAIN)) return BY_OP.get(op.slice(RUNTIME_DOMAIN.length));
  return op.includes("::") ? undefined : BY_OP.get(RUNTIME_DOMAIN + op);
}

/** What is the same every iteration is computed once: its nodes launch nothing. */
function folding(operator: Operator): Operator {
  const work = (node: ShapedNode): NodeWork => {
    const folded = node.outputs.every(
      (output) => output === null || output.role === "constant" || output.role === "parameter",
    );
    return folded ? FREE : operator.work(node);
  };
  return { ...operator, work };
}
