import { z } from "zod";
import { ascends, isWhole } from "../base/rules.js";
import { switchTime } from "../ir/switch-time.js";
import { FAMILIES, FORMED, PRODUCTS } from "../ir/workload.js";

/**
 * The device file: every value with its source, and with its residual where one is known. Reading
 * keeps the values alone, as plain data that can be sent to worker threads.
 *
 * Constants belong together: energies per operation are derived with the idle power beside them, and a
 * curve borrowed from another board does not fit them. A device whose constants are another one's,
 * rescaled, answers "extrapolated", never "modelled".
 */

function sourced<Value>(value: z.ZodType<Value>) {
  const source = z.string().min(1);
  return z
    .strictObject({ value, source, residual: source.optional() })
    .transform((read): Value => read.value);
}

/** Older files do not hold every constant; what they leave out costs nothing. */
const ABSENT = "absent from the file";
const NONE = { value: 0, source: ABSENT };

const positive = z.number().positive();
/** Powers of a ratio of clocks or rates lie below 3; with larger ones times leave what numbers hold. */
const MOST_EXPONENT = 10;
const exponent = z.number().nonnegative().max(MOST_EXPONENT);
const count = z.int().positive();
const sourcedPositive = sourced(positive);
const sourcedCount = sourced(count);
const nonNegative = z.number().nonnegative();

const ascendingList = z.array(count).min(1).refine(ascends, { error: "must ascend strictly" });

/** Quantities tabulated over the SM clock. */
const table = z.array(positive).min(1);
const unequal = { error: "its lists must be equally long", when: isWhole };
const bandwidthTable = z
  .strictObject({ freq_mhz: ascendingList, bytes_per_s: table })
  .refine((read) => read.freq_mhz.length === read.bytes_per_s.length, unequal);
const voltageTable = z
  .strictObject({ freq_mhz: ascendingList, voltage_v: table })
  .refine((read) => read.freq_mhz.length === read.voltage_v.length, unequal);
const powerTable = z
  .strictObject({ freq_mhz: ascendingList, power_w: table })
  .refine((read) => read.freq_mhz.length === read.power_w.length, unequal);

const gemmSchema = z.strictObject({
  /** Rate at the highest clock for unlimited k, all SMs busy. */
  bfloat16_flop_per_s: sourcedPositive,
  /** The k at which half of that rate is reached. */
  k_half: sourced(z.number().nonnegative()),
  tiles: sourced(
    z.array(z.strictObject({ m: count, n: count, efficiency: positive.max(1) })).min(1),
  ),
  split_k: sourced(ascendingList),
  energy_j_per_flop: sourcedPositive,
  energy_j_per_byte: sourcedPositive,
  /** The clock that tensor cores leave which are busy all the time, however low the power; absent: any. */
  busy_clock_mhz: sourcedPositive.optional(),
  /** Shares of the rate kept where rows start at no multiple of 16 bytes: at even or odd elements. */
  unaligned_efficiency: sourced(
    z.strictObject({ even: positive.max(1), odd: positive.max(1) }),
  ).optional(),
});

const attentionSchema = z.strictObject({
  /** Rates at the highest clock for unlimited head size and keys, all SMs busy. */
  forward_flop_per_s: sourcedPositive,
  backward_flop_per_s: sourcedPositive,
  /** Query rows of a thread block. */
  block_rows: sourcedCount,
  /** What the softmax of a score costs: so many more columns of its products. */
  softmax_columns: sourced(nonNegative).prefault(NONE),
  /** What a thread block costs besides its keys: so many more. */
  block_keys: sourced(z.strictObject({ forward: nonNegative, backward: nonNegative })).prefault({
    value: { forward: 0, backward: 0 },
    source: ABSENT,
  }),
  /** The part of the longest block's time for which the other SMs have no work left. */
  tail: sourced(nonNegative.max(1)).prefault(NONE),
  energy_j_per_flop: sourcedPositive,
  energy_j_per_byte: sourcedPositive,
});

/** How a kernel of a kind and communication beside it slow each other. */
const contentionSchema = z.strictObject({
  /** Longer by this much beside communication on every SM; on a part of them by its power of 2/3. */
  slowing: nonNegative,
  /** The share of its own rate that communication keeps. */
  share: positive.max(1),
});

const communicationSchema = z.strictObject({
  link_bytes_per_s: sourcedPositive,
  /** Of one GPU to other nodes. */
  inter_node_bytes_per_s: sourcedPositive.optional(),
  cta_bytes_per_s: sourcedPositive,
  saturation_exponent: sourced(exponent.positive()),
  clock_exponent: sourced(exponent),
  latency_base_s: sourced(z.number().nonnegative()),
  latency_hop_s: sourced(z.number().nonnegative()),
  hbm_bytes_per_wire_byte: sourced(
    z.strictObject({
      all_reduce: positive,
      all_gather: positive,
      reduce_scatter: positive,
      all_to_all: positive,
      send: positive,
      recv: positive,
    }),
  ),
  energy_j_per_wire_byte: sourcedPositive,
});

