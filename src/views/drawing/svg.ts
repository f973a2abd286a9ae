import { escapeMarkup } from "../markup.js";
import type { Colour, Drawing, Picture } from "./picture.js";

/** A picture as SVG, its words in `font`. The same picture, the same text. */
export function svgPage({ width, height, title, draw }: Picture, font = "sans-serif"): string {
  const parts: string[] = [];
  draw(drawingInto(parts, height));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="${font}">`,
    `<title>${words(title)}</title><rect width="${width}" height="${height}" fill="#fff"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function drawingInto(parts: string[], height: number): Drawing {
  const n = (value: number) => value.toFixed(2);
  const up = (y: number) => n(height - y);
  const circle = (x: number, y: number, r: number, look: string) =>
    parts.push(`<circle cx="${n(x)}" cy="${up(y)}" r="${n(r)}" ${look}/>`);
  return {
    line: (colour, width, places) => {
      const points = places.map(([x, y]) => `${n(x)},${up(y)}`).join(" ");
      const look = `fill="none" stroke="${hex(colour)}" stroke-width="${n(width)}"`;
      parts.push(`<polyline points="${points}" ${look}/>`);
    },
    dot: (colour, x, y, radius) => circle(x, y, radius, `fill="${hex(colour)}"`),
    ring: (colour, x, y, radius) =>
      circle(x, y, radius, `fill="none" stroke="${hex(colour)}" stroke-width="1.2"`),
    text: (x, y, size, colour, text) => {
      const look = `font-size="${n(size)}" fill="${hex(colour)}"`;
      parts.push(`<text x="${n(x)}" y="${up(y)}" ${look}>${words(text)}</text>`);
    },
  };
}

function hex(colour: Colour): string {
  return `#${colour
    .map((part) =>
      Math.round(part * 255)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/** Text of an XML document, which may hold no control character. */
function words(text: string): string {
  return escapeMarkup(text.replace(/\p{Cc}/gu, "\ufffd"));
}
