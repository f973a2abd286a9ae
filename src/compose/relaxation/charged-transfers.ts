import { at, hotFloat, hotInt } from "../../base/need.js";
import type { FlowSolution } from "../../math/flow/flow-solution.js";
import type { Network } from "../network.js";
import { replay } from "../replay.js";
import { ChargedFlows } from "./charged-flows.js";
import type { PipelineShape } from "./pipeline-graph.js";
import { type Relaxation, relaxGraph } from "./relaxed-graph.js";

/**
 * Relaxes a pipeline whose drawing leaves out what crossing results take on their way, and charges it: a
 * flow of the drawing is one of the pipeline too, and where that time is paid for by the flow on it, no
 * plan costs less. As the flow is the cheapest without that time, the bound is a hair below the pipeline's
 * own. The deadline of a solution is later by what is charged, see `LeftOut`.
 * @param deadlines see `relax`
 */
export function relaxCharging(
  network: Network,
  deadlines: number | readonly number[],
  shape: PipelineShape,
): Relaxation {
  const transfer_s = network.transfer_s.slice();
  for (const { down, up } of shape.crossings) for (const i of [down, up]) transfer_s[i] = 0;
  const charged = new ChargedFlows(network, shape.crossings);
  const { time_s: fastest_s } = replay(network, new Int32Array(network.sets.length));
  const relaxed = relaxGraph({ ...network, transfer_s }, deadlines, shape, {
    fastest_s,
    later: (flow, power_w) => (power_w > 0 ? charged.of(flow).charge_j / power_w : 0),
    instructionsOf: (flow, deadline_s) => {
      const taken_s = durationsOf(network, flow);
      const end_s = latestEnds(network, taken_s, deadline_s);
      return { end_s, taken_s, price_w: charged.of(flow).price_w };
    },
  });
  const idle_power_w = network.stages * network.static_power_w;
  const boundAt = (time_s: number) =>
    relaxed.solutions.reduce(
      (most_j, { dynamic_j, power_w, deadline_s }) =>
        Math.max(most_j, dynamic_j + power_w * (deadline_s - time_s) + idle_power_w * time_s),
      relaxed.boundAt(time_s),
    );
  return { ...relaxed, boundAt };
}

/** What each instruction takes in a solution, no longer than its slowest option. */
function durationsOf({ sets }: Network, { events }: FlowSolution): Float64Array {
  return Float64Array.from(sets, ({ time_s }, i) =>
    Math.min(hotFloat(events, 2 * i + 1) - hotFloat(events, 2 * i), at(time_s, -1)),
  );
}

/** When each instruction has to end at the latest. */
function latestEnds(
  { topological, stageAfter, dataAfter, transfer_s }: Network,
  duration_s: Float64Array,
  deadline_s: number,
): Float64Array {
  const none = duration_s.length;
  const end_s = new Float64Array(none);
  const startOf = (i: number) =>
    i < none ? hotFloat(end_s, i) - hotFloat(duration_s, i) : deadline_s;
  for (const i of topological.toReversed()) {
    const awaiting = hotInt(dataAfter, i);
    const handedOver_s = startOf(awaiting) - (awaiting < none ? hotFloat(transfer_s, awaiting) : 0);
    end_s[i] = Math.min(startOf(hotInt(stageAfter, i)), handedOver_s);
  }
  return end_s;
}
