import { byDefault } from "../base/need.js";
import { longestSwitch } from "../ir/switch-time.js";
import type { Device } from "./device-schema.js";

/** What the data sheet of a GPU says. */
export interface DataSheet {
  readonly name: string;
  /** Where the numbers stand, for the file. */
  readonly source: string;
  readonly sm_count: number;
  readonly memory_bytes: number;
  readonly bandwidth_bytes_per_s: number;
  readonly highest_clock_mhz: number;
  readonly power_cap_w: number;
  /** Dense, of tensor cores. */
  readonly bfloat16_flop_per_s: number;
  /** Null: its tensor cores do not multiply 8-bit floats. */
  readonly float8_flop_per_s: number | null;
  /** Outside tensor cores; null: in proportion to bfloat16. */
  readonly float32_flop_per_s: number | null;
  readonly float64_flop_per_s: number | null;
  /** Of all links to other GPUs of the node, one way. */
  readonly link_bytes_per_s: number;
}

/** A value with where it comes from, as device files have it. */
interface Sourced {
  readonly value: unknown;
  readonly source: string;
  readonly residual?: string;
}

const SEARCHED_CLOCKS = 18;

/** Relative errors that nobody has checked: another chip than the measured one. */
const EXPECTED_ERROR = { time: 0.3, energy: 0.4 };

/** What a link delivers of its rate on the sheet; NVLink 4 of the H200: 371 of 450 GB/s. */
const PAYLOAD = 0.82;

/** The share of the highest bandwidth of a sheet that memory kernels reach; the H200: 4.47 of 4.8 TB/s. */
const REACHED = 0.93;

/**
 * The device file of a GPU that nobody measured: rates, capacities, clocks and power of its data sheet,
 * everything else of a GPU that was measured, rescaled in proportion. Energy for an operation follows power over
 * rate, static and idle power the power limit, clocks the highest clock; what is told by nothing stays. A what-if:
 * costs on it are "extrapolated".
 */
