import { Command } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { type SearchingOptions, searchingOptions } from "../options.js";
import { addTopics, readTopics } from "./flags/table.js";
import { LOWERING_FLAGS, SEARCH_FLAGS } from "./options.js";
import { defaultFolder } from "./output.js";
import { buildProgram } from "./program.js";

const TOPICS = { ...LOWERING_FLAGS, ...SEARCH_FLAGS };

/** What `optimize g.onnx` and these flags ask of the pipeline. */
function parsed(...args: string[]): SearchingOptions {
  const command = new Command().exitOverride().configureOutput({ outputError: () => undefined });
  addTopics(command, TOPICS);
  command.parse(args, { from: "user" });
  return searchingOptions("g.onnx", readTopics(command, TOPICS));
}

/** `CODE where` of the diagnostic; "none" if all is well. */
function complaint(...args: string[]): string {
  try {
    parsed(...args);
  } catch (cause) {
    if (!(cause instanceof DiagnosticError)) throw cause;
    expect(cause.exitCode).toBe(2);
    return cause.diagnostics.map(({ code, where }) => `${code} ${where}`).join();
  }
  return "none";
}

describe("the options of optimize", () => {
  it("have the documented defaults", () => {
    const { search, ...rest } = parsed();
    const { threads, ...others } = search;
    expect(threads).toBeGreaterThanOrEqual(1);
    expect({ search: others, ...rest }).toEqual({
      graph: {
        file: "g.onnx",
        bind: new Map(),
        expect: new Map(),
        freeze: [],
        dtype: null,
        group: new Map(),
        strict: false,
      },
      job: {
        tp: 1,
        sequence_parallel: false,
        async_tp: false,
        forward_only: false,
        cp: 1,
        cp_attention: "all-gather",
        ep: 1,
        expert_load: 1,
        pp: 1,
        dp: 1,
        zero: 1,
        optimizer: "adamw",
        linear_dtype: null,
        execution: "compiled",
        gpus_per_node: 8,
        microbatches: 4,
        pipeline: "1f1b",
        chunks: 1,
        recompute: "none",
      },
      hardware: {
        gpu: "a100-sxm4-40gb",
        gap_us: null,
        launch_us: null,
        profile: [],
        static_power_w: null,
        transfer_s: 0,
        switch_time_s: null,
        power_limit_w: null,
      },
      search: {
        budget: 224,
        control: "all",
        allow_oversize: false,
        replay: null,
        points: 32,
        seed: 0,
      },
      output: { print_ir: null },
    });
  });

  it("take four microbatches per stage unless told", () => {
    expect(parsed("--pp", "3").job.microbatches).toBe(12);
    expect(parsed("--pp", "3", "--microbatches", "5").job.microbatches).toBe(5);
  });

  it("read every built flag", () => {
    const options = parsed(
      ...["--tp", "8", "--dtype", "bf16", "--recompute", "full", "--static-power-w", "83.6"],
      ...["--threads", "2", "--seed", "7", "--points", "5", "--budget", "9", "--strict"],
      "--print-ir=all",
    );
    expect(options).toMatchObject({
      graph: { dtype: "bf16", strict: true },
      job: { tp: 8, recompute: "full" },
      hardware: { static_power_w: 83.6 },
      search: { threads: 2, seed: 7, points: 5, budget: 9 },
      output: { print_ir: "all" },
    });
    expect(parsed("--print-ir=form-kernels").output.print_ir).toBe("form-kernels");
  });

  it("let the last occurrence win", () => {
    expect(parsed("--tp", "2", "--tp", "4").job.tp).toBe(4);
  });

  it("join bindings from lists and repetitions", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z_+ ]*[a-z]$/), { maxLength: 6 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 1 << 30 }), fc.nat(), (keys, base, split) => {
        const pairs = keys.map((name, i) => [name, base + i] as const);
        const written = pairs.map(([name, value]) => `${name}=${value}`);
        const cut = split % (written.length + 1);
        const lists = [written.slice(0, cut), written.slice(cut)].filter((list) => list.length > 0);
        const args = lists.flatMap((list) => ["--bind", list.join(",")]);
        expect(parsed(...args).graph.bind).toEqual(new Map(pairs));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("take the same binding twice, but not two values", () => {
    expect(parsed("--bind", "a=1", "--bind", "a=1").graph.bind).toEqual(new Map([["a", 1]]));
    expect(complaint("--bind", "a=1,a=2")).toBe("KRS0003 --bind");
  });

  it.each([
    ["KRS0002 --tp", ["--tp", "0"]],
    ["KRS0002 --tp", ["--tp", "2.5"]],
    ["KRS0002 --tp", ["--tp", "1e1"]],
    ["KRS0002 --tp", ["--tp", "eight"]],
    ["KRS0002 --tp", ["--tp", "99999999999999999999"]],
    ["KRS0002 --tp", ["--tp=-1"]],
    ["KRS0002 --threads", ["--threads", "0"]],
    ["KRS0002 --static-power-w", ["--static-power-w", "NaN"]],
    ["KRS0002 --static-power-w", ["--static-power-w="]],
    ["KRS0002 --static-power-w", ["--static-power-w=-5"]],
    ["KRS0002 --dtype", ["--dtype", "int4"]],
    ["KRS0002 --bind", ["--bind", "batch"]],
    ["KRS0002 --bind", ["--bind", "batch=1,"]],
    ["KRS0002 --bind batch", ["--bind", "batch=-1"]],
    ["KRS0002 --bind batch", ["--bind", "batch=1.5"]],
    ["KRS0002 --gpu", ["--gpu", ""]],
    ["KRS0002 --pipeline", ["--pipeline", "1f2b"]],
    ["KRS0002 --profile", ["--profile", ""]],
    ["KRS0002 --group", ["--group", "tp"]],
    ["KRS0002 --group g", ["--group", "g=pp"]],
    ["KRS0003 --group", ["--group", "g=tp", "--group", "g=dp"]],
    [
      "none",
      [
        "--cp",
        "2",
        "--sequence-parallel",
        "--pipeline",
        "zb-h1",
        "--chunks",
        "2",
        "--recompute",
        "none",
      ],
    ],
  ])("answer %s to %j", (expected, args) => {
    expect(complaint(...args)).toBe(expected);
  });
});

