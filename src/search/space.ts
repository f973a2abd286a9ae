import type { Device } from "../gpu/device-schema.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { legalSlots, legalSms } from "./legality.js";

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
  return { name, kind: "scale", least: values[0] ?? 0, most: values.at(-1) ?? 0 };
}

/**
 * All combinations of clock, communication SMs and launch slot; clocks vary slowest. First come, at
 * every clock, the default SMs launched last and at the first slot.
 */
export function configurationSpace(partition: PartitionType, device: Device): ConfigurationSpace {
  const clocks = device.searched_clocks_mhz;
  const sms = legalSms(partition, device);
  const slots = legalSlots(partition);
  const join = (clock: number, sm: number, slot: number) =>
    (clock * sms.length + sm) * slots.length + slot;
  const split = (index: number): readonly [number, number, number] => {
    const rest = Math.floor(index / slots.length);
    return [Math.floor(rest / sms.length), rest % sms.length, index % slots.length];
  };
  const at = (index: number): Configuration => {
    const [clock, sm, slot] = split(index);
    return {
      freq_mhz: clocks[clock] as number,
      launch_slot: slots[slot] as string | null,
      sms: sms[sm] as number,
    };
  };
  const indexOf = ({ freq_mhz, launch_slot, sms: count }: Configuration): number | null => {
    const [clock, sm] = [clocks.indexOf(freq_mhz), sms.indexOf(count)];
    const slot = slots.indexOf(launch_slot);
    return Math.min(clock, sm, slot) < 0 ? null : join(clock, sm, slot);
  };
  const features = (index: number): readonly number[] => {
    const [clock, sm, slot] = split(index);
    return [clocks[clock] as number, sms[sm] as number, slot];
  };
  const neighbours = (index: number): readonly number[] => {
    const [clock, sm, slot] = split(index);
    const found: number[] = [];
    for (const step of [-1, 1]) {
      if (clocks[clock + step] !== undefined) found.push(join(clock + step, sm, slot));
      if (sms[sm + step] !== undefined) found.push(join(clock, sm + step, slot));
      if (slots[slot + step] !== undefined) found.push(join(clock, sm, slot + step));
    }
    return found;
  };
  const default_sm = sms.indexOf(partition.communication === null ? 0 : device.default_comm_sms);
  const first = clocks.flatMap((_, clock) =>
    slots.slice(0, 2).map((_, slot) => join(clock, default_sm, slot)),
  );
  const knobs: readonly Knob[] = [
    scale("freq_mhz", clocks),
    scale("sms", sms),
    { name: "launch_slot", kind: "choice" },
  ];
  const size = clocks.length * sms.length * slots.length;
  return { size, knobs, features, neighbours, first, at, indexOf };
}
