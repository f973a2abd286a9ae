import fc from "fast-check";
import { at } from "../../src/base/need.js";
import { forkRng } from "../../src/base/rng.js";
import { networkOf } from "../../src/compose/network.js";
import { problemOfOptions } from "../../src/compose/problem.js";
import { played } from "../../src/compose/replay.js";
import type { InstructionOption } from "../../src/ir/configuration.js";
import type { PipelineInstruction, PipelineProblem } from "../../src/ir/iteration.js";
import type { SwitchTime } from "../../src/ir/switch-time.js";
import { option } from "./pipelines.js";
import { replay } from "./replay.js";

/** The options of an instruction of a problem. */
function optionsOf(
  { options, stages }: PipelineProblem,
  { stage, chunk, kind }: PipelineInstruction,
): readonly InstructionOption[] {
  return options[chunk * stages + stage]?.[kind] ?? [];
}

interface Clocked {
  readonly time_s: number;
  readonly energy_j: number;
  readonly freq_mhz?: number | undefined;
}

/**
 * Times and energies of a stage's instructions with every switch charged. Written from the
 * documented rule, apart from the code under test.
 * @param chosen of each instruction its option and all that it could choose from
 */
export function charged(
  chosen: readonly { readonly own: Clocked; readonly all: readonly Clocked[] }[],
  switch_time_s: SwitchTime,
): { time_s: number; energy_j: number }[] {
  return chosen.map(({ own, all }, k) => {
    const { time_s, energy_j } = own;
    const from_mhz = chosen.at(k - 1)?.own.freq_mhz ?? 0;
    if (from_mhz === own.freq_mhz) return { time_s, energy_j };
    const distance = ({ freq_mhz = 0 }: Clocked) => Math.abs(freq_mhz - from_mhz);
    const [old = own] = all.toSorted(
      (a, b) =>
        distance(a) - distance(b) || (a.freq_mhz ?? 0) - (b.freq_mhz ?? 0) || a.time_s - b.time_s,
    );
    const share = Math.min(1, changeTo(own.freq_mhz ?? 0, switch_time_s) / old.time_s);
    return {
      time_s: share * old.time_s + (1 - share) * time_s,
      energy_j: share * old.energy_j + (1 - share) * energy_j,
    };
  });
}

/** By the documented rule, for clocks that the table has. */
function changeTo(to_mhz: number, switch_time_s: SwitchTime): number {
  if (typeof switch_time_s === "number") return switch_time_s;
  const row = switch_time_s.freq_mhz.indexOf(to_mhz);
  return (
    (switch_time_s.call_s[row] ?? Number.NaN) + (switch_time_s.transition_s[row] ?? Number.NaN)
  );
}

/** An instruction with what a plan chose for it. */
export interface Chosen {
  readonly instruction: PipelineInstruction;
  readonly option: InstructionOption;
}

function chargedCosts(problem: PipelineProblem, chosen: readonly Chosen[]) {
  const options = chosen.map(({ instruction, option: own }) => ({
    own,
    all: optionsOf(problem, instruction),
  }));
  return charged(options, problem.switch_time_s);
}

/** When a plan of any schedule ends with every switch charged, by the documented rule. */
export function chargedTime(
  problem: PipelineProblem,
  stages: readonly (readonly Chosen[])[],
): number {
  const costs = stages.flatMap((chosen) => chargedCosts(problem, chosen));
  return played(
    networkOf(problem),
    Float64Array.from(costs, ({ time_s }) => time_s),
  ).time_s;
}

/** A plan's time and energy with every switch charged, by the documented rules. */
export function chargedReplay(problem: PipelineProblem, stages: readonly (readonly Chosen[])[]) {
  const { static_power_w, transfer_s, stages: pp, microbatches } = problem;
  return replay({
    static_power_w,
    transfer_s,
    parallelism: { tp: 1, cp: 1, ep: 1, pp, microbatches },
    stages: stages.map((chosen) => {
      const costs = chargedCosts(problem, chosen);
      const instructions = chosen.flatMap(({ instruction }, k) => {
        const cost = costs[k];
        return cost ? [{ ...instruction, ...cost }] : [];
      });
      return { instructions };
    }),
  });
}

