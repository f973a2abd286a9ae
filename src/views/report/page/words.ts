import { at } from "../../../base/need.js";
import { plural, scaled } from "../../../base/units.js";
import type { DrawnConfiguration, DrawnPartition } from "../model.js";

/** `linear_0`, `linear_1`, `rope_0` are two linears and a rope. */
function kindsOf(slots: DrawnPartition["slots"]): string {
  const runs: { kind: string; count: number }[] = [];
  for (const { name } of slots) {
    const kind = name.replace(/_\d+$/, "");
    const last = runs.at(-1);
    if (last?.kind === kind) last.count++;
    else runs.push({ kind, count: 1 });
  }
  return runs.map(({ kind, count }) => (count === 1 ? kind : `${count} ${kind}`)).join(", ");
}

/** `norm, 2 linear beside all-reduce of 100.7 MB`. */
export function contentOf({ slots, communications }: DrawnPartition): string {
  const compute = kindsOf(slots);
  if (communications.length === 0) return compute;
  const moved = communications.map(collective).join(", then ");
  return compute === "" ? moved : `${compute} beside ${moved}`;
}

/** `all-reduce of 100.7 MB`. */
export function collective({ kind, size_bytes }: { kind: string; size_bytes: number }): string {
  return `${kind.replaceAll("_", "-")} of ${scaled(size_bytes, "B")}`;
}

/** Where communication starts. */
export function launchOf(partition: DrawnPartition, launch_slot: string | null): string {
  if (partition.communications.length === 0) return "-";
  return launch_slot ?? "after the last kernel";
}

/** `-` where slots run as they are listed. */
export function orderOf({ order }: DrawnConfiguration, partition: DrawnPartition): string {
  if (order === null) return "as listed";
  const moved = order.filter((slot, place) => place > 0 && slot < at(order, place - 1));
  return `${moved.map((slot) => at(partition.slots, slot).name).join(", ")} later`;
}

/** `1290 MHz, launched at linear_0, 10 SMs`. */
export function configurationTitle(
  configuration: DrawnConfiguration,
  partition: DrawnPartition,
): string {
  const { freq_mhz, launch_slot, sms, order } = configuration;
  return [
    `${freq_mhz} MHz`,
    ...(partition.communications.length === 0
      ? []
      : [launch_slot === null ? "launched last" : `launched at ${launch_slot}`, plural(sms, "SM")]),
    ...(order === null ? [] : [`order ${order.join(" ")}`]),
  ].join(", ");
}
