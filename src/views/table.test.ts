import { afterEach, expect, it } from "vitest";
import { type Column, shownRows, table } from "./table.js";
import { shownOf, tablesAs } from "./table-form.js";

const COLUMNS: readonly Column[] = [
  ["name", "left"],
  ["time", "right"],
];
const ROWS = [
  ["a, b", 1],
  ['say "x" | y', "2 s"],
];
const text = () => `Title\n\n${table(COLUMNS, ROWS)}\nA sentence, with a comma.\n`;

afterEach(() => tablesAs("text"));

it("aligns for eyes", () => {
  expect(shownOf(text())).toContain("name         time\na, b            1\n");
});

it("separates for spreadsheets, tables alone", () => {
  tablesAs("csv");
  expect(shownOf(text()).trimEnd()).toBe('name,time\n"a, b",1\n"say ""x"" | y",2 s');
});

it("shows some rows of many to eyes, all to spreadsheets", () => {
  const many = Array.from({ length: 40 }, (_, i) => i);
  expect(shownRows(many, 4)).toEqual([0, 13, 26, 39]);
  tablesAs("csv");
  expect(shownRows(many, 4)).toEqual(many);
});

it("draws pipes for documents", () => {
  tablesAs("markdown");
  expect(shownOf(text())).toContain(
    '| name | time |\n| --- | ---: |\n| a, b | 1 |\n| say "x" \\| y | 2 s |\n',
  );
});