describe("the default folder", () => {
  it.each([
    [["llama.onnx"], "llama.a100-sxm4-40gb.tp1.kareus", "llama.kareus"],
    [
      ["a/b/llama-3.2-3b.onnx", "--tp", "8", "--pp", "2", "--recompute", "full"],
      "a/b/llama-3.2-3b.a100-sxm4-40gb.tp8-pp2-full.kareus",
      "a/b/llama-3.2-3b.kareus",
    ],
    [
      ["model", "--gpu", "x/my.json", "--zero", "3", "--microbatches", "6"],
      "model.my.tp1-mb6-zero3.kareus",
      "model.kareus",
    ],
    [
      ["-", "--sequence-parallel", "--tp", "2", "--pipeline", "gpipe"],
      "graph.a100-sxm4-40gb.tp2-sp-gpipe.kareus",
      "graph.kareus",
    ],
    [
      ["g.onnx", "--bind", "seq len=4096,batch=8", "--dtype", "bf16", "--power-limit-w", "300"],
      "g.a100-sxm4-40gb.tp1-batch8-seqlen4096-bf16-300w.kareus",
      "g.kareus",
    ],
    [
      ["g.onnx", "--bind", Array.from({ length: 20 }, (_, i) => `symbol${i}=1024`).join(",")],
      "g.a100-sxm4-40gb.tp1-c39063bc.kareus",
      "g.kareus",
    ],
  ])("of %j is %s", ([graph = "", ...flags], folder, latest) => {
    expect(defaultFolder(graph, parsed(...flags))).toEqual({ folder, latest });
  });
});

describe("the program", () => {
  const program = buildProgram("1.2.3");

  it("gives every command a help text with an example", () => {
    for (const command of program.commands) {
      let help = "";
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(help, command.name()).toMatch(new RegExp(`Examples?:\\n.*kareus ${command.name()}`));
    }
  });
});
