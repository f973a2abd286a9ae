import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticError } from "../base/diagnostics/diagnostic.js";
import type { Evaluation } from "../ir/configuration.js";
import { createProfile } from "./appender.js";
import type { ProfileHeader } from "./header.js";
import { readProfile } from "./reader.js";
import { type ProfileRecord, partitionRecord } from "./records.js";

const scratch = mkdtempSync(join(tmpdir(), "kareus-profile-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const file = join(scratch, "measurements.jsonl");

const header: ProfileHeader = {
  format: "kareus-profile",
  version: 1,
  id: "test",
  gpu: "a100-sxm4-40gb",
  driver: null,
  date: null,
  tool: "kareus",
  method: null,
  note: "",
};
const evaluation: Evaluation = {
  partition: "forward.0123456789ab",
  freq_mhz: 1410,
  launch_slot: "norm_0",
  sms: 12,
  time_s: 0.0021,
  energy_j: 0.5,
  source: "modelled",
};
const record = partitionRecord(evaluation);
const measured: ProfileRecord[] = [
  { ...record, sms: null, source: "measured", energy_j: null, time_s_std: 1e-6, trials: 3 },
  {
    record: "kernel",
    op: "matmul",
    key: { b: 1, m: 2, n: 3, k: 4, dtype: "bfloat16" },
    freq_mhz: 900,
    sms: null,
    source: "measured",
    time_s: 1e-3,
    energy_j: 0.2,
    time_s_std: 0,
    energy_j_std: 0,
    trials: 5,
  },
  {
    record: "collective",
    op: "all_reduce",
    size_bytes: 1024,
    ranks: 8,
    freq_mhz: 900,
    sms: 4,
    source: "extrapolated",
    time_s: 1e-4,
    energy_j: null,
    time_s_std: null,
    energy_j_std: null,
    trials: 1,
  },
];

function written(records: readonly ProfileRecord[]): string {
  const profile = createProfile(file, header);
  profile.append(records);
  profile.close();
  return readFileSync(file, "utf8");
}

const unexpected = (diagnostic: Diagnostic) => {
  throw new Error(`unexpected ${diagnostic.code}`);
};

function refusal(text: string): Diagnostic | undefined {
  writeFileSync(file, text);
  try {
    readProfile(file, unexpected);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics[0];
    throw error;
  }
  throw new Error("was read");
}

describe("writing and reading", () => {
  test("what was appended is read back", () => {
    written([record, ...measured]);
    expect(readProfile(file, unexpected)).toEqual({ header, records: [record, ...measured] });
  });

  test("fields come in one order, whatever order they were given in", () => {
    const shuffled = Object.fromEntries(Object.entries(record).reverse()) as ProfileRecord;
    expect(written([shuffled])).toBe(written([record]));
    expect(written([record]).split("\n")[1]).toBe(
      '{"record":"partition","partition":"forward.0123456789ab","launch_slot":"norm_0",' +
        '"order":null,"freq_mhz":1410,"sms":12,"source":"modelled","time_s":0.0021,' +
        '"energy_j":0.5,"time_s_std":null,"energy_j_std":null,"trials":0}',
    );
  });

  test("each append can be read at once", () => {
    const profile = createProfile(file, header);
    for (let i = 1; i <= 3; i++) {
      profile.append([record]);
      expect(readProfile(file, unexpected).records).toHaveLength(i);
    }
    profile.close();
  });
});

describe("what is refused", () => {
  test("a torn last line is dropped with a warning, wherever it was cut", () => {
    const whole = written([record, record]);
    const first = whole.trimEnd().lastIndexOf("\n") + 1;
    for (let cut = first + 1; cut < whole.length; cut++) {
      writeFileSync(file, whole.slice(0, cut));
      const warnings: Diagnostic[] = [];
      const { records } = readProfile(file, (warning) => warnings.push(warning));
      expect(records).toEqual([record]);
      expect(warnings.map(({ code, where }) => [code, where])).toEqual([["KRS2012", `${file}:3`]]);
    }
  });

  test("anything else malformed names file and line", () => {
    const lines = written([record, record]).split("\n");
    const broken = [lines[0], lines[1]?.slice(0, 20), lines[2], ""].join("\n");
    expect(refusal(broken)).toMatchObject({ code: "KRS2011", where: `${file}:2` });
    const text = (change: object) => `${lines[0]}\n${JSON.stringify({ ...record, ...change })}\n`;
    expect(refusal(text({ time_s: -1 }))?.message).toContain("time_s");
    expect(refusal(text({ time_ms: 1 }))?.message).toContain("time_ms");
    expect(refusal(text({ source: "guessed" }))?.message).toContain("source");
    expect(refusal(text({ record: "poem" }))?.where).toBe(`${file}:2`);
    expect(refusal(`${lines[0]}\n\n${lines[1]}\n`)?.where).toBe(`${file}:2`);
  });

  test("a missing, foreign or newer header", () => {
    expect(refusal(`${JSON.stringify(record)}\n`)).toMatchObject({
      code: "KRS2011",
      where: `${file}:1`,
    });
    writeFileSync(file, "");
    expect(() => readProfile(file, () => {})).toThrow(DiagnosticError);
    expect(refusal(`${JSON.stringify({ ...header, version: 2 })}\n`)?.code).toBe("KRS2004");
  });

  test("what was measured is on the disk at once, what is modelled with it or at the end", () => {
    // Takes everything, and cannot be told to keep it.
    const open = () => createProfile("/dev/null", header);
    const profile = open();
    profile.append([record]);
    expect(() => profile.append(measured.slice(0, 1))).toThrow(/KRS2013/);
    const modelled = open();
    modelled.append([record]);
    expect(() => modelled.close()).toThrow(/KRS2013/);
  });

  test("paths that cannot be read or written", () => {
    const absent = join(scratch, "absent", "measurements.jsonl");
    expect(() => readProfile(absent, unexpected)).toThrow(/KRS2010/);
    expect(() => createProfile(absent, header)).toThrow(/KRS2013/);
  });
});