/**
 * Whether instructions share clocks by the documented rule: of a run of short ones with their neighbours,
 * each stretch that is just long enough to hold a clock runs at one.
 */
export function sharesClocks(
  problem: PipelineProblem,
  stages: readonly (readonly Chosen[])[],
): boolean {
  const { switch_time_s: all } = problem;
  const longest_s =
    typeof all === "number" ? all : Math.max(...all.freq_mhz.map((clock) => changeTo(clock, all)));
  const held_s = 10 * longest_s;
  const fastestOf = ({ instruction }: Chosen) =>
    Math.min(...optionsOf(problem, instruction).map(({ time_s }) => time_s));
  const sum = (some: readonly Chosen[]) => some.reduce((s, each) => s + fastestOf(each), 0);
  return stages.every((chosen) =>
    runsOf(chosen, (one) => fastestOf(one) < held_s).every((run) => {
      for (let rest = run; rest.length > 0; ) {
        const long = rest.findIndex((_, k) => sum(rest.slice(0, k + 1)) >= held_s) + 1;
        const isLast = long === 0 || sum(rest.slice(long)) < held_s;
        const stretch = isLast ? rest : rest.slice(0, long);
        if (new Set(stretch.map(({ option: { freq_mhz } }) => freq_mhz)).size > 1) return false;
        rest = rest.slice(stretch.length);
      }
      return true;
    }),
  );
}

/** A stage cut between each two of which neither is short. */
function runsOf(
  chosen: readonly Chosen[],
  isShort: (one: Chosen) => boolean,
): readonly (readonly Chosen[])[] {
  const runs: Chosen[][] = [];
  chosen.forEach((one, k) => {
    const before = chosen[k - 1];
    const run = runs.at(-1);
    if (run && before && (isShort(before) || isShort(one))) run.push(one);
    else runs.push([one]);
  });
  return runs;
}

/** Every plan in which short instructions share clocks, with its options. */
export function* everySwitchedPlan(problem: PipelineProblem): Generator<readonly Chosen[][]> {
  const all = problem.order.flat().map((instruction) => ({
    instruction,
    options: optionsOf(problem, instruction),
  }));
  const choice = all.map(() => 0);
  for (;;) {
    const chosen = all.flatMap(({ instruction, options }, i) => {
      const own = options[choice[i] ?? 0];
      return own ? [{ instruction, option: own }] : [];
    });
    const stages = problem.order.map((_, s) =>
      chosen.filter(({ instruction }) => instruction.stage === s),
    );
    if (sharesClocks(problem, stages)) yield stages;
    let i = 0;
    while (i < all.length && (choice[i] ?? 0) === (all[i]?.options.length ?? 1) - 1)
      choice[i++] = 0;
    if (i === all.length) return;
    choice[i] = (choice[i] ?? 0) + 1;
  }
}

/** What a schedule runs, and in how many chunks. */
const SCHEDULES = [
  { pipeline: "1f1b", kinds: ["forward", "backward"], chunks: 1 },
  { pipeline: "gpipe", kinds: ["forward", "backward"], chunks: 1 },
  { pipeline: "interleaved-1f1b", kinds: ["forward", "backward"], chunks: 2 },
  { pipeline: "zb-h1", kinds: ["forward", "input_gradient", "weight_gradient"], chunks: 1 },
  { pipeline: "zb-v", kinds: ["forward", "input_gradient", "weight_gradient"], chunks: 2 },
] as const;

