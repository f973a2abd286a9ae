import { expect, test } from "vitest";
import { adviceSentence, type Point, runSentence } from "./bill.js";

const RATES = { iterations: 1e6, price_per_kwh: null, gco2_per_kwh: null };
const rival = { words: "running everything at the highest clock", point: at(10, 36) };

function at(time_s: number, energy_j: number): Point {
  return { time_s, energy_j };
}

test("several replicas are said to be counted, for a point counts one", () => {
  const point = { ...at(11, 27), id: 7 };
  expect(adviceSentence(point, rival, 4, RATES, "Choose")).toContain(
    "saves 10 kWh over 127 days, all 4 rep",
  );
  expect(runSentence(point, 4, RATES)).toMatch(/ and 30 kWh, all 4 replicas counted\.$/);
  expect(runSentence(point, 1, RATES)).toMatch(/ and 7\.5 kWh\.$/);
});

test.each([
  [at(11, 27), "10.0% slower, 25.0% less energy", ": saves 2.5 kWh over 127 days"],
  [at(9, 40), "10.0% faster, 11.1% more energy", ""],
  [at(10.001, 35.99), "0.01% slower, 0.03% less energy", ": saves 2.778 Wh over 116 days"],
  [at(10, 35.9999), "no slower, no less energy", ": saves 27.78 mWh over 116 days"],
])("advice of %o", (point, compared, gain) => {
  const advice = adviceSentence({ ...point, id: 7 }, rival, 1, RATES, "Choose");
  expect(advice).toBe(`Choose 7: ${compared} than ${rival.words}${gain}.`);
  const other = adviceSentence({ ...point, id: 7 }, rival, 1, RATES, "Point");
  expect(other).toBe(advice.replace("Choose", "Point"));
});