/**
 * Where a file says nothing: overlapped compute is 18.9 % slower in the mean (arXiv 2507.03114), here
 * on 24 of 108 SMs, and communication keeps 0.5 to 0.9 of its rate.
 */
const PUBLISHED = { slowing: 0.5, share: 0.7 };

const expectedError = sourced(z.strictObject({ time: nonNegative, energy: nonNegative }));

/** By execution, family and what is multiplied. */
const expectedErrors = z.partialRecord(
  z.enum(FORMED),
  z.partialRecord(z.enum(FAMILIES), z.partialRecord(z.enum(PRODUCTS), expectedError)),
);

/** The file format, version 1; parses to {@link Device}. */
export const deviceSchema = z
  .strictObject({
    format: z.literal("kareus-device"),
    version: z.literal(1),
    name: z.string().min(1),
    sm_count: sourcedCount,
    memory_bytes: sourcedPositive,
    /** What a product moves within the second-level cache costs no memory traffic; 0: all of it does. */
    l2_bytes: sourced(nonNegative).prefault(NONE),
    lowest_clock_mhz: sourcedCount,
    highest_clock_mhz: sourcedCount,
    clock_step_mhz: sourcedCount,
    searched_clocks_mhz: sourced(ascendingList),
    /** Of any change, or by the clock that it goes to. */
    switch_time_s: sourced(switchTime),
    peak_flop_per_s: sourced(
      z.strictObject({
        bfloat16: positive,
        float16: positive,
        float32: positive,
        float64: positive,
        /** Absent: its tensor cores do not multiply 8-bit floats. */
        float8: positive.optional(),
      }),
    ),
    gemm: gemmSchema,
    attention: attentionSchema,
    memory: z.strictObject({
      bandwidth: sourced(bandwidthTable),
      energy_j_per_byte: sourcedPositive,
      /** What DRAM takes of every byte moved, in any kernel: it does not follow the core's voltage. */
      dram_energy_j_per_byte: sourcedPositive,
      /**
       * Seconds that one of a kernel's own operations adds to its traffic at the highest clock, all SMs
       * busy: of norms, whose rows are summed, and of all others.
       */
      exposed_s_per_flop: sourced(
        z.strictObject({ norm: nonNegative, other: nonNegative }),
      ).prefault({
        value: { norm: 0, other: 0 },
        source: ABSENT,
      }),
      energy_j_per_flop: sourced(nonNegative).prefault(NONE),
    }),
    /** Time of one compute launch beyond its kernel, whatever the clock. */
    launch_time_s: sourced(nonNegative),
    /** What every kernel takes until all SMs work, until the last is done and the next of its queue starts. */
    kernel_start_s: sourced(nonNegative).prefault(NONE),
    contention: sourced(
      z.strictObject({
        matmul: contentionSchema,
        attention: contentionSchema,
        memory: contentionSchema,
      }),
    ).prefault({
      value: { matmul: PUBLISHED, attention: PUBLISHED, memory: PUBLISHED },
      source: ABSENT,
    }),
    communication: communicationSchema,
    default_comm_sms: sourcedCount,
    searched_comm_sms: sourced(ascendingList),
    copy_engine_collectives: sourced(z.boolean()),
    static_power_w: sourcedPositive,
    power_cap_w: sourcedPositive,
    /** A lower limit that the job runs under; absent: the board's. */
    power_limit_w: sourcedPositive.optional(),
    voltage: sourced(voltageTable),
    /** Dynamic energy follows voltage to twice this power. */
    voltage_exponent: sourced(exponent.positive()),
    idle_power: sourced(powerTable),
    /** The device whose measured constants stand for this one's, rescaled: a what-if. */
    rescaled_from: sourced(z.string().min(1)).optional(),
    /** Relative errors within which nine of ten measurements lay, of data that was not fitted, by kind of workload. */
    expected_errors: expectedErrors.optional(),
    /** Of every other kind of workload: wider than any that was measured. */
    expected_error: expectedError.optional(),
    /** The same where kernels run operator by operator; absent: as else. Told by files from before `expected_errors`. */
    expected_error_eager: expectedError.optional(),
  })
  .refine(
    (device) =>
      device.searched_clocks_mhz.every(
        (clock) =>
          clock >= device.lowest_clock_mhz &&
          clock <= device.highest_clock_mhz &&
          (clock - device.lowest_clock_mhz) % device.clock_step_mhz === 0,
      ),
    {
      path: ["searched_clocks_mhz"],
      error: "holds a clock that the device does not have",
      when: isWhole,
    },
  )
  .refine(
    (device) => Math.max(device.default_comm_sms, ...device.searched_comm_sms) < device.sm_count,
    { path: ["searched_comm_sms"], error: "leaves no SM to compute", when: isWhole },
  );

/** One GPU model: plain numbers in SI units (clocks in MHz). */
export type Device = z.output<typeof deviceSchema>;
