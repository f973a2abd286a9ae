import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imported, scratchFolder, TRACES } from "../../../test/support/imports.js";
import { TraceWriter } from "../../../test/support/kineto-trace.js";

/* Communication in Kineto traces. */

const file = scratchFolder();

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
  ["reduce_scatter_out", [[1024], [], [], [256]], ["", "tp", "False", ""], "reduce_scatter", 2048],
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

test.skipIf(!existsSync(TRACES))(
  "the all-reduces of data-parallel training: sizes, ranks, blocks; one rank is not enough",
  async () => {
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
  },
);
