import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";
import type { Rng } from "../../src/base/rng.js";
import { importProfile } from "../../src/profile/importers/import.js";
import { choose, several } from "./values.js";

/** Real traces, cut down to some calls with their kernels, each with a few of their events changed. */

const REPOSITORY = new URL("../../../", import.meta.url);
const TRACES = new URL("../shared/data/traces/", REPOSITORY);

interface Event {
  readonly ph: string;
  readonly cat?: string;
  readonly pid?: unknown;
  readonly tid?: unknown;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly correlation?: number };
}

type Kineto = { readonly traceEvents: readonly Event[] };

const SAMPLED = 15;
const SAMPLES = 8;

/** Some kernels of a trace with their launches, and the calls around those; others in each sample. */
function sampled(trace: Kineto, sample: number): Kineto {
  const events = trace.traceEvents.filter(({ ph }) => ph === "X");
  const of = (category: RegExp) => events.filter(({ cat = "" }) => category.test(cat));
  const all = of(/^kernel$/i);
  const every = Math.ceil(all.length / SAMPLED);
  const kernels = all.filter((_, i) => i % every === Math.floor((sample * every) / SAMPLES));
  const started = new Set(kernels.map(({ args }) => args?.correlation));
  const launches = of(/^(cuda_|Runtime)/).filter(({ args }) => started.has(args?.correlation));
  const calls = of(/^(cpu_op|Operator)$/).filter(({ pid, tid, ts, dur }) =>
    launches.some((l) => l.pid === pid && l.tid === tid && ts <= l.ts && l.ts <= ts + dur),
  );
  return { ...trace, traceEvents: [...calls, ...launches, ...kernels] };
}

const NAMES = [
  "torch211_h200_llama3b_eager_step",
  "tracelens_h100_qwen1.5_0.5b",
  "hta_nccl_meta_a100x2",
];
const kineto = NAMES.map((name) => new URL(`${name}.json.gz`, TRACES))
  .filter((url) => existsSync(url))
  .flatMap((url) => {
    const trace = JSON.parse(gunzipSync(readFileSync(url)).toString("utf8"));
    return Array.from({ length: SAMPLES }, (_, sample) => sampled(trace, sample));
  });

/** Changes of some of a list's items, and now and then of the list. */
function changedItems<T>(items: readonly T[], rng: Rng): unknown {
  if (rng.uniform() < 0.05) return several(items, rng);
  const changed: unknown[] = [...items];
  for (let times = 0; times < 1 + 20 * rng.uniform(); times++) {
    const i = rng.integer(items.length);
    changed[i] = several(changed[i], rng);
  }
  return changed;
}

const schema = new URL("src/profile/importers/proto/chakra.proto", REPOSITORY);
const { root } = protobuf.parse(readFileSync(schema, "utf8"));
const [Header, Node] = [root.lookupType("chakra.GlobalMetadata"), root.lookupType("chakra.Node")];

/** A Chakra trace's nodes as data, from the first with a kernel's length on. */
function chakraNodes(): unknown[] {
  const url = new URL("chakra_resnet_ddp_2gpu.et", TRACES);
  if (!existsSync(url)) return [];
  const reader = protobuf.Reader.create(readFileSync(url));
  Header.decodeDelimited(reader);
  const nodes: unknown[] = [];
  while (reader.pos < reader.len) {
    nodes.push(Node.toObject(Node.decodeDelimited(reader), { longs: Number, defaults: false }));
  }
  return nodes.slice(0, 4 * SAMPLED);
}

const chakra = chakraNodes();

function chakraBytes(nodes: unknown): Uint8Array {
  const list = Array.isArray(nodes) ? nodes : [nodes];
  const messages = list.flatMap((node) => {
    // What protobuf cannot hold is no Chakra trace.
    try {
      return [Node.encodeDelimited(Node.fromObject(Object(node))).finish()];
    } catch {
      return [];
    }
  });
  return Buffer.concat([Header.encodeDelimited(Header.create({})).finish(), ...messages]);
}

/** The same nodes as the JSON of Chakra's converter. */
const chakraJson = (nodes: unknown[]) => ({
  workload_graph: nodes.map((node, i) => ({
    ...{ Id: i, Name: "n", NodeType: i % 3 === 0 ? 7 : 4, runtime: 9, is_cpu_op: i % 3 === 1 },
    ...{ comm_type: i % 8, comm_size: 4096, ctrlDeps: [Math.max(0, i - 1)], extra: typeof node },
  })),
});

/** Any board passes for it. */
const device = () => ({
  ...{ name: "any", sm_count: null, memory_bytes: null, highest_clock_mhz: 1980 },
  peak_flop_per_s: 1e18,
});
const SETTING = {
  ...{ device, freq_mhz: null, ranks: 2, partition: null, slots: new Map(), block: null },
};

/** A changed trace: how it is named and what it holds. */
export const TRACE_KINDS: Readonly<Record<string, (rng: Rng) => string | Uint8Array>> = {
  ...(kineto.length > 0 && {
    kineto: (rng: Rng) => {
      const trace = choose(rng, kineto);
      const around =
        rng.uniform() < 0.2 ? Object(several({ ...trace, traceEvents: [] }, rng)) : trace;
      return JSON.stringify({ ...around, traceEvents: changedItems(trace.traceEvents, rng) });
    },
  }),
  ...(chakra.length > 0 && {
    chakra: (rng: Rng) => chakraBytes(changedItems(chakra, rng)),
    chakra_json: (rng: Rng) => {
      const whole = chakraJson(chakra);
      return JSON.stringify({ workload_graph: changedItems(whole.workload_graph, rng) });
    },
  }),
};

/** Reads it the way `profile import` does. */
export const importTrace = (path: string): Promise<unknown> =>
  importProfile([path], SETTING, "fuzz", () => undefined);

/** Tables of searches as they were recorded, where they are at hand. */
export const RECORDED_TABLES: readonly string[] = ["cp2tp4_fwd_qkv_ag", "llama3.2-3b_tp8_bwd_mlp"]
  .map((name) => new URL(`../shared/data/tables/${name}.jsonl`, REPOSITORY))
  .filter((url) => existsSync(url))
  .map((url) => readFileSync(url, "utf8"));
