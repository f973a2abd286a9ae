import { loadDevice } from "../gpu/device.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import type { Measurements } from "../profile/library.js";
import { blendedOracle } from "./blended.js";
import { modelledOracle } from "./modelled.js";
import type { TracingOracle } from "./oracle.js";

function nearest(values: readonly number[], wanted: number): number {
  return values.reduce((best, value) =>
    Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best,
  );
}

/** The configuration of another device that is most like it: relative clock, share of the SMs. */
function counterpart(configuration: Configuration, of: Device, on: Device): Configuration {
  const { freq_mhz, sms } = configuration;
  const clock_mhz = (freq_mhz / of.highest_clock_mhz) * on.highest_clock_mhz;
  const share = (sms / of.sm_count) * on.sm_count;
  return {
    ...configuration,
    freq_mhz: nearest(on.searched_clocks_mhz, clock_mhz),
    sms: sms === 0 ? 0 : nearest([on.default_comm_sms, ...on.searched_comm_sms], share),
  };
}

/**
 * A what-if: the model of one device, times what measurements on another say that the model of that
 * one misses. All of it is extrapolated, as uncertain as the device's constants.
 */
function rescaledOracle(
  measured: Device,
  asked: Device,
  measurements: Measurements,
): TracingOracle {
  const blended = blendedOracle(measured, measurements);
  const [there, here] = [modelledOracle(measured), modelledOracle(asked)];
  return {
    gpu: asked.name,
    cost: (partition, configuration): Cost => {
      const like = counterpart(configuration, asked, measured);
      const [found, expected] = [blended.cost(partition, like), there.cost(partition, like)];
      const modelled = here.cost(partition, configuration);
      if (expected.time_s === 0) return { ...modelled, source: "extrapolated" };
      const time_s = modelled.time_s * (found.time_s / expected.time_s);
      const energy_j = modelled.energy_j * (found.energy_j / expected.energy_j);
      const cost: Cost = { time_s, energy_j, source: "extrapolated" };
      if (asked.expected_error === undefined) return cost;
      const { time, energy } = asked.expected_error;
      return { ...cost, time_s_std: time_s * time, energy_j_std: energy_j * energy };
    },
    trace: here.trace,
    parts: here.parts,
  };
}

/** Costs on a device from measurements: of that device, or of another one, rescaled. */
export function costsOn(device: Device, measurements: Measurements): TracingOracle {
  const { other_gpu } = measurements;
  if (other_gpu === undefined) return blendedOracle(device, measurements);
  return rescaledOracle(loadDevice(other_gpu), device, measurements);
}
