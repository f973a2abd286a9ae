import type { SpelledOutPlan } from "./plan-schema.js";

type Stage = SpelledOutPlan["stages"][number];
type Instruction = Stage["instructions"][number];

/** What tells instructions with the same uses apart, beside their places. */
const FIELDS = Object.keys({
  time_s: true,
  energy_j: true,
  freq_mhz: true,
  switch_from_mhz: true,
  execution: true,
  launch_time_s: true,
} satisfies Record<
  Exclude<keyof Instruction, "kind" | "microbatch" | "chunk" | "start_s" | "use">,
  true
>) as (keyof Instruction)[];

/** Remembers what instructions with the same uses at the same clock yield: most of a plan's do. */
export function eachUseOnce<T>(of: (instruction: Instruction) => T): typeof of {
  return remembered(of, (a, b) => a.freq_mhz === b.freq_mhz);
}

/** The same of instructions that differ in nothing but their places. */
export function eachVariantOnce<T>(of: (instruction: Instruction) => T): typeof of {
  return remembered(of, (a, b) => FIELDS.every((field) => a[field] === b[field]));
}

/** Of instructions with the same uses at the same clock the first: in order, they run all that a plan runs. */
export function oneOfEachUse(stages: readonly Pick<Stage, "instructions">[]): Instruction[] {
  const first = eachUseOnce((instruction) => instruction);
  return stages.flatMap(({ instructions }) => instructions.filter((each) => first(each) === each));
}

/** Instructions of one option share their uses: few are compared. */
function remembered<T>(
  of: (instruction: Instruction) => T,
  isAlike: (a: Instruction, b: Instruction) => boolean,
): typeof of {
  const known = new Map<Instruction["use"], { readonly like: Instruction; readonly value: T }[]>();
  return (instruction) => {
    const own = known.get(instruction.use);
    const found = own?.find(({ like }) => isAlike(like, instruction));
    if (found !== undefined) return found.value;
    const entry = { like: instruction, value: of(instruction) };
    if (own === undefined) known.set(instruction.use, [entry]);
    else own.push(entry);
    return entry.value;
  };
}
