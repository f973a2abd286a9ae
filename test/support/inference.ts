import {
  type Fields,
  int64s,
  modelBytes,
  type Reading,
  read,
  temporaryFile,
  value,
} from "./onnx-model.js";

interface Nodes {
  readonly x?: readonly number[];
  readonly numbers?: Readonly<Record<string, readonly number[]>>;
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly opset?: number;
  readonly valueInfo?: readonly Fields[];
  readonly expected?: Readonly<Record<string, number>>;
}

/** What reads nodes over a float input x, with integer initializers by name; y is the output. */
export function inferenceReader() {
  const file = temporaryFile();
  return (
    nodes: readonly Fields[],
    {
      x = [4, 6],
      numbers = {},
      opset = 17,
      valueInfo = [],
      expected = {},
      weights = {},
    }: Nodes = {},
  ): Reading => {
    const initializer = [
      ...Object.entries(numbers).map(([name, values]) => ({ name, ...int64s(values) })),
      ...Object.entries(weights).map(([name, dims]) => ({ name, dims, dataType: 1 })),
    ];
    const graph = {
      node: nodes,
      input: [value("x", x)],
      output: [{ name: "y", type: { tensorType: { elemType: 1 } } }],
      initializer,
    };
    const opsetImport = [{ domain: "", version: opset }];
    return read(file(modelBytes({ ...graph, valueInfo }, { opsetImport })), {}, expected);
  };
}

/** The codes of diagnostics, in order. */
export const codes = (diagnostics: readonly { readonly code: string }[]) =>
  diagnostics.map(({ code }) => code);
