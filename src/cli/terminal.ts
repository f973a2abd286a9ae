import { randomUUID } from "node:crypto";
import { Presets, SingleBar } from "cli-progress";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { visible } from "../base/visible.js";
import type { Look } from "../views/plot.js";
import { shownOf } from "../views/table-form.js";
import { colours } from "./colours.js";
import { isQuiet, isVerbose } from "./shown.js";
import { writeDiagnostic } from "./write-diagnostic.js";

const UTF_8 = /utf-?8/i;

/** How stdout can show a plot: 80 columns of ASCII unless the terminal says that it can do more. */
export function plotLook(): Look {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  const { blue, gray, yellow, green } = colours(process.stdout);
  const hues = [blue, gray, yellow, green];
  return {
    width: process.stdout.columns ?? 80,
    unicode: UTF_8.test(LC_ALL || LC_CTYPE || LANG || ""),
    paint: (series, text) =>
      (hues[series % hues.length]?.(text) ?? text).replaceAll("\u001b", PAINT),
  };
}

/** Stands for the escape that begins our own colours: no name from a file can hold it. */
const PAINT = `<${randomUUID()}>`;

/** Writes what people read to stdout: of tables that are asked for alone, those alone. */
export function say(text: string): void {
  process.stdout.write(visible(shownOf(text)).replaceAll(PAINT, "\u001b"));
}

/** Writes a result for programs to stdout; in JSON an escape is the same string, and obeyed by no terminal. */
export function print(content: string): void {
  process.stdout.write(visible(content));
}

/** Writes what people read to stderr. */
export function note(text: string): void {
  process.stderr.write(visible(text));
}

/** What a running command says on stderr: diagnostics, and a progress bar on a terminal only. */
export class Terminal {
  readonly #json: boolean;
  #bar: SingleBar | null = null;
  #phase = "";

  constructor(json: boolean) {
    this.#json = json;
  }

  readonly report = (diagnostic: Diagnostic): void => {
    this.close();
    if (isQuiet() && diagnostic.severity === "warning") return;
    writeDiagnostic(diagnostic, this.#json);
  };

  readonly progress = (phase: string, done: number, total: number): void => {
    if (isVerbose() && phase !== this.#phase) process.stderr.write(`${phase}: ${total}\n`);
    if (this.#json || isQuiet() || !process.stderr.isTTY) {
      this.#phase = phase;
      return;
    }
    if (this.#bar === null || this.#phase !== phase) {
      this.close();
      const format = `${phase} {bar} {value}/{total}`;
      this.#bar = new SingleBar({ format, clearOnComplete: true }, Presets.shades_classic);
      this.#bar.start(total, done);
      this.#phase = phase;
      return;
    }
    this.#bar.setTotal(total);
    this.#bar.update(done);
  };

  /** The graph after a pass: on stdout, or on stderr where stdout is the JSON result. */
  readonly printIr = (text: string): void => {
    this.close();
    (this.#json ? process.stderr : process.stdout).write(visible(text));
  };

  /** Removes the progress bar. */
  close(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
