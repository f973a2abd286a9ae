import { describe, expect, test } from "vitest";
import { kernelEnergy } from "../cost/physics/energy.js";
import { kernelTime } from "../cost/physics/kernels.js";
import { idlePower } from "../cost/physics/power.js";
import { loadDevice, readDevice } from "../gpu/device.js";
import { type Device, deviceSchema } from "../gpu/device-schema.js";
import type { Work } from "../ir/work.js";
import { keyOf, type ProfileRecord } from "../profile/records.js";
import { curveAt } from "./curve.js";
import { fitDevice } from "./device.js";
import { fittedContent } from "./file.js";

const DEVICE = loadDevice("a100-sxm4-80gb");

const outcome = (freq_mhz: number, time_s: number, energy_j: number | null) => ({
  ...{ freq_mhz, sms: null, source: "measured" as const, time_s, energy_j },
  ...{ time_s_std: null, energy_j_std: null, trials: 1 },
});

/** Another board of the kind: products, memory and the voltage exponent differ. */
const TRUE_DEVICE = {
  ...DEVICE,
  voltage_exponent: 1.1,
  gemm: {
    ...DEVICE.gemm,
    bfloat16_flop_per_s: 1.8e14,
    k_half: 200,
    energy_j_per_flop: 1.3e-12,
    energy_j_per_byte: 6e-11,
  },
};

function kernel(work: Work, freq_mhz: number): ProfileRecord {
  const time_s = kernelTime(work, TRUE_DEVICE, freq_mhz, DEVICE.sm_count);
  const dynamic_j = kernelEnergy(work, TRUE_DEVICE, freq_mhz);
  const energy_j = idlePower(DEVICE, freq_mhz) * time_s + dynamic_j;
  const ran = { ...outcome(freq_mhz, time_s, energy_j), clock_mhz: freq_mhz };
  return { record: "kernel", ...keyOf(work), ...ran };
}

const products = [256, 1024, 4096, 8192].flatMap((k) =>
  [1024, 8192].flatMap((m) =>
    [1005, 1410].map((freq_mhz) =>
      kernel({ op: "matmul", b: 1, m, n: 4096, k, dtype: "bfloat16" }, freq_mhz),
    ),
  ),
);

const CLOCKS = [855, 930, 1005, 1080, 1155, 1230, 1305, 1380];
const instructions = [5, 10].flatMap((dynamic_j, stage) =>
  CLOCKS.map((freq_mhz): ProfileRecord => {
    const [cap_mhz, power_cap_mhz] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const curve = { fixed_s: 0.01, cycles_mhz_s: 50, cap_mhz, power_cap_mhz, dynamic_j };
    const { time_s, energy_j } = curveAt(curve, TRUE_DEVICE, freq_mhz);
    const instruction = "forward";
    return { record: "instruction", stage, instruction, ...outcome(freq_mhz, time_s, energy_j) };
  }),
);

const fittedValue = (
  fitted: readonly { path: readonly string[]; value: unknown }[],
  name: string,
) => Number(fitted.find(({ path }) => path.join(".") === name)?.value);

