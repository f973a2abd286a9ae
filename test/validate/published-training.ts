import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { need, present } from "../../src/base/need.js";
import { readDevice } from "../../src/gpu/device.js";
import { type CsvRow, readCsv } from "../support/csv.js";
import { type Comparison, type DataSet, errorsOf, pooled } from "./errors.js";
import { atMost, type Requirement } from "./requirements.js";
import { ROOT } from "./root.js";
import { fastestOf, optimized } from "./workloads.js";

/** A row of the published training, and what its step comes to. */
interface Row {
  readonly name: string;
  readonly graph: string;
  readonly board: Board;
  readonly narrow: boolean;
  readonly flags: readonly string[];
  readonly step_s: number;
}

export interface PublishedValidation extends DataSet {
  /** Time of interleaved 1F1B over that of 1F1B, of the row with the most stages. */
  readonly interleaved: number;
  /** Time with asynchronous tensor parallelism over that without, of Llama 3.1 70B. */
  readonly async_tp: number;
}

/** Boards of which there is a device file: our H100, and the one of torchtitan's hosts. */
const BOARDS = { H100: "h100-sxm", "H100 SXM 96GB HBM2e": "h100-sxm-96gb" } as const;
type Board = keyof typeof BOARDS;
const isBoard = (name: string): name is Board => name in BOARDS;

/** Exports without weights, as torchtitan and Hugging Face write the models: projections apart. */
const GRAPHS: ReadonlyMap<string, string> = new Map([
  ["Llama3.1-8B", "llama-3.1-8b"],
  ["LLAMA3_8B", "llama-3.1-8b"],
  ["Llama3.1-70B", "llama-3.1-70b"],
  ["Llama3.1-405B", "llama-3.1-405b"],
  ["LLAMA3.1_405B", "llama-3.1-405b"],
]);

/** torchtitan's tables do not state the sequence: that of its Llama 3 configurations. */
const TORCHTITAN_SEQUENCE = 8192;

/** A row of a dense Llama whose board has a device file; null for any other. */
function rowOf({ text }: CsvRow): Row | null {
  const [board, graph] = [text("gpu"), GRAPHS.get(text("model"))];
  if (graph === undefined || !isBoard(board)) return null;
  const or = (column: string, value: number) => Number(text(column)) || value;
  const [tp, cp, pp, dp] = [or("tp", 1), or("cp", 1), or("pp", 1), or("dp", 1)];
  const chunks = or("vp", 1);
  const sequence = or("sequence", TORCHTITAN_SEQUENCE);
  // torchtitan cuts a batch into as many microbatches as stages.
  const batch = or("micro_batch", or("global_batch", dp * pp) / dp / pp);
  const microbatches = or("global_batch", dp * pp * batch) / (dp * batch);
  const tokens = (microbatches * batch * sequence) / (tp * cp * pp);
  const titan = board !== "H100";
  const precision = text("precision");
  const narrow = /float8|FP8/.test(precision);
  const compiled = !titan || text("options").includes("compile");
  const recompute = text("recompute") || "none";
  // torchtitan compiles each layer around its checkpoint: what backward does not read is left out.
  const stopsEarly = titan && compiled && recompute === "full";
  return {
    name: `${text("model")} ${board} ${precision} ${text("count")} GPUs, ${batch} x ${sequence}`,
    ...{ graph, board, narrow },
    flags: [
      ...["--bind", `batch=${batch},sequence=${sequence}`, "--dtype", "bf16"],
      // Megatron-LM shares the optimizer's states where it does not share weights.
      ...["--zero", text("fsdp") === "0" ? "1" : "3"],
      ...["--tp", tp, "--cp", cp, "--pp", pp, "--dp", dp, "--microbatches", microbatches].map(
        String,
      ),
      ...["--recompute", stopsEarly ? "early-stop" : recompute],
      ...["--execution", compiled ? "compiled" : "eager"],
      ...(tp > 1 ? ["--sequence-parallel"] : []),
      ...(text("options").includes("AsyncTP") ? ["--async-tp"] : []),
      ...(chunks > 1 ? ["--pipeline", "interleaved-1f1b", "--chunks", String(chunks)] : []),
      ...(narrow ? ["--linear-dtype", "fp8"] : []),
      ...(titan ? ["--power-limit-w", "500"] : []),
    ],
    step_s: tokens / Number(text("tokens_s_gpu")),
  };
}

/** Bandwidth of HBM2e at 2.4 TB/s beside 3.35 of our file's HBM3, by the data sheets. */
const HBM2E_SHARE = 2.4 / 3.35;

/**
 * FlashAttention-2, which PyTorch ran on Hopper then, beside the kernels of cuDNN that our file is made
 * of: both measured on one H200 at head size 128, mean of three shapes.
 */
const FLASH = { forward_s: 1.72, backward_s: 1.74, energy: 1.72 };

