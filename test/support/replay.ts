/** An instruction of a plan, as plan.json spells it. */
interface Instruction {
  readonly kind: string;
  readonly microbatch: number | null;
  readonly time_s: number;
  readonly energy_j: number;
  readonly start_s: number;
}

/** What a replay needs of plan.json. */
export interface ReplayedPlan {
  readonly static_power_w: number;
  readonly parallelism: Readonly<Record<"tp" | "cp" | "ep" | "pp" | "microbatches", number>>;
  readonly stages: readonly { readonly instructions: readonly Instruction[] }[];
}

/** The order of one stage under 1F1B, `kind microbatch`; the tail comes last. */
export function order1f1b(stage: number, stages: number, microbatches: number): string[] {
  const warmUp = Math.min(microbatches, stages - stage);
  const order = Array.from({ length: warmUp }, (_, m) => `forward ${m}`);
  for (let m = 0; m < microbatches; m++) {
    order.push(`backward ${m}`);
    if (warmUp + m < microbatches) order.push(`forward ${warmUp + m}`);
  }
  return order;
}

/**
 * Plays a 1F1B plan through its dependencies, every instruction as early as it can. Written from
 * the documented rules, apart from the code under test.
 * @returns time and energy of the whole replica, and the earliest start of every instruction
 */
export function replay(plan: ReplayedPlan) {
  const { stages, static_power_w, parallelism } = plan;
  const ends = new Map<string, number>();
  const starts: number[][] = stages.map(() => []);
  const left = stages.map(({ instructions }) => [...instructions]);
  const clocks = stages.map(() => 0);
  for (let moved = true; moved; ) {
    moved = false;
    left.forEach((queue, stage) => {
      const next = queue[0];
      const ready = next && readyAt(next, stage, stages.length, ends);
      if (next === undefined || ready === undefined) return;
      const start = Math.max(clocks[stage] ?? 0, ready);
      clocks[stage] = start + next.time_s;
      ends.set(`${next.kind} ${next.microbatch} ${stage}`, start + next.time_s);
      starts[stage]?.push(start);
      queue.shift();
      moved = true;
    });
  }
  if (left.some((queue) => queue.length > 0)) throw new Error("the plan waits for itself");
  const all = stages.flatMap(({ instructions }) => instructions);
  const time_s = Math.max(...clocks);
  const busy_s = all.reduce((sum, { time_s }) => sum + time_s, 0);
  const spent_j = all.reduce((sum, { energy_j }) => sum + energy_j, 0);
  const gpus = parallelism.tp * parallelism.cp * parallelism.ep;
  const energy_j = gpus * (spent_j + static_power_w * (stages.length * time_s - busy_s));
  return { time_s, energy_j, starts };
}

/** When what an instruction waits for has ended; undefined if that has not run yet. */
function readyAt(
  { kind, microbatch }: Instruction,
  stage: number,
  stages: number,
  ends: ReadonlyMap<string, number>,
): number | undefined {
  if (kind === "forward") return stage === 0 ? 0 : ends.get(`forward ${microbatch} ${stage - 1}`);
  if (kind === "tail") return 0;
  if (stage === stages - 1) return ends.get(`forward ${microbatch} ${stage}`);
  return ends.get(`backward ${microbatch} ${stage + 1}`);
}
