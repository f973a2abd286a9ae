import { pathToFileURL } from "node:url";
import type { Diagnostic, Report } from "../base/diagnostics/diagnostic.js";
import { grouped } from "../base/grouped.js";
import { at } from "../base/need.js";
import { packagePath } from "../base/package.js";
import { endThreads, startThreads } from "../base/threads.js";
import { scaled } from "../base/units.js";
import { paretoIndices } from "../math/pareto.js";
import type { OptimizeOptions } from "../pipeline.js";
import type { SweepFile } from "../plan/sweep.js";
import type { SweepReply, SweepTask } from "./worker.js";

/** One way to lay a job out: what it sets, in words, and the options that do. */
export interface SweptLayout {
  readonly settings: Readonly<Record<string, string | number>>;
  readonly options: OptimizeOptions;
  /** Samples of one iteration of all replicas. */
  readonly samples: number;
  /** Of all replicas. */
  readonly gpus: number;
}

const WORKER = pathToFileURL(packagePath("dist/src/sweep/worker.js")).href;

interface SweepSetup {
  readonly threads: number;
  /** The symbolic dimension that counts samples. */
  readonly batch: string;
}

type Layouts = SweepFile["layouts"];

/**
 * The frontier of every layout, by worker threads, and the points that no point of any layout beats: energy
 * and time for each sample of all replicas. What cannot be, and what does not fit into memory, is left out with
 * its reason. The same for any number of threads.
 */
export async function sweep(
  layouts: readonly SweptLayout[],
  { threads, batch }: SweepSetup,
  report: Report,
  onProgress: (done: number, total: number) => void,
): Promise<Pick<SweepFile, "layouts" | "points">> {
  const pool = startThreads<SweepTask, SweepReply>(WORKER, { threads });
  const told = new Set<string>();
  const once = (diagnostic: Diagnostic) => {
    const key = JSON.stringify(diagnostic);
    if (!told.has(key)) report(diagnostic);
    told.add(key);
  };
  let done = 0;
  onProgress(done, layouts.length);
  try {
    const groups = [...grouped(layouts, loweringOf).values()];
    const answers = await Promise.all(
      groups.map(async (group) => {
        const reply = await pool.run(taskOf(group, batch));
        done += group.length;
        onProgress(done, layouts.length);
        return { group, reply };
      }),
    );
    const found = new Map<SweptLayout, Layouts[number]>();
    for (const { group, reply } of answers) {
      if (reply.type === "found") for (const each of reply.reports) once(each);
      group.forEach((layout, i) => {
        found.set(layout, entryOf(layout, reply, i));
      });
    }
    const entries = layouts.flatMap((layout) => found.get(layout) ?? []);
    return { layouts: entries, points: merged(entries) };
  } finally {
    await endThreads(pool);
  }
}

/** What lowering and search depend on: layouts alike in it are searched once. */
function loweringOf({ options }: SweptLayout): string {
  const { microbatches, pipeline: _, chunks, ...job } = options.job;
  const { bind, ...graph } = options.graph;
  const { power_limit_w: __, ...hardware } = options.hardware;
  const rest = { job, graph, bind: [...bind], hardware, chunks };
  return JSON.stringify({ ...rest, adds: microbatches > 1 });
}

function taskOf(group: readonly SweptLayout[], batch: string): SweepTask {
  const variants = group.map(({ options: { job, hardware } }) => ({
    microbatches: job.microbatches,
    pipeline: job.pipeline,
    chunks: job.chunks,
    power_limit_w: hardware.power_limit_w,
  }));
  return { options: at(group, 0).options, variants, batch };
}

function entryOf(layout: SweptLayout, reply: SweepReply, place: number): Layouts[number] {
  const { settings, samples, gpus, options } = layout;
  const own = { settings, samples, gpus };
  if (reply.type === "refused") {
    const { code, message } = at(reply.diagnostics, 0);
    return { ...own, left_out: `${code} ${message}`, points: [] };
  }
  const { points, peak_bytes, memory_bytes } = at(reply.frontiers, place);
  if (peak_bytes > memory_bytes) {
    const left_out = `needs ${scaled(peak_bytes, "B")} of a GPU's ${scaled(memory_bytes, "B")}`;
    return { ...own, peak_memory_bytes: peak_bytes, left_out, points: [] };
  }
  return {
    ...own,
    peak_memory_bytes: peak_bytes,
    points: points.map(({ time_s, energy_j }) => ({
      time_s,
      energy_j,
      time_s_per_sample: time_s / samples,
      energy_j_per_sample: (energy_j * options.job.dp) / samples,
    })),
  };
}

function merged(layouts: Layouts): SweepFile["points"] {
  const all = layouts.flatMap(({ points }, layout) =>
    points.map((point) => ({ layout, ...point })),
  );
  const kept = paretoIndices(
    all.map(({ time_s_per_sample }) => time_s_per_sample),
    all.map(({ energy_j_per_sample }) => energy_j_per_sample),
  );
  return kept.map((i) => at(all, i));
}
