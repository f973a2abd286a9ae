import { describe, expect, test } from "vitest";
import {
  type Fields,
  modelBytes,
  node,
  read,
  temporaryFile,
  value,
} from "../../test/support/onnx-model.js";

const file = temporaryFile();

/** `role` or `role@axis` of each tensor asked for. */
function roles(graph: Fields, names: readonly string[], bind: Record<string, number> = {}) {
  const { graph: tensors, errors } = read(file(modelBytes(graph)), bind);
  expect(errors).toEqual([]);
  return names.map((name) => {
    const tensor = tensors?.tensors.get(name);
    return tensor?.batch_axis === null ? tensor.role : `${tensor?.role}@${tensor?.batch_axis}`;
  });
}

const ids = value("ids", [8, 16], 7);
const table = value("table", [100, 32]);
const embedding = node("Gather", ["table", "ids"], ["h"]);
const shape = (name: string, dims: readonly number[]) =>
  node("Constant", [], [name], {
    value: { t: { dims: [dims.length], dataType: 7, int64Data: dims } },
  });

test("what is taken for a parameter by its place alone is said, and not where data is named", () => {
  const product = (first: string | number) => ({
    input: [value("a", [first, 4]), value("b", [4, 4])],
    node: [node("MatMul", ["a", "b"], ["y"])],
    output: [value("y", [first, 4])],
  });
  const said = (graph: Fields, bind = {}) =>
    read(file(modelBytes(graph)), bind).warnings.map(({ code, where }) => [code, where]);
  expect(said(product(8))).toEqual([["KRS1309", "b"]]);
  expect(said(product("batch"), { batch: 8 })).toEqual([]);
  const stored = { ...product(8), initializer: [{ name: "b", dims: [4, 4], dataType: 1 }] };
  expect(said(stored)).toEqual([]);
});

