import { need } from "../../base/need.js";
import { rounded } from "../../base/rounded.js";
import { type Evaluation, nameOf } from "../../ir/configuration.js";
import { spread } from "../../math/spread.js";
import type { DetailsFile } from "../../plan/details.js";
import type { PlanFile } from "../../plan/plan.js";
import { partitionNames } from "../partition-names.js";
import type {
  DrawnCauses,
  DrawnConfiguration,
  DrawnPlan,
  DrawnRun,
  LaneInstruction,
} from "./model.js";
import { type Chosen, drawnPlan, lanesOf, Numbering } from "./plans.js";
import { causesOf } from "./rivals.js";

/** Instructions drawn of all plans together, about: 100 plans of 16 stages and 64 microbatches. */
const MOST_INSTRUCTIONS = 200_000;

/** What a page shows of a run's plans, which come one after the other and need not all be there at once. */
export class DrawnPlans {
  /** Of each point whose plan there is. */
  readonly held = new Set<number>();
  /** By point: of as many plans as a page can hold, evenly spread; causes are null where a plan does not say. */
  readonly plans = new Map<number, DrawnPlan>();
  readonly causes = new Map<number, DrawnCauses | null>();
  /** Every partition type that a plan uses, in order of first use. */
  readonly types = new Map<string, PlanFile["partitions"][number]>();
  readonly names = new Map<string, string>();
  readonly clocks_mhz = new Set<number>();
  lanes: LaneInstruction[][] = [];

  readonly #numbering = new Numbering<DrawnConfiguration>();
  readonly #evaluations: readonly Evaluation[];
  /** Plans say themselves what their runs cost; for those of older files that do not. */
  #evaluated: ReadonlyMap<string, Evaluation> | null = null;
  readonly #runs: ReadonlyMap<string, DrawnRun>;
  readonly #places: readonly number[];
  #drawn: ReadonlySet<number> = new Set();

  /** @param count of the plans that come */
  constructor(
    count: number,
    {
      evaluations,
      details,
    }: { readonly evaluations: readonly Evaluation[]; readonly details: DetailsFile | null },
  ) {
    this.#places = Array.from({ length: count }, (_, k) => k);
    this.#evaluations = evaluations;
    this.#runs = drawnRuns(details);
  }

  /** What plans choose, by number. */
  get configurations(): readonly DrawnConfiguration[] {
    return this.#numbering.list;
  }

  /** Of each plan. */
  get instructions(): number {
    return this.lanes.reduce((sum, { length }) => sum + length, 0);
  }

  add(plan: PlanFile): void {
    if (this.held.size === 0) {
      this.lanes = lanesOf([plan]);
      const most = Math.floor(MOST_INSTRUCTIONS / Math.max(1, this.instructions));
      this.#drawn = new Set(spread(this.#places, Math.max(2, most)));
    }
    for (const type of plan.partitions) this.types.set(type.key, type);
    for (const [key, name] of partitionNames(plan)) this.names.set(key, name);
    for (const freq_mhz of plan.gpu.clocks_mhz) this.clocks_mhz.add(freq_mhz);
    const { id } = plan.point;
    if (this.#drawn.has(this.held.size)) {
      const places = new Map([...this.types.keys()].map((key, place) => [key, place]));
      this.plans.set(
        id,
        drawnPlan(plan, (chosen) => this.#numberOf(chosen, places)),
      );
      this.causes.set(id, causesOf(plan));
    }
    this.held.add(id);
  }

  #numberOf(chosen: Chosen, places: ReadonlyMap<string, number>): number {
    const name = nameOf(chosen.partition, chosen);
    return this.#numbering.numberOf(name, () => {
      const { partition, freq_mhz, launch_slot, sms, order } = chosen;
      const cost = chosen.cost ?? this.#evaluatedAt(name);
      return {
        partition: need(places, partition),
        freq_mhz,
        launch_slot,
        sms,
        order,
        run: this.#runs.get(name) ?? null,
        cost: cost === undefined ? null : costOf(cost),
      };
    });
  }

  #evaluatedAt(name: string): Evaluation | undefined {
    this.#evaluated ??= new Map(
      this.#evaluations.map((each) => [nameOf(each.partition, each), each]),
    );
    return this.#evaluated.get(name);
  }
}

/** What a plan says of a cost; of an older plan, what the evaluation says. */
function costOf(cost: NonNullable<Chosen["cost"]> | Evaluation): DrawnConfiguration["cost"] {
  const { time_s, energy_j, source } = cost;
  const parts =
    "compute_s" in cost
      ? {
          compute_s: rounded(cost.compute_s),
          contention_s: rounded(cost.contention_s),
          exposed_communication_s: rounded(cost.exposed_communication_s),
          throttling_s: rounded(cost.throttling_s),
        }
      : null;
  return { time_s: rounded(time_s), energy_j: rounded(energy_j), source, parts };
}

function drawnRuns(details: DetailsFile | null): Map<string, DrawnRun> {
  const runs = (details?.partitions ?? []).flatMap(({ key, runs }) =>
    runs.map((run): [string, DrawnRun] => {
      const { clock_mhz, time_s, energy_j, bandwidth_bytes_per_s, pieces } = run;
      const drawn = { clock_mhz, bandwidth_bytes_per_s: rounded(bandwidth_bytes_per_s), pieces };
      return [nameOf(key, run), { ...drawn, time_s: rounded(time_s), energy_j: rounded(energy_j) }];
    }),
  );
  return new Map(runs);
}
