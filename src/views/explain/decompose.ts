import { at } from "../../base/need.js";
import { eachUseOnce } from "../../plan/alike.js";
import type { Cause, Causes, Scope } from "../../plan/explanation.js";
import { gpusPerStage } from "../../plan/gpus.js";
import type { CostedPlan, PlanCost } from "../../plan/plan.js";
import { type PlanRun, runsIn } from "../../plan/runs.js";

/** In the order in which they are told. */
export const CAUSES: readonly Cause[] = [
  "compute",
  "contention",
  "exposed_communication",
  "throttling",
  "launches",
  "clock_switches",
  "tail",
  "bubbles",
];

/** Smaller shares of a whole are rounding. */
const ROUNDING = 1e-13;

/** A plan's time and energy by cause. */
interface Decomposition {
  readonly total: Scope;
  /** By stage. */
  readonly stages: readonly Scope[];
  /** By key, in the order of the plan. */
  readonly partitions: ReadonlyMap<string, Scope & { readonly runs: number }>;
  readonly sources: Readonly<Record<PlanCost["source"], number>>;
}

/** Adds up times by cause and dynamic energy, of one GPU. */
class Sum {
  readonly #time_s = Object.fromEntries(CAUSES.map((cause) => [cause, 0])) as Record<Cause, number>;
  #dynamic_j = 0;
  runs = 0;

  add(cause: Cause, time_s: number, dynamic_j = 0): void {
    this.#time_s[cause] += time_s;
    this.#dynamic_j += dynamic_j;
  }

  /** What another sum holds too. */
  addAll(other: Sum): void {
    for (const cause of CAUSES) this.#time_s[cause] += other.#time_s[cause];
    this.#dynamic_j += other.#dynamic_j;
    this.runs += other.runs;
  }

  /** The parts of a run; those of a tail are not told apart. */
  addRun({ cost, count }: PlanRun, tail: boolean, static_power_w: number): void {
    const { compute_s, contention_s, exposed_communication_s, throttling_s } = cost;
    const dynamic_j = count * (cost.energy_j - static_power_w * cost.time_s);
    this.runs += count;
    if (tail) {
      this.add("tail", count * cost.time_s, dynamic_j);
      return;
    }
    this.add("compute", count * compute_s, dynamic_j);
    this.add("contention", count * contention_s);
    this.add("exposed_communication", count * exposed_communication_s);
    this.add("throttling", count * throttling_s);
  }

  /** For `gpus` GPUs that burn static power all the while. */
  scope(static_power_w: number, gpus: number): Scope {
    const all_s = CAUSES.reduce((sum, cause) => sum + Math.abs(this.#time_s[cause]), 0);
    const share = (cause: Cause) => {
      const own_s = this.#time_s[cause];
      // Contention and bubbles are differences of sums: what is left of nothing is their rounding.
      const time_s = Math.abs(own_s) <= ROUNDING * all_s ? 0 : own_s;
      return { time_s, static_j: gpus * static_power_w * time_s };
    };
    const causes = Object.fromEntries(CAUSES.map((cause) => [cause, share(cause)])) as Causes;
    const shares = Object.values(causes);
    const dynamic_j = gpus * this.#dynamic_j;
    const time_s = shares.reduce((sum, each) => sum + each.time_s, 0);
    const energy_j = shares.reduce((sum, each) => sum + each.static_j, dynamic_j);
    return { causes, dynamic_j, time_s, energy_j };
  }
}

/**
 * What the time and energy of a plan go to. A plan keeps what each run costs and what its time is made
 * of (`costs`, scaled where the cost is not the model's), so this only adds up: per run what its cost says, per instruction what a switch
 * of the clock leaves between that and its own time, per stage its waiting. Dynamic energy is what
 * is above static power x time.
 */
export function decompose(plan: CostedPlan): Decomposition {
  const { static_power_w } = plan;
  const total = new Sum();
  const stages = plan.stages.map(() => new Sum());
  const partitions = new Map(plan.partitions.map(({ key }) => [key, new Sum()]));
  const sources = { measured: 0, interpolated: 0, modelled: 0, extrapolated: 0 };
  addUp(
    plan,
    stages.map((stage) => [total, stage]),
    (run, isTail) => {
      partitions.get(run.partition)?.addRun(run, isTail, static_power_w);
      sources[run.cost.source] += run.count;
    },
  );
  const gpus = gpusPerStage(plan.parallelism);
  const scope = (sum: Sum) => sum.scope(static_power_w, gpus);
  return {
    total: scope(total),
    stages: stages.map(scope),
    partitions: new Map(
      [...partitions].map(([key, sum]) => [key, { ...scope(sum), runs: sum.runs }]),
    ),
    sources,
  };
}

/** The same of all stages together alone. */
export function decomposeWhole(plan: CostedPlan): Scope {
  const total = new Sum();
  const sums = [total];
  addUp(
    plan,
    plan.stages.map(() => sums),
    () => {},
  );
  return total.scope(plan.static_power_w, gpusPerStage(plan.parallelism));
}

/** Adds what each stage does to its sums, and tells of every run. */
function addUp(
  plan: CostedPlan,
  sums: readonly (readonly Sum[])[],
  onRun: (run: PlanRun, isTail: boolean) => void,
): void {
  const { static_power_w, point } = plan;
  const runsOf = runsIn(plan);
  const ranBy = (isTail: boolean) =>
    eachUseOnce((instruction) => {
      const runs = runsOf(instruction);
      const ran_s = runs.reduce((sum, { cost, count }) => sum + count * cost.time_s, 0);
      const ran_j = runs.reduce((sum, { cost, count }) => sum + count * cost.energy_j, 0);
      const parts = new Sum();
      for (const run of runs) parts.addRun(run, isTail, static_power_w);
      return { runs, ran_s, ran_j, parts };
    });
  const [ranByTail, ranByOther] = [ranBy(true), ranBy(false)];
  plan.stages.forEach(({ instructions }, stage) => {
    const own = at(sums, stage);
    let busy_s = 0;
    for (const instruction of instructions) {
      const { kind, time_s, energy_j, switch_from_mhz, launch_time_s = 0 } = instruction;
      busy_s += time_s;
      const isTail = kind === "tail";
      const { runs, ran_s, ran_j, parts } = (isTail ? ranByTail : ranByOther)(instruction);
      for (const sum of own) sum.addAll(parts);
      for (const run of runs) onRun(run, isTail);
      const plain_s = Math.max(ran_s, launch_time_s);
      for (const sum of own) sum.add("launches", plain_s - ran_s);
      if (switch_from_mhz === undefined) continue;
      const plain_j = ran_j + static_power_w * (plain_s - ran_s);
      const longer_s = time_s - plain_s;
      const dynamic_j = energy_j - plain_j - static_power_w * longer_s;
      for (const sum of own) sum.add("clock_switches", longer_s, dynamic_j);
    }
    for (const sum of own) sum.add("bubbles", point.time_s - busy_s);
  });
}
