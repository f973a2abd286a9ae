import { expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../../../test/support/llama-layer.js";
import { loadDevice } from "../../../gpu/device.js";
import type { Configuration } from "../../../ir/configuration.js";
import type { PartitionType } from "../../../ir/partition.js";
import { partitionRecord } from "../../../profile/records.js";
import { modelledOracle } from "../../modelled.js";
import { UNCORRECTED } from "../../physics/correction.js";
import { fittedPartition } from "./fitted-partition.js";

const device = loadDevice("a100-sxm4-40gb");
/** A board that the device file describes badly. */
const board = modelledOracle({
  ...device,
  gemm: { ...device.gemm, bfloat16_flop_per_s: 0.8 * device.gemm.bfloat16_flop_per_s },
  communication: { ...device.communication, cta_bytes_per_s: 7e9, link_bytes_per_s: 1.2e11 },
});
const layer = llamaLayer(4, 4096);
const overlapped = partitionOf("backward.a", layer.backward_attention, layer.reduced_bytes);

function fittedTo(partition: PartitionType, configurations: readonly Configuration[]) {
  const records = configurations.map((configuration) => {
    const { time_s, energy_j } = board.cost(partition, configuration);
    const cost = { time_s, energy_j, source: "measured" as const };
    return partitionRecord({ partition: partition.key, ...configuration, ...cost });
  });
  return fittedPartition(partition, records, device, UNCORRECTED);
}

/** Mean relative error in time over configurations. */
function error(partition: PartitionType, told: Configuration[], asked: Configuration[]): number {
  const model = fittedTo(partition, told);
  if (model === null) throw new Error("not fitted");
  const off = asked.map((configuration) => {
    return model.run(configuration).time_s / board.cost(partition, configuration).time_s - 1;
  });
  return off.reduce((sum, each) => sum + Math.abs(each), 0) / off.length;
}

const at = (freq_mhz: number, launch_slot: string | null, sms: number): Configuration => {
  return { freq_mhz, launch_slot, sms };
};
const slots = [null, ...overlapped.slots.map(({ name }) => name)];
const everywhere = (freq_mhz: number) =>
  slots.flatMap((slot) => [3, 6, 12, 24].map((sms) => at(freq_mhz, slot, sms)));

test("a third of the schedules at one clock tells the others, and those at lower clocks", () => {
  const told = everywhere(1410).filter((_, i) => i % 3 === 0);
  const rest = everywhere(1410).filter((_, i) => i % 3 !== 0);
  expect(error(overlapped, told, rest)).toBeLessThan(0.02);
  expect(error(overlapped, told, everywhere(1110))).toBeLessThan(0.05);
});

test("an order of the slots is another sequence of the same segments", () => {
  const order = [0, 2, 3, 4, 6, 7, 1, 5];
  const ordered = (list: Configuration[]) => list.map((each) => ({ ...each, order }));
  const told = everywhere(1410);
  expect(error(overlapped, told, ordered(everywhere(1410)))).toBeLessThan(0.05);
});

test("kernels or communication alone are their time", () => {
  const kernels = partitionOf("k", layer.forward_mlp, null);
  const clocks = [1410, 1230, 1050].map((clock) => at(clock, null, 0));
  expect(error(kernels, clocks.slice(0, 1), clocks)).toBeLessThan(0.03);
  const moving = partitionOf("m", [], layer.reduced_bytes);
  const told = [3, 24].map((sms) => at(1410, null, sms));
  const asked = [6, 12].map((sms) => at(1410, null, sms));
  expect(error(moving, told, asked)).toBeLessThan(0.1);
});

test("nothing measured, or communications in turn: nothing fitted", () => {
  expect(fittedTo(overlapped, [])).toBeNull();
  const { communication } = overlapped;
  const queued = communication === null ? [] : [{ ...communication, dependent: false }];
  expect(fittedTo({ ...overlapped, queued }, everywhere(1410))).toBeNull();
});
