import { fail, type Report, refuse } from "../base/diagnostics/diagnostic.js";
import { notExpressible, tailNotWritten } from "../base/diagnostics/exchange.js";
import type { PlanFile } from "../plan/plan.js";

/** An instruction's name and its clock in MHz, as Zeus and what builds on it list them. */
type InstructionClock = readonly ["forward" | "backward", number];

/**
 * The clocks of one iteration, by stage, in the order of execution. The optimizer and other work of
 * the tail are not instructions there and keep the clock before them: a warning (KRS4304) where the
 * plan says otherwise. Fails (KRS4301) on instructions that are neither forward nor backward.
 * @param tool who is to read them, for diagnostics
 */
export function instructionClocks(
  plan: PlanFile,
  tool: string,
  where: string,
  report: Report,
): readonly (readonly InstructionClock[])[] {
  const otherwise: number[] = [];
  const clocks = plan.stages.map(({ stage, instructions }) => {
    const own: InstructionClock[] = [];
    for (const { kind, freq_mhz } of instructions) {
      if (kind === "tail") {
        if (own.at(-1)?.[1] !== freq_mhz) otherwise.push(stage);
      } else if (kind !== "forward" && kind !== "backward") {
        refuse(notExpressible(where, tool, `it has no instruction for a ${kind}`));
      } else if (!Number.isInteger(freq_mhz)) {
        fail(notExpressible(where, tool, `${freq_mhz} MHz is not a whole number`));
      } else own.push([kind, freq_mhz]);
    }
    return own;
  });
  if (otherwise.length > 0) report(tailNotWritten(where, tool, otherwise));
  return clocks;
}

type Literal = string | number | readonly Literal[];

/** Tuples in parentheses; the strings contain neither quotes nor backslashes. */
function pythonTuple(items: readonly Literal[]): string {
  const written = items.map((item) => (typeof item === "string" ? `'${item}'` : String(item)));
  return `(${written.join(", ")})`;
}

/**
 * A list per stage of a tuple per instruction, a stage a line: the Python literal that Zeus'
 * PointSolution and the runtime of the Kareus artifact read. `note` follows as a comment.
 */
export function pythonLists(
  stages: readonly (readonly (readonly (string | number)[])[])[],
  note: string,
): string {
  const lines = stages.map((items) => `[${items.map(pythonTuple).join(", ")}],\n`);
  return `[\n${lines.join("")}]\n# ${note}\n`;
}
