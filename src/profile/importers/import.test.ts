import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { expect, test } from "vitest";
import { imported, scratchFolder } from "../../../test/support/imports.js";

const file = scratchFolder();

test("a stage profile becomes instruction records", async () => {
  const csv = "stage,instruction,frequency,time,energy\n1,backward,1410,0.1,30\n";
  expect((await imported([file("s.csv", csv)])).records).toMatchObject([
    { record: "instruction", stage: 1, instruction: "backward", time_s: 0.1, energy_j: 30 },
  ]);
});

test("unknown, mixed, absent", async () => {
  await expect(imported([file("u", "hello")])).rejects.toThrow(/KRS2040/);
  await expect(imported([file("j.json", '{"a":1}')])).rejects.toThrow(/KRS2040/);
  await expect(imported([file("cut.json", '{"traceEvents":[')])).rejects.toThrow(/KRS2040/);
  await expect(
    imported([file("cut.gz", gzipSync("x".repeat(99)).subarray(0, 20))]),
  ).rejects.toThrow(/KRS2010/);
  await expect(imported([`${file("there", "")}.absent`])).rejects.toThrow(/KRS2010/);
  const csv = file("m.csv", "stage,instruction,frequency,time,energy\n1,backward,1410,0.1,30\n");
  await expect(imported([csv, file("m.json", '{"traceEvents":[]}')])).rejects.toThrow(/KRS2046/);
});

const KERNELS = Array.from({ length: 3 }, (_, i) => ({
  ...{ ph: "X", cat: "kernel", name: "ncclKernel", ts: 100 * i, dur: 40 },
  args: {
    ...{ device: 0, stream: 9, grid: [8, 1, 1], "Collective name": "allreduce" },
    ...{ "In msg nelems": 512, "Group size": 2, dtype: "Float" },
  },
}));
const TRACE = JSON.stringify({ traceEvents: KERNELS });

async function archive(
  files: Readonly<Record<string, string | Buffer>>,
  links: readonly string[],
): Promise<Buffer> {
  const made = pack();
  for (const name of links) made.entry({ name, type: "symlink", linkname: "/etc/passwd" });
  for (const [name, content] of Object.entries(files)) made.entry({ name }, content);
  made.finalize();
  return buffer(made);
}

test("an archive is its files, packed or not; links lead nowhere, names are only names", async () => {
  const apart = await imported([file("r0.json", TRACE), file("r1.json", TRACE)]);
  expect(apart.records).toMatchObject([{ op: "all_reduce", trials: 6 }]);
  const ranks = { "run/r0.json": TRACE, "../../r1.json.gz": gzipSync(TRACE) };
  const tar = await archive(ranks, ["run/link.json"]);
  for (const content of [tar, gzipSync(tar)]) {
    expect((await imported([file("ranks", content)])).records).toEqual(apart.records);
  }
  await expect(imported([file("none.tar", await archive({}, ["a"]))])).rejects.toThrow(/KRS2040/);
  const damaged = file("bad.tar", await archive({ "r0.json": TRACE, "r1.json": "[1," }, []));
  await expect(imported([damaged])).rejects.toThrow(/KRS2040 .*bad.tar:r1.json.*byte 3/);
  const cut = file("cut.tar.gz", gzipSync(tar).subarray(0, 300));
  await expect(imported([cut])).rejects.toThrow(/KRS2010/);
});

test("bad JSON says where", async () => {
  const wrong = file("wrong.json", '{"traceEvents": [\n{"ph": "X"},\n{"ph": @}]}');
  await expect(imported([wrong])).rejects.toThrow(/KRS2040.*byte 38, line 3/);
});

test("what unpacks to nothing is refused by what it unpacks to", { timeout: 60_000 }, async () => {
  const packed = (text: string) => file("bomb.json.gz", gzipSync(text));
  const refused = async (text: string, reason: RegExp) =>
    expect(imported([packed(text)])).rejects.toThrow(reason);
  await refused(`{"traceEvents":[${"{},".repeat(1_000_002)}{}]}`, /KRS2040.*no events/);
  await refused(`[${" ".repeat(17 << 20)}]`, /KRS2040.*16 MiB/);
  await refused(`{"other":"${"x".repeat(17 << 20)}"}`, /KRS2040.*16 MiB/);
  await refused("[".repeat(1000), /KRS2040.*nested/);
  await refused(`{"deviceProperties":[${"{},".repeat(5e6)}{}],"traceEvents":[]}`, /KRS2040.*parts/);
  const operator = { ph: "X", cat: "cpu_op", pid: 1, tid: 1, ts: 0, dur: 1 };
  const named = (name: string) => ({ ...operator, name });
  const names = Array.from({ length: 70 }, (_, i) => named(`${i}`.padEnd(1 << 20)));
  await refused(JSON.stringify({ traceEvents: names }), /KRS2010.*different names/);
  const csv = `stage,instruction,frequency,time,energy\n${"\n".repeat(3e6)}`;
  await refused(csv, /KRS2040.*two million lines/);
  const nested = Array.from({ length: 20 }).reduce<Buffer>(
    (inner) => gzipSync(inner),
    Buffer.from("[]"),
  );
  await expect(imported([file("deep.gz", nested)])).rejects.toThrow(/KRS2010.*packed over 8 times/);
});
