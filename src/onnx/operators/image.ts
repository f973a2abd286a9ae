import { elementCount } from "../../ir/tensor-graph.js";
import { followNothing } from "./axes.js";
import {
  axisIn,
  dimOf,
  elementsOf,
  inputOf,
  neededNumbers,
  numberOf,
  numbersOf,
  numbersOr,
  tensor,
} from "./call.js";
import { COPY, memoryKernel } from "./launch.js";
import { type InferenceCall, type Operator, ShapeError } from "./operator.js";

/** Resampling, cropping and region pooling: tensors are [batch, channels, space...]. */

/** The batch and channels stay, space is resampled. */
const followPixels: Operator["follow"] = (node, input, axis) =>
  node.outputs.map((_, index) => (input === 0 && axis < 2 && index === 0 ? axis : "lost"));

const resize: Operator = {
  ops: ["Resize", "Upsample"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const axes = (numbersOf(call, "axes") ?? shape.map((_, axis) => axis)).map((axis) =>
      axisIn(axis, shape.length),
    );
    const dims = [...shape];
    const { kind, values } = resizing(call);
    axes.forEach((axis, index) => {
      const dim = dimOf(shape, axis);
      dims[axis] =
        kind === "sizes" ? dimOf(values, index, 3) : Math.floor(dim * dimOf(values, index, 2));
    });
    return [tensor(dtype, dims)];
  },
  follow: followPixels,
  work: (node) => memoryKernel(node, "other", 8),
};

interface Resizing {
  readonly kind: "sizes" | "scales";
  /** One for each resized axis. */
  readonly values: readonly number[];
}

/** Sets 7 and 9 give scales first; from 11 on: (x, roi, scales, sizes), one of the two empty. */
function resizing(call: InferenceCall): Resizing {
  const sizes = call.inputs[3] ? elementsOf(call, 3) : [];
  if (sizes.length > 0) return { kind: "sizes", values: sizes };
  const scales = numbersOf(call, "scales") ?? elementsOf(call, call.inputs.length > 2 ? 2 : 1);
  if (scales.length === 0) throw new ShapeError(2, "neither sizes nor scales are given");
  return { kind: "scales", values: scales };
}

/** Samples `x` at the points of a grid [batch, space..., 2 or 3]. */
const gridSample: Operator = {
  ops: ["GridSample", "com.microsoft::GridSample"],
  infer: (call) => {
    const [x, grid] = [inputOf(call, 0), inputOf(call, 1)];
    return [tensor(x.dtype, [dimOf(x.shape, 0), dimOf(x.shape, 1), ...grid.shape.slice(1, -1)])];
  },
  follow: followPixels,
  work: (node) => memoryKernel(node, "gather", 8),
};

/** A sampling grid of the given size from one affine map per sample. */
const affineGrid: Operator = {
  ops: ["AffineGrid"],
  infer: (call) => {
    const [batch, , ...space] = elementsOf(call, 1);
    if (batch === undefined) throw new ShapeError(1, "the size is empty");
    return [tensor(inputOf(call, 0).dtype, [batch, ...space, space.length])];
  },
  follow: (_node, input, axis) => [input === 0 && axis === 0 ? 0 : "lost"],
  work: (node) => memoryKernel(node, "other", 4),
};

/** One window per region: [regions, channels, height, width]. */
const regionPool: Operator = {
  ops: ["RoiAlign", "MaxRoiPool"],
  infer: (call) => {
    const [x, regions] = [inputOf(call, 0), inputOf(call, 1)];
    const window = numbersOf(call, "pooled_shape") ?? [
      numberOf(call, "output_height", 1),
      numberOf(call, "output_width", 1),
    ];
    return [tensor(x.dtype, [dimOf(regions.shape, 0, 1), dimOf(x.shape, 1), ...window])];
  },
  follow: (_node, input, axis) => [
    input === 0 ? (axis === 1 ? 1 : "lost") : axis === 0 ? 0 : "lost",
  ],
  work: (node) => memoryKernel(node, "gather", 8),
};

/** Puts pooled values back where their indices say. */
const maxUnpool: Operator = {
  ops: ["MaxUnpool"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    if (call.inputs[2]) return [tensor(dtype, elementsOf(call, 2))];
    const kernel = neededNumbers(call, "kernel_shape");
    const strides = numbersOr(call, "strides", kernel.length, 1);
    const pads = numbersOr(call, "pads", 2 * kernel.length, 0);
    const space = shape.slice(2).map((dim, axis) => {
      const cut = dimOf(pads, axis) + dimOf(pads, axis + kernel.length);
      return (dim - 1) * dimOf(strides, axis) + dimOf(kernel, axis) - cut;
    });
    return [tensor(dtype, [...shape.slice(0, 2), ...space])];
  },
  follow: followPixels,
  work: (node) => memoryKernel(node, "gather", 1),
};

/** Sums windows back into an image: [batch, channels * window, places] to [batch, channels, ...]. */
const columnsToImage: Operator = {
  ops: ["Col2Im"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const window = elementCount(elementsOf(call, 2));
    if (window < 1 || dimOf(shape, 1) % window !== 0) {
      throw new ShapeError(
        2,
        `${dimOf(shape, 1)} rows are not a multiple of a window of ${window}`,
      );
    }
    return [tensor(dtype, [dimOf(shape, 0), dimOf(shape, 1) / window, ...elementsOf(call, 1)])];
  },
  follow: (_node, input, axis) => [input === 0 && axis === 0 ? 0 : "lost"],
  work: (node) => memoryKernel(node, "other", 1),
};

const centerCropPad: Operator = {
  ops: ["CenterCropPad"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const sizes = elementsOf(call, 1);
    const dims = [...shape];
    (numbersOf(call, "axes") ?? shape.map((_, axis) => axis)).forEach((axis, index) => {
      dims[axisIn(axis, shape.length)] = dimOf(sizes, index, 1);
    });
    return [tensor(dtype, dims)];
  },
  follow: (node, input, axis) =>
    node.inputs[input]?.shape[axis] === node.outputs[0]?.shape[axis] && input === 0
      ? [axis]
      : followNothing(node, input, axis),
  work: () => COPY,
};

export const images: readonly Operator[] = [
  resize,
  gridSample,
  affineGrid,
  regionPool,
  maxUnpool,
  columnsToImage,
  centerCropPad,
];
