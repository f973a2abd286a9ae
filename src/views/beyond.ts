import { scaled } from "../base/units.js";
import type { BeyondGpus } from "../plan/shared.js";

/** What energies count beside those of GPUs, in a sentence. */
export function beyondSentence(beyond: BeyondGpus): string {
  const { node_power_w, network_power_w, pue, gpus_per_node } = beyond;
  const node = `${scaled(node_power_w, "W")} of every node of ${gpus_per_node} GPUs`;
  return `Energies count ${node} and ${scaled(network_power_w, "W")} of its network, all times a PUE of ${pue}.`;
}
