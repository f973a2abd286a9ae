import { expect, test } from "vitest";
import { jsonOf, parseJson } from "./json.js";

test("a byte order mark before JSON says nothing", () => {
  expect(jsonOf('\uFEFF{"a":1}')).toEqual({ a: 1 });
  expect(parseJson("\uFEFF[]")).toEqual([]);
  expect(parseJson("\uFEFF\uFEFF[]")).toBeUndefined();
  expect(() => jsonOf("\uFEFF{")).toThrow(SyntaxError);
});
