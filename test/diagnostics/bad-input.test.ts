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

  test.each([
    ["KRS4006", ["--pp", "2", "--chunks", "2"]],
    ["KRS4006", ["--pp", "2", "--pipeline", "zb-h1", "--chunks", "2"]],
    ["KRS4005", ["--pp", "2", "--pipeline", "interleaved-1f1b", "--microbatches", "5"]],
    ["KRS1403", ["--pp", "2", "--pipeline", "interleaved-1f1b", "--chunks", "2"]],
  ])("%s: a pipeline that does not fit: %j", async (code, flags) => {
    expectBadInput(await optimize(MINI, ...BIND, ...flags), code);
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

describe.concurrent("bad instances", () => {
  const OPTION = { time_s: 1, energy_j: 100, freq_mhz: 900 };
  const STAGE = { forward: [OPTION], backward: [OPTION] };
  const GOOD_INSTANCE = {
    ...{ format: "kareus-instance", version: 1, name: "tiny", stages: 2, microbatches: 4 },
    ...{ pipeline: "1f1b", static_power_w: 10, options: [STAGE, STAGE] },
  };
  const solve = (changes: object, ...flags: string[]) =>
    kareus(["solve", file(JSON.stringify({ ...GOOD_INSTANCE, ...changes })), ...flags]);
  const withOption = (changes: object) => ({
    options: [STAGE, { ...STAGE, forward: [{ ...OPTION, ...changes }] }],
  });

  test("the same without a fault is solved", async () => {
    const run = await solve({});
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });

  test.each<[string, string, object]>([
    ["KRS4102", "another format", { format: "kareus-plan" }],
    ["KRS4103", "a newer version", { version: 2 }],
    ["KRS4104", "no stages", { stages: 0 }],
    ["KRS4104", "no microbatches", { microbatches: 0 }],
    ["KRS4104", "half a microbatch", { microbatches: 1.5 }],
    ["KRS4104", "an unknown pipeline", { pipeline: "2f2b" }],
    ["KRS4104", "no options", { options: [] }],
    ["KRS4104", "an empty list of options", { options: [STAGE, { ...STAGE, backward: [] }] }],
    ["KRS4104", "no forward", { options: [STAGE, { backward: [OPTION] }] }],
    ["KRS4104", "a negative time", withOption({ time_s: -1 })],
    ["KRS4104", "a negative energy", withOption({ energy_j: -1 })],
    ["KRS4104", "a time that is null", withOption({ time_s: null })],
    ["KRS4104", "an energy in words", withOption({ energy_j: "much" })],
    ["KRS4104", "a negative power", { static_power_w: -1 }],
    ["KRS4104", "a negative transfer", { transfer_s: -1 }],
    ["KRS4104", "an empty tail", { tail: [[OPTION], []] }],
    ["KRS4002", "no backward", { options: [STAGE, { forward: [OPTION] }] }],
    ["KRS4002", "a backward that the pipeline wants split", { pipeline: "zb-h1" }],
    ["KRS4008", "a stage too few", { options: [STAGE] }],
    ["KRS4008", "a stage too many", { options: [STAGE, STAGE, STAGE] }],
    ["KRS4008", "a tail too few", { tail: [[OPTION]] }],
    ["KRS4006", "chunks that the pipeline knows not", { options: Array(4).fill(STAGE) }],
    [
      "KRS4005",
      "microbatches that are no multiple of the stages",
      { pipeline: "interleaved-1f1b", microbatches: 5, options: Array(4).fill(STAGE) },
    ],
    ["KRS4007", "a pipeline without end", { microbatches: 2 ** 50 }],
  ])("%s: %s", async (code, _what, changes) => {
    expectBadInput(await solve(changes), code);
  });

  test("NaN and infinite numbers, and what is not JSON", async () => {
    const text = JSON.stringify(GOOD_INSTANCE);
    const solveText = (content: string) => kareus(["solve", file(content)]);
    expectBadInput(await solveText(text.replace('"time_s":1', '"time_s":NaN')), "KRS4101");
    expectBadInput(await solveText(text.replace('"time_s":1', '"time_s":1e999')), "KRS4104");
    expectBadInput(await solveText(text.slice(0, -1)), "KRS4101");
    expectBadInput(await solveText(""), "KRS4101");
    expectBadInput(await kareus(["solve", join(folder, "absent.json")]), "KRS0020");
  });

  test.each([
    ["--points", "0"],
    ["--deadline", "soon"],
    ["--deadline", "-1"],
    ["--pipeline", "2f2b"],
    ["--microbatches", "0"],
    ["--static-power-w", "NaN"],
    ["--transfer-s", "-1"],
  ])("%s %s", async (flag, value) => {
    expectBadInput(await solve({}, `${flag}=${value}`), "KRS0002");
  });

  test("flags that do not go together", async () => {
    expectBadInput(await solve({}, "--points", "3", "--deadline", "20"), "KRS0004");
    expectBadInput(await solve({}, "--chunks", "2"), "KRS0006");
  });

  test("a deadline before the fastest time is an honest no that names it", async () => {
    const run = await solve({}, "--deadline", "20", "--deadline", "3");
    expect(run.status).toBe(1);
    expect(codes(run, "error")).toEqual(["KRS4112"]);
    expect(run.stderr).toMatch(/takes 10 s/);
    expect(run.stdout).toBe("");
  });
});

describe.concurrent("bad stage profiles", () => {
  const HEADER = "stage,instruction,frequency,time,energy";
  const LINES = ["0,forward,900,1,100", "0,backward,900,2,200"];
  const solve = (lines: readonly string[], ...flags: string[]) =>
    kareus(["solve", file([HEADER, ...lines].join("\n")), ...flags]);
  const FLAGS = ["--microbatches", "4", "--static-power-w", "10"];

  test("the same without a fault is solved", async () => {
    const run = await solve(LINES, ...FLAGS);
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });

  test.each([
    "0,forward,900,1",
    "0,forward,900,1,100,7",
    "0,forward,900,fast,100",
    "0,forward,900,,100",
    "0,forward,900,-1,100",
    "0,forward,900,NaN,100",
    "0,forward,900,1,Infinity",
    "0.5,forward,900,1,100",
    "99999999,forward,900,1,100",
    "0,sideward,900,1,100",
  ])("%s: file and line", async (line) => {
    const run = await solve([...LINES, line], ...FLAGS);
    expectBadInput(run, "KRS2020");
    expect(run.stderr).toMatch(/\.onnx:4:/);
  });

  test("a header without a column, or nothing after it", async () => {
    const text = ["stage,instruction,frequency,time", "0,forward,900,1"].join("\n");
    expectBadInput(await kareus(["solve", file(text), ...FLAGS]), "KRS2020");
    expectBadInput(await solve([], ...FLAGS), "KRS2020");
  });

  test("an instruction or a stage that is missing", async () => {
    expectBadInput(await solve(LINES.slice(0, 1), ...FLAGS), "KRS2021");
    expectBadInput(await solve([...LINES, "2,forward,900,1,1"], ...FLAGS), "KRS2021");
    expectBadInput(await solve(LINES, ...FLAGS, "--pipeline", "zb-h1"), "KRS2021");
    expectBadInput(await solve(LINES, ...FLAGS, "--chunks", "2"), "KRS4008");
  });

  test("flags that a profile needs", async () => {
    const run = await solve(LINES);
    expectBadInput(run, "KRS0005");
    expect(run.stderr).toContain("--microbatches and --static-power-w");
    expectBadInput(await solve(LINES, "--microbatches", "4"), "KRS0005");
  });
});
