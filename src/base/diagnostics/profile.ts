import { suggesting, suggestingFiles } from "../suggest.js";
import { type Diagnostic, error, warning } from "./diagnostic.js";

/** KRS2001: no bundled device has that name and no file of that path exists. */
export function unknownDevice(name: string, known: readonly string[]): Diagnostic {
  return error(
    "KRS2001",
    name,
    "no device and no file has this name",
    suggesting(name, known, `use one of ${known.join(", ")}, or the path of a device file`),
  );
}

/** KRS2002: a device file that cannot be read or is not JSON. */
export function unreadableDevice(file: string, reason: string): Diagnostic {
  return error("KRS2002", file, `not readable as JSON: ${reason}`, "check the file and its syntax");
}

/** KRS2003: a device file whose content breaks the format. */
export function invalidDevice(file: string, problem: string): Diagnostic {
  return error(
    "KRS2003",
    file,
    `not a valid device: ${problem}`,
    "compare it with a bundled file in profiles/devices",
  );
}

/** KRS2004: written by a newer version of this tool. */
export function newerVersion(file: string, format: string, version: number): Diagnostic {
  return error(
    "KRS2004",
    file,
    `${format} version ${version} is newer than this program reads`,
    "upgrade kareus",
  );
}

/** KRS2006: a power limit that the board does not have. */
export function noPowerLimit(
  gpu: string,
  limit_w: number,
  static_w: number,
  cap_w: number,
): Diagnostic {
  return error(
    "KRS2006",
    "--power-limit-w",
    `${limit_w} W is no limit of ${gpu}, which draws ${static_w} W when it idles and ${cap_w} W at most`,
    `give more than ${static_w} and up to ${cap_w}`,
  );
}

/** KRS2007: constants of a device, each possible, that together make no finite time or energy. */
export function costNotFinite(gpu: string, freq_mhz: number): Diagnostic {
  return error(
    "KRS2007",
    gpu,
    `its constants make no finite time and energy at ${freq_mhz} MHz`,
    "compare the device file with a bundled one in profiles/devices",
  );
}

/** KRS2005: a name that several devices have. */
export function severalDevices(name: string, taken: string, others: readonly string[]): Diagnostic {
  return warning(
    "KRS2005",
    name,
    `taken to be ${taken}`,
    `there ${others.length === 1 ? "is" : "are"} also ${others.join(", ")}`,
  );
}

/** KRS2010: a profile file that cannot be opened. */
export function unreadableProfile(file: string, reason: string): Diagnostic {
  const hint = suggestingFiles(file, "check the path and its permissions");
  return error("KRS2010", file, `cannot be read: ${reason}`, hint);
}

/** KRS2011: a line of a profile that breaks the format. */
export function malformedProfileLine(file: string, line: number, problem: string): Diagnostic {
  return error(
    "KRS2011",
    `${file}:${line}`,
    problem,
    line === 1
      ? "a profile starts with a header line whose format is kareus-profile"
      : "correct or delete this line; the records around it stay usable",
  );
}

/** KRS2012: the last line was cut off while being written; the records before it count. */
export function tornProfileLine(file: string, line: number): Diagnostic {
  return warning(
    "KRS2012",
    `${file}:${line}`,
    "the last line is incomplete and was dropped",
    "a run that was interrupted leaves such a line; its measurement is lost",
  );
}

/** KRS2013: a profile that cannot be written. */
export function unwritableProfile(file: string, reason: string): Diagnostic {
  return error(
    "KRS2013",
    file,
    `cannot be written: ${reason}`,
    "check the directory and space left",
  );
}

/** KRS2020: a line of a stage profile (CSV) that breaks the format. */
export function malformedStageProfile(file: string, line: number, problem: string): Diagnostic {
  return error(
    "KRS2020",
    `${file}:${line}`,
    problem,
    "a stage profile has the columns stage,instruction,frequency,time,energy (MHz, s, J)",
  );
}

/** KRS2021: a stage profile that leaves out an instruction of a stage. */
export function incompleteStageProfile(file: string, stage: number, kind: string): Diagnostic {
  return error(
    "KRS2021",
    file,
    `has no line for the ${kind} of stage ${stage}`,
    "measure every stage from 0 on, at one clock at least",
  );
}