/** A problem of any of these schedules with two to eight clocks, at some of which not everything can run, and a few options each. */
export function anySchedule(seed: number): PipelineProblem {
  const { uniform } = forkRng(seed, "any schedule");
  const int = (least: number, most: number) => least + Math.floor(uniform() * (most - least + 1));
  const pick = <T>(list: readonly T[]): T => at(list, int(0, list.length - 1));
  const { pipeline, kinds, chunks } = pick(SCHEDULES);
  const [stages, steps, each, rough] = [int(1, 5), int(1, 7), int(1, 3), pick([0.01, 0.2])];
  const noise = () => 1 + rough * (2 * uniform() - 1);
  const list = (work_s: number) =>
    Array.from({ length: steps + 1 }, (_, k) => 0.64 + (0.36 * k) / steps)
      .filter((_, k) => k === 0 || uniform() < 0.85)
      .flatMap((clock) =>
        Array.from({ length: each }, (_, k) => {
          const time_s = work_s * (0.15 + 0.85 / clock) * (1 + 0.1 * k) * noise();
          const dynamic_j = work_s * (60 + 170 * clock ** 2.4) * (1 - 0.08 * k) * noise();
          return option(time_s, dynamic_j + 85 * time_s, Math.round(1410 * clock));
        }),
      );
  const options = Array.from({ length: stages * chunks }, () => {
    const work_s = 0.1 * (0.7 + 0.6 * uniform());
    return Object.fromEntries(
      kinds.map((kind) => [kind, list(kind === "backward" ? 2 * work_s : work_s)]),
    );
  });
  return problemOfOptions(options, stages, {
    pipeline,
    chunks,
    microbatches: int(stages, stages + 10),
    static_power_w: pick([0, 85]),
    transfer_s: pick([0, 0.01]),
    switch_time_s: pick([0.002, 0.01, 0.03, 0.1, 0.3]),
  });
}

/** Changes that take from no time to half a second, by the clock that they go to. */
function switchTables(clocks: number): fc.Arbitrary<SwitchTime> {
  const times = fc.array(fc.constantFrom(0, 0.02, 0.1, 0.25), {
    minLength: clocks,
    maxLength: clocks,
  });
  const freq_mhz = Array.from({ length: clocks }, (_, c) => 900 + 100 * c);
  return fc.record({ freq_mhz: fc.constant(freq_mhz), call_s: times, transition_s: times });
}

/** Small random 1F1B problems with an option at each of a few clocks, and a switch time or a table of them. */
export function clockedProblems(limits: {
  readonly stages: number;
  readonly microbatches: number;
  readonly clocks: number;
}): fc.Arbitrary<PipelineProblem> {
  const list = fc.array(
    fc.record({
      time_s: fc.integer({ min: 1, max: 9 }),
      energy_j: fc.integer({ min: 0, max: 30 }),
    }),
    { minLength: limits.clocks, maxLength: limits.clocks },
  );

  const stage = fc.record(
    { forward: list, backward: list, tail: list },
    {
      requiredKeys: ["forward", "backward"],
    },
  );
  return fc
    .tuple(
      fc.array(stage, { minLength: 1, maxLength: limits.stages }),
      fc.integer({ min: 1, max: limits.microbatches }),
      fc.integer({ min: 0, max: 2 }),
      fc.oneof(fc.constantFrom(0.05, 0.2, 0.5), switchTables(limits.clocks)),
    )
    .map(([stages, microbatches, static_power_w, switch_time_s]) => {
      const clocked = (entries: readonly { time_s: number; energy_j: number }[]) =>
        entries.map(({ time_s, energy_j }, c) => option(time_s, energy_j, 900 + 100 * c));
      const options = stages.map(({ forward, backward, tail }) => ({
        forward: clocked(forward),
        backward: clocked(backward),
        ...(tail && { tail: clocked(tail) }),
      }));
      const layout = { microbatches, static_power_w, switch_time_s };
      return problemOfOptions(options, stages.length, layout);
    });
}
