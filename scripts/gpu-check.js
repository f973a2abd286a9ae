// Every check that needs a GPU: `npm run gpu-check`. Makes one folder that needs nothing but Python and
// the driver (build/gpu-check; `--pack` makes it only, to be copied to another machine) and runs its
// check.py, which says what it found. Options: --gpu <device> of the prediction and the work list
// (h200), --out <folder>, --pack; what follows -- goes to check.py. Exit codes are check.py's: 0 all
// well, 1 a check failed or was not reached, 77 no GPU; or 2, wrong options.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NATIVE = join(ROOT, "native");
const JOB = { batch: 2, sequence: 4096, microbatches: 4 };
const EXAMPLE = ["--bind", "batch=8,sequence=4096", "--dtype", "bf16", "--tp", "8"];

const FLAGS = {
  gpu: { type: "string", default: "h200" },
  out: { type: "string", default: join(ROOT, "build/gpu-check") },
  pack: { type: "boolean", default: false },
};

/** The command line; ends this program where it makes no sense. */
function readFlags() {
  try {
    return parseArgs({ allowPositionals: true, options: FLAGS });
  } catch ({ message }) {
    console.error(
      `${message}\nusage: gpu-check [--gpu <device>] [--out <folder>] [--pack] [-- ...]`,
    );
    return process.exit(2);
  }
}

const { values: options, positionals } = readFlags();

/** Runs a program to its end; ends this one where it fails. */
function must(program, args) {
  const options = { encoding: "utf8", maxBuffer: 1 << 28 };
  const { status, stdout, stderr } = spawnSync(program, args, options);
  if (status === 0) return stdout;
  console.error(`${program} ${args.join(" ")}\n${stderr}`);
  process.exit(1);
}

const kareus = (args) => must(process.execPath, [join(ROOT, "dist/src/cli/main.js"), ...args]);

/** What runs on the GPU's machine. */
function copyPrograms() {
  must(join(NATIVE, "recorder/build.sh"), []);
  must(join(NATIVE, "build.sh"), []);
  rmSync(join(options.out, "build"), { recursive: true, force: true });
  mkdirSync(join(options.out, "build/simulated"), { recursive: true });
  cpSync(join(NATIVE, "gpu-check"), options.out, { recursive: true });
  cpSync(join(NATIVE, "recorder/recorder.py"), join(options.out, "recorder.py"));
  cpSync(join(NATIVE, "python/kareus_runtime"), join(options.out, "kareus_runtime"), {
    recursive: true,
    filter: (path) => !path.includes("__pycache__"),
  });
  const built = {
    "recorder/build": ["kareus-recorder", "libkareus-recorder.so"],
    build: ["libkareus.so", "kareus-guard", "simulated/libnvidia-ml-tripwire.so"],
    "build/test": ["gpu_check"],
  };
  for (const [folder, names] of Object.entries(built)) {
    for (const name of names) cpSync(join(NATIVE, folder, name), join(options.out, "build", name));
  }
}

/** The example's work list, as a recorder gets it: its lines. */
function writeTasks() {
  const graph = join(ROOT, "examples/llama-3.2-3b/llama-3.2-3b.onnx");
  const text = kareus([
    ...["profile", "record", graph, ...EXAMPLE, "--gpu", options.gpu, "--settings", "24"],
    ...["--out", join(options.out, "profile.jsonl"), "--dry-run", "--json"],
  ]);
  const { tasks } = JSON.parse(text);
  writeFileSync(join(options.out, "tasks.txt"), tasks.map((task) => `${task}\n`).join(""));
  return tasks.length;
}

/** What a training iteration is expected to take, all at the highest clock. */
function writePrediction() {
  const graph = join(ROOT, "examples/qwen3-1.7b/qwen3-1.7b.onnx");
  const run = join(options.out, "predicted");
  const { batch, sequence, microbatches } = JOB;
  const text = kareus([
    ...["optimize", graph, "--bind", `batch=${batch},sequence=${sequence}`, "--dtype", "bf16"],
    ...["--gpu", options.gpu, "--microbatches", String(microbatches), "--points", "2"],
    ...["--json", "--out", run],
  ]);
  const { baselines, expected_error } = JSON.parse(text);
  const [point] = baselines.find(({ name }) => name === "sequential-max-clock").points;
  const prediction = { gpu: options.gpu, ...JOB, ...point, expected_error };
  writeFileSync(join(options.out, "prediction.json"), `${JSON.stringify(prediction)}\n`);
  rmSync(run, { recursive: true, force: true });
}

mkdirSync(options.out, { recursive: true });
copyPrograms();
const tasks = writeTasks();
writePrediction();
console.log(`${options.out}: check.py, ${tasks} tasks, a prediction for ${options.gpu}`);
if (!options.pack) {
  const check = [join(options.out, "check.py"), ...positionals];
  process.exit(spawnSync("python3", check, { stdio: "inherit" }).status ?? 1);
}
