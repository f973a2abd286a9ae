import { type Diagnostic, error, warning } from "./diagnostic.js";

/** KRS3001: a worker thread died twice on the same partition. */
export function workerCrashed(partition: string, reason: string): Diagnostic {
  return error(
    "KRS3001",
    partition,
    `the worker searching this partition died twice: ${reason}`,
    "run with --threads 1 to see where, or give the process more memory",
  );
}

/** KRS3002: --resume on a folder whose measurements belong to another run. */
export function otherRun(file: string, recorded: string, ours: string): Diagnostic {
  return error(
    "KRS3002",
    file,
    `was recorded by another run (${recorded}), not by this one (${ours})`,
    "resume with the same graph, device, seed and version, or leave --resume out to start anew",
  );
}

/** KRS3003: stopped by a signal; what was evaluated stays. */
export function interrupted(folder: string): Diagnostic {
  return warning(
    "KRS3003",
    folder,
    "interrupted; everything evaluated so far is kept",
    "the same command with --resume goes on from there",
  );
}

/** KRS3014: a new run would replace what was measured on a GPU. */
export function measuredBefore(file: string): Diagnostic {
  return error(
    "KRS3014",
    file,
    "holds what an earlier run measured, and is not overwritten",
    "--resume goes on with it; else choose another --out, or move the file",
  );
}

/** KRS3015: a folder with the results of another graph, GPU, layout, size or limit. */
export function otherResults(file: string, theirs: string, ours: string): Diagnostic {
  const without = (own: string, other: string) => (own === "" ? `a run without ${other}` : own);
  return error(
    "KRS3015",
    file,
    `holds the results of ${without(theirs, ours)}; this run is ${without(ours, theirs)}`,
    "choose another --out, or --force to write over them",
  );
}

/** KRS3010: a line of a table that does not hold a recorded configuration. */
export function malformedTableRow(file: string, line: number, problem: string): Diagnostic {
  return error(
    "KRS3010",
    `${file}:${line}`,
    problem,
    "each line is one JSON object with freq_mhz, launch_slot, sms, time_s and energy_j",
  );
}

/** KRS3011: a table without rows. */
export function emptyTable(file: string): Diagnostic {
  return error(
    "KRS3011",
    file,
    "holds no row: there is nothing to search",
    "give a table with one JSON object per line, as `kareus search --help` shows",
  );
}

/** KRS3012: a prior that has no knob in common with the table that is searched. */
export function priorSharesNothing(file: string, knobs: readonly string[]): Diagnostic {
  const wanted = knobs.length === 0 ? "nothing varies there" : `there vary ${knobs.join(", ")}`;
  return error(
    "KRS3012",
    file,
    `says nothing about the table searched: no knob varies in both with values that compare (${wanted})`,
    "give a prior with the same knobs, and launch slots of the same names, or leave it out",
  );
}

/** KRS3013: a search on a recorded profile asks for what was not recorded. */
export function notReplayed(
  profile: string,
  partition: string,
  {
    freq_mhz,
    launch_slot,
    sms,
  }: Readonly<Record<"freq_mhz" | "sms", number>> & {
    readonly launch_slot: string | null;
  },
): Diagnostic {
  const launch = launch_slot === null ? "launched last" : `launched at ${launch_slot}`;
  return error(
    "KRS3013",
    profile,
    `holds no record of ${partition} at ${freq_mhz} MHz with ${sms} SMs, ${launch}`,
    "a replayed profile must hold every configuration that may be searched; record it for this graph and device",
  );
}

/** No combination of a sweep's lists has what is wanted. */
export function noLayout(): Diagnostic {
  return error(
    "KRS3020",
    "kareus sweep",
    "no combination of the lists has the GPUs and the global batch that are asked for",
    "degrees must multiply to --gpus; batch, --microbatches and --dp to --global-batch",
  );
}

/** A sweep has more layouts than anyone waits for. */
export function tooManyLayouts(count: number, most: number): Diagnostic {
  return error(
    "KRS3021",
    "kareus sweep",
    `${count} combinations are more than ${most}`,
    "give fewer values, or sweep in parts",
  );
}

/** Samples cannot be counted. */
export function unboundBatch(name: string, lacks: "size" | "dimension"): Diagnostic {
  return error(
    "KRS3022",
    "--bind",
    lacks === "size"
      ? `${name} is bound to no size, so samples cannot be counted`
      : `the graph has no symbolic dimension ${name}, so samples cannot be counted`,
    "bind it, or name the dimension that counts samples with --batch",
  );
}

/** Every layout of a sweep was left out; `why` is the first one's reason. */
export function nothingFits(why: string): Diagnostic {
  return error(
    "KRS3023",
    "kareus sweep",
    `no layout has a plan; the first: ${why}`,
    "try higher degrees, --recompute full or a smaller batch",
  );
}
