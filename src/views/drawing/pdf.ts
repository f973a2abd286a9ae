import { deflateSync } from "node:zlib";

import type { Drawing, Picture } from "./picture.js";

/** Where Bezier curves from quarter to quarter of a circle have their handles. */
const CIRCLE = 0.5523;

/**
 * A picture as one page of PDF 1.4 (ISO 32000), without dates: the same picture, the same bytes. Words are in
 * Helvetica, which every reader has.
 */
export function pdfPage({ width, height, title, draw }: Picture): Uint8Array {
  const commands: string[] = [];
  draw(drawingInto(commands));
  const content = deflateSync(Buffer.from(commands.join("\n"), "latin1"));
  const head = `<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`;
  return joined([
    Buffer.from("<< /Type /Catalog /Pages 2 0 R >>"),
    Buffer.from("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
    Buffer.from(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>`,
    ),
    Buffer.concat([Buffer.from(head), content, Buffer.from("\nendstream")]),
    Buffer.from(
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ),
    Buffer.from(`<< /Title (${escaped(title)}) /Producer (kareus) >>`, "latin1"),
  ]);
}

/** The objects, numbered from 1, with the table of where they start. */
function joined(objects: readonly Buffer[]): Uint8Array {
  const parts: Buffer[] = [Buffer.from("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "latin1")];
  const starts: number[] = [];
  const size = () => parts.reduce((sum, part) => sum + part.length, 0);
  objects.forEach((object, index) => {
    starts.push(size());
    parts.push(Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from("\nendobj\n"));
  });
  const table = starts.map((start) => `${String(start).padStart(10, "0")} 00000 n \n`).join("");
  const count = objects.length + 1;
  const trailer = `trailer\n<< /Size ${count} /Root 1 0 R /Info ${objects.length} 0 R >>\nstartxref\n${size()}\n%%EOF\n`;
  parts.push(Buffer.from(`xref\n0 ${count}\n0000000000 65535 f \n${table}${trailer}`));
  return Buffer.concat(parts);
}

function drawingInto(commands: string[]): Drawing {
  const n = (value: number) => value.toFixed(2);
  const circle = (x: number, y: number, r: number) => {
    const k = CIRCLE * r;
    const curve = (...values: readonly number[]) => `${values.map(n).join(" ")} c`;
    return [
      `${n(x + r)} ${n(y)} m`,
      curve(x + r, y + k, x + k, y + r, x, y + r),
      curve(x - k, y + r, x - r, y + k, x - r, y),
      curve(x - r, y - k, x - k, y - r, x, y - r),
      curve(x + k, y - r, x + r, y - k, x + r, y),
    ].join(" ");
  };
  return {
    line: (colour, width, places) => {
      const path = places.map(([x, y], i) => `${n(x)} ${n(y)} ${i === 0 ? "m" : "l"}`);
      commands.push(`${colour.map(n).join(" ")} RG ${n(width)} w ${path.join(" ")} S`);
    },
    dot: (colour, x, y, radius) => {
      commands.push(`${colour.map(n).join(" ")} rg ${circle(x, y, radius)} f`);
    },
    ring: (colour, x, y, radius) => {
      commands.push(`${colour.map(n).join(" ")} RG 1.2 w ${circle(x, y, radius)} S`);
    },
    text: (x, y, size, colour, text) => {
      const words = `BT /F1 ${n(size)} Tf ${n(x)} ${n(y)} Td (${escaped(text)}) Tj ET`;
      commands.push(`${colour.map(n).join(" ")} rg ${words}`);
    },
  };
}

/** Characters of a PDF string; what Latin-1 lacks becomes a question mark. */
function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e\xa0-\xff]/g, "?").replace(/[\\()]/g, "\\$&");
}
