import { at } from "../../base/need.js";
import type { PipelineInstruction, PipelineOrder } from "../../ir/iteration.js";
import { type Placement, partOf } from "../../ir/placement.js";

/**
 * What each instruction waits for beside its own stage's order: the one before it on its
 * microbatch's way, forward through the stages (chunk after chunk) and backward again. A stage that
 * has nothing to do in a direction is passed over. Weight gradients and tails wait for their own
 * stage alone: a weight gradient comes after its input gradient in every order.
 * Indices count the instructions stage after stage, each in its order; their number means nothing.
 */
export function dataDependencies(order: PipelineOrder, placement: Placement): Int32Array {
  const instructions = order.flat();
  const chunks = instructions.reduce((most, { chunk }) => Math.max(most, chunk + 1), 1);
  const depth = order.length * chunks;
  const ways = new Map<number, { readonly index: number; readonly place: number }[]>();
  instructions.forEach((instruction, index) => {
    const { microbatch, kind } = instruction;
    if (microbatch === null || kind === "weight_gradient") return;
    const step = { index, place: placeOnWay(instruction, order.length, depth, placement) };
    const way = ways.get(microbatch);
    if (way === undefined) ways.set(microbatch, [step]);
    else way.push(step);
  });
  const before = new Int32Array(instructions.length).fill(instructions.length);
  for (const way of ways.values()) {
    way.sort((a, b) => a.place - b.place);
    for (let k = 1; k < way.length; k++) before[at(way, k).index] = at(way, k - 1).index;
  }
  return before;
}

/** Forward in virtual stages 0..depth-1, then backward through them. */
function placeOnWay(
  { kind, stage, chunk }: PipelineInstruction,
  stages: number,
  depth: number,
  placement: Placement,
) {
  const virtualStage = partOf(stage, chunk, stages, placement);
  return kind === "forward" ? virtualStage : 2 * depth - 1 - virtualStage;
}
