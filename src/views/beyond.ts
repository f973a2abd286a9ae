import { at } from "../base/need.js";
import { duration, scaled } from "../base/units.js";
import { frontierBeyond } from "../plan/beyond-gpus.js";
import type { FrontierFile } from "../plan/frontier.js";
import type { BeyondGpus } from "../plan/shared.js";

/** What energies count beside those of GPUs, in a sentence. */
export function beyondSentence(beyond: BeyondGpus): string {
  const { node_power_w, network_power_w, pue, gpus_per_node } = beyond;
  const node = `${scaled(node_power_w, "W")} of every node of ${gpus_per_node} GPUs`;
  return `Energies count ${node} and ${scaled(network_power_w, "W")} of its network, all times a PUE of ${pue}.`;
}

/** The same, with the point that takes the least so beside that of the GPUs alone; the frontier has points. */
export function beyondWords(frontier: FrontierFile, beyond: BeyondGpus): string {
  const best = at(frontierBeyond(frontier, beyond).points, -1);
  const least = `Of least energy so: point ${best.id}, ${duration(best.time_s)}, ${scaled(best.energy_j, "J")}`;
  return `${beyondSentence(beyond)} ${least}; by the GPUs alone: point ${at(frontier.points, -1).id}.`;
}

/** What the powers of several jobs count: once where it is the same for all. */
export function countedLines(
  jobs: readonly { readonly name: string; readonly beyond: BeyondGpus | null }[],
): readonly string[] {
  const said = jobs.map(({ beyond }) =>
    beyond === null ? "Powers are of GPUs alone." : beyondSentence(beyond),
  );
  if (new Set(said).size === 1) return said.slice(0, 1);
  return jobs.map(({ name }, k) => `${name}: ${at(said, k)}`);
}
