import type { Device } from "../gpu/device-schema.js";
import type { Control } from "../ir/choices.js";
import { kernelSequence, ownLaunchSlot, type PartitionType } from "../ir/partition.js";
import { spread } from "../math/spread.js";

/**
 * How a partition can run at all on a device; how good it is does not matter here. Clock, SMs and
 * launch are chosen freely of each other: every combination of these answers is legal.
 */

/** In which order the slots run, and before which of them communication starts. */
export interface Launch {
  /** Slot indices; null: as the partition lists them. */
  readonly order: readonly number[] | null;
  /** Null: after the last kernel. */
  readonly slot: string | null;
}

/** Every further order multiplies the space, and neighbouring ones hardly differ. */
const MOST_ORDERS = 4;

/**
 * A partition's order is an order of its slots. A weight gradient that no other kernel reads and that is
 * a slot of its own may run after all others: then communication that waits for those starts earlier.
 * Baselines never use it.
 *
 * Slot orders, the partition's own (null) first: the last k free kernels run after all others,
 * k from 1 to all of them, so that what waits for communication need not wait for them.
 */
function legalOrders({ slots, kernels, free_order }: PartitionType): (readonly number[] | null)[] {
  const own = slots.map((_, slot) => slot);
  const late = free_order.filter(([, until]) => until === kernels.length - 1);
  const free = own.filter((slot) => late.some(([kernel]) => kernel === slots[slot]?.first));
  const orders = free.toReversed().map((_, k) => {
    const deferred = free.slice(free.length - 1 - k);
    return [...own.filter((slot) => !deferred.includes(slot)), ...deferred];
  });
  const moved = orders.filter((order) => order.some((slot, place) => slot !== place));
  return [null, ...spread(moved, MOST_ORDERS - 1)];
}

/** Whether only free kernels run from that slot on, so that communication need not wait for them. */
function followsItsKernels(type: PartitionType, order: readonly number[], slot: number): boolean {
  const rest = kernelSequence(type, order.slice(order.indexOf(slot)));
  return rest.every((kernel) => type.free_order.some(([free]) => free === kernel));
}

/**
 * Launches by order, within an order "after the last kernel" first. Communication that waits for
 * the partition's own kernels may start once only free ones are left; where there is no
 * communication, or nothing beside it, there is one launch, and so where launches are not controlled.
 */
export function legalLaunches(
  partition: PartitionType,
  control: Control = "all",
): readonly Launch[] {
  const { communication, dependent, slots } = partition;
  if (control !== "all" || communication === null) {
    return [{ order: null, slot: ownLaunchSlot(partition) }];
  }
  return legalOrders(partition).flatMap((order) => {
    const places = order ?? slots.map((_, slot) => slot);
    const legal = slots.flatMap(({ name }, slot) =>
      !dependent || followsItsKernels(partition, places, slot) ? [{ order, slot: name }] : [],
    );
    // Without overlap the order makes no difference.
    return order === null ? [{ order, slot: null }, ...legal] : legal;
  });
}

/** SMs for communication, ascending: 0 where there is none or where a copy engine can do it. */
export function legalSms(
  partition: PartitionType,
  device: Device,
  control: Control = "all",
): readonly number[] {
  if (partition.communication === null) return [0];
  if (control === "clocks") return [device.default_comm_sms];
  const sms = new Set([device.default_comm_sms, ...device.searched_comm_sms]);
  if (device.copy_engine_collectives && control === "all") sms.add(0);
  return [...sms].sort((a, b) => a - b);
}
