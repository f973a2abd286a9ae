import { expect, test } from "vitest";
import { follow, infer, of, shapes, work } from "../../../test/support/operators.js";

const x = of([2, 3, 32, 32]);
const w = of([16, 3, 3, 3]);

test("windows: pads, strides, dilations, SAME, ceil mode", () => {
  expect(shapes("Conv", [x, w])).toEqual([[2, 16, 30, 30]]);
  expect(shapes("Conv", [x, w], { pads: [1, 1, 1, 1], strides: [2, 2] })).toEqual([
    [2, 16, 16, 16],
  ]);
  expect(shapes("Conv", [x, w], { dilations: [2, 2] })).toEqual([[2, 16, 28, 28]]);
  expect(shapes("Conv", [x, w], { auto_pad: "SAME_UPPER", strides: [2, 2] })).toEqual([
    [2, 16, 16, 16],
  ]);
  expect(
    shapes("MaxPool", [of([2, 3, 5, 5])], { kernel_shape: [2, 2], strides: [2, 2] }, 2),
  ).toEqual([
    ...[
      [2, 3, 2, 2],
      [2, 3, 2, 2],
    ],
  ]);
  const ceil = { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 };
  expect(shapes("AveragePool", [of([2, 3, 5, 5])], ceil)[0]).toEqual([2, 3, 3, 3]);
  expect(() => infer("Conv", [of([2, 4, 8, 8]), w])).toThrow(/fit/);
});

test("transposed and global", () => {
  const transposed = { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] };
  expect(shapes("ConvTranspose", [of([2, 16, 8, 8]), of([16, 4, 3, 3])], transposed)).toEqual([
    [2, 4, 16, 16],
  ]);
  expect(shapes("GlobalAveragePool", [x])).toEqual([[2, 3, 1, 1]]);
});

test("channels are contracted, the batch stays, groups keep channels apart", () => {
  const at = (input: number, axis: number, group = 1) =>
    follow(
      "Conv",
      [
        [2, 3, 32, 32],
        [16, 3, 3, 3],
      ],
      [[2, 16, 30, 30]],
      [input, axis],
      { group },
    )[0];
  expect([at(0, 0), at(0, 1), at(0, 2), at(1, 0), at(1, 1)]).toEqual([
    0,
    "reduced",
    "lost",
    1,
    "reduced",
  ]);
  expect(at(0, 1, 3)).toBe(1);
});

test("gradients: one convolution for each output that is asked for", () => {
  const op = "com.microsoft::ConvGrad";
  const inputs = [
    [2, 16, 30, 30],
    [2, 3, 32, 32],
    [16, 3, 3, 3],
  ];
  const outputs = [[2, 3, 32, 32], [16, 3, 3, 3], [16]];
  expect(
    shapes(
      op,
      inputs.map((shape) => of(shape)),
      {},
      3,
    ),
  ).toEqual(outputs);
  expect(follow(op, inputs, outputs, [0, 0])).toEqual([0, "reduced", "reduced"]);
  expect(work(op, inputs, outputs)).toMatchObject({
    class: "conv",
    work: { n: 4, c_in: 3, c_out: 16 },
  });
  expect(work(op, inputs, outputs.slice(0, 1))).toMatchObject({ work: { n: 2 } });
});
