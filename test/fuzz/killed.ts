import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The commands that are killed: small jobs of a made-up GPU with few clocks. */

export interface Killed {
  readonly name: string;
  readonly prepare: (folder: string) => void;
  /** The command in that folder; `again`: as it is given after a kill. */
  readonly words: (folder: string, again: boolean) => readonly string[];
  /** What has to come out the same; all files where it is not given. */
  readonly outcome?: (folder: string) => string;
}

const ROOT = new URL("../../../", import.meta.url);
const fileOf = (path: string) => fileURLToPath(new URL(path, ROOT));
const CASE = fileOf("test/golden/cases/mini-pipeline");
const MINI = fileOf("test/golden/mini.onnx");

const SIZES = ["--bind", "batch=4,sequence=512", "--dtype", "bf16"];
const PIPELINE = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "6"];
const GPU = ["--gpu", join(CASE, "device.json")];
const resumed = (again: boolean) => (again ? ["--resume"] : []);

/** In a recorder's place: the same answer whenever a task is asked for, a moment after the last. */
const STAND_IN = `#!${process.execPath}
  const lines = require("node:fs").readFileSync(0, "utf8").trimEnd().split("\\n");
  console.log('{"gpu":"made-up-gpu","driver":"","sm_count":108}');
  for (const line of lines) {
    const [, task, ...words] = line.split(" ");
    let sum = 7;
    for (const letter of words.join(" ")) sum = (sum * 31 + letter.charCodeAt(0)) % 65521;
    const [time_s, energy_j] = [1e-4 * (1 + sum / 65521), 0.03 * (2 - sum / 65521)];
    const told = { time_s, time_s_std: 0, energy_j, energy_j_std: 0, trials: 1, stand_in: false };
    console.log(JSON.stringify({ task: Number(task), ...told }));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }`;

function withStandIn(folder: string): void {
  writeFileSync(join(folder, "recorder.cjs"), STAND_IN, { mode: 0o755 });
}

const recorder = (folder: string) => ["--recorder", join(folder, "recorder.cjs")];

/** The whole lines after the header of each recording: one begins, the other goes on. */
function recorded(folder: string): string {
  const files = ["first.jsonl", "rest.jsonl"].map((name) => join(folder, name)).filter(existsSync);
  const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n").slice(1, -1));
  return lines.sort().join("\n");
}

const TABLE = [600, 750, 900, 1050, 1200, 1350].flatMap((freq_mhz) =>
  [2, 4, 6, 8, 10, 12, 14, 16].map((sms) => {
    const time_s = 1 / freq_mhz + 0.003 / sms;
    return JSON.stringify({
      freq_mhz,
      launch_slot: null,
      sms,
      time_s,
      energy_j: time_s * freq_mhz,
    });
  }),
);

export const COMMANDS: readonly Killed[] = [
  {
    name: "optimize",
    prepare: () => {},
    words: (folder, again) => [
      ...["optimize", MINI, ...SIZES, ...PIPELINE, ...GPU, "--threads", "1"],
      ...["--out", join(folder, "run"), ...resumed(again)],
    ],
  },
  {
    name: "optimize --measure",
    prepare: withStandIn,
    words: (folder, again) => [
      ...["optimize", MINI, ...SIZES, ...GPU, "--tp", "2", "--points", "4", "--budget", "12"],
      ...["--measure", ...recorder(folder), "--out", join(folder, "run"), ...resumed(again)],
    ],
  },
  {
    name: "search",
    prepare: (folder) => writeFileSync(join(folder, "table.jsonl"), TABLE.join("\n")),
    words: (folder) => ["search", join(folder, "table.jsonl"), "--no-converge", "--json"],
  },
  {
    name: "profile record",
    prepare: withStandIn,
    words: (folder, again) => {
      const first = join(folder, "first.jsonl");
      const goesOn = again && existsSync(first);
      const files = goesOn
        ? ["--profile", first, "--out", join(folder, "rest.jsonl")]
        : ["--out", first];
      const what = ["--tp", "2", "--settings", "4", ...recorder(folder), ...files];
      return ["profile", "record", MINI, ...SIZES, ...GPU, ...what];
    },
    outcome: recorded,
  },
  {
    name: "profile merge",
    prepare: (folder) => {
      const replayed = fileOf("test/golden/cases/mini-replayed");
      copyFileSync(join(replayed, "profile.jsonl"), join(folder, "one.jsonl"));
      copyFileSync(join(replayed, "expected", "measurements.jsonl"), join(folder, "other.jsonl"));
    },
    words: (folder) => [
      ...["profile", "merge", join(folder, "one.jsonl"), join(folder, "other.jsonl")],
      ...["--out", join(folder, "merged.jsonl")],
    ],
  },
  {
    name: "verify --update",
    prepare: (folder) => {
      cpSync(CASE, folder, { recursive: true });
      const given = JSON.parse(readFileSync(join(CASE, "case.json"), "utf8"));
      const fewer = ["--microbatches", "4", "--points", "6"];
      const quicker = {
        ...given,
        arguments: ["graph.onnx", "--gpu", "device.json", ...SIZES, ...fewer],
      };
      writeFileSync(join(folder, "case.json"), JSON.stringify(quicker));
    },
    words: (folder) => ["verify", folder, "--update", "--threads", "1"],
  },
];
