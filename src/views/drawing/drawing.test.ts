import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { FRONTIER } from "../../../test/support/run.js";
import { frontierPicture } from "./frontier.js";
import { pdfPage } from "./pdf.js";
import type { Drawing } from "./picture.js";
import { pngPage } from "./png.js";
import { svgPage } from "./svg.js";

const pdf = (frontier = FRONTIER) =>
  Buffer.from(pdfPage(frontierPicture(frontier))).toString("latin1");

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

it("writes the same drawing as SVG, names as text and without control characters", () => {
  const graph = { ...FRONTIER.graph, name: "<b>\u001b[31m" };
  const svg = svgPage(frontierPicture({ ...FRONTIER, graph }));
  expect(svg).toContain("&lt;b&gt;\ufffd[31m on ");
  const lines = [FRONTIER.points, ...FRONTIER.baselines.map(({ points }) => points)];
  const dots = lines.flat().length + lines.filter((points) => points.length > 0).length;
  expect(svg.match(/<circle .* fill="#/g)?.length).toBe(dots);
});

it("writes a PNG of three pixels a point, words drawn, the same bytes again", async () => {
  const picture = frontierPicture(FRONTIER);
  const png = Buffer.from(await pngPage(picture));
  expect(png.subarray(1, 4).toString("latin1")).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([595 * 3, 420 * 3]);
  expect(Buffer.from(await pngPage(picture)).equals(png)).toBe(true);
  const mute = { ...picture, draw: (draw: Drawing) => picture.draw({ ...draw, text: () => {} }) };
  expect(Buffer.from(await pngPage(mute)).equals(png)).toBe(false);
});