export function deviceFromSheet(sheet: DataSheet, base: Device): object {
  const like = `${base.name} (profiles/devices/${base.name}.json)`;
  const told = (value: unknown): Sourced => ({ value, source: sheet.source });
  const kept = (value: unknown): Sourced => ({ value, source: `as ${like} has it: not measured` });
  const scaled = (value: unknown, by: string): Sourced => ({
    value,
    source: `that of ${like} by the ratio of ${by}`,
    residual: "not measured",
  });
  const rate = sheet.bfloat16_flop_per_s / base.peak_flop_per_s.bfloat16;
  const clock = sheet.highest_clock_mhz / base.highest_clock_mhz;
  const power = sheet.power_cap_w / base.power_cap_w;
  const times = (value: number, factor: number) => Number((value * factor).toPrecision(6));
  const clocksOf = (values: readonly number[]) =>
    ascending(values.map((f) => Math.round(f * clock)));
  const { gemm, attention, memory, communication } = base;
  const perFlop = (energy_j: number) => scaled(times(energy_j, power / rate), "power over rate");
  const step = base.clock_step_mhz;
  const lowest = sheet.highest_clock_mhz % step;
  const lowest_mhz =
    lowest + step * Math.max(1, Math.round((base.lowest_clock_mhz * clock - lowest) / step));
  const searched = searchedClocks(lowest_mhz, sheet.highest_clock_mhz, step);
  const sms = base.searched_comm_sms.filter((count) => 2 * count < sheet.sm_count);
  const reached =
    (REACHED * sheet.bandwidth_bytes_per_s) / Math.max(...memory.bandwidth.bytes_per_s);
  const slower = 1 / ((sheet.sm_count / base.sm_count) * clock);
  const { exposed_s_per_flop: exposed } = memory;
  return {
    format: "kareus-device",
    version: 1,
    name: sheet.name,
    sm_count: told(sheet.sm_count),
    memory_bytes: told(sheet.memory_bytes),
    l2_bytes: kept(base.l2_bytes),
    lowest_clock_mhz: scaled(lowest_mhz, "highest clocks"),
    highest_clock_mhz: told(sheet.highest_clock_mhz),
    clock_step_mhz: kept(step),
    searched_clocks_mhz: {
      value: searched,
      source: `half of the highest clock to all of it, ${SEARCHED_CLOCKS} clocks`,
    },
    switch_time_s: kept(longestSwitch(base.switch_time_s)),
    peak_flop_per_s: told({
      bfloat16: sheet.bfloat16_flop_per_s,
      float16: sheet.bfloat16_flop_per_s,
      float32: sheet.float32_flop_per_s ?? times(base.peak_flop_per_s.float32, rate),
      float64: sheet.float64_flop_per_s ?? times(base.peak_flop_per_s.float64, rate),
      ...(sheet.float8_flop_per_s === null ? {} : { float8: sheet.float8_flop_per_s }),
    }),
    gemm: {
      bfloat16_flop_per_s: scaled(times(gemm.bfloat16_flop_per_s, rate), "peak rates"),
      k_half: kept(gemm.k_half),
      tiles: kept(gemm.tiles),
      split_k: kept(gemm.split_k),
      energy_j_per_flop: perFlop(gemm.energy_j_per_flop),
      energy_j_per_byte: kept(gemm.energy_j_per_byte),
      ...(gemm.busy_clock_mhz === undefined
        ? {}
        : { busy_clock_mhz: scaled(Math.round(gemm.busy_clock_mhz * clock), "highest clocks") }),
      ...(gemm.unaligned_efficiency === undefined
        ? {}
        : { unaligned_efficiency: kept(gemm.unaligned_efficiency) }),
    },
    attention: {
      forward_flop_per_s: scaled(times(attention.forward_flop_per_s, rate), "peak rates"),
      backward_flop_per_s: scaled(times(attention.backward_flop_per_s, rate), "peak rates"),
      block_rows: kept(attention.block_rows),
      softmax_columns: kept(attention.softmax_columns),
      block_keys: kept(attention.block_keys),
      tail: kept(attention.tail),
      energy_j_per_flop: perFlop(attention.energy_j_per_flop),
      energy_j_per_byte: kept(attention.energy_j_per_byte),
    },
    memory: {
      bandwidth: {
        value: {
          freq_mhz: clocksOf(memory.bandwidth.freq_mhz),
          bytes_per_s: memory.bandwidth.bytes_per_s.map((bytes) => times(bytes, reached)),
        },
        source: `${REACHED} of the sheet's at the highest clock, over the clock as on ${like}`,
        residual: "not measured",
      },
      energy_j_per_byte: kept(memory.energy_j_per_byte),
      dram_energy_j_per_byte: kept(memory.dram_energy_j_per_byte),
      exposed_s_per_flop: scaled(
        { norm: times(exposed.norm, slower), other: times(exposed.other, slower) },
        "SMs and highest clocks",
      ),
      energy_j_per_flop: kept(memory.energy_j_per_flop),
    },
    launch_time_s: kept(base.launch_time_s),
    kernel_start_s: kept(base.kernel_start_s),
    contention: kept(base.contention),
    communication: {
      link_bytes_per_s: {
        value: times(sheet.link_bytes_per_s, PAYLOAD),
        source: `${PAYLOAD} of the sheet's: ${sheet.source}`,
        residual: "not measured",
      },
      cta_bytes_per_s: kept(communication.cta_bytes_per_s),
      saturation_exponent: kept(communication.saturation_exponent),
      clock_exponent: kept(communication.clock_exponent),
      latency_base_s: kept(communication.latency_base_s),
      latency_hop_s: kept(communication.latency_hop_s),
      hbm_bytes_per_wire_byte: kept(communication.hbm_bytes_per_wire_byte),
      energy_j_per_wire_byte: kept(communication.energy_j_per_wire_byte),
    },
    default_comm_sms: kept(Math.min(base.default_comm_sms, Math.max(...sms))),
    searched_comm_sms: kept(sms),
    copy_engine_collectives: kept(base.copy_engine_collectives),
    static_power_w: scaled(times(base.static_power_w, power), "power limits"),
    power_cap_w: told(sheet.power_cap_w),
    voltage: scaled(
      { freq_mhz: clocksOf(base.voltage.freq_mhz), voltage_v: base.voltage.voltage_v },
      "highest clocks",
    ),
    voltage_exponent: kept(base.voltage_exponent),
    idle_power: scaled(
      {
        freq_mhz: clocksOf(base.idle_power.freq_mhz),
        power_w: base.idle_power.power_w.map((watts) => times(watts, power)),
      },
      "power limits and highest clocks",
    ),
    rescaled_from: {
      value: base.name,
      source: `nobody measured this GPU: rates and capacities of its data sheet, the rest of ${like}`,
    },
    expected_error: {
      value: EXPECTED_ERROR,
      source: "a guess: another chip than the measured one, nothing of it was checked",
    },
  };
}

/** The same order where rounding made neighbours equal. */
function ascending(values: readonly number[]): number[] {
  let last = 0;
  return values.map((value) => {
    last = Math.max(value, last + 1);
    return last;
  });
}

function searchedClocks(lowest_mhz: number, highest_mhz: number, step_mhz: number): number[] {
  const steps = Math.floor((highest_mhz - Math.max(lowest_mhz, highest_mhz / 2)) / step_mhz);
  const count = Math.min(SEARCHED_CLOCKS - 1, steps);
  const clocks = Array.from({ length: count + 1 }, (_, i) => {
    return highest_mhz - step_mhz * Math.round((steps * i) / Math.max(1, count));
  });
  return [...new Set(clocks)].toReversed();
}

/** How much of another device a device has, by its data sheet's numbers. */
export function ratiosOf(device: Device, base: Device) {
  const bandwidth = (each: Device) => Math.max(...each.memory.bandwidth.bytes_per_s);
  const float8 = (each: Device) => byDefault(each.peak_flop_per_s.float8, 0);
  return {
    bfloat16: device.peak_flop_per_s.bfloat16 / base.peak_flop_per_s.bfloat16,
    float8: float8(base) === 0 ? null : float8(device) / float8(base),
    bandwidth: bandwidth(device) / bandwidth(base),
    memory: device.memory_bytes / base.memory_bytes,
    link: device.communication.link_bytes_per_s / base.communication.link_bytes_per_s,
    power: device.power_cap_w / base.power_cap_w,
  };
}
