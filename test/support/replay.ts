/** An instruction of a plan, as plan.json spells it. */
interface Instruction {
  readonly kind: string;
  readonly microbatch: number | null;
  readonly chunk: number;
  readonly time_s: number;
  readonly energy_j: number;
}

/** What a replay needs of plan.json. */
export interface ReplayedPlan {
  readonly static_power_w: number;
  readonly transfer_s?: number | undefined;
  readonly parallelism: Readonly<Record<"tp" | "cp" | "ep" | "pp" | "microbatches", number>>;
  readonly stages: readonly { readonly instructions: readonly Instruction[] }[];
}

/** A pipeline as the documented rules see it. */
export interface PipelineShape {
  readonly pipeline: string;
  readonly stages: number;
  readonly microbatches: number;
  readonly chunks: number;
}

/**
 * The order of one stage without its tail, `kind microbatch chunk`. Written from the documented
 * rules, apart from the code under test.
 */
export function documentedOrder(shape: PipelineShape, stage: number): string[] {
  const { pipeline, stages: S, microbatches: M, chunks: V } = shape;
  const each = (kind: string) => Array.from({ length: M }, (_, m) => `${kind} ${m} 0`);
  const forward = pipeline === "interleaved-1f1b" ? interleaved(shape, false) : each("forward");
  if (pipeline === "gpipe") return [...forward, ...each("backward")];
  if (pipeline === "interleaved-1f1b") {
    const backward = interleaved(shape, true);
    const warmUp = M === S ? M * V : Math.min(M * V, 2 * (S - stage - 1) + (V - 1) * S);
    const steady = backward.flatMap((b, k) => [...forward.slice(warmUp + k, warmUp + k + 1), b]);
    return [...forward.slice(0, warmUp), ...steady];
  }
  const warmUp = Math.min(M, S - stage);
  const next = (m: number) => forward.slice(warmUp + m, warmUp + m + 1);
  if (pipeline === "1f1b") {
    const steady = each("backward").flatMap((b, m) => [b, ...next(m)]);
    return [...forward.slice(0, warmUp), ...steady];
  }
  const weights = each("weight_gradient");
  const steady = each("input_gradient").flatMap((b, m) => {
    const late = m >= stage ? weights.splice(0, 1) : [];
    return [b, ...late, ...next(m)];
  });
  return [...forward.slice(0, warmUp), ...steady, ...weights];
}

/** Forwards or backwards of interleaved 1F1B: S microbatches through a chunk, then the next chunk. */
function interleaved({ stages, microbatches, chunks }: PipelineShape, back: boolean): string[] {
  const all: string[] = [];
  for (let first = 0; first < microbatches; first += stages) {
    for (let c = 0; c < chunks; c++) {
      for (let m = first; m < first + stages; m++) {
        all.push(back ? `backward ${m} ${chunks - 1 - c}` : `forward ${m} ${c}`);
      }
    }
  }
  return all;
}

/**
 * Plays a plan through its dependencies, every instruction as early as it can. Written from the
 * documented rules, apart from the code under test.
 * @returns time and energy of the whole replica, and the earliest start of every instruction
 */
export function replay(plan: ReplayedPlan) {
  const { stages, static_power_w, parallelism, transfer_s = 0 } = plan;
  const ends = new Map<string, number>();
  const starts: number[][] = stages.map(() => []);
  const left = stages.map(({ instructions }) => [...instructions]);
  const clocks = stages.map(() => 0);
  const chunks = Math.max(...left.flat().map(({ chunk }) => chunk + 1));
  for (let moved = true; moved; ) {
    moved = false;
    left.forEach((queue, stage) => {
      const next = queue[0];
      if (next === undefined) return;
      const awaited = awaits(next, stage, { stages: stages.length, chunks });
      const ready = awaited === null ? 0 : ends.get(awaited.key);
      if (ready === undefined) return;
      const arrived = ready + (awaited === null || awaited.stage === stage ? 0 : transfer_s);
      const start = Math.max(clocks[stage] ?? 0, arrived);
      clocks[stage] = start + next.time_s;
      ends.set(`${next.kind} ${next.microbatch} ${stage} ${next.chunk}`, start + next.time_s);
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

/** The instruction whose result one waits for, and its stage; null: none beside its own stage's. */
function awaits(
  { kind, microbatch, chunk }: Instruction,
  stage: number,
  { stages, chunks }: { stages: number; chunks: number },
): { key: string; stage: number } | null {
  const on = (name: string, s: number, c: number) => ({
    key: `${name} ${microbatch} ${s} ${c}`,
    stage: s,
  });
  if (kind === "tail") return null;
  if (kind === "forward") {
    if (stage > 0) return on(kind, stage - 1, chunk);
    return chunk > 0 ? on(kind, stages - 1, chunk - 1) : null;
  }
  if (kind === "weight_gradient") return on("input_gradient", stage, chunk);
  if (stage < stages - 1) return on(kind, stage + 1, chunk);
  return chunk < chunks - 1 ? on(kind, 0, chunk + 1) : on("forward", stage, chunk);
}
