import { addTo, byDefault, need } from "../../src/base/need.js";
import { replicasOf } from "../../src/ir/groups.js";
import type { CommunicationKernel, Kernel, TrainedTensor } from "../../src/ir/kernel-graph.js";
import type { InstructionKind } from "../../src/ir/partition.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import { type UnitCollective, unitBytes, weightUnits } from "../../src/ir/weight-units.js";
import type { Beside, Surroundings } from "./beside.js";
import { halfOf } from "./gradient-sums.js";
import { exchange, SHARES, type Share } from "./replica-exchange.js";

type Context = Pick<LoweringContext, "options" | "kernelTime">;

/** A stretch of an instruction: a layer, or what comes before or after all layers. */
type Stretch = number | "before" | "after";

const COLLECTIVES: readonly UnitCollective[] = ["all_gather", "reduce_scatter"];

/** Weights to be gathered or gradients to be scattered: those of a layer, null: outside layers. */
interface Move {
  readonly collective: UnitCollective;
  readonly unit: number | null;
}

/**
 * What ranks that hold shares of parameters exchange in every microbatch (ZeRO, arXiv 1910.02054;
 * FSDP). With ZeRO-3 a layer's weights are gathered while the layer before it runs, forward and again
 * backward; with ZeRO-2 and 3 a layer's gradients are summed and scattered while the next one runs
 * backward. Each exchange is spread evenly over the time of the layer beside it, whether or not it
 * finds room there. Weights outside layers are gathered once and kept until backward ends.
 */
export class ShardTraffic implements Beside {
  readonly #stage: number;
  readonly #context: Context;
  readonly #units: ReadonlyMap<number | null, readonly TrainedTensor[]>;
  readonly #ends: ReadonlySet<Kernel>;
  readonly #times = { whole: new Map<Stretch, number>(), halves: new Map<Stretch, number>() };
  readonly #moves = new Map<Stretch, readonly Move[]>();
  readonly #first: readonly Move[];
  readonly #last: readonly Move[];
  #passedLayers = false;

  /**
   * @param here kernels of the stage's chunk, forward and backward
   * @param kernels those of the instruction, of a kind
   */
  constructor(
    stage: number,
    here: readonly Kernel[],
    kernels: readonly Kernel[],
    kind: InstructionKind,
    context: Context,
  ) {
    this.#stage = stage;
    this.#context = context;
    this.#units = weightUnits(here);
    const layers = [...new Set(kernels.flatMap(({ layer }) => layer ?? []))];
    this.#ends = new Set(
      kernels.filter(
        (kernel, i) => kernel.layer !== kernels[i + 1]?.layer && i + 1 < kernels.length,
      ),
    );
    for (const kernel of kernels) {
      const stretch = this.#stretchOf(kernel);
      if (kernel.kind !== "compute") continue;
      addTo(this.#times.whole, stretch, context.kernelTime(kernel));
      addTo(this.#times.halves, stretch, 2 * context.kernelTime(halfOf(kernel)));
    }
    this.#passedLayers = false;
    const runs = (stretch: Stretch) => this.#times.whole.has(stretch);
    const gathers = context.options.zero === 3 && kind !== "weight_gradient";
    const scatters = kind === "backward" || kind === "weight_gradient";
    const gather = (units: readonly (number | null | undefined)[]): Move[] =>
      gathers ? movesOf("all_gather", units) : [];
    const scatter = (units: readonly (number | null | undefined)[]): Move[] =>
      scatters ? movesOf("reduce_scatter", units) : [];
    layers.forEach((layer, i) => {
      this.#moves.set(layer, [...gather([layers[i + 1]]), ...scatter([layers[i - 1]])]);
    });
    const outside = kind === "forward" ? [null] : [];
    if (runs("before")) this.#moves.set("before", gather([layers[0]]));
    this.#first = gather(runs("before") ? outside : [...outside, layers[0]]);
    if (runs("after")) this.#moves.set("after", scatter([layers.at(-1)]));
    this.#last = scatter(runs("after") ? [null] : [layers.at(-1), null]);
  }

  completes(kernel: Kernel): boolean {
    return this.#ends.has(kernel);
  }

  ran(): void {}

  before(): CommunicationKernel[] {
    this.#passedLayers = false;
    return this.#exchanges(this.#first.map((move) => ({ ...move, part: 1 })));
  }

  beside({ kernels, nanobatch }: Surroundings): CommunicationKernel[] {
    const totals = nanobatch ? this.#times.halves : this.#times.whole;
    const own = new Map<Stretch, number>();
    for (const kernel of kernels) {
      const time_s = this.#context.kernelTime(nanobatch ? halfOf(kernel) : kernel);
      addTo(own, this.#stretchOf(kernel), time_s);
    }
    const parts = [...own].flatMap(([stretch, time_s]) => {
      const part = time_s === 0 ? 0 : time_s / need(totals, stretch);
      return byDefault(this.#moves.get(stretch), []).map((move) => ({ ...move, part }));
    });
    return this.#exchanges(parts);
  }

  after(): CommunicationKernel[] {
    return this.#exchanges(this.#last.map((move) => ({ ...move, part: 1 })));
  }

  rest(): CommunicationKernel[] {
    return this.after();
  }

  #stretchOf({ layer }: Kernel): Stretch {
    if (layer === null) return this.#passedLayers ? "after" : "before";
    this.#passedLayers = true;
    return layer;
  }

  /** Parts of some moves: of each kind one collective among those who share the parameters. */
  #exchanges(moves: readonly (Move & { readonly part: number })[]): CommunicationKernel[] {
    const { options } = this.#context;
    const replicas = replicasOf(options);
    return COLLECTIVES.flatMap((collective) =>
      SHARES.flatMap((share) => {
        const own = moves.filter((move) => move.collective === collective);
        const bytes = own.reduce(
          (sum, { unit, part }) => sum + part * this.#bytes(collective, unit, share),
          0,
        );
        if (replicas[share].ranks === 1 || Math.round(bytes) === 0) return [];
        return [exchange(this.#stage, collective, share, Math.round(bytes), options)];
      }),
    );
  }

  #bytes(collective: UnitCollective, unit: number | null, share: Share): number {
    const { optimizer } = this.#context.options;
    // A layer without weights (a scan written out, a pooling) has nothing to bring together.
    const tensors = byDefault(this.#units.get(unit), []);
    return unitBytes(tensors, collective, share === "experts", optimizer);
  }
}

function movesOf(
  collective: UnitCollective,
  units: readonly (number | null | undefined)[],
): Move[] {
  return units.flatMap((unit) => (unit === undefined ? [] : [{ collective, unit }]));
}
