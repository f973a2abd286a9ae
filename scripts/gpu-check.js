// Every check that needs a GPU, and a profile of the example graph recorded on it: `npm run gpu-check`.
// Options: --gpu <device> (else told by the driver's name), --out <folder>, --full (windows of 5 s
// instead of 1 s, more settings). Exit codes: 0 all well, 1 a check failed, 77 no GPU: nothing run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { namesOtherGpu } from "../dist/src/profile/gpu-name.js";

const NO_GPU = 77;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const RECORDER = join(ROOT, "native/recorder/build/kareus-recorder");
const RUNTIME = join(ROOT, "native/build/test/gpu_check");
const DRIVER = join(ROOT, "native/recorder/recorder.py");
const GRAPH = join(ROOT, "examples/llama-3.2-3b/llama-3.2-3b.onnx");
const JOB = ["--bind", "batch=8,sequence=4096", "--dtype", "bf16", "--tp", "8"];

const { values: options } = parseArgs({
  options: {
    gpu: { type: "string" },
    out: { type: "string", default: join(ROOT, "build/gpu-check") },
    full: { type: "boolean", default: false },
  },
});

function end(code, message) {
  console.log(message);
  process.exit(code);
}

function run(program, args, input) {
  const found = spawnSync(program, args, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  return { ...found, code: found.status ?? 1 };
}

const kareus = (...args) => run(process.execPath, [join(ROOT, "dist/src/cli/main.js"), ...args]);

let failures = 0;
function check(what, holds, seen) {
  if (!holds) failures++;
  console.log(`${holds ? "ok    " : "FAILED"} ${what}${seen === undefined ? "" : ` (${seen})`}`);
}

/** Measures lines of a work list for a quarter of a second each. */
function measure(lines, program = RECORDER) {
  const flags = ["--window-s", "0.25", "--warmup-s", "0.1", "--cooldown-s", "0", "--trials", "3"];
  const python = program.endsWith(".py");
  const list = `${lines.join("\n")}\n`;
  const found = run(python ? "python3" : program, [...(python ? [program] : []), ...flags], list);
  const replies = found.stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { code: found.code, stderr: found.stderr, replies };
}

const task = (id, sms, first, comm, kernels) =>
  `task ${id} clock 1000 sms ${sms} first ${first} comm ${comm} kernels ${kernels.length} ${kernels.join(" ")}`;
const GEMM = "matmul 1 8192 8192 8192 bfloat16";
const STREAM = "memory 1073741824 1073741824 0 bfloat16";
const REDUCE = "all_reduce 268435456 1024";

/** The bundled device that the driver's name could mean. */
function deviceOf(name) {
  const known = readdirSync(join(ROOT, "profiles/devices")).map((file) =>
    file.replace(/\.json$/, ""),
  );
  return known.find((device) => !namesOtherGpu(name, device));
}

if (!existsSync(RECORDER)) {
  const built = run("npm", ["run", "build:recorder"]);
  if (built.code !== 0) end(1, `the recorder cannot be built:\n${built.stderr}`);
}
const first = measure([task(0, 0, 0, "none 0 1", [GEMM])]);
if (first.code === 3) end(NO_GPU, "no GPU: nothing was checked");
const [gpu, gemm] = first.replies;
if (gemm?.time_s === undefined) end(1, `the recorder failed: ${first.stderr || gemm?.skipped}`);
const device = options.gpu ?? deviceOf(gpu.gpu);
if (device === undefined) end(1, `no device file is of a ${gpu.gpu}: name one with --gpu`);
console.log(`${gpu.gpu}, driver ${gpu.driver}, as ${device}`);

checkKernels();
checkCommunication();
checkAttention();
checkRuntime();
recordProfile();
end(failures === 0 ? 0 : 1, failures === 0 ? "all well" : `${failures} failed`);

function checkKernels() {
  const rate = (2 * 8192 ** 3) / gemm.time_s;
  const spread = gemm.time_s_std / gemm.time_s;
  check(
    "a large product runs at a tensor core's rate",
    rate > 3e13 && rate < 5e15,
    `${rate} FLOP/s`,
  );
  check("trials agree within 5%", spread < 0.05, spread);
  check("the energy counter moves", gemm.energy_j === null || gemm.energy_j > 0, gemm.energy_j);
  const power_w = gemm.energy_j / gemm.time_s;
  check(
    "the power is a board's",
    gemm.energy_j === null || (power_w > 30 && power_w < 1500),
    power_w,
  );
  const half = measure([task(0, 0, 0, "none 0 1", [STREAM, STREAM])]).replies[1];
  const once = measure([task(0, 0, 0, "none 0 1", [STREAM])]).replies[1];
  const ratio = half.time_s / once.time_s;
  check("two kernels take twice as long as one", Math.abs(ratio - 2) < 0.1, ratio);
}

function checkCommunication() {
  const lines = [
    task(0, 2, 0, REDUCE, []),
    task(1, 16, 0, REDUCE, []),
    task(2, 16, 0, REDUCE, [GEMM]),
    task(3, 16, 1, REDUCE, [GEMM]),
  ];
  const [, few, many, beside, after] = measure(lines).replies;
  check(
    "a stand-in is marked as one",
    [few, many, beside, after].every((reply) => reply.stand_in),
  );
  check(
    "more thread blocks copy faster",
    many.time_s < few.time_s,
    `${few.time_s} to ${many.time_s} s`,
  );
  const apart = gemm.time_s + many.time_s;
  check(
    "apart, kernel and copy add up",
    Math.abs(after.time_s / apart - 1) < 0.1,
    after.time_s / apart,
  );
  check(
    "beside each other they take less",
    beside.time_s < after.time_s,
    beside.time_s / after.time_s,
  );
}

function checkAttention() {
  const shape = (direction) => `attention 4 8 2 2048 2048 128 1 ${direction} bfloat16`;
  const kernels = ["forward", "backward"].map(shape);
  const lines = kernels.map((kernel, id) => task(id, 0, 0, "none 0 1", [kernel]));
  const { replies, stderr } = measure(lines, DRIVER);
  const [, forward, backward] = replies;
  if (forward?.skipped !== undefined) {
    console.log(`passed over: attention (${stderr.trim()})`);
    return;
  }
  check("attention runs through torch", forward?.time_s > 0, forward?.time_s);
  check("its backward takes longer", backward?.time_s > forward?.time_s, backward?.time_s);
}

/** The runtime's own checks; they observe, and no clock changes. */
function checkRuntime() {
  const built = run("npm", ["run", "build:native"]);
  check("the runtime is built", built.code === 0, built.code === 0 ? undefined : built.stderr);
  if (built.code !== 0) return;
  const { code, stdout } = run(RUNTIME, []);
  console.log(stdout.trimEnd());
  check("the runtime's native checks hold", code === 0, code);
}

/** Records the example, and plans it with what was recorded. */
function recordProfile() {
  mkdirSync(options.out, { recursive: true });
  const profile = join(
    options.out,
    `${device}-${new Date().toISOString().replace(/\W/g, "")}.jsonl`,
  );
  const quick = ["--window-s", "1", "--warmup-s", "0.3", "--cooldown-s", "0", "--settings", "6"];
  const torch = run("python3", ["-c", "import torch"]).code === 0;
  const recorded = kareus(
    ...["profile", "record", GRAPH, ...JOB, "--gpu", device, "--out", profile],
    ...["--recorder", torch ? DRIVER : RECORDER, ...(options.full ? [] : quick)],
  );
  check("the example's kernels and partitions are recorded", recorded.code === 0, recorded.stderr);
  if (recorded.code !== 0) return;
  const records = readFileSync(profile, "utf8").trimEnd().split("\n").length - 1;
  console.log(`       ${records} records in ${profile}`);
  const planned = kareus(
    ...["optimize", GRAPH, ...JOB, "--gpu", device, "--profile", profile, "--json"],
    ...["--out", join(options.out, "run")],
  );
  check("the example is planned with them", planned.code === 0, planned.stderr);
  if (planned.code !== 0) return;
  const { costs } = JSON.parse(planned.stdout);
  check("some of its costs are measured", costs.measured > 0, JSON.stringify(costs));
}
