import { grouped } from "../../base/grouped.js";
import { addTo, need, sumOf } from "../../base/need.js";
import { plural } from "../../base/units.js";
import { useCount } from "../../ir/partition.js";
import { mean } from "../../math/mean.js";
import type { PlanFile, PlanInstruction } from "../../plan/plan.js";
import { partitionNames } from "../partition-names.js";
import { someOf } from "./words.js";

/** One thing that two plans set otherwise. */
interface SettingChange {
  readonly of: "clock" | "execution" | "configuration" | "instructions" | "partitions";
  /** `stage 0 forward`, or a partition's key. */
  readonly where: string;
  /** The same in words. */
  readonly name: string;
  readonly what: string;
}

interface Placed extends PlanInstruction {
  readonly stage: number;
}

const instructionsOf = ({ stages }: PlanFile): Placed[] =>
  stages.flatMap(({ stage, instructions }) => instructions.map((each) => ({ stage, ...each })));

const nameOf = ({ stage, kind, microbatch, chunk }: Placed) =>
  `${stage} ${kind} ${microbatch} ${chunk}`;

/** `stage 0 forward`; with its chunk where a stage has several. */
const placeOf = ({ stage, kind, chunk }: Placed) =>
  `stage ${stage} ${kind}${chunk > 0 ? ` (chunk ${chunk})` : ""}`;

/**
 * What two plans set otherwise: clocks and execution by stage and kind of instruction, launch slots,
 * SMs and orders by partition type. In the order of the first plan; nothing where they agree.
 */
export function settingChanges(a: PlanFile, b: PlanFile): SettingChange[] {
  const theirs = new Map(instructionsOf(b).map((each) => [nameOf(each), each]));
  const pairs = instructionsOf(a).flatMap((mine) => {
    const other = theirs.get(nameOf(mine));
    return other === undefined ? [] : [{ mine, other }];
  });
  const changes: SettingChange[] = missingInstructions(a, b, pairs.length);
  for (const [where, own] of grouped(pairs, ({ mine }) => placeOf(mine))) {
    const clock = clockChange(own);
    if (clock !== null) changes.push({ of: "clock", where, name: where, what: clock });
    const execution = executionChange(own);
    if (execution !== null) {
      changes.push({ of: "execution", where, name: where, what: execution });
    }
  }
  return [...changes, ...configurationChanges(a, b)];
}

function missingInstructions(a: PlanFile, b: PlanFile, paired: number): SettingChange[] {
  const [before, after] = [instructionsOf(a).length, instructionsOf(b).length];
  if (before === paired && after === paired) return [];
  const what = `${plural(before, "instruction")} against ${after}, ${paired} of them in both`;
  return [{ of: "instructions", where: "pipeline", name: "pipeline", what }];
}

type Pairs = readonly { readonly mine: Placed; readonly other: Placed }[];

function clockChange(pairs: Pairs): string | null {
  const moved = pairs.filter(({ mine, other }) => mine.freq_mhz !== other.freq_mhz);
  if (moved.length === 0) return null;
  const steps = [...grouped(moved, ({ mine, other }) => `${mine.freq_mhz} to ${other.freq_mhz}`)];
  const [step] = steps;
  const share = `${moved.length} of ${pairs.length}`;
  if (steps.length === 1 && step !== undefined) return `${step[0]} MHz in ${share}`;
  const [before, after] = [
    mean(pairs.map(({ mine }) => mine.freq_mhz)),
    mean(pairs.map(({ other }) => other.freq_mhz)),
  ];
  return `${Math.round(before)} to ${Math.round(after)} MHz in the mean, changed in ${share}`;
}

function executionChange(pairs: Pairs): string | null {
  const moved = pairs.filter(({ mine, other }) => mine.execution !== other.execution);
  const [first] = moved;
  if (first === undefined) return null;
  const { mine, other } = first;
  return `${mine.execution} to ${other.execution} in ${moved.length} of ${pairs.length}`;
}

/** How often a plan runs each setting of each partition type, by key, then by setting in words. */
function runsBySetting(plan: PlanFile): Map<string, Map<string, number>> {
  const configurations = new Map(plan.configurations.map((each) => [each.id, each]));
  const runs = new Map<string, Map<string, number>>();
  for (const { use } of instructionsOf(plan)) {
    for (const each of use) {
      const { partition, launch_slot, sms, order } = need(configurations, each.configuration);
      const communicates = plan.partitions.find(({ key }) => key === partition)?.communication;
      const words = [
        ...(communicates ? [`launch ${launch_slot ?? "last"}, ${plural(sms, "SM")}`] : []),
        ...(order === null ? [] : [`order ${order.join(" ")}`]),
      ];
      const own = runs.get(partition) ?? new Map<string, number>();
      runs.set(partition, own);
      const name = words.join(", ") || "as it is";
      addTo(own, name, useCount(each));
    }
  }
  return runs;
}

function configurationChanges(a: PlanFile, b: PlanFile): SettingChange[] {
  const [mine, theirs] = [runsBySetting(a), runsBySetting(b)];
  const keys = [...new Set([...mine.keys(), ...theirs.keys()])];
  const names = new Map([...partitionNames(b), ...partitionNames(a)]);
  return keys.flatMap((where): SettingChange[] => {
    const name = need(names, where);
    const [before, after] = [mine.get(where), theirs.get(where)];
    if (before === undefined || after === undefined) {
      const what = before === undefined ? "runs only in the second" : "runs only in the first";
      return [{ of: "partitions", where, name, what }];
    }
    const settings = [...new Set([...before.keys(), ...after.keys()])];
    const moved = settings.filter((setting) => before.get(setting) !== after.get(setting));
    if (moved.length === 0) return [];
    const words = moved.map(
      (setting) => `${setting}: ${sumOf(before, setting)} to ${sumOf(after, setting)} runs`,
    );
    return [{ of: "configuration", where, name, what: someOf(words, 2) }];
  });
}
