import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { FRONTIER } from "../../test/support/run.js";
import { frontierPdf } from "./frontier-pdf.js";

const pdf = (frontier = FRONTIER) => Buffer.from(frontierPdf(frontier)).toString("latin1");

/** What the page draws. */
function drawn(text: string): string {
  const [, content = ""] = /stream\n([\s\S]*?)\nendstream/.exec(text) ?? [];
  return inflateSync(Buffer.from(content, "latin1")).toString("latin1");
}

it("has every object where its table says, and the same bytes again", () => {
  const text = pdf();
  expect(pdf()).toBe(text);
  const start = Number(/startxref\n(\d+)/.exec(text)?.[1]);
  expect(text.slice(start, start + 4)).toBe("xref");
  const starts = [...text.slice(start).matchAll(/^(\d{10}) 00000 n/gm)].map(([, at]) => Number(at));
  expect(starts.length).toBe(6);
  starts.forEach((at, i) => {
    expect(text.slice(at, at + 7)).toBe(`${i + 1} 0 obj`);
  });
});

it("draws a dot for every point, and shows names as text", () => {
  const graph = { ...FRONTIER.graph, name: "a (b) \\ \u4e2d" };
  const text = drawn(pdf({ ...FRONTIER, graph }));
  const lines = [FRONTIER.points, ...FRONTIER.baselines.map(({ points }) => points)];
  const shown = lines.filter((points) => points.length > 0);
  const dots = shown.flat().length + shown.length;
  expect(text.match(/ f$/gm)?.length).toBe(dots);
  expect(text).toContain("(a \\(b\\) \\\\ ? on ");
});

it("takes a single point", () => {
  const alone = { ...FRONTIER, baselines: [] };
  expect(drawn(pdf({ ...alone, points: FRONTIER.points.slice(0, 1) }))).toContain("(point 0)");
});
