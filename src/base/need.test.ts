import { expect, test } from "vitest";
import { addTo, at, byDefault, hot, hotFloat, hotInt, need, present } from "./need.js";

test("a value that is missing is told, never invented", () => {
  const map = new Map([["a", 0]]);
  expect(need(map, "a")).toBe(0);
  expect(() => need(map, "b")).toThrow('nothing under "b"');
  expect(() => need(new Map<object, number>(), {})).toThrow("nothing under an object");
  expect(() => present(null, "device")).toThrow("no device");
  expect(present(0, "count")).toBe(0);
});

test("an element is read from either end, within bounds only", () => {
  expect(at([4, 5, 6], 0)).toBe(4);
  expect(at([4, 5, 6], -1)).toBe(6);
  expect(at(new Float64Array([0.5]), 0)).toBe(0.5);
  expect(() => at([4, 5, 6], 3)).toThrow("nothing at 3 of 3");
  expect(() => at([], -1)).toThrow("nothing at -1 of 0");
});

test("unchecked reads give what is there", () => {
  expect(hot(["a", "b"], 1)).toBe("b");
  expect(hotFloat(new Float64Array([1, 2]), 1)).toBe(2);
  expect(hotInt(new Int32Array([1, 2]), 0)).toBe(1);
});

test("an optional field has the default of its format", () => {
  expect([byDefault(undefined, 1), byDefault(null, 1), byDefault(0, 1)]).toEqual([1, 1, 0]);
});

test("sums start at what is first added", () => {
  const sums = new Map<string, number>();
  addTo(sums, "a", 2);
  addTo(sums, "a", 3);
  expect(sums.get("a")).toBe(5);
});
