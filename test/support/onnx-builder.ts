import onnxProto from "onnx-proto";

const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;

/** A size, or the name of a symbolic dimension. */
type Dim = number | string;

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, number | string | readonly number[]>>;
}

interface Graph {
  readonly inputs?: Readonly<Record<string, readonly Dim[]>>;
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  /** Shapes of trained tensors; zeros, or data in a file of that path beside the model. */
  readonly initializers?: Readonly<Record<string, readonly number[]>>;
  readonly external?: string;
}

/** The bytes of a small float32 ONNX model (opset 15), written by an encoder that is not ours. */
export function onnxModel(graph: Graph): Uint8Array {
  const { inputs = {}, outputs, nodes, initializers = {}, external } = graph;
  return ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
    graph: {
      name: "built",
      node: nodes.map(({ op, inputs: input, outputs: output, domain = "", attributes = {} }) => ({
        opType: op,
        name: `${op}_${output[0]}`,
        domain,
        input: [...input],
        output: [...output],
        attribute: Object.entries(attributes).map(attributeOf),
      })),
      input: Object.entries(inputs).map(([name, shape]) => valueInfo(name, shape)),
      output: outputs.map((name) => ({ name })),
      initializer: Object.entries(initializers).map(([name, dims]) => ({
        name,
        dims: [...dims],
        dataType: TensorProto.DataType.FLOAT,
        ...payload(dims, external),
      })),
    },
  }).finish();
}

function attributeOf([name, given]: [string, number | string | readonly number[]]) {
  const { INT, INTS, STRING } = AttributeProto.AttributeType;
  if (typeof given === "number") return { name, i: given, type: INT };
  if (typeof given === "string") return { name, s: Buffer.from(given), type: STRING };
  return { name, ints: [...given], type: INTS };
}

function valueInfo(name: string, shape: readonly Dim[]) {
  const dim = shape.map((d) => (typeof d === "string" ? { dimParam: d } : { dimValue: d }));
  return { name, type: { tensorType: { elemType: TensorProto.DataType.FLOAT, shape: { dim } } } };
}

function payload(dims: readonly number[], external: string | undefined) {
  if (external === undefined)
    return { rawData: new Uint8Array(4 * dims.reduce((a, b) => a * b, 1)) };
  return {
    dataLocation: TensorProto.DataLocation.EXTERNAL,
    externalData: [{ key: "location", value: external }],
  };
}
