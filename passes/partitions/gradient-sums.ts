import { replicasOf } from "../../src/ir/groups.js";
import type { CommunicationKernel, Kernel } from "../../src/ir/kernel-graph.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import type { Beside, Surroundings } from "./beside.js";
import { type Elements, gradientSum, NO_ELEMENTS, SHARES, type Share } from "./replica-exchange.js";

type Context = Pick<LoweringContext, "options" | "kernelTime">;

/**
 * The sums of gradients over replicas on their way through the last backward: what is whole waits
 * for compute to run beside, first come, first served, and only as much is started as is done by
 * then at the highest clock. A layer's bucket may go in several pieces; what finds no room is left to
 * the tail, where it holds up no other stage. Every execution sums the same, the baselines' too, so the
 * last backward has options of its own (`last_backward`) under the name of a backward. Sums over cp or
 * ep alone, without dp, stay in the tail. Norms cut by sequence parallelism would also be summed over
 * tp; that is left out (kilobytes per layer).
 */
export class GradientSums implements Beside {
  readonly #stage: number;
  readonly #buckets: ReadonlyMap<Kernel, Elements>;
  readonly #most: Elements;
  readonly #context: Context;
  readonly #waiting = { ...NO_ELEMENTS };
  readonly #started = { ...NO_ELEMENTS };

  /** @param most how many elements may be started in all */
  constructor(
    stage: number,
    buckets: ReadonlyMap<Kernel, Elements>,
    most: Elements,
    context: Context,
  ) {
    this.#stage = stage;
    this.#buckets = buckets;
    this.#most = most;
    this.#context = context;
  }

  /** Elements whose sums have been started. */
  get started(): Elements {
    return { ...this.#started };
  }

  /** Whether gradients become whole when this kernel has run. */
  completes(kernel: Kernel): boolean {
    return this.#buckets.has(kernel);
  }

  /** Takes note that kernels have run, for the whole microbatch. */
  ran(kernels: readonly Kernel[]): void {
    for (const kernel of kernels) {
      const bucket = this.#buckets.get(kernel);
      if (bucket === undefined) continue;
      for (const share of SHARES) this.#waiting[share] += bucket[share];
    }
  }

  before(): CommunicationKernel[] {
    return [];
  }

  /** What finds no room is left to the end of the iteration. */
  after(): CommunicationKernel[] {
    return [];
  }

  /** Starts what is done while these kernels run and other communication does not. */
  beside({ kernels, communication, dependent, nanobatch }: Surroundings): CommunicationKernel[] {
    const timeOf = (kernel: Kernel) =>
      this.#context.kernelTime(nanobatch ? halfOf(kernel) : kernel);
    let room_s = kernels.reduce((sum, kernel) => sum + timeOf(kernel), 0);
    if (!dependent) room_s -= communication.reduce((sum, kernel) => sum + timeOf(kernel), 0);
    return SHARES.flatMap((share) => {
      const elements = Math.min(this.#startable(share), this.#fitting(share, room_s));
      const sums = this.#start(share, elements);
      for (const sum of sums) room_s -= this.#context.kernelTime(sum);
      return sums;
    });
  }

  /** Starts all that may still be started. */
  rest(): CommunicationKernel[] {
    return SHARES.flatMap((share) => this.#start(share, this.#startable(share)));
  }

  #startable(share: Share): number {
    return Math.min(this.#waiting[share], this.#most[share] - this.#started[share]);
  }

  #start(share: Share, elements: number): CommunicationKernel[] {
    if (elements === 0) return [];
    this.#waiting[share] -= elements;
    this.#started[share] += elements;
    return [gradientSum(this.#stage, share, elements, this.#context.options)];
  }

  /** Elements that a time suffices to sum: a multiple of the ranks. */
  #fitting(share: Share, room_s: number): number {
    const { options, kernelTime } = this.#context;
    const { ranks } = replicasOf(options)[share];
    if (ranks === 1) return 0;
    const timeOf = (elements: number) =>
      kernelTime(gradientSum(this.#stage, share, elements, options));
    const all = [...this.#buckets.values()].reduce((sum, bucket) => sum + bucket[share], 0);
    // Time is latency and a rate: the same room always takes the same piece.
    const [latency_s, whole_s] = [timeOf(0), timeOf(all)];
    if (room_s <= latency_s || all === 0) return 0;
    const fitting = (all * (room_s - latency_s)) / (whole_s - latency_s);
    return fitting >= all ? all : Math.floor(fitting / ranks) * ranks;
  }
}

/** A kernel as it is for one nanobatch; as it is where it does not split. */
export function halfOf(kernel: Kernel): Kernel {
  return kernel.kind === "compute"
    ? { ...kernel, work: kernel.nanobatch ?? kernel.work }
    : { ...kernel, size_bytes: kernel.nanobatch_size_bytes ?? kernel.size_bytes };
}
