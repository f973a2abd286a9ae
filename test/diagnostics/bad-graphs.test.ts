import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BIND, badInputs, expectBadInput, MINI } from "../support/bad-input.js";
import { codes } from "../support/cli.js";
import { onnxModel } from "../support/onnx-builder.js";

const { folder, file, optimize } = badInputs();

const SHAPE = { x: ["batch", 16] };
const WEIGHTS = { w1: [16, 32], w2: [32, 16] };
const NODES = [
  { op: "MatMul", inputs: ["x", "w1"], outputs: ["a"] },
  { op: "Relu", inputs: ["a"], outputs: ["b"] },
  { op: "MatMul", inputs: ["b", "w2"], outputs: ["y"] },
];
const GOOD = { inputs: SHAPE, outputs: ["y"], nodes: NODES, initializers: WEIGHTS };

describe.concurrent("the same graph without a fault", () => {
  test("ends in a frontier, so that the faults below are what stops the others", async () => {
    const run = await optimize(file(onnxModel(GOOD)), "--bind", "batch=64");
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });
});

describe.concurrent("bad files", () => {
  test("a file that is not there", async () => {
    expectBadInput(await optimize(join(folder, "absent.onnx")), "KRS1001");
  });

  test("a folder instead of a file", async () => {
    expectBadInput(await optimize(folder), "KRS1001");
  });

  test("text instead of a protobuf", async () => {
    expectBadInput(await optimize(file("# A text, and no model at all\n")), "KRS1002");
  });

  test("a picture instead of a protobuf", async () => {
    const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
    expectBadInput(await optimize(file(png)), "KRS1002");
  });

  test.each([0.1, 0.5, 0.99])("a model cut off after %d of its bytes", async (part) => {
    const bytes = readFileSync(MINI);
    const cut = bytes.subarray(0, Math.floor(part * bytes.length));
    expectBadInput(await optimize(file(cut), ...BIND), "KRS1003");
  });

  test("an empty file", async () => {
    expectBadInput(await optimize(file("")), "KRS1002");
  });

  test("a model without nodes", async () => {
    const model = onnxModel({ ...GOOD, nodes: [] });
    expectBadInput(await optimize(file(model)), "KRS1005");
  });

  test("external data that leaves the folder", async () => {
    for (const external of ["../secret.bin", "/etc/passwd", "a/../../secret.bin"]) {
      const model = onnxModel({ ...GOOD, external });
      const run = await optimize(file(model), "--bind", "batch=64");
      expectBadInput(run, "KRS1006");
      expect(run.stderr).toContain(external);
    }
  });

  test("external data inside the folder is fine, there or not: it is never opened", async () => {
    const model = onnxModel({ ...GOOD, external: "weights.bin" });
    const run = await optimize(file(model), "--bind", "batch=64");
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });
});

describe.concurrent("bad graphs", () => {
  test("a cycle", async () => {
    const nodes = [
      { op: "MatMul", inputs: ["x", "w1"], outputs: ["a"] },
      { op: "Add", inputs: ["a", "c"], outputs: ["b"] },
      { op: "Relu", inputs: ["b"], outputs: ["c"] },
      { op: "MatMul", inputs: ["c", "w2"], outputs: ["y"] },
    ];
    const run = await optimize(file(onnxModel({ ...GOOD, nodes })), "--bind", "batch=64");
    expectBadInput(run, "KRS1101");
    expect(run.stderr).toMatch(/Add_b|Relu_c/);
  });

  test("a missing initializer", async () => {
    const model = onnxModel({ ...GOOD, initializers: { w1: [16, 32] } });
    const run = await optimize(file(model), "--bind", "batch=64");
    expectBadInput(run, "KRS1102");
    expect(run.stderr).toContain('"w2"');
  });

  test("unbound symbols: every flag that is missing, in one line", async () => {
    const run = await optimize(MINI);
    expectBadInput(run, "KRS1201");
    expect(run.stderr).toContain("--bind batch=N --bind sequence=N");
    const half = await optimize(MINI, "--bind", "batch=4");
    expectBadInput(half, "KRS1201");
    expect(half.stderr).not.toContain("--bind batch=N");
  });

  test("a name that is bound and not used is a warning", async () => {
    const model = file(onnxModel(GOOD));
    const run = await optimize(model, "--bind", "batch=64,sequense=128");
    expect(run.status).toBe(0);
    expect(codes(run, "warning")).toEqual(["KRS1202"]);
    expect(run.stderr).toContain("sequense");
  });

  test.each([
    [-7, "KRS1203"],
    [2 ** 41, "KRS1203"],
    // Older exporters write a size that is open as -1: it must be bound.
    [-1, "KRS1201"],
  ])("an input dimension of %d", async (dim, code) => {
    const model = onnxModel({ ...GOOD, inputs: { x: [dim, 16] } });
    expectBadInput(await optimize(file(model)), code);
  });

  test("a batch of nothing", async () => {
    expectBadInput(await optimize(MINI, "--bind", "batch=0,sequence=128"), "KRS1205");
  });

  test("initializers with negative and enormous dimensions", async () => {
    for (const dims of [
      [16, -32],
      [2 ** 30, 2 ** 30],
    ]) {
      const model = onnxModel({
        ...GOOD,
        initializers: { w1: dims, w2: [32, 16] },
        external: "w.bin",
      });
      expectBadInput(await optimize(file(model), "--bind", "batch=64"), "KRS1203");
    }
  });

  test("a bound so large that an intermediate tensor becomes enormous", async () => {
    const run = await optimize(MINI, "--bind", "batch=1048576,sequence=1073741824");
    expectBadInput(run, "KRS1203");
  });

  test("shapes that do not fit", async () => {
    const initializers = { w1: [17, 32], w2: [32, 16] };
    const run = await optimize(file(onnxModel({ ...GOOD, initializers })), "--bind", "batch=64");
    expectBadInput(run, "KRS1302");
    expect(run.stderr).toContain("MatMul_a");
  });

  test("an unknown operator: a warning with an estimate, an error with --strict", async () => {
    const nodes = NODES.map((node) =>
      node.op === "Relu" ? { ...node, op: "Whirl", domain: "com.example" } : node,
    );
    const model = file(onnxModel({ ...GOOD, nodes }));
    const run = await optimize(model, "--bind", "batch=64");
    expect(codes(run, "warning")).toEqual(["KRS1301", "KRS1418"]);
    expect(codes(run, "error")).toEqual([]);
    expect(run.stderr).toContain("com.example::Whirl");
    expect(run.status).toBe(0);
    expectBadInput(await optimize(model, "--bind", "batch=64", "--strict"), "KRS1301");
  });
});

describe.concurrent("layouts that do not fit", () => {
  test.each(["3", "16"])("--tp %s does not divide the attention heads", async (tp) => {
    expectBadInput(await optimize(MINI, ...BIND, "--tp", tp), "KRS1401");
  });

  test("more stages than layers", async () => {
    expectBadInput(await optimize(MINI, ...BIND, "--pp", "3"), "KRS1403");
  });
});