/** KRS2030: a profile of another GPU than the run is for. */
export function foreignProfile(file: string, of: string, wanted: string): Diagnostic {
  return error(
    "KRS2030",
    file,
    `was recorded on ${of}, the run is for ${wanted}`,
    `name the GPU that it is of with --gpu, or take a profile of ${wanted}`,
  );
}

/** KRS2031: profiles of different GPUs that should become one. */
export function mixedDevices(gpus: readonly string[]): Diagnostic {
  return error(
    "KRS2031",
    "kareus profile merge",
    `profiles of different GPUs: ${gpus.join(", ")}`,
    "merge the profiles of one GPU at a time",
  );
}

/** KRS2032: a folder of profiles without one of the run's GPU. */
export function noProfileFor(folder: string, gpu: string, others: readonly string[]): Diagnostic {
  const found = others.length === 0 ? "no profile (*.jsonl) at all" : `only ${others.join(", ")}`;
  return error("KRS2032", folder, `has no profile of ${gpu}: ${found}`, "record or import one");
}

/** KRS2033: a profile from which no cost can be taken. */
export function nothingMeasured(file: string): Diagnostic {
  return warning(
    "KRS2033",
    file,
    "holds no measurement that the search can use, so every cost stays modelled",
    "modelled records and those of a stand-in collective are never taken for measurements",
  );
}

/** KRS2034: measurements of another GPU, taken as a what-if. */
export function rescaledProfile(file: string, of: string, wanted: string): Diagnostic {
  return warning(
    "KRS2034",
    file,
    `was recorded on ${of}: costs are rescaled to ${wanted}, and count as extrapolated`,
    `take a profile of ${wanted} for costs that count as measured`,
  );
}

/** KRS2035: profiles of a board that was set to different power states. */
export function mixedStates(one: string, other: string): Diagnostic {
  return error(
    "KRS2035",
    other,
    `was recorded in another power state than ${one} (power limit, workload profile or smoothing)`,
    "take profiles of one state, those of the state that the job will run in",
  );
}

/** KRS2040: a file that none of the importers knows. */
export function unknownMeasurements(file: string, reason: string): Diagnostic {
  return error(
    "KRS2040",
    file,
    `cannot be imported: ${reason}`,
    "known are PyTorch (Kineto) and Chakra traces, Perseus stage profiles and Kareus logs",
  );
}

/** KRS2041: a trace without anything that a profile could hold. */
export function nothingToImport(where: string, seen: string): Diagnostic {
  return error(
    "KRS2041",
    where,
    `nothing in it can be imported: ${seen}`,
    "record shapes (torch.profiler with record_shapes=True); collectives need message sizes",
  );
}

/** KRS2042: parts of a trace that were left out, most frequent first. */
export function leftOut(where: string, reasons: ReadonlyMap<string, number>): Diagnostic {
  const sorted = [...reasons].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const shown = sorted.slice(0, 5).map(([reason, count]) => `${count} x ${reason}`);
  const more = sorted.length > shown.length ? `; ${sorted.length - shown.length} more reasons` : "";
  return warning(
    "KRS2042",
    where,
    `left out: ${shown.join("; ")}${more}`,
    "the rest is not affected",
  );
}

/** KRS2043: a line of a Kareus log that breaks its format. */
export function malformedLogLine(file: string, line: number, problem: string): Diagnostic {
  return error(
    "KRS2043",
    `${file}:${line}`,
    problem,
    "a line holds freq, overlap_start, overlap_end, sm, block, time_s and energy_j (MHz, s, J)",
  );
}

/** KRS2044: a Kareus log measured with several block sizes, of which a profile can hold one. */
export function severalBlocks(file: string, blocks: readonly number[]): Diagnostic {
  return error(
    "KRS2044",
    file,
    `measured with blocks of ${blocks.join(" and ")} threads`,
    "choose one with --block",
  );
}

/** KRS2045: collectives that may have waited for peers; they are kept, and never used as costs. */
export function disturbedCollectives(where: string, count: number): Diagnostic {
  return warning(
    "KRS2045",
    where,
    `${count} collectives are marked as disturbed: they waited for peers or shared the GPU`,
    "import the traces of all ranks together; their shortest run counts",
  );
}

