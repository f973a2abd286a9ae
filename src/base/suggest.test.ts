import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { suggesting } from "./suggest.js";

const DEVICES = ["a100-pcie-40gb", "a100-sxm4-40gb", "a100-sxm4-80gb", "a40", "h100-sxm", "h200"];

describe("similar names", () => {
  it.each([
    ["a100-sxm-80gb", "did you mean a100-sxm4-80gb? see the list"],
    ["A40", "did you mean a40? see the list"],
    ["h100", "did you mean h100-sxm? see the list"],
    ["a100-sxm", "did you mean a100-sxm4-40gb or a100-sxm4-80gb? see the list"],
    ["h020", "did you mean h200? see the list"],
    ["b300", "see the list"],
    ["", "see the list"],
  ])("of %j: %s", (word, expected) => {
    expect(suggesting(word, DEVICES, "see the list")).toBe(expected);
  });

  it("find a name again after any one slip", () => {
    const slips = fc.record({
      name: fc.constantFrom(...DEVICES.filter((name) => name.length > 4)),
      at: fc.nat(20),
      with: fc.constantFrom("", "x"),
      cut: fc.nat(1),
    });
    fc.assert(
      fc.property(slips, ({ name, at, with: put, cut }) => {
        const place = at % name.length;
        const slipped = name.slice(0, place) + put + name.slice(place + cut);
        expect(suggesting(slipped, [name], "")).toBe(`did you mean ${name}? `);
      }),
      { seed: 1 },
    );
  });
});
