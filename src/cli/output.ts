import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { rename, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail } from "../base/diagnostics/diagnostic.js";
import { otherResults } from "../base/diagnostics/search.js";
import { unwritable } from "../base/diagnostics/usage.js";
import {
  guarded,
  listFolder,
  prepareFolder,
  reasonOf,
  removeFile,
  removeFolder,
  writeText,
} from "../base/files.js";
import { need } from "../base/need.js";
import { packageVersion } from "../base/package.js";
import { onlyWriter } from "../base/writer.js";
import type { SearchingOptions } from "../options.js";
import { writeDetails } from "../plan/details.js";
import { type Planned, readFrontier, writeFrontier } from "../plan/frontier.js";
import { writePlan } from "../plan/plan.js";
import { changedSettings, spelled } from "../plan/planned.js";
import type { OptimizeResult } from "../planning.js";
import type { JournalFile } from "../search/journal.js";

/** Where a run writes that was not told where, and the link that leads to the last of them. */
export interface DefaultFolder {
  readonly folder: string;
  readonly latest: string;
}

/**
 * The default output folder of `optimize graph.onnx`, `graph.<gpu>.<layout>.kareus` beside the graph: runs of
 * other layouts and sizes do not meet there. A folder, not a link, in the place of `graph.kareus` is used as it is.
 */
export function defaultFolder(graph: string, options: SearchingOptions): DefaultFolder {
  const stem = graph === "-" ? "graph" : basename(graph).replace(/\.onnx$/i, "");
  const beside = graph === "-" ? "" : dirname(graph);
  const latest = join(beside, `${stem}.kareus`);
  const gpu = basename(options.hardware.gpu).replace(/\.json$/i, "");
  const named = join(beside, `${stem}.${gpu}.${layoutName(options)}.kareus`);
  const taken = lstatSync(latest, { throwIfNoEntry: false })?.isSymbolicLink() === false;
  return { folder: taken ? latest : named, latest };
}

/** What of a layout differs from the plainest, in the words of its flags, with sizes and precision. */
function layoutName({ graph, job, hardware }: SearchingOptions): string {
  const degrees = (["cp", "ep", "pp", "dp"] as const).map((name) => part(name, job[name], 1));
  return [
    `tp${job.tp}`,
    ...degrees,
    part("mb", job.microbatches, 4 * job.pp),
    part("zero", job.zero, 1),
    job.sequence_parallel ? "sp" : "",
    job.async_tp ? "async" : "",
    job.forward_only ? "forward" : "",
    part("", job.pipeline, "1f1b"),
    part("v", job.chunks, 1),
    part("", job.recompute, "none"),
    part("", job.execution, "compiled"),
    sizesName(graph.bind),
    graph.dtype === null ? "" : graph.dtype,
    hardware.power_limit_w === null ? "" : `${hardware.power_limit_w}w`,
  ]
    .filter((word) => word !== "")
    .join("-");
}

/** Longer names of folders are hard to read, and somewhere no names at all. */
const LONGEST_SIZES = 60;

/** `batch8-sequence4096`, whatever the order; where that is long, what stands for it. */
function sizesName(bind: ReadonlyMap<string, number>): string {
  const words = [...bind].map(([name, size]) => `${name.replace(/\W/g, "")}${size}`);
  const name = words.sort().join("-");
  if (name.length <= LONGEST_SIZES) return name;
  return createHash("sha256").update(name).digest("hex").slice(0, 8);
}

function part<Value extends string | number>(name: string, value: Value, plain: Value): string {
  return value === plain ? "" : `${name}${value}`;
}

/**
 * Makes the run's folders, proves that they can be written and lets nobody else write there meanwhile,
 * before the work begins (KRS0021, KRS0024).
 */
export async function prepareRun(folder: string) {
  const folders = [folder, join(folder, "plans")];
  const made: string[] = [];
  for (const path of folders) if (await prepareFolder(path)) made.unshift(path);
  const release = await onlyWriter(folder);
  return {
    release,
    /** For a run that fails: only folders made here, only while empty. */
    undo: async () => {
      await release();
      for (const path of made) await removeFolder(path);
    },
  };
}

/** Refuses to go on over the results of another graph, GPU, layout or setting: KRS3015. */
export function refuseOthers(folder: string, ours: Planned): void {
  const path = join(folder, "frontier.json");
  if (!existsSync(path)) return;
  const theirs = readFrontier(
    guarded(path, () => readFileSync(path, "utf8")),
    path,
  );
  const changed = changedSettings(theirs, ours);
  if (changed.length === 0) return;
  const words = (side: "before" | "after") =>
    changed
      .flatMap((field) =>
        field[side] === undefined ? [] : `${field.name} ${spelled(field[side])}`,
      )
      .join(", ");
  fail(otherResults(path, words("before"), words("after")));
}

/** Makes the link lead to a folder beside it; a folder in its place stays. Failure: KRS0021. */
export async function pointTo({ folder, latest }: DefaultFolder): Promise<void> {
  if (folder === latest) return;
  const draft = `${latest}.${process.pid}.tmp`;
  try {
    await symlink(basename(folder), draft);
    await rename(draft, latest);
  } catch (cause) {
    await removeFile(draft);
    fail(unwritable(latest, reasonOf(cause)));
  }
}

/**
 * Writes the result of a run; its measurements are already there. frontier.json comes last: when it is
 * there, so is everything that it names. Plans of an earlier run in the same folder are removed.
 */
export async function writeRun(folder: string, result: OptimizeResult): Promise<void> {
  // Loaded only now: a run that fails earlier does not wait for the charts.
  const [{ DrawnPlans }, { drawnPage }] = await Promise.all([
    import("../views/report/drawn-plans.js"),
    import("../views/report/report.js"),
  ]);
  const { frontier, plans, details } = result;
  await removeFile(join(folder, "frontier.json"));
  for (const name of await listFolder(join(folder, "plans"))) {
    if (/^\d+\.json$/.test(name)) await removeFile(join(folder, "plans", name));
  }
  const paths = new Map(frontier.points.map(({ id, plan }) => [id, join(folder, plan)]));
  const drawn = new DrawnPlans(plans.length, result);
  for (const plan of plans) {
    await writeText(need(paths, plan.point.id), writePlan(plan));
    drawn.add(plan);
  }
  await writeText(join(folder, "details.json"), writeDetails(details));
  const textOf = (id: number) => readFileSync(need(paths, id), "utf8");
  await writeText(join(folder, "report.html"), drawnPage(result, drawn, textOf));
  await writeText(join(folder, "frontier.json"), writeFrontier(frontier));
}

/** The file in a run's folder that keeps every evaluation as it comes. */
export function journalIn(folder: string, resume: boolean): JournalFile {
  return { file: join(folder, "measurements.jsonl"), tool: `kareus ${packageVersion()}`, resume };
}
