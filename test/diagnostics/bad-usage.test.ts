import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BIND, badInputs, expectBadInput, MINI } from "../support/bad-input.js";
import { kareus } from "../support/cli.js";

const { folder, file, optimize } = badInputs();

describe.concurrent("bad usage", () => {
  test("a mistyped flag is met with the right one", async () => {
    const run = await optimize(MINI, ...BIND, "--microbatch", "4");
    expectBadInput(run, "KRS0001");
    expect(run.stderr).toContain("--microbatches");
  });

  test("pieces that the job launches are nothing that a plan could place", async () => {
    const run = await optimize(MINI, ...BIND, "--tp", "2", "--sequence-parallel", "--async-tp");
    expectBadInput(run, "KRS1428");
    expect(run.stderr).toContain("--control clocks");
  });

  test.each([
    ["optimize graph.onnx --bind batch 8 sequence 2048", "--bind batch=8,sequence=2048"],
    ["optimize graph.onnx --bind batch=8 sequence=2048", "--bind batch=8,sequence=2048"],
    ["optimize graph.onnx --bind batch", "as in --bind batch=8,sequence=4096"],
    ["optimize graph.onnx --tp 8 2", "--tp takes one value: --tp 8"],
    ["simulate plan.json --straggler 1", "give stage=factor, as in --straggler 1=1.2"],
    ["select run --slowdown 5%", "did you mean --slowdown 5?"],
    ["select run --deadline 150ms", "did you mean --deadline 0.15?"],
    ["select run --deadline 0,15", "did you mean --deadline 0.15?"],
    ["select run --power-cap 2kW", "did you mean --power-cap 2000?"],
    ["select run --deadline 150parsec", "give a number of seconds"],
    ["select run knee", "did you mean --knee?"],
    ["select run --dedline 3", "did you mean --deadline?"],
    ["select run --energy 3", "did you mean --energy-budget?"],
    ["selct run --knee", "Did you mean select?"],
  ])("%s: %s", async (line, hint) => {
    const run = await kareus([...line.split(" "), "--json"]);
    expect(run.status).toBe(2);
    expect(JSON.parse(run.stderr).hint).toContain(hint);
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

  test("a group that the graph has not is a warning", async () => {
    const run = await optimize(MINI, ...BIND, "--group", "model=tp");
    expect(run.stderr).toContain("KRS1206");
  });

  test.each([
    ["KRS4006", ["--pp", "2", "--chunks", "2"]],
    ["KRS4006", ["--pp", "2", "--pipeline", "zb-h1", "--chunks", "2"]],
    ["KRS4006", ["--pp", "2", "--pipeline", "zb-v"]],
    ["KRS4006", ["--pp", "2", "--pipeline", "zb-v", "--chunks", "3"]],
    ["KRS4014", ["--pp", "2", "--pipeline", "dualpipe-v", "--chunks", "2", "--microbatches", "3"]],
    ["KRS1403", ["--pp", "2", "--pipeline", "interleaved-1f1b", "--chunks", "2"]],
  ])("%s: a pipeline that does not fit: %j", async (code, flags) => {
    expectBadInput(await optimize(MINI, ...BIND, ...flags), code);
  });

  test("a sequence that the ranks do not divide", async () => {
    expectBadInput(await optimize(MINI, ...BIND, "--cp", "3"), "KRS1422");
  });

  test("a model without experts to spread", async () => {
    const loaded = await optimize(MINI, ...BIND, "--expert-load", "2");
    expectBadInput(loaded, "KRS0006");
    expectBadInput(await optimize(MINI, ...BIND, "--ep", "2"), "KRS1424");
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

describe.concurrent("mistyped names are met with the right ones", () => {
  test.each([
    ["KRS0001", "optimize", ["optimse", MINI]],
    ["KRS0001", "import", ["profile", "imprt", MINI]],
    ["KRS0002", "interleaved-1f1b", ["optimize", MINI, "--pipeline", "interleaved-1f1"]],
    ["KRS0002", "plan?", ["schema", "paln"]],
    ["KRS2001", "a100-sxm4-80gb?", ["optimize", MINI, ...BIND, "--gpu", "a100-sxm-80gb"]],
    ["KRS1408", "form-kernels?", ["inspect", MINI, ...BIND, "--print-ir=form-kernel"]],
    ["KRS1001", `${MINI}?`, ["inspect", MINI.replace("onnx", "onx")]],
    ["KRS0020", "package.json?", ["select", "packag.json", "--knee"]],
  ])("%s: %s", async (code, right, args) => {
    const run = await kareus(args);
    expectBadInput(run, code);
    expect(run.stderr.toLowerCase()).toContain(`did you mean ${right}`);
  });

  test("a symbol that the graph has not, beside one without a size", async () => {
    const run = await kareus(["inspect", MINI, "--bind", "batc=2,sequence=8"]);
    expectBadInput(run, "KRS1201");
    expect(run.stderr).toContain("--bind batch=N instead of batc?");
  });

  test("where is the command that complains", async () => {
    const run = await kareus(["profile", "imprt"]);
    expect(run.stderr).toContain("KRS0001 kareus profile: unknown command 'imprt'");
  });
});
