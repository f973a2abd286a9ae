import { expect, test } from "vitest";
import { imported, scratchFolder } from "../../../test/support/imports.js";

const file = scratchFolder();

test("a Kareus log becomes partition records, slots named by their operator", async () => {
  const row = { freq: 1410, overlap_start: 0, overlap_end: 8, sm: 6, block: 1024 };
  const rows = [
    { ...row, time_s: 0.002, energy_j: 0.5, selected_time: true },
    { ...row, overlap_start: 4, time_s: 0.003, energy_j: 0.6 },
    { ...row, overlap_start: -1, overlap_end: -1, time_s: 0.004, energy_j: 0.7 },
    { ...row, overlap_end: 3, time_s: 0.005, energy_j: 0.8 },
  ];
  const text = (list: readonly object[]) => list.map((r) => `${JSON.stringify(r)}\n`).join("");
  const slots = new Map([["norm_0", 0]]);
  const log = await imported([file("eval_results.jsonl", text(rows))], { slots });
  expect(log.records).toMatchObject([
    { partition: "forward.0", launch_slot: "norm_0", sms: 6, freq_mhz: 1410, energy_j: 0.5 },
    { launch_slot: "op_4", time_s: 0.003 },
    { launch_slot: null, time_s: 0.004 },
  ]);
  expect(log.codes).toEqual(["KRS2042"]);
  const mixed = file("mixed.jsonl", text([...rows, { ...rows[0], block: 512 }]));
  await expect(imported([mixed])).rejects.toThrow(/KRS2044.*512 and 1024/);
  expect((await imported([mixed], { block: 512 })).records).toHaveLength(1);
  await expect(imported([mixed], { block: 512, partition: null })).rejects.toThrow(/KRS0005/);
  const broken = file("broken.jsonl", `${text(rows)}{"freq":1}\n`);
  await expect(imported([broken])).rejects.toThrow(/KRS2043 .*:5/);
});