describe("fitDevice", () => {
  test("the constants behind made-up measurements come back", () => {
    const { fitted, rejected } = fitDevice(DEVICE, [...products, ...instructions], false);
    expect(rejected).toEqual([]);
    expect(fittedValue(fitted, "voltage_exponent")).toBeCloseTo(1.1, 2);
    expect(fittedValue(fitted, "gemm.bfloat16_flop_per_s") / 1.8e14).toBeCloseTo(1, 2);
    expect(fittedValue(fitted, "gemm.k_half") / 200).toBeCloseTo(1, 1);
    expect(fittedValue(fitted, "gemm.energy_j_per_flop") / 1.3e-12).toBeCloseTo(1, 2);
    expect(fittedValue(fitted, "gemm.energy_j_per_byte") / 6e-11).toBeCloseTo(1, 1);
    const residuals = fitted.map(({ residual }) => residual);
    expect(residuals.every((text) => /^(time|energy) 0\.\d % mean/.test(text))).toBe(true);
  });

  test("voltages and a power cap are kept where held-out clocks and curves are told no better", () => {
    const names = (device: Device, records: readonly ProfileRecord[]) => {
      const { fitted, rejected } = fitDevice(device, records, false);
      return [
        fitted.map(({ path }) => path.join(".")),
        rejected.map(({ name, constants }) => [name, constants]),
      ];
    };
    expect(names(TRUE_DEVICE, instructions)).toEqual([[], [["voltage_exponent", true]]]);
    const settles = (powers_w: readonly number[]) =>
      powers_w.flatMap((power_w, stage) =>
        [...CLOCKS, 1410, 1440, 1470, 1500].map((freq_mhz): ProfileRecord => {
          const time_s = 0.01 + 50 / Math.min(freq_mhz, 1300);
          const scale = (Math.min(freq_mhz, 1300) / 1300) ** 2;
          const measured = outcome(freq_mhz, time_s, power_w * time_s * scale);
          return { record: "instruction", stage, instruction: "backward", ...measured };
        }),
      );
    const capped = { ...DEVICE, power_cap_w: 400 };
    expect(names(capped, settles([300, 301, 302]))[0]).toContain("power_cap_w");
    for (const kept of [settles([380, 420, 400]), settles([300])]) {
      expect(names(capped, kept)[1]).toContainEqual(["power_cap_w", true]);
    }
  });

  test("what was not measured is not fitted: models, stand-ins, too few records", () => {
    const modelled = products.map((record) => ({ ...record, source: "modelled" as const }));
    expect(fitDevice(DEVICE, modelled, false).fitted).toEqual([]);
    expect(fitDevice(DEVICE, products.slice(0, 2), false).fitted).toEqual([]);
  });

  test("an outlier is named, and constants that a fit makes no better are kept", () => {
    const cold = products.map((record, i) =>
      i === 5 ? { ...record, time_s: 3 * record.time_s } : record,
    );
    const { fitted, rejected } = fitDevice(DEVICE, cold, false);
    expect(rejected).toMatchObject([
      {
        name: expect.stringMatching(/^matmul 1 /),
        reason: expect.stringMatching(/^its time is 3\.\d* times/),
      },
      { reason: expect.stringMatching(/^its energy is/) },
    ]);
    expect(fittedValue(fitted, "gemm.bfloat16_flop_per_s") / 1.8e14).toBeCloseTo(1, 2);
    const again = fitDevice(TRUE_DEVICE, products, false);
    const scattered = products.map((record, i) => ({
      ...record,
      time_s: record.time_s * (i % 3 === 0 ? 1.1 : 0.95),
    }));
    expect(fitDevice(TRUE_DEVICE, scattered, false).rejected).toContainEqual(
      expect.objectContaining({ constants: true, name: expect.stringContaining("gemm") }),
    );
    expect(again.rejected.map(({ constants }) => constants)).toEqual(
      again.rejected.map(() => true),
    );
  });

  test("curves of two regimes and of too few clocks are named", () => {
    const few = instructions.slice(0, 3);
    expect(fitDevice(DEVICE, few, false)).toEqual({
      fitted: [],
      rejected: [
        {
          name: "forward of stage 0",
          kept_mhz: null,
          reason: "3 of the 4 clocks that a fit needs",
        },
      ],
    });
    const mixed = instructions.map((record, i) => ({
      ...record,
      time_s: record.time_s * (i % 2 === 0 ? 1 : 1.2),
    }));
    const { fitted, rejected } = fitDevice(DEVICE, mixed, false);
    expect(fitted).toEqual([]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("time rises"),
      expect.stringContaining("time rises"),
    ]);
  });

  test("a fitted file is a device again, and says where its values are from", () => {
    const { content } = readDevice("a100-sxm4-80gb");
    const { fitted } = fitDevice(DEVICE, products, false);
    const device = deviceSchema.parse(fittedContent(content, fitted, "fitted to test"));
    expect(device.gemm.bfloat16_flop_per_s / 1.8e14).toBeCloseTo(1, 2);
    expect(device.attention).toEqual(DEVICE.attention);
    expect(fittedContent(content, fitted, "fitted to test")).toMatchObject({
      gemm: { k_half: { source: "fitted to test", residual: expect.stringContaining("time") } },
    });
  });
});
