import type { PlanFile, PlanInstruction } from "../../src/plan/plan.js";

/** What a plan comes to when its instructions are played through the pipeline. */
export interface Replay {
  readonly time_s: number;
  /** Of every GPU of one replica, as `point.energy_j`. */
  readonly energy_j: number;
  /** Largest difference between a replayed start and the plan's own. */
  readonly start_error_s: number;
}

/**
 * Plays a 1F1B or GPipe plan: an instruction starts when its stage is free and its input is there
 * (contracts: F(s,m) after F(s-1,m); B(s,m) after B(s+1,m), on the last stage after F(s,m)).
 * Independent of the solver's own replay.
 */
export function replayPlan(plan: PlanFile): Replay {
  const ends = new Map<string, number>();
  const next = plan.stages.map(() => 0);
  const free = plan.stages.map(() => 0);
  let start_error_s = 0;
  for (let progress = true; progress; ) {
    progress = false;
    plan.stages.forEach(({ stage, instructions }) => {
      const instruction = instructions[next[stage] ?? 0];
      const input = instruction && inputEnd(plan, stage, instruction, ends);
      if (instruction === undefined || input === undefined) return;
      const start = Math.max(free[stage] ?? 0, input);
      start_error_s = Math.max(start_error_s, Math.abs(start - instruction.start_s));
      free[stage] = start + instruction.time_s;
      ends.set(key(stage, instruction.kind, instruction.microbatch), start + instruction.time_s);
      next[stage] = (next[stage] ?? 0) + 1;
      progress = true;
    });
  }
  const all = plan.stages.flatMap((stage) => stage.instructions);
  if (next.reduce((a, b) => a + b, 0) !== all.length) throw new Error("the plan deadlocks");
  const time_s = Math.max(...free);
  const busy_s = all.reduce((sum, instruction) => sum + instruction.time_s, 0);
  const spent_j = all.reduce((sum, instruction) => sum + instruction.energy_j, 0);
  const { tp, cp, ep, pp } = plan.parallelism;
  const energy_j = tp * cp * ep * (spent_j + plan.static_power_w * (pp * time_s - busy_s));
  return { time_s, energy_j, start_error_s };
}

const key = (stage: number, kind: string, microbatch: number | null) =>
  `${stage}/${kind}/${microbatch}`;

/** When the input is there; undefined while it is not known yet. */
function inputEnd(
  plan: PlanFile,
  stage: number,
  { kind, microbatch }: PlanInstruction,
  ends: ReadonlyMap<string, number>,
): number | undefined {
  const last = plan.stages.length - 1;
  if (kind === "forward") return stage === 0 ? 0 : ends.get(key(stage - 1, kind, microbatch));
  if (kind === "backward") {
    const source =
      stage === last ? key(stage, "forward", microbatch) : key(stage + 1, kind, microbatch);
    return ends.get(source);
  }
  return 0;
}
