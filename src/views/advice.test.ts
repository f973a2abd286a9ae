import { expect, test } from "vitest";
import { FRONTIER } from "../../test/support/run.js";
import { at } from "../base/need.js";
import { frontierBeyond } from "../plan/beyond-gpus.js";
import { adviceLine } from "./advice.js";

const HOUR_S = 3600;

/** kWh that a line says are saved, times a thousand where it says so. */
function savedKwh(line: string): number {
  const [, value = "", unit = ""] = /saves ([\d.,]+) (k|M|G)Wh/.exec(line) ?? [];
  return Number(value.replace(",", "")) * ({ k: 1, M: 1e3, G: 1e6 }[unit] ?? Number.NaN);
}

test("what a choice saves is counted with all that draws power, where that is told", () => {
  const beyond = { node_power_w: 1000, network_power_w: 500, pue: 1.5, gpus_per_node: 8 };
  const rates = { iterations: 1000, price_per_kwh: null, gco2_per_kwh: null };
  const told = { ...FRONTIER, beyond_gpus: beyond };
  const [line = ""] = adviceLine(told, rates);
  const id = Number(/^Choose (\d+): /.exec(line)?.[1]);
  const whole = frontierBeyond(told, beyond);
  const point = whole.points.find((each) => each.id === id);
  const rival = at(at(whole.baselines, 0).points, 0);
  const saved_j = 1000 * (rival.energy_j - (point?.energy_j ?? 0));
  expect(savedKwh(line) / (saved_j / (1000 * HOUR_S))).toBeCloseTo(1, 3);
});
