import { posix } from "node:path";
import { fail } from "../base/diagnostics/diagnostic.js";
import { badDimension, externalPathEscapes } from "../base/diagnostics/graph.js";
import { type Band, type DType, elementCount } from "../ir/tensor-graph.js";
import { BandReader } from "./bands.js";
import type { ExternalFiles } from "./external-files.js";
import { bandOfNumbers, notedBand } from "./noted-bands.js";
import type { onnx } from "./proto/generated/onnx.js";
import type { SourceTensor } from "./source.js";
import { many, toNumber, words } from "./wire.js";

/** Values of tensors up to this many elements are kept: they steer shapes, the rest are weights. */
export const VALUE_LIMIT = 1024;
const DIM_LIMIT = 2 ** 40;
const ELEMENT_LIMIT = 2 ** 48;

/** TensorProto.DataType to our types; types of less than a byte count as bytes, complex as unknown. */
const DTYPES: readonly DType[] = [
  "unknown",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "unknown",
  "unknown",
  "bfloat16",
  "float8",
  "float8",
  "float8",
  "float8",
  "uint8",
  "int8",
  "float8",
  "float8",
  "uint8",
  "int8",
  "float8",
  "float8",
];

/** The type that a TensorProto.DataType number stands for. */
export function dtypeOf(dataType: number): DType {
  return DTYPES[dataType] ?? "unknown";
}

/** Checks that each dimension and the whole tensor have a sensible size. Fails with a diagnostic. */
export function checkedShape(where: string, shape: readonly number[]): readonly number[] {
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0 || dim > DIM_LIMIT) fail(badDimension(where, dim));
  }
  if (elementCount(shape) > ELEMENT_LIMIT) fail(badDimension(where, shape.join(" x ")));
  return shape;
}

/**
 * Type, shape and, where few and inline, elements of a tensor, and what it shows as a mask. Fails on bad
 * dims and paths.
 * @param files where data lies that is not in the model
 */
export function decodeTensor(
  tensor: onnx.TensorProto.$Properties,
  where: string,
  files: ExternalFiles,
): SourceTensor {
  const name = tensor.name || where;
  const shape = checkedShape(name, many(tensor.dims).map(toNumber));
  const dtype = dtypeOf(toNumber(tensor.dataType));
  const isExternal = tensor.dataLocation === 1;
  if (isExternal) checkExternalPath(name, tensor);
  const count = elementCount(shape);
  const value = count <= VALUE_LIMIT && !isExternal ? elements(tensor, dtype) : null;
  const known = { dtype, shape, value: value?.length === count ? value : null };
  const band = bandOf(tensor, shape, files);
  return band === undefined ? known : { ...known, band };
}

function bandOf(
  tensor: onnx.TensorProto.$Properties,
  shape: readonly number[],
  files: ExternalFiles,
): Band | null | undefined {
  const reader = BandReader.of(shape, toNumber(tensor.dataType));
  if (reader === null) return undefined;
  if (tensor.dataLocation === 1) {
    const band = files.bandOf(tensor, reader);
    return band === undefined ? notedBand(many(tensor.metadataProps), shape) : band;
  }
  const [rank, ...seen] = many(tensor.seenBand).map(toNumber);
  // Of dimensions behind the data nothing was known when it was seen.
  if (rank !== undefined) return rank === shape.length ? bandOfNumbers(seen) : undefined;
  if (tensor.rawData?.length) reader.take(tensor.rawData);
  const { floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  for (const data of [floatData, doubleData, int32Data]) reader.takeNumbers(many(data));
  for (const data of [int64Data, uint64Data]) reader.takeNumbers(many(data).map(toNumber));
  return reader.band();
}

function checkExternalPath(name: string, tensor: onnx.TensorProto.$Properties): void {
  for (const entry of many(tensor.externalData)) {
    if (entry.key !== "location") continue;
    const location = words(entry.value);
    const path = posix.normalize(location.replaceAll("\\", "/"));
    if (
      path.startsWith("/") ||
      /^[A-Za-z]:/.test(path) ||
      path === ".." ||
      path.startsWith("../")
    ) {
      fail(externalPathEscapes(name, location));
    }
  }
}

function elements(tensor: onnx.TensorProto.$Properties, dtype: DType): readonly number[] | null {
  const raw = tensor.rawData;
  if (raw !== null && raw !== undefined && raw.length > 0) return rawElements(raw, dtype);
  switch (dtype) {
    case "float32":
      return many(tensor.floatData);
    case "float64":
      return many(tensor.doubleData);
    case "int64":
      return many(tensor.int64Data).map(toNumber);
    case "uint32":
    case "uint64":
      return many(tensor.uint64Data).map(toNumber);
    case "float16":
      return many(tensor.int32Data).map(float16);
    case "bfloat16":
      return many(tensor.int32Data).map(bfloat16);
    case "float8":
    case "string":
    case "unknown":
      return null;
    default:
      return many(tensor.int32Data);
  }
}

type Element = readonly [size: number, read: (view: DataView, at: number) => number];

/** How little-endian elements are read. */
const RAW: Readonly<Partial<Record<DType, Element>>> = {
  float64: [8, (view, at) => view.getFloat64(at, true)],
  float32: [4, (view, at) => view.getFloat32(at, true)],
  float16: [2, (view, at) => float16(view.getUint16(at, true))],
  bfloat16: [2, (view, at) => bfloat16(view.getUint16(at, true))],
  int64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  uint64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  int32: [4, (view, at) => view.getInt32(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  int16: [2, (view, at) => view.getInt16(at, true)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  int8: [1, (view, at) => view.getInt8(at)],
  uint8: [1, (view, at) => view.getUint8(at)],
  bool: [1, (view, at) => view.getUint8(at)],
};

function rawElements(raw: Uint8Array, dtype: DType): readonly number[] | null {
  const element = RAW[dtype];
  if (element === undefined || raw.length % element[0] !== 0) return null;
  const [size, read] = element;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return Array.from({ length: raw.length / size }, (_, index) => read(view, index * size));
}

function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}
