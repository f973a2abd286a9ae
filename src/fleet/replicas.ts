import { refuse } from "../base/diagnostics/diagnostic.js";
import { deadlineTooShort } from "../base/diagnostics/fleet.js";

/** A part of a service, of which replicas run one job. */
export interface Part {
  readonly name: string;
  /** Runs per second that all of its replicas do together. */
  readonly rate_per_s: number;
  /** How long a run may take; null: as long as it likes. */
  readonly deadline_s: number | null;
  /** Of one replica. */
  readonly gpus: number;
  /** What a replica draws that has nothing to do. */
  readonly idle_power_w: number;
  /** Of its frontier, at least one; powers of one replica. */
  readonly points: readonly {
    readonly id: number;
    readonly time_s: number;
    readonly power_w: number;
  }[];
}

/** What is to be least; where two choices have equally much, the other decides. */
export const SERVING_GOALS = ["energy", "gpus"] as const;
export type ServingGoal = (typeof SERVING_GOALS)[number];

/** How a part runs. */
export interface Served {
  readonly name: string;
  readonly point: number;
  readonly time_s: number;
  readonly replicas: number;
  readonly gpus: number;
  /** Share of time in which a replica runs. */
  readonly busy: number;
  /** Of all replicas, on average. */
  readonly power_w: number;
}

/** A rate times a time may end a hair above the whole number that it is. */
const ROUNDING = 1e-9;

/**
 * The point and the number of replicas of each part that do its rate and keep its deadline with the least
 * power, or on the fewest GPUs. Exact: parts share nothing, and at a point more replicas than the rate needs
 * only idle. Runs that wait for a free replica are not in the times. Refuses a deadline that no point keeps
 * (KRS4417).
 */
export function replicasFor(parts: readonly Part[], goal: ServingGoal): Served[] {
  return parts.map((part) => {
    const { name, deadline_s, points } = part;
    const kept = points.filter(({ time_s }) => deadline_s === null || time_s <= deadline_s);
    const choices = kept.map((point) => servedAt(part, point));
    const [first, ...others] = choices;
    if (first === undefined) {
      return refuse(deadlineTooShort(name, Math.min(...points.map(({ time_s }) => time_s))));
    }
    const least = (a: Served, b: Served) => {
      const [power_w, gpus] = [a.power_w - b.power_w, a.gpus - b.gpus];
      return goal === "energy" ? power_w || gpus : gpus || power_w;
    };
    return others.reduce((best, choice) => (least(choice, best) < 0 ? choice : best), first);
  });
}

function servedAt(
  { name, rate_per_s, gpus, idle_power_w }: Part,
  point: Part["points"][number],
): Served {
  const { id, time_s, power_w } = point;
  const running = rate_per_s * time_s;
  const replicas = Math.max(1, Math.ceil(running - ROUNDING));
  return {
    ...{ name, point: id, time_s, replicas, gpus: gpus * replicas },
    busy: running / replicas,
    power_w: running * power_w + Math.max(0, replicas - running) * idle_power_w,
  };
}