describe("roles", () => {
  test("of what each sample's recurrence begins with, and of float masks: no parameters", () => {
    const float = (name: string, dims: readonly number[], more: Fields = {}) => ({
      ...{ name, dims, dataType: 1, ...more },
    });
    const hides = Array.from({ length: 16 }, (_, i) => (i % 4 > i / 4 ? -1e9 : 0));
    const graph = {
      input: [value("x", [8, 4, 4]), value("ids", [8, 4], 7)],
      initializer: [
        { name: "four", dims: [1], dataType: 7, int64Data: [4] },
        float("zeros", [8, 1, 4], { floatData: Array.from({ length: 32 }, () => 0) }),
        float("folded", [8, 1, 4], { floatData: Array.from({ length: 32 }, (_, i) => i % 4) }),
        float("elsewhere", [8, 1, 4]),
        float("token", [1, 1, 4]),
        float("mask", [4, 4], { floatData: hides }),
        float("ones", [8, 4, 4]),
        float("angles", [4, 4], { floatData: Array.from({ length: 16 }, (_, i) => i) }),
        float("no_yes", [2], { floatData: [0, 1] }),
        float("square", [4, 4], { floatData: Array.from({ length: 16 }, () => 0) }),
      ],
      node: [
        node("Concat", ["zeros", "x"], ["states"], { axis: 1 }),
        node("Concat", ["folded", "elsewhere", "x"], ["tokens"], { axis: 1 }),
        node("Add", ["x", "token"], ["placed"]),
        node("Add", ["placed", "mask"], ["added"]),
        node("Cast", ["ones"], ["shown"], { to: 9 }),
        node("Sin", ["angles"], ["waves"]),
        node("Where", ["shown", "added", "x"], ["masked"]),
        node("OneHot", ["ids", "four", "no_yes"], ["hot"]),
        node("MatMul", ["masked", "square"], ["y"]),
      ],
      output: [value("y", [8, 4, 4]), value("states", [8, 5, 4]), value("tokens", [8, 6, 4])],
    };
    const names = [
      "zeros",
      "states",
      "token",
      "mask",
      "ones",
      "shown",
      "square",
      "angles",
      "no_yes",
    ];
    expect(roles(graph, names)).toEqual([
      ...["constant", "activation@0", "parameter", "constant"],
      ...["constant", "constant", "parameter", "constant", "constant"],
    ]);
    // Learned tokens that an exporter repeated for a fixed batch look like states: that is said.
    expect(roles(graph, ["folded", "elsewhere"])).toEqual(["constant", "constant"]);
    const { warnings } = read(file(modelBytes(graph)));
    expect(warnings.map(({ code, where }) => [code, where])).toEqual([["KRS1310", "folded"]]);
  });

  test("of a small weight whose elements are known: in another layout it is trained as well", () => {
    const weight = { name: "w", dims: [2, 2], dataType: 1, floatData: [1, 2, 3, 4] };
    const graph = {
      input: [value("x", [8, 2])],
      initializer: [weight],
      node: [
        node("Transpose", ["w"], ["turned"], { perm: [1, 0] }),
        node("MatMul", ["x", "turned"], ["y"]),
      ],
      output: [value("y", [8, 2])],
    };
    expect(roles(graph, ["w", "turned", "y"])).toEqual(["parameter", "parameter", "activation@0"]);
  });

  test("of a small weight whose elements are known: one more than it is trained as well", () => {
    const graph = {
      input: [value("x", [8, 2])],
      initializer: [
        { name: "w", dims: [2], dataType: 1, floatData: [1, 2] },
        { name: "one", dims: [], dataType: 1, floatData: [1] },
      ],
      node: [node("Add", ["w", "one"], ["scale"]), node("Mul", ["x", "scale"], ["y"])],
      output: [value("y", [8, 2])],
    };
    expect(roles(graph, ["w", "scale", "y"])).toEqual(["parameter", "parameter", "activation@0"]);
  });

  test("one of the matrices that a weight holds is trained; a row of a table is looked up", () => {
    const float = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
    const graph = {
      input: [value("x", [8, 16])],
      initializer: [
        { ...float("w", [4, 16, 32]), externalData: [{ key: "location", value: "w" }] },
        { ...float("types", [4, 16]), externalData: [{ key: "location", value: "w" }] },
        { name: "one", dims: [], dataType: 7, int64Data: [1] },
      ],
      node: [
        node("Gather", ["w", "one"], ["expert"], { axis: { i: 0 } }),
        node("Gather", ["types", "one"], ["kind"], { axis: { i: 0 } }),
        node("Add", ["x", "kind"], ["typed"]),
        node("MatMul", ["typed", "expert"], ["y"]),
      ],
      output: [value("y", [8, 32])],
    };
    expect(roles(graph, ["expert", "kind", "y"])).toEqual([
      "parameter",
      "activation",
      "activation@0",
    ]);
  });

  test("of inputs", () => {
    const input = [
      value("image", [8, 3]),
      ids,
      value("features", ["n", 4]),
      table,
      value("rate", []),
    ];
    const graph = {
      input,
      node: [embedding, node("Mul", ["image", "rate"], ["y"]), node("Relu", ["features"], ["z"])],
    };
    const names = ["image", "ids", "features", "table", "rate"];
    expect(roles(graph, names, { n: 8 })).toEqual([
      "data@0",
      "data@0",
      "data@0",
      "parameter",
      "constant",
    ]);
  });

  test("of a floating input alone: it is the data", () => {
    const graph = {
      input: [value("x", [8, 4]), value("w", [4, 4])],
      node: [node("MatMul", ["x", "w"], ["y"])],
    };
    expect(roles(graph, ["x", "w", "y"])).toEqual(["data@0", "parameter", "activation@0"]);
  });

  describe("of floating inputs of other sizes than the batch", () => {
    const stored = (name: string, dims: readonly number[]) => ({
      ...{ name, dims, dataType: 1, externalData: [{ key: "location", value: "w" }] },
    });
    const project = node("MatMul", ["x", "w"], ["y"]);

    test("beside stored weights they are data: a mask, a second sequence, a first state", () => {
      const graph = {
        input: [
          value("x", [8, 16, 32]),
          value("mask", [1, 1, 16]),
          value("context", [30, 24]),
          value("state", [2, 8, 32]),
        ],
        initializer: [stored("w", [32, 32]), stored("k", [24, 32]), stored("u", [32, 32])],
        node: [
          project,
          node("MatMul", ["context", "k"], ["keys"]),
          node("MatMul", ["state", "u"], ["started"]),
          node("Softmax", ["mask"], ["share"]),
        ],
        output: [value("y", [8, 16, 32]), value("keys", [30, 32])],
      };
      const names = ["mask", "context", "state", "keys", "started"];
      expect(roles(graph, names)).toEqual(["data", "data", "data", "activation", "activation"]);
    });

    test("the scale of a norm is a parameter as well", () => {
      const graph = {
        input: [value("x", [8, 32]), value("scale", [32])],
        initializer: [stored("w", [32, 32])],
        node: [project, node("LayerNormalization", ["y", "scale"], ["z"])],
        output: [value("z", [8, 32])],
      };
      expect(roles(graph, ["scale", "z"])).toEqual(["parameter", "activation@0"]);
    });

    test("what is multiplied like a weight is one: two of low rank beside a stored matrix", () => {
      const graph = {
        input: [value("x", [8, 32]), value("a", [4, 32]), value("b", [32, 4])],
        initializer: [stored("w", [32, 32]), stored("head", [32, 32])],
        node: [
          project,
          node("Transpose", ["a"], ["at"], { perm: [1, 0] }),
          node("Transpose", ["b"], ["bt"], { perm: [1, 0] }),
          node("MatMul", ["x", "at"], ["low"]),
          node("MatMul", ["low", "bt"], ["high"]),
          node("Add", ["y", "high"], ["sum"]),
          node("MatMul", ["sum", "head"], ["z"]),
        ],
        output: [value("z", [8, 32])],
      };
      expect(roles(graph, ["a", "b", "z"])).toEqual(["parameter", "parameter", "activation@0"]);
    });

    test("what comes back in its shape is neither data nor trained: a state that a written-out optimizer keeps", () => {
      const graph = {
        input: [value("x", [8, 32]), value("m", [32, 16]), value("rate", [1])],
        initializer: [stored("w", [32, 16])],
        node: [
          project,
          node("Gemm", ["x", "y"], ["dw"], { transA: 1 }),
          node("Add", ["m", "dw"], ["kept"]),
          node("Mul", ["kept", "rate"], ["step"]),
          node("Sub", ["w", "step"], ["new"]),
        ],
        output: [value("y", [8, 16]), value("new", [32, 16]), value("kept", [32, 16])],
      };
      expect(roles(graph, ["m", "rate", "dw"])).toEqual(["constant", "constant", "gradient"]);
    });

    test("without stored weights they are parameters", () => {
      const graph = {
        input: [value("x", [8, 4]), value("w", [4, 4]), value("v", [4, 6])],
        node: [project, node("MatMul", ["y", "v"], ["z"])],
        output: [value("z", [8, 6])],
      };
      expect(roles(graph, ["x", "w", "v"])).toEqual(["data@0", "parameter", "parameter"]);
    });
  });

  test("what comes from shapes is constant, what is made of parameters in their place is trained", () => {
    const graph = {
      input: [ids, table],
      node: [
        embedding,
        node("Shape", ["h"], ["s"]),
        node("Transpose", ["table"], ["t"], { perm: [1, 0] }),
        node("Mul", ["table", "table"], ["squared"]),
        node("Concat", ["table", "table"], ["joined"], { axis: 0 }),
        node("MatMul", ["table", "t"], ["gram"]),
      ],
    };
    expect(roles(graph, ["h", "s", "t", "squared", "joined", "gram"])).toEqual([
      "activation@0",
      "constant",
      "parameter",
      "parameter",
      "parameter",
      "activation",
    ]);
  });

  test("an update of low rank is made for every microbatch", () => {
    const stored = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
    const graph = {
      input: [value("x", [4, 8])],
      initializer: [stored("w", [8, 8]), stored("a", [2, 8]), stored("b", [8, 2])],
      node: [
        node("MatMul", ["b", "a"], ["update"]),
        node("Add", ["w", "update"], ["merged"]),
        node("MatMul", ["x", "merged"], ["y"]),
      ],
    };
    expect(roles(graph, ["update", "merged", "y"])).toEqual([
      "activation",
      "activation",
      "activation@0",
    ]);
  });

  test("the batch survives merging with tokens and comes back", () => {
    const merge = [shape("a", [128, 32]), node("Reshape", ["h", "a"], ["flat"])];
    const back = [shape("b", [8, 16, 4, 8]), node("Reshape", ["flat", "b"], ["split"])];
    const heads = node("Transpose", ["split"], ["heads"], { perm: [2, 0, 1, 3] });
    const graph = { input: [ids, table], node: [embedding, ...merge, ...back, heads] };
    expect(roles(graph, ["flat", "split", "heads"])).toEqual([
      "activation@0",
      "activation@0",
      "activation@1",
    ]);
  });

  test("one sample is not mistaken for its neighbour", () => {
    const nodes = [
      node("Gather", ["table", "one"], ["h"]),
      shape("a", [16, 32]),
      node("Reshape", ["h", "a"], ["flat"]),
      shape("b", [1, 16, 32]),
      node("Reshape", ["flat", "b"], ["back"]),
      node("MatMul", ["flat", "w"], ["y"]),
    ];
    const graph = { input: [value("one", [1, 16], 7), table, value("w", [32, 32])], node: nodes };
    expect(roles(graph, ["flat", "back", "y"])).toEqual([
      "activation@0",
      "activation@0",
      "activation@0",
    ]);
  });

  test("contractions over the batch are gradients, a loss is not", () => {
    const nodes = [
      embedding,
      shape("a", [128, 32]),
      node("Reshape", ["h", "a"], ["flat"]),
      node("MatMul", ["flat", "w"], ["y"]),
      node("ReduceSum", ["y"], ["loss"], { keepdims: 0 }),
      node("Gemm", ["flat", "y"], ["dw"], { transA: 1 }),
      node("Neg", ["dw"], ["step"]),
    ];
    const input = [ids, table, value("w", [32, 32])];
    const names = ["dw", "loss", "step"];
    const joint = { input, node: nodes, output: [value("loss", []), value("step", [32, 32])] };
    expect(roles(joint, names)).toEqual(["gradient", "activation", "gradient"]);
    // Made of the same, but the loss is made of it.
    const sum = node("ReduceSum", ["step"], ["total"], { keepdims: 0 });
    const forward = { input, node: [...nodes, sum], output: [value("total", [])] };
    expect(roles(forward, names)).toEqual(["activation", "activation", "activation"]);
  });

  test("a sum over samples that leaves a forward graph is no gradient of its own loss", () => {
    const nodes = [
      embedding,
      shape("a", [128, 32]),
      node("Reshape", ["h", "a"], ["flat"]),
      node("Gemm", ["flat", "flat"], ["gram"], { transA: 1 }),
      node("MatMul", ["flat", "w"], ["y"]),
      node("Mul", ["y", "labels"], ["wrong"]),
      node("ReduceSum", ["wrong"], ["loss"], { keepdims: 0 }),
    ];
    const labels = value("labels", ["tokens", 32]);
    const input = [ids, labels, table, value("w", [32, 32])];
    const output = [value("loss", []), value("gram", [32, 32])];
    const bind = { tokens: 128 };
    expect(roles({ input, node: nodes, output }, ["gram", "loss"], bind)).toEqual([
      "activation",
      "activation",
    ]);
  });

  test("accumulation buffers are gradients", () => {
    const add = node(
      "InPlaceAccumulatorV2",
      ["buffer", "h"],
      ["done"],
      {},
      { domain: "com.microsoft" },
    );
    const graph = { input: [ids, table, value("buffer", [8, 16, 32])], node: [embedding, add] };
    expect(roles(graph, ["buffer"])).toEqual(["gradient"]);
  });

  test("what arrives from another stage carries the batch", () => {
    const recv = node("Recv", ["signal", "rank"], ["done", "x"], {}, { domain: "com.microsoft" });
    const scalar = (name: string) => ({ name, dims: [], dataType: 7, int64Data: [1] });
    const graph = {
      initializer: [scalar("signal"), scalar("rank")],
      valueInfo: [value("x", [4, 8])],
      node: [recv, node("Relu", ["x"], ["y"])],
    };
    expect(roles(graph, ["x", "y"])).toEqual(["activation@0", "activation@0"]);
  });
});

