import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { forkRng } from "../../src/base/rng.js";
import { networkOf } from "../../src/compose/network.js";
import { pipelineProblem } from "../../src/compose/problem.js";
import { replay } from "../../src/compose/replay.js";
import type { InstructionFrontier, InstructionOption } from "../../src/ir/configuration.js";
import type { PipelineProblem } from "../../src/ir/iteration.js";

/** An option without configurations, as pipeline tests need it. */
export function option(time_s: number, energy_j: number, freq_mhz = 1000): InstructionOption {
  return { freq_mhz, execution: "sequential", time_s, energy_j, use: () => [] };
}

/** Forward and backward options as [time_s, energy_j], by stage; a third list is the tail. */
export type StageOptions = readonly (readonly (readonly [number, number])[])[];

const KINDS = ["forward", "backward", "tail"] as const;

/** A 1F1B problem. */
export function problemOf(
  stages: readonly StageOptions[],
  microbatches: number,
  static_power_w: number,
  transfer_s = 0,
): PipelineProblem {
  const frontiers = stages.flatMap((lists, stage) =>
    lists.map((list, k): InstructionFrontier => {
      const options = list.map(([time_s, energy_j]) => option(time_s, energy_j));
      return { stage, chunk: 0, kind: KINDS[k] ?? "tail", options };
    }),
  );
  return pipelineProblem(frontiers, stages.length, { microbatches, static_power_w, transfer_s });
}

/** Small random problems with many ties: whole numbers, zero times and transfers allowed. */
export function smallProblems(limits: {
  readonly stages: number;
  readonly microbatches: number;
  readonly options: number;
}): fc.Arbitrary<PipelineProblem> {
  const entry = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 30 }));
  const list = fc.array(entry, { minLength: 1, maxLength: limits.options });
  const stage = fc.array(list, { minLength: 2, maxLength: 3 });
  return fc
    .tuple(
      fc.array(stage, { minLength: 1, maxLength: limits.stages }),
      fc.integer({ min: 1, max: limits.microbatches }),
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 3 }),
    )
    .map((parts) => problemOf(...parts));
}

/** A pipeline like a measured one: `size` clocks, convex in the large, rough in the small. */
export function richProblem(stages: number, microbatches: number, size: number): PipelineProblem {
  const list = (work_s: number, phase: number) =>
    Array.from({ length: size }, (_, i): [number, number] => {
      const clock = 0.6 + (0.4 * i) / (size - 1 || 1);
      const time_s = (work_s / clock) * (1 + 0.01 * Math.sin(phase + 5 * i));
      return [time_s, work_s * (60 + 170 * clock ** 2.4) + 85 * time_s];
    });
  const all = Array.from({ length: stages }, (_, s) => [
    list(0.1 + 0.01 * (s % 3), s),
    list(0.3 + 0.02 * (s % 2), s + 0.5),
  ]);
  return problemOf(all, microbatches, 85);
}

/**
 * A random pipeline: uneven stages, times and energies that follow the clock up to `rough`, evenly
 * distributed on both sides, so that some options are dominated and others off the convex hull.
 */
export function roughProblem(
  stages: number,
  microbatches: number,
  rough: number,
  seed: number,
): PipelineProblem {
  const { uniform } = forkRng(seed, "rough pipeline");
  const noise = () => 1 + rough * (2 * uniform() - 1);
  const list = (work_s: number) =>
    Array.from({ length: 18 }, (_, i): [number, number] => {
      const clock = 0.64 + (0.36 * i) / 17;
      const time_s = work_s * (0.15 + 0.85 / clock) * noise();
      return [time_s, work_s * (60 + 170 * clock ** 2.4) * noise() + 85 * time_s];
    });
  const all = Array.from({ length: stages }, () => {
    const work_s = 0.1 * (0.9 + 0.2 * uniform());
    return [list(work_s), list(work_s * (1.9 + 0.2 * uniform()))];
  });
  return problemOf(all, microbatches, 85);
}

const INSTANCES = "../shared/data/instances";

/** Whether the reference instances lie beside the repository. */
export const haveInstances = existsSync(INSTANCES);

/** A reference instance as a problem. */
export function instanceProblem(name: string): PipelineProblem {
  const { options, microbatches, static_power_w } = instanceFile(`${name}.json`) as {
    options: Record<"forward" | "backward", { time_s: number; energy_j: number }[]>[];
    microbatches: number;
    static_power_w: number;
  };
  const stages = options.map((byKind) =>
    [byKind.forward, byKind.backward].map((list) =>
      list.map(({ time_s, energy_j }): [number, number] => [time_s, energy_j]),
    ),
  );
  return problemOf(stages, microbatches, static_power_w);
}

/** A file beside the reference instances. */
export function instanceFile(name: string): unknown {
  return JSON.parse(readFileSync(`${INSTANCES}/${name}`, "utf8"));
}

/** Every plan of a problem, replayed. */
export function allPlans(problem: PipelineProblem): { time_s: number; energy_j: number }[] {
  const network = networkOf(problem);
  const choice = new Int32Array(network.sets.length);
  const plans: { time_s: number; energy_j: number }[] = [];
  for (;;) {
    plans.push(replay(network, choice));
    let i = 0;
    while (i < choice.length && choice[i] === (network.sets[i]?.options.length ?? 1) - 1) {
      choice[i++] = 0;
    }
    if (i === choice.length) return plans;
    choice[i] = (choice[i] ?? 0) + 1;
  }
}
