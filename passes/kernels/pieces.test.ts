import { describe, expect, it } from "vitest";
import * as written from "./pieces.js";

const E = 8192 * 3072;
const EXTENT = { elements: E, rows: 8192, dtype: "bfloat16" } as const;

describe("operators written out, as one step of torch 2.11 on an H200 ran them", () => {
  it.each([
    ["RMSNorm", written.rmsNorm, 8],
    ["RMSNorm backward", written.rmsNormGradient, 16],
    ["rotary embedding", written.rotary, 5],
    ["rotary embedding backward", written.rotaryGradient, 9],
    ["SwiGLU", written.swiglu, 2],
    ["SwiGLU backward", written.swigluGradient, 3],
    ["cross entropy", written.crossEntropy, 3],
    ["cross entropy backward", written.crossEntropyGradient, 4],
  ] as const)("%s", (_, pieces, count) => {
    const found = pieces(EXTENT);
    expect(found).toHaveLength(count);
    expect(new Set(found.map(({ name }) => name)).size).toBe(count);
    for (const { read, written: out } of found) expect(read + out).toBeGreaterThan(0);
  });

  it("does nothing, not a share of nothing, where there are no elements", () => {
    for (const pieces of [written.rmsNorm, written.rmsNormGradient]) {
      const moved = pieces({ ...EXTENT, elements: 0, rows: 0 }).map(
        (each) => each.read + each.written,
      );
      expect(new Set(moved)).toEqual(new Set([0]));
    }
  });

  it("upcasts only what is narrower than float32", () => {
    const wide = written.rmsNorm({ ...EXTENT, dtype: "float32" });
    expect(wide.map(({ name }) => name)).not.toContain("to_float32");
    expect(wide).toHaveLength(6);
  });

  it("moves what the trace's shapes say", () => {
    const [up, square] = written.rmsNorm(EXTENT);
    expect(up).toMatchObject({ read: 2 * E, written: 4 * E, access: "converted" });
    expect(square).toMatchObject({ read: 4 * E, written: 4 * E, access: "streamed" });
    const total = (list: readonly written.Piece[]) =>
      list.reduce((sum, { read, written: out }) => sum + read + out, 0);
    // A fused norm reads and writes 4 bytes for each element.
    expect(total(written.rmsNorm(EXTENT)) / E).toBeCloseTo(36, 1);
  });

  it("spends instructions on addresses only where elements are not streamed", () => {
    const [piece] = written.swiglu(EXTENT);
    if (piece === undefined) throw new Error("no piece");
    expect(written.pieceWork(piece, "activation", "bfloat16")).not.toHaveProperty("instructions");
    const indexed = written.pieceWork({ ...piece, access: "indexed" }, "rope", "bfloat16");
    expect(indexed.instructions).toBe(41 * E);
  });
});
