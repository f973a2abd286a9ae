import { grouped } from "../../base/grouped.js";
import type { Configuration, Cost } from "../../ir/configuration.js";
import { lookUp, type MeasuredPoint, type Reading } from "../../profile/lookup.js";
import { configurationOf, type PartitionRecord } from "../../profile/records.js";

/** What was measured of partitions, without any model. */
interface RecordedCosts {
  /** Measured or interpolated between measurements; null where neither. */
  readonly cost: (partition: string, configuration: Configuration) => Cost | null;
}

/** Interpolations that may be farther off than this are no answer: a corrected model is closer. */
const LARGEST_ERROR = 0.02;

/** The spread of a measurement whose record names none; the answer names none either. */
const UNTOLD = 0;

/** A record with its energy as a point; without it, it cannot stand for a whole cost. */
function pointOf(record: PartitionRecord): MeasuredPoint[] {
  const { freq_mhz, time_s, energy_j, time_s_std, energy_j_std } = record;
  if (energy_j === null) return [];
  return [
    {
      freq_mhz,
      time_s,
      energy_j,
      time_s_std: time_s_std ?? UNTOLD,
      energy_j_std: energy_j_std ?? UNTOLD,
    },
  ];
}

/** What shares a line of clocks. */
function lineOf(partition: string, { launch_slot, sms, order }: Configuration): string {
  return JSON.stringify([partition, launch_slot, sms, order]);
}

/** Costs from partition records that hold each setting once (see `loadMeasurements`). */
export function recordedCosts(records: readonly PartitionRecord[]): RecordedCosts {
  const ascending = [...records].sort((a, b) => a.freq_mhz - b.freq_mhz);
  const byLine = grouped(ascending, (record) => lineOf(record.partition, configurationOf(record)));
  const lines = new Map([...byLine].map(([line, own]) => [line, own.flatMap(pointOf)]));
  return {
    cost: (partition, configuration) => {
      const points = lines.get(lineOf(partition, configuration));
      const reading = points === undefined ? null : lookUp(points, configuration.freq_mhz);
      if (reading === null) return null;
      const { source, time, energy } = reading;
      if (source === "interpolated" && relativeError(reading) > LARGEST_ERROR) return null;
      return {
        time_s: time.value,
        energy_j: energy.value,
        source,
        ...(time.error === UNTOLD ? {} : { time_s_std: time.error }),
        ...(energy.error === UNTOLD ? {} : { energy_j_std: energy.error }),
      };
    },
  };
}

/** The larger of the two relative errors. */
function relativeError({ time, energy }: Reading): number {
  return Math.max(time.error / time.value, energy.error / energy.value);
}