test("what the exporter notes of a stored tensor decides: trained whatever it holds, or a buffer", () => {
  const kinds = { bias: "PARAMETER", mask: "BUFFER", table: "BUFFER", token: "PARAMETER" };
  const key = "pkg.torch.export.graph_signature.InputSpec.kind";
  const float = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
  const triangle = Array.from({ length: 16 }, (_, i) => (i % 4 > i / 4 ? -1e9 : 0));
  const graph = {
    input: [value("x", [8, 4, 4])],
    initializer: [
      { ...float("bias", [4, 4]), floatData: triangle },
      ...[float("mask", [4, 4]), float("table", [4, 4]), float("token", [8, 1, 4])],
      float("unnoted", [4, 4]),
    ],
    valueInfo: Object.entries(kinds).map(([name, kind]) => ({
      ...{
        name,
        metadataProps: [
          { key: "else", value: "BUFFER" },
          { key, value: kind },
        ],
      },
    })),
    node: [
      ...["bias", "mask", "table", "unnoted"].map((name, i) =>
        node("Add", [i === 0 ? "x" : `y${i - 1}`, name], [`y${i}`]),
      ),
      node("Concat", ["token", "y3"], ["y"], { axis: 1 }),
    ],
    output: [value("y", [8, 5, 4])],
  };
  expect(roles(graph, [...Object.keys(kinds), "unnoted"])).toEqual([
    ...["parameter", "constant", "constant", "parameter", "parameter"],
  ]);
  expect(read(file(modelBytes(graph))).graph?.tensors.get("bias")?.band).toEqual({
    ...{ behind: 3, ahead: 3 },
  });
});

test("weights that begin as the identity or a triangle are trained, the same added to scores is not", () => {
  const stored = (name: string, shows: (row: number, column: number) => boolean) => {
    const floatData = Array.from({ length: 256 }, (_, i) =>
      Number(shows(Math.floor(i / 16), i % 16)),
    );
    return { name, dims: [16, 16], dataType: 1, floatData };
  };
  const graph = {
    input: [value("x", [4, 16, 16])],
    initializer: [
      stored("identity", (row, column) => row === column),
      stored("triangle", (row, column) => column <= row),
      stored("mask", (row, column) => column <= row),
    ],
    node: [
      node("MatMul", ["x", "identity"], ["a"]),
      node("Transpose", ["triangle"], ["turned"], { perm: [1, 0] }),
      node("MatMul", ["a", "turned"], ["b"]),
      node("Add", ["b", "mask"], ["y"]),
    ],
    output: [value("y", [4, 16, 16])],
  };
  const names = ["identity", "triangle", "mask"];
  expect(roles(graph, names)).toEqual(["parameter", "parameter", "constant"]);
});
