import type { z } from "zod";
import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedFile, newerFormat, notJson, wrongFormat } from "../base/diagnostics/plan.js";
import { type Json, jsonOf, parseJson } from "../base/json.js";
import { present } from "../base/need.js";

/** What every kareus file starts with. */
export interface Format<T> {
  readonly name: string;
  /** What we write; older versions are upgraded on reading, newer ones refused. */
  readonly version: number;
  /** In the order of the keys that we write; readers ignore unknown keys. */
  readonly schema: z.ZodType<T>;
}

const LINE_WIDTH = 100;

/** `.points[3].time_s`, as jq would ask for it. */
function jsonPath(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`));
  return steps.join("") || ".";
}

/** Whether a text says that it is of a format, well formed or not. */
export function isOfFormat({ name }: Pick<Format<unknown>, "name">, text: string): boolean {
  const data = parseJson(text);
  return typeof data === "object" && data !== null && "format" in data && data.format === name;
}

/**
 * Checks text against a format.
 * @param where the file's name for diagnostics
 * @throws DiagnosticError not JSON (KRS4101), another format (4102), newer (4103), malformed (4104)
 */
export function readFormat<T>(format: Format<T>, text: string, where: string): T {
  const data = checkedJson(text, where);
  const header = typeof data === "object" && data !== null && !Array.isArray(data) ? data : {};
  const { format: name, version } = header as { format?: unknown; version?: unknown };
  if (name !== format.name) fail(wrongFormat(where, name, format.name));
  if (typeof version === "number" && version > format.version) {
    fail(newerFormat(where, format.name, version, format.version));
  }
  const result = format.schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return fail(malformedFile(where, jsonPath(issue?.path ?? []), issue?.message ?? "malformed"));
}

function checkedJson(text: string, where: string): unknown {
  try {
    return jsonOf(text);
  } catch (cause) {
    return fail(notJson(where, cause instanceof Error ? cause.message : String(cause)));
  }
}

/**
 * The canonical text of a file: keys in the schema's order, one line for what fits in one, a newline
 * at the end. Data that breaks the schema is a bug and throws.
 */
export function writeFormat<T>(format: Format<T>, data: T): string {
  return laidOut(format.schema.parse(data));
}

/** The same of data that is in order already: checking takes longer than writing. */
export function laidOut(data: unknown): string {
  return `${layOut(data as Json, "", 0)}\n`;
}

/**
 * The same in few bytes: no spaces, one line for what holds no objects. For files too large to be read by eye.
 */
export function compacted(data: unknown): string {
  return `${compact(data as Json)}\n`;
}

function compact(value: Json): string {
  if (!isNested(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[\n${value.map(compact).join(",\n")}\n]`;
  const lines = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${compact(v)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

/** Whether objects lie in an object or a list. */
function isNested(value: Json): value is NonNullable<object & Json> {
  if (value === null || typeof value !== "object") {
    refuseUnwritable(value);
    return false;
  }
  const items: readonly Json[] = Array.isArray(value) ? value : Object.values(value);
  return items.some((item) => isObject(item) || isNested(item));
}

function isObject(value: Json): boolean {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Records of plain values stay on one line; anything else breaks where it would be too wide. */
function layOut(value: Json, indent: string, used: number): string {
  const short = within(value, LINE_WIDTH - indent.length - used);
  if (short !== null) return short;
  if (value === null || typeof value !== "object" || isRecord(value)) return oneLine(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    return `[\n${items.map((item) => deeper + layOut(item, deeper, 1)).join(",\n")}\n${indent}]`;
  }
  const lines = Object.entries(value).map(([name, item]) => {
    const label = `${JSON.stringify(name)}: `;
    return deeper + label + layOut(item, deeper, label.length + 1);
  });
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** A list of numbers, or an object that holds only such lists and plain values. */
function isRecord(value: Json): boolean {
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every((item) => typeof item === "number");
  return Object.values(value).every(
    (item) => item === null || typeof item !== "object" || (Array.isArray(item) && isRecord(item)),
  );
}

/** A value's one line; null, found early, where it does not fit into `room`. */
function within(value: Json, room: number): string | null {
  if (value === null || typeof value !== "object") {
    const text = plain(value);
    return text.length <= room ? text : null;
  }
  return Array.isArray(value) ? listWithin(value, room) : objectWithin(value, room);
}

function listWithin(list: readonly Json[], room: number): string | null {
  let text = "";
  for (const item of list) {
    if (text !== "") text += ", ";
    const part = within(item, room - text.length - "[]".length);
    if (part === null) return null;
    text += part;
  }
  return text.length + "[]".length <= room ? `[${text}]` : null;
}

function objectWithin(value: object & Json, room: number): string | null {
  let text = "";
  for (const [key, item] of Object.entries<Json>(value)) {
    if (text !== "") text += ", ";
    text += labelOf(key);
    const part = within(item, room - text.length - "{  }".length);
    if (part === null) return null;
    text += part;
  }
  if (text === "") return room >= "{}".length ? "{}" : null;
  return text.length + "{  }".length <= room ? `{ ${text} }` : null;
}

function oneLine(value: Json): string {
  return present(within(value, Number.POSITIVE_INFINITY), "line");
}

const labels = new Map<string, string>();

/** `"time_s": `, of which there are few, but each often. */
function labelOf(key: string): string {
  const label = labels.get(key) ?? `${JSON.stringify(key)}: `;
  labels.set(key, label);
  return label;
}

/** As JSON writes it. */
function plain(value: null | string | number | boolean): string {
  refuseUnwritable(value);
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** JSON would leave such a value out, or write another. */
function refuseUnwritable(value: Json | undefined): void {
  const isUnwritable = typeof value === "number" ? !Number.isFinite(value) : value === undefined;
  if (isUnwritable) throw new Error(`JSON cannot hold ${value}`);
}
