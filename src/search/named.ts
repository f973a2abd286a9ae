import { at } from "../base/need.js";
import { modelledOracle } from "../cost/index.js";
import type { Device } from "../gpu/device-schema.js";
import type { PartitionType } from "../ir/partition.js";
import type { NamedPartition } from "../profile/header.js";
import type { TableRow } from "../profile/table.js";
import { type TablePrior, tableSpace } from "./table.js";
import { trusted } from "./trusted.js";

/** A partition that a header describes, as the model asks for it. */
function typeOf({ kernels, communication }: NamedPartition): PartitionType {
  const slots = kernels.flatMap(({ slot }, first) =>
    slot === null ? [] : [{ name: slot, nodes: [], first }],
  );
  return {
    ...{ key: "forward.table", direction: "forward", slots, dependent: false, free_order: [] },
    kernels: kernels.map(({ work }) => ({ class: "other", work })),
    communication: communication && {
      ...communication,
      ranks_per_node: communication.ranks_per_node ?? communication.ranks,
      group: "",
    },
  };
}

/** A launch slot of a row that no kernel of the header begins; null: there is none. */
export function unnamedSlot(rows: readonly TableRow[], { kernels }: NamedPartition): string | null {
  const known = new Set(kernels.map(({ slot }) => slot));
  const slots = rows.map(({ settings }) => settings.get("launch_slot") ?? null);
  return slots.map(String).find((slot, i) => slots[i] !== null && !known.has(slot)) ?? null;
}

/**
 * What the model of a device says that rows of a table cost, of whose partition the header tells the
 * kernels and the communication. Only settings of the rows are read, never their costs.
 */
export function namedPrior(
  rows: readonly Pick<TableRow, "settings">[],
  partition: NamedPartition,
  device: Device,
  static_power_w: number,
): TablePrior {
  const type = typeOf(partition);
  const oracle = modelledOracle(device);
  const usual = type.communication === null ? 0 : device.default_comm_sms;
  const costs = rows.map(({ settings }) => {
    const slot = settings.get("launch_slot") ?? null;
    const sms = settings.get("sms");
    return oracle.cost(type, {
      freq_mhz: Number(settings.get("freq_mhz")),
      launch_slot: slot === null ? null : String(slot),
      sms: typeof sms === "number" ? sms : usual,
    });
  });
  const modelled = { foretells: true, learn: () => {}, cost: (index: number) => at(costs, index) };
  return trusted(modelled, tableSpace(rows), static_power_w);
}
