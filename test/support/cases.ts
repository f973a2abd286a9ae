import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./paths.js";

/** A graph, how it is inspected, and what must come out. */
export interface Case {
  readonly name: string;
  /** Where its files are. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly kind: string;
  readonly expect: readonly Expectation[];
}

interface Expectation {
  readonly what: string;
  readonly value?: number | string;
  /** Relative. */
  readonly tolerance?: number;
  readonly min?: number;
  readonly max?: number;
  readonly any?: readonly number[];
  readonly why: string;
}

/** The cases of both collections; none where the data is absent. */
export function sharedCases(): readonly Case[] {
  const files = ["cases/cases.json", "onnx_torch211/expected.json"];
  return files.flatMap((name) => {
    const path = join(ROOT, "../shared/data", name);
    if (!existsSync(path)) return [];
    const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: readonly Case[] };
    return cases.map((each) => ({ ...each, folder: dirname(path) }));
  });
}

interface Inspected {
  readonly layers: number;
  readonly parameters: readonly number[];
  readonly patterns: readonly { readonly op: string; readonly count: number }[];
  readonly kernels: readonly (Total & { readonly class: string; readonly flops: number })[];
  readonly collectives: readonly (Total & { readonly kind: string; readonly size_bytes: number })[];
}

interface Total {
  readonly direction: string;
  readonly count: number;
}

/** Collectives below this are statistics, not counted. */
const SMALL_BYTES = 4096;

/** What an inspection says, by the names that cases give it; what is not there is 0. */
export function measured(inspected: Inspected): (what: string) => number {
  const sums = new Map<string, number>();
  const add = (key: string, by: number) => sums.set(key, (sums.get(key) ?? 0) + by);
  const half = ({ direction }: Total) => (direction === "forward" ? "forward" : "backward");
  for (const kernel of inspected.kernels) {
    add(`flops.${half(kernel)}.${kernel.class}`, kernel.flops);
    add(`launches.${half(kernel)}.${kernel.class}`, kernel.count);
  }
  for (const each of inspected.collectives) {
    add(`bytes.${half(each)}.${each.kind}`, each.size_bytes * each.count);
    if (each.size_bytes >= SMALL_BYTES) add(`count.${half(each)}.${each.kind}`, each.count);
  }
  for (const { op, count } of inspected.patterns) add(`patterns.${op}`, count);
  add("layers", inspected.layers);
  for (const count of inspected.parameters) add("parameters", count);
  return (what) => sums.get(what) ?? 0;
}

/** Whether a number is what a case expects. */
export function holds(
  found: number,
  { value, tolerance = 0, min, max, any }: Expectation,
): boolean {
  if (any !== undefined && !any.includes(found)) return false;
  if (typeof value === "number" && Math.abs(found - value) > Math.abs(value) * tolerance) {
    return false;
  }
  return (min === undefined || found >= min) && (max === undefined || found <= max);
}
