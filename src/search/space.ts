import { at } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import type { Control } from "../ir/choices.js";
import type { Configuration } from "../ir/configuration.js";
import { ownLaunchSlot, type PartitionType } from "../ir/partition.js";
import { type Launch, legalLaunches, legalSms } from "./legality.js";

/** One thing that can be chosen. */
export type Knob =
  /** A number in [least, most]; near numbers are alike. */
  | {
      readonly name: string;
      readonly kind: "scale";
      readonly least: number;
      readonly most: number;
    }
  /** One of several, numbered from 0 in an order that may or may not mean something. */
  | { readonly name: string; readonly kind: "choice" };

/** The candidates of one search, by index: listed or computed, never stored whole. */
export interface Space {
  readonly size: number;
  readonly knobs: readonly Knob[];
  /** What a candidate chooses, one number per knob. */
  readonly features: (index: number) => readonly number[];
  /** The candidates that differ by one step of one knob. */
  readonly neighbours: (index: number) => readonly number[];
  /** Candidates to evaluate before any other, none twice. */
  readonly first: readonly number[];
}

/** The legal configurations of one partition type. `first` is what baselines use. */
export interface ConfigurationSpace extends Space {
  readonly at: (index: number) => Configuration;
  /** The inverse of `at`; null for what is not in the space. */
  readonly indexOf: (configuration: Configuration) => number | null;
}

/** The knob over ascending numbers. */
function scale(name: string, values: readonly number[]): Knob {
  return { name, kind: "scale", least: at(values, 0), most: at(values, -1) };
}

/** Launches by index, and what of them a search may vary: the slot, and the order if there are several. */
interface LaunchTable {
  readonly list: readonly Launch[];
  readonly knobs: readonly Knob[];
  readonly features: (launch: number) => readonly number[];
  readonly neighbours: (launch: number) => readonly number[];
  /** -1 for what is not legal. */
  readonly indexOf: (launch: Launch) => number;
}

function launchTable(partition: PartitionType, control: Control): LaunchTable {
  const list = legalLaunches(partition, control);
  const orders = [...new Set(list.map(({ order }) => order?.join() ?? null))];
  const slots = [null, ...partition.slots.map(({ name }) => name)];
  const places = list.map(({ slot, order }) => {
    return [slots.indexOf(slot), orders.indexOf(order?.join() ?? null)] as const;
  });
  const indexAt = (slot: number, order: number) =>
    places.findIndex((place) => place[0] === slot && place[1] === order);
  const ordered = orders.length > 1;
  const choice = (name: string): Knob => ({ name, kind: "choice" });
  return {
    list,
    knobs: [choice("launch_slot"), ...(ordered ? [choice("order")] : [])],
    features: (launch) => {
      const [slot, order] = at(places, launch);
      return ordered ? [slot, order] : [slot];
    },
    neighbours: (launch) => {
      const [slot, order] = at(places, launch);
      const beside = [-1, 1].flatMap((step) => [
        indexAt(slot + step, order),
        indexAt(slot, order + step),
      ]);
      return beside.filter((next) => next >= 0);
    },
    indexOf: ({ slot, order }) =>
      indexAt(slots.indexOf(slot), orders.indexOf(order?.join() ?? null)),
  };
}

/**
 * All combinations of clock, communication SMs and launch; clocks vary slowest. First come, at
 * every clock, the default SMs launched last and, where communication need not wait, at the first
 * slot.
 */
export function configurationSpace(
  partition: PartitionType,
  device: Device,
  control: Control = "all",
): ConfigurationSpace {
  const clocks = device.searched_clocks_mhz;
  const sms = legalSms(partition, device, control);
  const launches = launchTable(partition, control);
  const count = launches.list.length;
  const join = (clock: number, sm: number, launch: number) =>
    (clock * sms.length + sm) * count + launch;
  const split = (index: number): readonly [number, number, number] => {
    const rest = Math.floor(index / count);
    return [Math.floor(rest / sms.length), rest % sms.length, index % count];
  };
  const configurationAt = (index: number): Configuration => {
    const [clock, sm, launch] = split(index);
    const { slot: launch_slot, order } = at(launches.list, launch);
    const [freq_mhz, count_sms] = [at(clocks, clock), at(sms, sm)];
    const own = { freq_mhz, launch_slot, sms: count_sms };
    return order === null ? own : { ...own, order };
  };
  const indexOf = ({ freq_mhz, launch_slot, sms: count_sms, order }: Configuration) => {
    const [clock, sm] = [clocks.indexOf(freq_mhz), sms.indexOf(count_sms)];
    const launch = launches.indexOf({ slot: launch_slot, order: order ?? null });
    return Math.min(clock, sm, launch) < 0 ? null : join(clock, sm, launch);
  };
  const features = (index: number): readonly number[] => {
    const [clock, sm, launch] = split(index);
    return [at(clocks, clock), at(sms, sm), ...launches.features(launch)];
  };
  const neighbours = (index: number): readonly number[] => {
    const [clock, sm, launch] = split(index);
    const found = launches.neighbours(launch).map((next) => join(clock, sm, next));
    for (const step of [-1, 1]) {
      if (clocks[clock + step] !== undefined) found.push(join(clock + step, sm, launch));
      if (sms[sm + step] !== undefined) found.push(join(clock, sm + step, launch));
    }
    return found;
  };
  const default_sm = sms.indexOf(partition.communication === null ? 0 : device.default_comm_sms);
  const baseline: Launch[] = [{ order: null, slot: null }];
  const own = ownLaunchSlot(partition);
  if (own !== null) baseline.push({ order: null, slot: own });
  const plain = baseline.map(launches.indexOf).filter((launch) => launch >= 0);
  const first = clocks.flatMap((_, clock) =>
    plain.map((launch) => join(clock, default_sm, launch)),
  );
  const knobs: readonly Knob[] = [scale("freq_mhz", clocks), scale("sms", sms), ...launches.knobs];
  const size = clocks.length * sms.length * count;
  return { size, knobs, features, neighbours, first, at: configurationAt, indexOf };
}
