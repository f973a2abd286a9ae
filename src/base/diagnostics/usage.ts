import { suggesting, suggestingFiles } from "../suggest.js";
import { type Diagnostic, error, warning } from "./diagnostic.js";

/** Catalogue of the command line and of files as such: KRS0xxx. */

/** The parser refused the command line. `hint` is its suggestion, or where the help is. */
export function badUsage(where: string, message: string, hint: string): Diagnostic {
  return error("KRS0001", where, message, hint);
}

/**
 * A flag's value is not what the flag takes; `known` are the words it takes, if those are few, and `meant` what
 * the hint is where more is known of what was meant.
 */
export function badValue(
  flag: string,
  value: string,
  expected: string,
  known: readonly string[] = [],
  meant: string | null = null,
): Diagnostic {
  const hint = meant ?? suggesting(value, known, `give ${expected}`);
  return error("KRS0002", flag, `${JSON.stringify(value)} is not ${expected}`, hint);
}

/** A symbol or group given twice with different values. */
export function boundTwice(flag: string, name: string): Diagnostic {
  return error("KRS0003", flag, `${name} is bound to two values`, "bind each name once");
}

/** Not exactly one of several flags that exclude each other. */
export function oneOf(
  where: string,
  flags: readonly string[],
  given: readonly string[],
): Diagnostic {
  const message = given.length === 0 ? "no point is selected" : `${given.join(" and ")} together`;
  return error("KRS0004", where, message, `give exactly one of ${flags.join(", ")}`);
}

/** An input that needs flags to be complete. */
export function missingFlags(where: string, flags: readonly string[]): Diagnostic {
  const list = flags.join(" and ");
  return error("KRS0005", where, `lacks ${list}`, `add ${list}`);
}

/** A flag that this input does not take. */
export function flagWithoutUse(flag: string, reason: string): Diagnostic {
  return error("KRS0006", flag, reason, "leave the flag out");
}

/** An input file that cannot be read; `reason` in words. */
export function unreadable(path: string, reason: string): Diagnostic {
  const hint = suggestingFiles(path, "check the path and its permissions");
  return error("KRS0020", path, `cannot be read: ${reason}`, hint);
}

/** An output folder or file that cannot be written; found before the work begins. */
export function unwritable(path: string, reason: string): Diagnostic {
  return error(
    "KRS0021",
    path,
    `cannot be written: ${reason}`,
    "choose another place, or remove what is there, or fix its permissions",
  );
}

/** A key of a config file that does not name a flag; `path` is where it stands. */
export function unknownConfigKey(
  file: string,
  path: string,
  key: string,
  known: readonly string[],
): Diagnostic {
  const hint = suggesting(key, known, "keys are flags without their dashes; see --help");
  return error("KRS0030", `${file}: ${path}`, "no such key", hint);
}

/** A value of a config file that its flag cannot have. */
export function badConfigValue(where: string, value: unknown, expected: string): Diagnostic {
  const message = `${JSON.stringify(value)} is not ${expected}`;
  return error("KRS0031", where, message, "write it as on the command line; see --help");
}

/** No layout of that many GPUs has room for the model. */
export function noLayoutFits(graph: string, gpus: number, gpu: string): Diagnostic {
  return error(
    "KRS0032",
    graph,
    `no layout of ${gpus} x ${gpu} holds it in memory`,
    "give more --gpus, another --gpu, or a smaller batch with --bind",
  );
}

/** The graph's collectives already say how many GPUs share its work. */
export function otherGroups(graph: string, gpus: number, group: number): Diagnostic {
  return error(
    "KRS0034",
    graph,
    `its collectives are of ${group} GPUs, which do not divide ${gpus}`,
    `give a multiple: --gpus ${group}`,
  );
}

/** KRS0033: degrees of a config file beside others of the command line make another number of GPUs. */
export function otherGpus(
  file: string,
  before: number,
  now: number,
  {
    given,
    kept,
    dp,
  }: { readonly given: string; readonly kept: string; readonly dp: number | null },
): Diagnostic {
  const hint =
    dp === null ? `say ${kept} as well` : `say --dp ${dp} as well to keep ${before} GPUs`;
  const message = `its layout takes ${before} GPUs; ${given} with its ${kept} takes ${now}`;
  return warning("KRS0033", file, message, hint);
}

/** A bug in kareus. */
export function internalError(message: string): Diagnostic {
  return error(
    "KRS0900",
    "kareus",
    `internal error: ${message}`,
    "please report this with the command that led here; KAREUS_DEBUG=1 prints the stack",
  );
}

/** KRS0024: a folder that another process writes. */
export function folderBusy(folder: string, who: string, file: string | null = null): Diagnostic {
  const gone = file === null ? "" : `, or remove ${file} if that has ended`;
  return error(
    "KRS0024",
    folder,
    `${who} writes there`,
    `wait for its end, or choose another --out${gone}`,
  );
}