/** The device file of torchtitan's hosts: an H100 of 96 GB HBM2e. */
function torchtitanBoard(): unknown {
  const { content, device } = readDevice("h100-sxm");
  const source = "torchtitan, benchmarks/llama3_h100_202412_torchtitan.md";
  const { bandwidth } = device.memory;
  const { forward_flop_per_s, backward_flop_per_s, energy_j_per_flop } = device.attention;
  const bytes_per_s = bandwidth.bytes_per_s.map((rate) => rate * HBM2E_SHARE);
  const said = structuredClone(content) as Record<string, Record<string, unknown>>;
  const memory = { ...said.memory, bandwidth: { value: { ...bandwidth, bytes_per_s }, source } };
  const flash = "kernels of one H200: FlashAttention-2 beside cuDNN";
  const attention = {
    ...said.attention,
    forward_flop_per_s: { value: forward_flop_per_s / FLASH.forward_s, source: flash },
    backward_flop_per_s: { value: backward_flop_per_s / FLASH.backward_s, source: flash },
    energy_j_per_flop: { value: energy_j_per_flop * FLASH.energy, source: flash },
  };
  const memory_bytes = { value: 95 * 2 ** 30, source };
  return { ...said, name: BOARDS["H100 SXM 96GB HBM2e"], memory_bytes, memory, attention };
}

/** Unpacks graphs and the device file into a folder; seconds of a row's step, other flags added. */
function predictor(scratch: string): (row: Row, ...flags: readonly string[]) => number {
  const limited = join(scratch, "board.json");
  writeFileSync(limited, JSON.stringify(torchtitanBoard()));
  for (const graph of new Set(GRAPHS.values())) {
    const packed = readFileSync(join(ROOT, `test/validate/data/${graph}.onnx.gz`));
    writeFileSync(join(scratch, `${graph}.onnx`), gunzipSync(packed));
  }
  return ({ name, graph, board, flags }, ...others) => {
    const gpu = board === "H100" ? BOARDS[board] : limited;
    const searched = ["--control", "clocks", "--points", "2"];
    const all = ["--gpu", gpu, ...flags, ...others, ...searched];
    const found = optimized(join(scratch, `${graph}.onnx`), all);
    if (typeof found === "string") throw new Error(`${name}: ${found}`);
    return fastestOf(found, "sequential-max-clock").time_s;
  };
}

/** What others publish of their training on boards that we have device files of: nothing is fitted. */
export function publishedTraining(folder: string): PublishedValidation | null {
  const file = join(folder, "published_training.csv");
  if (!existsSync(file)) return null;
  const scratch = mkdtempSync(join(tmpdir(), "kareus-published-"));
  try {
    const step = predictor(scratch);
    const measured = readCsv(file).flatMap((row) => rowOf(row) ?? []);
    const found = new Map(measured.map((row) => [row, step(row)]));
    const compared = (name: string, row: Row): Comparison => {
      const time = errorsOf([need(found, row)], [row.step_s]);
      // Energies are not published.
      const energy = { mean_pct: Number.NaN, max_pct: Number.NaN, each_pct: [] };
      return { name, points: 1, by: { model: { time, energy } } };
    };
    const of = (narrow: boolean) =>
      measured.filter((row) => row.narrow === narrow).map((row) => compared(row.name, row));
    const firstOf = (name: string) =>
      present(
        measured.find(({ graph }) => graph === name),
        name,
      );
    const [cut, staged] = [firstOf("llama-3.1-70b"), firstOf("llama-3.1-405b")];
    const chunked = step(staged, "--pipeline", "interleaved-1f1b", "--chunks", "2");
    return {
      title: "Training that others publish, sequential at the highest clock (time only)",
      rows: [
        ...measured.map((row) => compared(row.name, row)),
        pooled("bfloat16", of(false)),
        pooled("8-bit linears", of(true)),
      ],
      notes: [
        "unfitted; torchtitan's board is our H100 with the memory and limit that it states",
        "torchtitan's attention is FlashAttention-2, 1.7 times as slow as cuDNN's on one H200",
        ...measured.map((row) => {
          const off = (need(found, row) / row.step_s - 1) * 100;
          return `  ${row.name}: ${off.toFixed(1)} %`;
        }),
      ],
      interleaved: chunked / need(found, staged),
      async_tp: step(cut, "--async-tp") / need(found, cut),
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export function publishedRequirements(data: PublishedValidation): Requirement[] {
  return [
    ...atMost(data, "bfloat16", [15, 30], null),
    ...atMost(data, "8-bit linears", [25, 50], null),
    { what: "405B: time of interleaved 1F1B over 1F1B's", limit: 1, reached: data.interleaved },
    { what: "70B: time with asynchronous TP over that without", limit: 1, reached: data.async_tp },
  ];
}
