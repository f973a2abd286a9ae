import { expect, test } from "vitest";
import { isStageProfile, readStageProfile } from "./stage-profile.js";

const HEADER = "stage,instruction,frequency,time,energy";

test("reads what Perseus writes", () => {
  const text = `${HEADER}\n0,forward,1410,0.05,23.8\n0,backward,1395,0.09,44.5\n`;
  expect(readStageProfile(text, "p.csv")).toEqual([
    { stage: 0, kind: "forward", freq_mhz: 1410, time_s: 0.05, energy_j: 23.8 },
    { stage: 0, kind: "backward", freq_mhz: 1395, time_s: 0.09, energy_j: 44.5 },
  ]);
});

test("a byte-order mark, CRLF, blank lines, other columns and another order are fine", () => {
  const text = "\uFEFFnote,Energy,time,frequency,instruction,stage\r\n\r\nx,2,1e-3,900,Tail,3\r\n";
  expect(readStageProfile(text, "p.csv")).toEqual([
    { stage: 3, kind: "tail", freq_mhz: 900, time_s: 0.001, energy_j: 2 },
  ]);
});

test.each([
  [HEADER, true],
  [`\uFEFF${HEADER}\r\n0,forward`, true],
  ['{"stage":1}', false],
  ["", false],
])("%j is one: %s", (text, expected) => {
  expect(isStageProfile(text)).toBe(expected);
});

test("names the line that is malformed", () => {
  const text = `${HEADER}\n0,forward,1410,0.05,23.8\n\n0,forward,1410,0.05,x\n`;
  expect(() => readStageProfile(text, "p.csv")).toThrow(/KRS2020 p\.csv:4: energy is "x"/);
});
