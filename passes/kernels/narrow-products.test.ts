import { expect, it } from "vitest";
import { flopsOf } from "../../src/ir/work.js";
import { lowerFile, MINI } from "../../test/support/lowering.js";

const lowered = (linear_dtype: "fp8" | null) =>
  lowerFile(MINI, { batch: 2, sequence: 128 }, { linear_dtype });

it("linears of layers multiply 8-bit floats behind conversions; nothing else changes", async () => {
  const [plain, narrow] = [await lowered(null), await lowered("fp8")];
  const products = ({ kernels }: typeof plain) =>
    kernels.kernels.flatMap((kernel) =>
      kernel.kind === "compute" && kernel.work.op === "matmul" ? [kernel] : [],
    );
  const total = (file: typeof plain) =>
    products(file).reduce((sum, { work }) => sum + flopsOf(work), 0);
  expect(total(narrow)).toBe(total(plain));
  for (const { layer, work } of products(narrow)) {
    expect(work.dtype).toBe(layer === null ? "bfloat16" : "float8");
  }
  const inLayers = products(plain).filter(({ layer }) => layer !== null);
  expect(narrow.kernels.kernels.length - plain.kernels.kernels.length).toBe(inLayers.length);
  const saved = ({ kernels }: typeof plain) =>
    kernels.kernels.reduce((sum, { saved_bytes }) => sum + saved_bytes, 0);
  expect(saved(narrow)).toBe(saved(plain));
});

it("an operand is read twice and written once, a byte an element", async () => {
  const { kernels } = (await lowered("fp8")).kernels;
  const first = kernels.findIndex(({ name }) => name.endsWith("/to_fp8"));
  const [conversion, product] = kernels.slice(first, first + 2);
  if (conversion?.kind !== "compute" || conversion.work.op !== "memory") throw new Error("absent");
  if (product?.kind !== "compute" || product.work.op !== "matmul") throw new Error("absent");
  const { m, n, k } = product.work;
  expect(conversion.work.bytes_written).toBe(m * k + k * n);
  expect(conversion.work.bytes_read).toBe(4 * (m * k + k * n));
});
