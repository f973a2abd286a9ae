import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { imported, scratchFolder, TRACES } from "../../../test/support/imports.js";
import { MM, TraceWriter } from "../../../test/support/kineto-trace.js";

const file = scratchFolder();

describe("Kineto traces", () => {
  test("a kernel's time is that of all launches of its innermost operator, over calls", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }, { dur: 4 }]);
    trace.call("aten::mm", MM, [{ dur: 26 }, { dur: 4 }]);
    const { records, codes, header } = await imported([file("a.json", trace.text())]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      ...{ record: "kernel", op: "matmul", key: { b: 1, m: 64, n: 16, k: 32, dtype: "bfloat16" } },
      ...{ freq_mhz: 1410, sms: null, source: "measured", energy_j: null, trials: 2 },
    });
    expect(records[0]?.time_s).toBeCloseTo(27e-6, 12);
    expect(records[0]?.time_s_std).toBeCloseTo(3e-6, 12);
    expect(codes).toEqual([]);
    expect(header.note).toContain("at 1410 MHz");
  });

  test("packed and as a bare list of events it is the same", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }]);
    const plain = await imported([file("p.json", trace.text())]);
    const packed = await imported([file("p.gz", gzipSync(trace.text()))]);
    const bare = await imported([file("b.json", JSON.stringify(trace.events))]);
    expect(packed.records).toEqual(plain.records);
    expect(bare.records).toEqual(plain.records);
  });

  test("what ran beside another stream is left out, and so is what is impossibly fast", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }]);
    trace.call("aten::mm", MM, [{ dur: 50 }]);
    trace.device("other", 1030, 10, { stream: 9 });
    trace.call("aten::mm", MM, [{ dur: 1e-5 }]);
    const { records, codes } = await imported([file("c.json", trace.text())]);
    expect(records).toMatchObject([{ time_s: 20e-6, trials: 1 }]);
    expect(codes).toEqual(["KRS2042"]);
  });

  test("attention, convolution, element-wise operators and copies by their arguments", async () => {
    const trace = new TraceWriter();
    const half = "c10::Half";
    const qkv = [
      [2, 128, 8, 64],
      [2, 256, 4, 64],
      [2, 256, 4, 64],
    ];
    trace.call(
      "aten::_flash_attention_forward",
      {
        "Input Dims": qkv,
        "Input type": [half, half, half],
        "Concrete Inputs": ["", "", "", "", "", "", "", "0.", "True", "False"],
      },
      [{ dur: 30 }],
    );
    trace.call(
      "aten::cudnn_convolution",
      {
        "Input Dims": [[4, 8, 14, 14], [16, 4, 3, 3], [], [], [], []],
        "Input type": ["float", "float"],
        "Concrete Inputs": ["", "", "[1, 1]", "[2, 2]", "[1, 1]", "2", "", ""],
      },
      [{ dur: 30 }],
    );
    trace.call(
      "aten::mul",
      { "Input Dims": [[100, 10], [10]], "Input type": ["float", "c10::Half"] },
      [{ dur: 30 }],
    );
    trace.call("aten::copy_", { "Input Dims": [[50], [50]], "Input type": [half, "float"] }, [
      { dur: 30 },
    ]);
    const { records } = await imported([file("d.json", trace.text())]);
    const keys = records.flatMap((r) => (r.record === "kernel" ? [[r.op, r.key] as const] : []));
    expect(new Map(keys.filter(([op]) => op !== "memory"))).toEqual(
      new Map<string, object>([
        [
          "attention",
          {
            ...{ b: 2, heads: 8, kv_heads: 4, q_len: 128, kv_len: 256, head_dim: 64 },
            ...{ causal: true, direction: "forward", dtype: "float16" },
          },
        ],
        [
          "conv",
          {
            ...{ n: 4, c_in: 8, c_out: 16, out_spatial: 49, in_spatial: 196, kernel_spatial: 9 },
            ...{ groups: 2, dtype: "float32" },
          },
        ],
      ]),
    );
    const memory = { class: "other", dtype: "float32" };
    expect(keys).toContainEqual([
      "memory",
      { ...memory, bytes_read: 4020, bytes_written: 4000, flops: 1000 },
    ]);
    expect(keys).toContainEqual([
      "memory",
      { ...memory, dtype: "float16", bytes_read: 200, bytes_written: 100, flops: 0 },
    ]);
  });

  test("a trace of another GPU, without shapes, or of nothing", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }]);
    const h100 = file(
      "h.json",
      trace.text({ deviceProperties: [{ name: "NVIDIA H100 80GB HBM3" }] }),
    );
    await expect(imported([h100])).rejects.toThrow(/KRS2030.*H100/);
    expect((await imported([h100], { gpu: "h100-sxm" })).records).toHaveLength(1);
    const bare = new TraceWriter();
    bare.call("aten::mm", {}, [{ dur: 20 }]);
    await expect(imported([file("n.json", bare.text())])).rejects.toThrow(/KRS2041.*1 kernels/);
    await expect(imported([file("z.json", '{"traceEvents":[]}')])).rejects.toThrow(/KRS2041/);
  });

  test("a board is another by its SMs or its memory where its name does not tell", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }]);
    const on = (board: object) => file("board.json", trace.text({ deviceProperties: [board] }));
    const known = { id: 0, name: "Graphics Device", numSms: 108, totalGlobalMem: 42.3e9 };
    expect((await imported([on(known)])).records).toHaveLength(1);
    for (const other of [{ numSms: 114 }, { totalGlobalMem: 85e9 }, { name: "NVIDIA L40S" }]) {
      await expect(imported([on({ ...known, ...other })])).rejects.toThrow(/KRS2030/);
    }
    // Nothing ran on the second.
    const two = [known, { ...known, id: 1, name: "NVIDIA L40S" }];
    const both = file("two-boards.json", trace.text({ deviceProperties: two }));
    expect((await imported([both])).records).toHaveLength(1);
  });

  test("kernels of a CUDA graph are none of the operator that launched it, and are counted", async () => {
    const trace = new TraceWriter();
    trace.call("aten::mm", MM, [{ dur: 20 }]);
    trace.device("gemm", 500, 90, { stream: 7, correlation: 0, "graph node id": 5 });
    const { records, codes } = await imported([file("graph.json", trace.text())]);
    expect(records).toMatchObject([{ time_s: 20e-6, trials: 1 }]);
    expect(codes).toEqual(["KRS2042"]);
    const alone = new TraceWriter();
    alone.device("gemm", 500, 90, { stream: 7, correlation: 0, "graph node id": 5 });
    await expect(imported([file("alone.json", alone.text())])).rejects.toThrow(
      /KRS2041.*CUDA graph/,
    );
  });
});

