import fc from "fast-check";
import { expect, test } from "vitest";
import { read, temporaryFile } from "../../test/support/onnx-model.js";

/** Files made of protobuf's wire format alone: no schema keeps their fields in place. */

const file = temporaryFile();

const varint = (value: bigint): number[] =>
  value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];

/** A tag and its content; `length` is what it claims to hold, mostly the truth. */
function delimited(number: number, content: readonly number[], length: bigint): number[] {
  return [...varint(BigInt(number * 8 + 2)), ...varint(length), ...content];
}

/** Fields that lead somewhere in one of ONNX's messages, and any others. */
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 26 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 29 - 1 }) },
);
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((content) => Array.from(content));
const word = fc
  .constantFrom("x", "y", "w", "Relu", "MatMul", "Reshape", "Constant", "If", "axis", "value")
  .map((text) => Array.from(Buffer.from(text)));
const anyNumber = fc.oneof(
  fc.bigInt({ min: 0n, max: 64n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
);

/** Messages in messages; a few wire types do not exist, a few lengths lie, some content is big. */
const { message } = fc.letrec<{ message: number[]; field: number[] }>((tie) => ({
  message: fc.array(tie("field"), { maxLength: 8 }).map((fields) => fields.flat()),
  field: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(number, word).map(([n, text]) => delimited(n, text, BigInt(text.length))),
    fc.tuple(number, anyNumber).map(([n, value]) => [...varint(BigInt(n * 8)), ...varint(value)]),
    fc
      .tuple(number, fc.constantFrom(1, 3, 4, 5, 6, 7), bytes(8))
      .map(([n, wireType, content]) => [...varint(BigInt(n * 8 + wireType)), ...content]),
    fc
      .tuple(number, bytes(16), anyNumber)
      .map(([n, content, length]) => delimited(n, content, length)),
    fc
      .tuple(number, fc.integer({ min: 4000, max: 5000 }), fc.nat(255))
      .map(([n, length, byte]) => delimited(n, Array(length).fill(byte), BigInt(length))),
    fc
      .tuple(number, tie("message"))
      .map(([n, content]) => delimited(n, content, BigInt(content.length))),
    fc
      .tuple(number, tie("message"))
      .map(([n, content]) => delimited(n, content, BigInt(content.length))),
  ),
}));

/** The same inside a graph that the model does hold, so that the decoder gets to see it. */
const inGraph = message.map((content) => delimited(7, content, BigInt(content.length)));
const inNode = message
  .map((content) => delimited(1, content, BigInt(content.length)))
  .map((node) => delimited(7, node, BigInt(node.length)));

/** A file's tensors are described, not held: what reading it takes has to do with its size. */
const MEMORY_LIMIT_BYTES = 64 * 2 ** 20;
const TIME_LIMIT_MS = 10_000;

/** Reads a file; what is not a graph is a diagnostic with a code, in time and memory. */
function expectAnswer(content: Uint8Array): void {
  const [before, start_ms] = [process.memoryUsage(), performance.now()];
  const { graph, errors } = read(file(content), { batch: 2, x: 2, y: 2, w: 2 });
  const after = process.memoryUsage();
  if (graph === null) expect(errors[0]?.code).toMatch(/^KRS1\d{3}$/);
  else expect(errors).toEqual([]);
  expect(performance.now() - start_ms).toBeLessThan(TIME_LIMIT_MS);
  const grown_bytes = after.heapUsed + after.external - before.heapUsed - before.external;
  expect(grown_bytes).toBeLessThan(MEMORY_LIMIT_BYTES);
}

test.each([
  ["bytes", fc.uint8Array({ maxLength: 200 })],
  ["fields in a model", message.map((content) => Uint8Array.from(content))],
  ["fields in a graph", inGraph.map((content) => Uint8Array.from(content))],
  ["fields in a node", inNode.map((content) => Uint8Array.from(content))],
])(
  "random %s are a graph or a diagnostic",
  (_, content) => {
    fc.assert(fc.property(content, expectAnswer), { seed: 11, numRuns: 500 });
  },
  30_000,
);

/** Graphs in attributes in nodes, two thousand deep. */
test("nesting without end is a diagnostic", () => {
  let content: number[] = [];
  const levels = [7, 1, ...Array.from({ length: 2000 }, (_, i) => [5, 6, 1][i % 3] ?? 1)];
  for (const level of levels.toReversed()) {
    content = delimited(level, content, BigInt(content.length));
  }
  expectAnswer(Uint8Array.from(content));
});
