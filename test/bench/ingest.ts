import { resourceUsage } from "node:process";
import { readTensorGraph } from "../../src/onnx/read.js";

/** Reads one file in a process of its own, so that its peak memory is its own: `ingest.js FILE`. */

const [, , path = ""] = process.argv;
const bind = new Map([
  ["batch", 2],
  ["sequence", 64],
]);
const start_ms = performance.now();
readTensorGraph(path, { bind, dtype: "bfloat16", report: () => undefined });
const time_s = (performance.now() - start_ms) / 1e3;
console.log(JSON.stringify({ time_s, peak_mib: resourceUsage().maxRSS / 1024 }));
