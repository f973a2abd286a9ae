import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type OptimizeOptions, optimize } from "../../src/pipeline.js";
import { DEEP_NODES, DEEP_SIZES, decoderModel, deepModel, writeHugeModel } from "./large-models.js";
import { metered } from "./metered.js";

interface ScaleResult {
  readonly name: string;
  readonly time_s: number;
  readonly limit_s: number;
  /** Where the work had a process of its own. */
  readonly memory: { readonly peak_mib: number; readonly limit_mib: number } | null;
}

const LLAMA_405B = { hidden: 16384, heads: 128, kv_heads: 8, ffn: 53248, vocab: 128256 };
const QUIET = { report: () => undefined, progress: () => undefined, printIr: () => undefined };
/** 100,000 nodes take 283 to 288 MiB, as the garbage collector has it. */
const INGEST_LIMIT_MIB = 300;
const INGEST = fileURLToPath(new URL("ingest.js", import.meta.url));

/** Ingest of a 2 GB file and of 100,000 nodes, plans for these, then a 405B decoder on 16 stages from end to end. */
export async function benchScale(options: OptimizeOptions): Promise<readonly ScaleResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "kareus-bench-"));
  try {
    const huge = join(folder, "huge.onnx");
    writeHugeModel(huge, 2 ** 15, 2 ** 14);
    const deep = join(folder, "deep.onnx");
    writeFileSync(deep, deepModel());
    const decoder = join(folder, "405b.onnx");
    writeFileSync(decoder, decoderModel({ layers: 126, ...LLAMA_405B }));
    return [
      ingest("ingest of 2 GiB", huge),
      ingest(`ingest of ${DEEP_NODES} nodes`, deep),
      planned(`CPU, ${DEEP_NODES} nodes inspected`, ["inspect", deep]),
      planned("CPU, the same under --tp, --sequence-parallel", [
        "inspect",
        deep,
        ...["--tp", "2", "--sequence-parallel"],
      ]),
      planned(`CPU, ${DEEP_NODES} nodes optimized`, [
        "optimize",
        deep,
        "--out",
        join(folder, "out"),
      ]),
      await optimizeDecoder(decoder, options),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ingest(name: string, file: string): ScaleResult {
  const printed = execFileSync(process.execPath, [INGEST, file], { encoding: "utf8" });
  const { time_s, peak_mib } = JSON.parse(printed) as { time_s: number; peak_mib: number };
  return { name, time_s, limit_s: 3, memory: { peak_mib, limit_mib: INGEST_LIMIT_MIB } };
}

/** The user CPU of all threads, and the most memory, of the command line; bench:against compares. */
function planned(name: string, words: readonly string[]): ScaleResult {
  const { cpu_s, memory_mb } = metered(".", [...words, ...DEEP_SIZES]);
  const peak_mib = (memory_mb * 1e6) / 2 ** 20;
  return { name, time_s: cpu_s, limit_s: 8, memory: { peak_mib, limit_mib: 600e6 / 2 ** 20 } };
}

async function optimizeDecoder(file: string, options: OptimizeOptions): Promise<ScaleResult> {
  const layout = { tp: 8, cp: 2, pp: 16, microbatches: 64, recompute: "full" } as const;
  const bind = new Map([
    ["batch", 2],
    ["sequence", 8192],
  ]);
  const start_ms = performance.now();
  await optimize(
    {
      ...options,
      graph: { ...options.graph, file, bind },
      job: { ...options.job, ...layout },
    },
    QUIET,
  );
  const time_s = (performance.now() - start_ms) / 1e3;
  return { name: "405B on 256 GPUs, optimized", time_s, limit_s: 30, memory: null };
}