describe.skipIf(!existsSync(TRACES))("public traces", () => {
  test("kernels of a decoder on an H100: every projection, and flash attention", async () => {
    const trace = join(TRACES, "tracelens_h100_qwen1.5_0.5b.json.gz");
    const h100 = { gpu: "h100-sxm", peak_flop_per_s: 989e12 };
    const { records } = await imported([trace], h100);
    const kernels = records.filter((record) => record.record === "kernel");
    // 24 layers: query, key, value and output projections of 1024 x 1024 over 16 x 559 tokens.
    const projection = { b: 1, m: 8944, n: 1024, k: 1024, dtype: "bfloat16" };
    const found = kernels.find(({ key }) => JSON.stringify(key) === JSON.stringify(projection));
    expect(found?.trials).toBe(96);
    // At a third to all of the board's peak.
    const rate = (2 * 8944 * 1024 * 1024) / (found?.time_s ?? 0);
    expect(rate / 989e12).toBeGreaterThan(0.33);
    expect(rate / 989e12).toBeLessThan(1);
    expect(kernels.filter(({ op }) => op === "attention")).toMatchObject([
      { key: { heads: 16, q_len: 559, head_dim: 64, causal: true }, trials: 24 },
    ]);
    await expect(imported([trace])).rejects.toThrow(/KRS2030/);
  });

  test.each(["hta_alexnet_a100", "hta_cuda_event_sync_multi_stream"])(
    "%s has no shapes: an honest no",
    async (name) => {
      await expect(imported([join(TRACES, `${name}.json.gz`)])).rejects.toThrow(/KRS2041/);
    },
  );
});
