import fc from "fast-check";
import { expect, test } from "vitest";
import { renderText } from "./diagnostics/render.js";
import { visible, visibleLine } from "./visible.js";

test("nothing that a terminal acts on stays, what people read does", () => {
  expect(visible("a\u001b[2Jb\u009b1mc\u202ed\r\n\te\u0007")).toBe(
    "a\\u001b[2Jb\\u009b1mc\\u202ed\\u000d\n\te\\u0007",
  );
  expect(visible("Größe — 日本 😀")).toBe("Größe — 日本 😀");
  expect(visibleLine("a\nb")).toBe("a\\nb");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(visible(text)).not.toMatch(/\p{Cc}(?<![\n\t])/u);
    }),
  );
});

test("a diagnostic is two lines, whatever its names hold", () => {
  const text = renderText({
    ...{ severity: "error", code: "KRS1203" },
    ...{ where: "x\u001b]0;title\u0007\nerror", message: "m\r", hint: "h\u001bc" },
  } as const);
  expect(text.split("\n")).toHaveLength(3);
  expect(text).not.toMatch(/\p{Cc}(?<!\n)/u);
});
