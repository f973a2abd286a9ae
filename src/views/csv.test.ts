import { expect, test } from "vitest";
import { duration, scaled } from "../base/units.js";
import { csvLines } from "./csv.js";

test("a column has one unit, in its title, and plain numbers", () => {
  const rows = [
    [0, duration(1.5), scaled(1272, "J"), "7.7%", scaled(3.119e12, "B/s"), "a"],
    [1, duration(0.00153), scaled(0.2202, "J"), "-0.2%", "-", 'b, "c"'],
  ];
  expect(csvLines(["id", "time", "energy", "share", "bandwidth", "name"], rows)).toEqual([
    "id,time (s),energy (J),share (%),bandwidth (B/s),name",
    "0,1.5,1272,7.7,3119000000000,a",
    '1,0.00153,0.2202,-0.2,,"b, ""c"""',
  ]);
});

test("a column of several kinds stays as it is", () => {
  const rows = [["1.2 kJ"], ["7.7%"], ["-"]];
  expect(csvLines(["what"], rows)).toEqual(["what", "1.2 kJ", "7.7%", "-"]);
  expect(csvLines(["what"], [["345 to 1980 MHz"]])).toEqual(["what", "345 to 1980 MHz"]);
});
