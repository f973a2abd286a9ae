import { byDefault } from "../base/need.js";
import type { FrontierFile } from "../plan/frontier.js";
import type { BeyondGpus } from "../plan/shared.js";
import { integer, quantity, ratio } from "./flags/numbers.js";
import type { Values } from "./flags/table.js";

/** What draws power beside the GPUs. */
export const BEYOND_GPUS_FLAGS = {
  node_power_w: quantity(
    "--node-power-w <w>",
    "what a node draws beside its GPUs (default: nothing, or as optimize was told)",
    "watts",
    null,
  ),
  network_power_w: quantity(
    "--network-power-w <w>",
    "a node's part in the network between nodes (the same default)",
    "watts",
    null,
  ),
  pue: ratio("--pue <ratio>", "power of the site over that of its machines (the same default)"),
} as const;

/** The same for commands that read a frontier. */
export const BEYOND_FLAGS = {
  ...BEYOND_GPUS_FLAGS,
  gpus_per_node: integer("--gpus-per-node <n>", "GPUs that share a node (default: 8)", null, {
    min: 1,
    max: 4096,
  }),
} as const;

const GPUS_PER_NODE = 8;

/** What flags say over what the frontier's run was told; null: GPUs alone count. */
export function beyondOf(
  flags: Values<typeof BEYOND_FLAGS>,
  { beyond_gpus }: Pick<FrontierFile, "beyond_gpus">,
): BeyondGpus | null {
  const { node_power_w, network_power_w, pue, gpus_per_node } = flags;
  const given = [node_power_w, network_power_w, pue].some((value) => value !== null);
  if (!given && !beyond_gpus) return null;
  return {
    node_power_w: byDefault(node_power_w ?? beyond_gpus?.node_power_w, 0),
    network_power_w: byDefault(network_power_w ?? beyond_gpus?.network_power_w, 0),
    pue: byDefault(pue ?? beyond_gpus?.pue, 1),
    gpus_per_node: byDefault(gpus_per_node ?? beyond_gpus?.gpus_per_node, GPUS_PER_NODE),
  };
}
