import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { imported, scratchFolder, TRACES } from "../../../test/support/imports.js";

const file = scratchFolder();

/** A trace of operator calls of one thread, each with its kernels, one after the other. */
class TraceWriter {
  readonly events: object[] = [];
  #next_us = 0;
  #correlation = 0;

  call(
    name: string,
    args: object,
    kernels: readonly { dur: number; stream?: number; at?: number }[],
  ) {
    const ts = this.#next_us;
    this.#next_us += 1000;
    const host = { ph: "X", pid: 1, tid: 1 };
    this.events.push({ ...host, cat: "cpu_op", name: "outer", ts, dur: 900 });
    this.events.push({ ...host, cat: "cpu_op", name, ts: ts + 1, dur: 800, args });
    kernels.forEach(({ dur, stream = 7, at = 10 }, i) => {
      const correlation = this.#correlation++;
      const launched = {
        ...host,
        cat: "cuda_runtime",
        name: "cudaLaunchKernel",
        args: { correlation },
      };
      this.events.push({ ...launched, ts: ts + 2 + i, dur: 0.5 });
      this.device("k", ts + at + 100 * i, dur, { stream, correlation });
    });
  }

  device(name: string, ts: number, dur: number, args: object) {
    this.events.push({ ph: "X", cat: "kernel", name, ts, dur, args: { device: 0, ...args } });
  }

  text(extra: object = {}): string {
    return JSON.stringify({ ...extra, traceEvents: this.events });
  }
}

const MM = {
  "Input Dims": [
    [64, 32],
    [32, 16],
  ],
  "Input type": ["c10::BFloat16", "c10::BFloat16"],
};

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

  /** One rank's trace of two all-gathers of 4 KiB over two ranks. */
  function rank(durations: readonly number[]): string {
    const trace = new TraceWriter();
    durations.forEach((dur, i) => {
      trace.device("ncclDevKernel_AllGather", 1000 * i, dur, {
        ...{ stream: 20, grid: [16, 1, 1], "Collective name": "_allgather_base" },
        ...{ "In msg nelems": 1024, "Out msg nelems": 2048, "Group size": 2, dtype: "BFloat16" },
      });
    });
    return trace.text();
  }

  test("communication is hidden where any kernel of its own device runs meanwhile", async () => {
    const trace = new TraceWriter();
    const message = { "Collective name": "allreduce", "In msg nelems": 64, "Group size": 2 };
    for (const ts of [0, 200, 250]) {
      trace.device("nccl", ts, 100, { stream: 20, dtype: "Float", ...message });
    }
    const kernels = [
      [50, 10],
      [55, 25],
      [90, 30],
      [310, 90],
    ] as const;
    kernels.forEach(([ts, dur], i) => {
      trace.device("gemm", ts, dur, { stream: i });
    });
    trace.device("elsewhere", 0, 1000, { device: 1, stream: 0 });
    // 30 + 10 of the first, nothing of the second, 40 of the third: 80 of 300.
    const { header } = await imported([file("hidden.json", trace.text())]);
    expect(header.note).toContain("27% of communication ran beside other kernels");
  });

  test("a collective takes what it took where it waited least, if every rank is there", async () => {
    const files = [file("r0.json", rank([90, 400])), file("r1.json", rank([300, 80]))];
    const both = await imported(files);
    const expected = {
      ...{ record: "collective", op: "all_gather", size_bytes: 4096, ranks: 2, sms: 16 },
      ...{ freq_mhz: 1410, source: "measured", time_s: 80e-6, trials: 4 },
    };
    expect(both.records).toMatchObject([expected]);
    expect(both.records[0]).not.toHaveProperty("disturbed");
    expect(both.codes).toEqual([]);
    const alone = await imported(files.slice(0, 1));
    expect(alone.records).toMatchObject([{ disturbed: true, time_s: 90e-6 }]);
    expect(alone.codes).toEqual(["KRS2045"]);
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

  test("a sender and a receiver are two, however large their group; a broadcast is kept", async () => {
    const trace = new TraceWriter();
    const sizes = { "In msg nelems": 512, "Out msg nelems": 512, "Group size": 8, dtype: "Float" };
    ["send", "recv", "broadcast"].forEach((name, i) => {
      const args = { stream: 20, grid: [2, 1, 1], "Collective name": name, ...sizes };
      trace.device("ncclDevKernel", 100 * i, 50, args);
    });
    const { records } = await imported([file("two.json", trace.text())]);
    expect(records).toMatchObject([
      { op: "broadcast", ranks: 8, size_bytes: 2048 },
      { op: "recv", ranks: 2, size_bytes: 2048 },
      { op: "send", ranks: 2, size_bytes: 2048 },
    ]);
  });

  test.each([
    ["multimem_all_reduce_", [[2, 512], [], []], ["", "sum", "tp"], "all_reduce", 2048],
    ["two_shot_all_reduce_", [[2, 512], [], []], ["", "sum", "tp"], "all_reduce", 2048],
    ["one_shot_all_reduce_copy", [[64], [2, 512]], ["", "", "sum", "tp"], "all_reduce", 2048],
    ["multimem_all_gather_out", [[256], [], [1024]], ["", "tp", ""], "all_gather", 2048],
    [
      "reduce_scatter_out",
      [[1024], [], [], [256]],
      ["", "tp", "False", ""],
      "reduce_scatter",
      2048,
    ],
  ])("symm_mem::%s is a collective of its group", async (name, dims, values, op, size_bytes) => {
    const trace = new TraceWriter();
    const types = dims.map(() => "c10::BFloat16");
    const args = { "Input Dims": dims, "Input type": types, "Concrete Inputs": values };
    trace.call(`symm_mem::${name}`, args, [{ dur: 20 }]);
    const groups = [
      { pg_name: "tp", pg_size: 4 },
      { pg_name: "world", pg_size: 8 },
    ];
    const told = trace.text({ distributedInfo: { pg_config: groups } });
    const { records } = await imported([file("symmetric.json", told)]);
    expect(records).toMatchObject([
      { record: "collective", op, size_bytes, ranks: 4, time_s: 20e-6, trials: 1 },
    ]);
    const untold = file("untold.json", trace.text());
    await expect(imported([untold])).rejects.toThrow(/KRS2041.*--ranks/);
    expect((await imported([untold], { ranks: 2 })).records).toMatchObject([{ ranks: 2 }]);
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

  test("the all-reduces of data-parallel training: sizes, ranks, blocks; one rank is not enough", async () => {
    const { records, header } = await imported([join(TRACES, "hta_nccl_meta_a100x2.json.gz")]);
    const reduced = records.filter((r) => r.record === "collective" && r.op === "all_reduce");
    const sizes = reduced.map((r) => (r.record === "collective" ? r.size_bytes : 0));
    expect(sizes.sort((a, b) => a - b)).toEqual([8196000, 9724160, 26255360, 26550272, 31502336]);
    expect(records.filter((r) => r.record === "collective" && r.op === "broadcast")).toHaveLength(
      2,
    );
    for (const record of reduced) {
      expect(record).toMatchObject({
        op: "all_reduce",
        ranks: 2,
        sms: 8,
        disturbed: true,
        trials: 3,
      });
    }
    expect(header.note).toMatch(/\d+% of communication ran beside other kernels/);
  });

  test.each(["hta_alexnet_a100", "hta_cuda_event_sync_multi_stream"])(
    "%s has no shapes: an honest no",
    async (name) => {
      await expect(imported([join(TRACES, `${name}.json.gz`)])).rejects.toThrow(/KRS2041/);
    },
  );
});
