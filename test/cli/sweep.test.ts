import { join } from "node:path";
import { expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const GRAPH = join(ROOT, "test/golden/mini.onnx");
const FIXED = ["--dtype", "bf16", "--points", "4"];

interface Swept {
  readonly layouts: readonly {
    readonly settings: Readonly<Record<string, number>>;
    readonly samples: number;
    readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
  }[];
  readonly points: readonly {
    readonly layout: number;
    readonly time_s_per_sample: number;
    readonly energy_j_per_sample: number;
  }[];
}

const sweep = (...flags: string[]) => kareus(["sweep", GRAPH, ...FIXED, ...flags]);

test("layouts are merged for each sample, whatever the number of threads", async () => {
  const lists = ["--bind", "batch=2,4,sequence=512", "--tp", "1,2", "--power-limit-w", "200,400"];
  const asked = [...lists, "--gpus", "2", "--global-batch", "16", "--json"];
  const [one, two] = [
    await sweep(...asked, "--threads", "1"),
    await sweep(...asked, "--threads", "2"),
  ];
  expect([one.stderr, one.status]).toEqual(["", 0]);
  expect(two.stdout).toBe(one.stdout);
  const { layouts, points } = JSON.parse(one.stdout) as Swept;
  expect(layouts).toHaveLength(8);
  expect(layouts.every(({ samples }) => samples === 16)).toBe(true);
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (before === undefined) return;
    expect(point.time_s_per_sample).toBeGreaterThan(before.time_s_per_sample);
    expect(point.energy_j_per_sample).toBeLessThan(before.energy_j_per_sample);
  });
  const fastest = ({ points: [point] }: Swept["layouts"][number]) => point?.time_s ?? 0;
  for (const layout of layouts.filter(({ settings }) => settings.power_limit_w === 200)) {
    const free = layouts.find(
      ({ settings }) =>
        ["batch", "tp"].every((name) => settings[name] === layout.settings[name]) &&
        settings.power_limit_w === 400,
    );
    expect(fastest(layout)).toBeGreaterThanOrEqual(free === undefined ? 1e9 : fastest(free));
  }
}, 300_000);

test("names the optimize that goes on from the layout to choose", async () => {
  const lists = ["--bind", "batch=2,4,sequence=512", "--tp", "1,2", "--power-limit-w", "200"];
  const { stdout } = await sweep(...lists, "--execution", "eager", "--microbatches", "2");
  const [line = "", words = ""] = /^Least energy x time: kareus (optimize .*)$/m.exec(stdout) ?? [];
  expect(line).toMatch(/--bind batch=\d,sequence=512 .*--microbatches 2 --power-limit-w 200/);
  expect(line).toContain("--dtype bf16 --execution eager");
  const next = await kareus([...words.split(" "), "--points", "2", "--out", join(folder, "next")]);
  expect([next.status, codes(next, "error")]).toEqual([0, []]);
});

test("what cannot be compared is told", async () => {
  const none = await sweep("--bind", "batch=2,sequence=128", "--tp", "2", "--gpus", "3");
  expect([codes(none, "error"), none.status]).toEqual([["KRS3020"], 2]);
  const unbound = await sweep("--bind", "sequence=128");
  expect([codes(unbound, "error"), unbound.status]).toEqual([["KRS3022"], 2]);
  const other = await sweep("--bind", "batch=2,samples=4,sequence=128", "--batch", "samples");
  expect([codes(other, "error"), other.status]).toEqual([["KRS3023"], 1]);
  expect(other.stderr).toContain("KRS3022 the graph has no symbolic dimension samples");
  const limit = await sweep("--bind", "batch=2,sequence=128", "--power-limit-w", "20");
  expect([codes(limit, "error"), limit.status]).toEqual([["KRS3023"], 1]);
  expect(limit.stderr).toContain("KRS2006");
}, 120_000);