/** KRS2046: files of different kinds, or several where one is taken, in one import. */
export function mixedImport(where: string, kinds: readonly string[]): Diagnostic {
  return error(
    "KRS2046",
    where,
    `files of different kinds: ${kinds.join(", ")}`,
    "import each kind by itself, then `kareus profile merge`",
  );
}

/** KRS2047: a trace of GPUs that no known device surely is, or several may be. */
export function untoldDevice(
  where: string,
  boards: readonly string[],
  candidates: readonly string[],
): Diagnostic {
  const likely = candidates.length === 0 ? "no known device" : `any of ${candidates.join(", ")}`;
  const problem = `was recorded on ${boards.join(" and ")}, which may be ${likely}`;
  return error("KRS2047", where, problem, "name the device with --gpu");
}

/** KRS2050: the recorder is not built, or cannot be started. */
export function recorderMissing(path: string, reason: string): Diagnostic {
  return error(
    "KRS2050",
    path,
    `the recorder cannot be started: ${reason}`,
    "`kareus setup-runtime` builds it where nvcc is; --recorder names another",
  );
}

/** KRS2051: nothing to measure on. */
export function noGpu(recorder: string): Diagnostic {
  return error(
    "KRS2051",
    recorder,
    "this machine has no GPU, so nothing was measured",
    "run it where a GPU is, or see with --dry-run what would be measured",
  );
}

/** KRS2052: clocks that the driver does not let this user lock. */
export function clocksNotLocked(flag: string, reason: string): Diagnostic {
  return error(
    "KRS2052",
    flag,
    reason,
    "ask for the permission; `kareus profile record` without it measures at the default clock, and --switch-time-s tells what a change of the clock takes",
  );
}

/** KRS2077: clocks may be locked, but the GPU never runs at one. */
export function clockNeverCame(recorder: string): Diagnostic {
  return error(
    "KRS2077",
    recorder,
    "the GPU came to none of the clocks that were locked",
    "give others with --lock-clocks that its power and heat allow",
  );
}

/** KRS2053: a recorder that broke or answered what it should not. */
export function recorderFailed(recorder: string, reason: string): Diagnostic {
  return error("KRS2053", recorder, `failed: ${reason}`, "what it had measured is kept");
}

/** KRS2070: a recorder that is there, but does not answer. */
export function recorderSilent(recorder: string, waited_s: number): Diagnostic {
  return error(
    "KRS2070",
    recorder,
    `did not answer within ${waited_s} s, and was stopped`,
    "what it had measured is kept; --patience-s waits longer",
  );
}

/** KRS2078: a program of Slurm that is missing, or refuses. */
export function slurmFailed(program: string, reason: string): Diagnostic {
  return error(
    "KRS2078",
    "--slurm",
    `${program}: ${reason}`,
    "run it where sbatch, squeue and sinfo work, in a folder that all nodes share; what was measured is kept",
  );
}

/** KRS2054: what this machine cannot measure as it would run. */
export function notMeasurable(recorder: string, reason: string): Diagnostic {
  return error(
    "KRS2054",
    recorder,
    `a configuration cannot be measured here: ${reason}`,
    "leave --measure out: costs are modelled then, corrected by what `kareus profile record` measures",
  );
}

/** KRS2060: measurements that the data-quality gate turned away before a fit. */
export function rejectedCurve(
  where: string,
  name: string,
  kept_mhz: readonly [lowest: number, highest: number] | null,
  reason: string,
): Diagnostic {
  const part = kept_mhz === null ? name : `${name} outside ${kept_mhz[0]} to ${kept_mhz[1]} MHz`;
  return warning(
    "KRS2060",
    where,
    `${part} was not fitted: ${reason}`,
    "one curve must be one regime at clocks that are told; measure it again, or leave it out",
  );
}

/** KRS2062: constants that a fit makes no better. */
export function keptConstants(where: string, names: string, reason: string): Diagnostic {
  return warning(
    "KRS2062",
    where,
    `${names} kept: ${reason}`,
    "measure more kernels of the kind, or go on with the device's own values",
  );
}

/** KRS2061: measurements that no constant of a device can be fitted to. */
export function nothingToFit(where: string): Diagnostic {
  return error(
    "KRS2061",
    where,
    "holds nothing that a constant of the device could be fitted to",
    "give measured instructions at four clocks at least, measured kernels, collectives or changes of the clock",
  );
}
