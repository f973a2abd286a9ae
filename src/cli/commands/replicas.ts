import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { notForwardOnly } from "../../base/diagnostics/fleet.js";
import { missingFlags } from "../../base/diagnostics/usage.js";
import { at } from "../../base/need.js";
import { type Part, SERVING_GOALS } from "../../fleet/replicas.js";
import { powerBeyond } from "../../plan/beyond-gpus.js";
import { replicaStaticPower } from "../../plan/frontier.js";
import { gpusPerReplica } from "../../plan/gpus.js";
import type { ReplicasFile } from "../../plan/replicas.js";
import { BEYOND_FLAGS } from "../beyond.js";
import { toggle } from "../flags/flag.js";
import { numbers } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { choice } from "../flags/texts.js";
import { checkOneEach, readFleetFrontier } from "../fleet-frontiers.js";
import { print, say, Terminal } from "../terminal.js";

const FLAGS = {
  rates: numbers("--rates <a,b,...>", "runs per second of each part, of all its replicas together"),
  deadlines: numbers(
    "--deadline-s <a,b,...>",
    "how long a run may take, one for each part (default: as long as its slowest point)",
  ),
  minimize: choice(
    "--minimize <what>",
    "energy, or gpus: as few as do the rates",
    SERVING_GOALS,
    "energy",
  ),
  ...BEYOND_FLAGS,
  json: toggle("--json", "the replicas as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
A run is one iteration of the part's frontier: of kareus optimize --forward-only --microbatches 1, one batch of
requests.
A replica that has nothing to do draws its static power. Parts share nothing, so the choice is exact.

Examples:
  $ kareus replicas prefill.kareus decode.kareus --rates 4,30 --deadline-s 0.5,0.04
  $ kareus replicas vision.kareus text.kareus --rates 2,2 --minimize gpus`;

/** `kareus replicas`: how many replicas of each part of a service run, and at which point. */
export function addReplicas(program: Command): void {
  const command = program
    .command("replicas")
    .summary("replicas and clocks of the parts of a service")
    .description(
      "Choose a point and the number of replicas for each part of a service, so that they do their rates in time with the least energy.",
    )
    .argument("<dir|frontier.json...>", "what optimize --forward-only wrote, one for each part")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((sources: readonly string[]) => run(sources, readFlags(command, FLAGS)));
}

async function run(sources: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ replicasFor }, { writeReplicas }] = await Promise.all([
    import("../../fleet/replicas.js"),
    import("../../plan/replicas.js"),
  ]);
  const parts = await readParts(sources, flags);
  const served = replicasFor(parts, flags.minimize);
  const file: ReplicasFile = {
    format: "kareus-replicas",
    version: 1,
    parts: parts.map(({ rate_per_s, deadline_s }, i) => ({
      rate_per_s,
      deadline_s,
      ...at(served, i),
    })),
    gpus: served.reduce((sum, { gpus }) => sum + gpus, 0),
    power_w: served.reduce((sum, { power_w }) => sum + power_w, 0),
  };
  if (flags.json) {
    print(writeReplicas(file));
    return;
  }
  const { replicasSummary } = await import("../../views/replicas.js");
  say(replicasSummary(file));
}

/** The parts of the frontiers, each with its rate and its deadline. */
async function readParts(sources: readonly string[], flags: Values<typeof FLAGS>): Promise<Part[]> {
  const { rates, deadlines } = flags;
  const { report } = new Terminal(flags.json);
  if (rates === null) return fail(missingFlags("kareus replicas", ["--rates"]));
  checkOneEach({ "--rates": rates, "--deadline-s": deadlines }, sources);
  return Promise.all(
    sources.map(async (source, i): Promise<Part> => {
      const { path, frontier, points, withBeyond } = await readFleetFrontier(
        source,
        flags,
        powerBeyond,
      );
      if (frontier.parallelism.forward_only !== true) report(notForwardOnly(path));
      return {
        name: source,
        rate_per_s: at(rates, i),
        deadline_s: deadlines === null ? null : at(deadlines, i),
        gpus: gpusPerReplica(frontier.parallelism),
        idle_power_w: withBeyond(replicaStaticPower(frontier)),
        points,
      };
    }),
  );
}
