import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type CliRun, codes, kareus, temporaryFolder } from "../support/cli.js";
import { onnxModel } from "../support/onnx-builder.js";
import { ROOT } from "../support/paths.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const BIND = ["--bind", "batch=4,sequence=128"];

const folder = temporaryFolder();
let written = 0;

/** Writes a file into the test's folder and returns its path. */
function file(content: Uint8Array | string): string {
  const path = join(folder, `${written++}.onnx`);
  writeFileSync(path, content);
  return path;
}

function optimize(graph: string, ...flags: string[]): Promise<CliRun> {
  return kareus(["optimize", graph, "--out", join(folder, `out${written++}`), ...flags]);
}

/** One coded line on stderr, exit 2, nothing on stdout and no trace of our insides. */
function expectBadInput(run: CliRun, code: string): void {
  expect(codes(run, "error")).toEqual([code]);
  expect(run.status).toBe(2);
  expect(run.stdout).toBe("");
  expectNoTrace(run);
}

function expectNoTrace(run: CliRun): void {
  expect(run.stderr).not.toMatch(/^\s+at .+:\d+/m);
  expect(run.stderr).not.toMatch(/\b(Type|Range|Reference|Syntax)?Error:/);
  expect(run.stderr).not.toContain("KRS0900");
}

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

  test.each([-1, -7, 2 ** 41])("an input dimension of %d", async (dim) => {
    const model = onnxModel({ ...GOOD, inputs: { x: [dim, 16] } });
    expectBadInput(await optimize(file(model)), "KRS1203");
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
    expect(codes(run, "warning")).toEqual(["KRS1301"]);
    expect(codes(run, "error")).toEqual([]);
    expect(run.stderr).toContain("com.example::Whirl");
    expect(run.status).toBe(0);
    expectBadInput(await optimize(model, "--bind", "batch=64", "--strict"), "KRS1301");
  });
});

describe.concurrent("layouts that do not fit", () => {
  test.each(["3", "8"])("--tp %s does not divide the key-value heads", async (tp) => {
    expectBadInput(await optimize(MINI, ...BIND, "--tp", tp), "KRS1401");
  });

  test("more stages than layers", async () => {
    expectBadInput(await optimize(MINI, ...BIND, "--pp", "3"), "KRS1403");
  });
});

describe.concurrent("bad usage", () => {
  test("a mistyped flag is met with the right one", async () => {
    const run = await optimize(MINI, ...BIND, "--microbatch", "4");
    expectBadInput(run, "KRS0001");
    expect(run.stderr).toContain("--microbatches");
  });

  test("no graph, two graphs, an unknown command", async () => {
    expectBadInput(await kareus(["optimize"]), "KRS0001");
    expectBadInput(await kareus(["optimize", MINI, MINI]), "KRS0001");
    expectBadInput(await kareus(["optimise", MINI]), "KRS0001");
  });

  test.each([
    ["--tp", "0"],
    ["--tp", "two"],
    ["--pp", "-1"],
    ["--microbatches", "1.5"],
    ["--bind", "batch"],
    ["--bind", "batch=-4"],
    ["--bind", "batch=4,"],
    ["--dtype", "int8"],
    ["--pipeline", "2f2b"],
    ["--recompute", "half"],
    ["--points", "0"],
    ["--threads", "0"],
    ["--seed", "-1"],
    ["--static-power-w", "-5"],
  ])("%s %s", async (flag, value) => {
    const run = await optimize(MINI, `${flag}=${value}`);
    expectBadInput(run, "KRS0002");
    expect(run.stderr).toContain(flag);
  });

  test("a symbol bound twice", async () => {
    expectBadInput(await optimize(MINI, ...BIND, "--bind", "batch=8"), "KRS0003");
  });

  test.each([
    ["--cp", "2"],
    ["--ep", "2"],
    ["--dp", "2"],
    ["--chunks", "2"],
    ["--pipeline", "gpipe"],
    ["--pipeline", "interleaved-1f1b"],
    ["--pipeline", "zb-h1"],
    ["--recompute", "selective"],
    ["--profile", "x"],
    ["--zero", "1"],
    ["--gpus-per-node", "4"],
    ["--group", "tp=tp"],
  ])("%s %s is promised and not built: never ignored", async (flag, value) => {
    const run = await optimize(MINI, ...BIND, flag, value);
    expectBadInput(run, "KRS0011");
    expect(run.stderr).toContain(flag);
  });

  test.each(["--sequence-parallel", "--resume"])("%s likewise", async (flag) => {
    expectBadInput(await optimize(MINI, ...BIND, flag), "KRS0011");
  });

  test("an unknown gpu", async () => {
    const run = await optimize(MINI, ...BIND, "--gpu", "a1000");
    expectBadInput(run, "KRS2001");
    expect(run.stderr).toContain("a100-sxm4-40gb");
  });

  test("a gpu file that is no device", async () => {
    expectBadInput(await optimize(MINI, ...BIND, "--gpu", file("{")), "KRS2002");
    expectBadInput(await optimize(MINI, ...BIND, "--gpu", file("{}")), "KRS2003");
  });

  test("an output folder that cannot be made, found before the work", async () => {
    const out = join(file("in the way"), "run");
    const run = await kareus(["optimize", MINI, ...BIND, "--out", out]);
    expectBadInput(run, "KRS0021");
  });

  test("--json: one object a line, the same codes", async () => {
    const run = await optimize(MINI, "--json");
    expect(run.status).toBe(2);
    expect(run.stdout).toBe("");
    expect(
      run.stderr
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        severity: "error",
        code: "KRS1201",
        where: expect.any(String),
        message: expect.stringContaining("batch, sequence"),
        hint: expect.stringContaining("--bind"),
      },
    ]);
  });
});

describe.concurrent("bad frontiers", () => {
  const select = (content: string) => kareus(["select", file(content), "--fastest"]);

  test("a file that is not there", async () => {
    expectBadInput(await kareus(["select", join(folder, "absent"), "--fastest"]), "KRS0020");
  });

  test("not JSON, another format, a newer version, damaged", async () => {
    expectBadInput(await select("{"), "KRS4101");
    expectBadInput(await select('{"format":"kareus-plan","version":1}'), "KRS4102");
    expectBadInput(await select('{"format":"kareus-frontier","version":99}'), "KRS4103");
    expectBadInput(await select('{"format":"kareus-frontier","version":1}'), "KRS4104");
  });
});
