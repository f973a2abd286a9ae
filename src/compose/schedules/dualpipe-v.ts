import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule, PipelineSize } from "./schedule.js";

/**
 * DualPipeV (DeepSeek's DualPipe in a V; torch.distributed.pipelining): two chunks a stage as in ZB-V.
 * In the middle a forward of one chunk and a backward of the other make a pair, here one after the
 * other, as torch runs them without a function that runs both at once; backwards are split in two only
 * where that fills bubbles. Laid out for at least two microbatches a stage, as it needs; of fewer, what
 * there is of that order.
 */
export const dualPipeV: PipelineSchedule = {
  name: "dualpipe-v",
  kinds: ["forward", "backward", "input_gradient", "weight_gradient"],
  chunks: { least: 2, most: 2 },
  leastMicrobatches: (stages) => 2 * stages,
  orderOf: (stage, size) => {
    const { stages } = size;
    const filled = Math.max(2 * stages, size.microbatches);
    const run = new Stage(stage, size);
    const later = stages - stage - 1;
    times(2 * later, () => run.forward(0));
    times(stage + 1, () => {
      run.forward(0);
      run.forward(1);
    });
    times(later, () => {
      run.inputGradient(1);
      run.weightGradient();
      run.forward(1);
    });
    times(filled - stages - later, () => {
      run.forward(0);
      run.backward(1);
      run.forward(1);
      run.backward(0);
    });
    times(later, () => {
      run.backward(1);
      run.forward(1);
      run.backward(0);
    });
    // Of an odd number the middle one is split on both chunks by odd stages, on one by even ones.
    const half = Math.floor((stage + 1) / 2);
    times(stage + 1, (k) => {
      const isOdd = stage % 2 === 1;
      if (k > half || (k === half && isOdd)) run.inputGradient(1);
      else run.backward(1);
      if (k >= half) run.inputGradient(0);
      else run.backward(0);
    });
    times(later, () => {
      run.weightGradient();
      run.inputGradient(0);
    });
    times(stage + 1, () => run.weightGradient());
    return run.order;
  },
};

/** What a stage has run: the next of a kind is of the microbatch after the last. */
class Stage {
  readonly order: PipelineInstruction[] = [];
  readonly #stage: number;
  readonly #microbatches: number;
  readonly #forwards: [number, number] = [0, 0];
  readonly #backwards: [number, number] = [0, 0];
  /** Input gradients whose weight gradients are still to come, the oldest first. */
  readonly #waiting: { readonly microbatch: number; readonly chunk: number }[] = [];

  constructor(stage: number, { microbatches }: PipelineSize) {
    this.#stage = stage;
    this.#microbatches = microbatches;
  }

  forward(chunk: 0 | 1): void {
    this.#add("forward", this.#forwards[chunk]++, chunk);
  }

  backward(chunk: 0 | 1): void {
    this.#add("backward", this.#backwards[chunk]++, chunk);
  }

  inputGradient(chunk: 0 | 1): void {
    const microbatch = this.#backwards[chunk]++;
    this.#add("input_gradient", microbatch, chunk);
    this.#waiting.push({ microbatch, chunk });
  }

  weightGradient(): void {
    const oldest = this.#waiting.shift();
    if (oldest !== undefined) this.#add("weight_gradient", oldest.microbatch, oldest.chunk);
  }

  #add(kind: PipelineInstruction["kind"], microbatch: number, chunk: number): void {
    if (microbatch >= this.#microbatches) return;
    this.order.push({ stage: this.#stage, kind, microbatch, chunk });
  }
}

function times(count: number, step: (k: number) => void): void {
  for (let k = 0; k < count; k++) step(k);
}
