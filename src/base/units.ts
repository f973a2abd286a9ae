/** Numbers for people. Inside, everything is SI; this is the only place with 1e3. */

/** A unit that suits some values: divide by `divisor`, write `unit`. */
interface Scale {
  readonly divisor: number;
  readonly unit: string;
}

const PREFIXES: readonly (readonly [number, string])[] = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
  [1e-3, "m"],
  [1e-6, "u"],
  [1e-9, "n"],
];

/** The SI prefix that writes `largest` as 1 to 999; seconds know no kiloseconds. */
export function scaleFor(largest: number, unit: string): Scale {
  const usable = unit === "s" ? PREFIXES.filter(([size]) => size <= 1) : PREFIXES;
  const [divisor, prefix] = usable.find(([size]) => Math.abs(largest) >= size) ?? [1, ""];
  return { divisor, unit: `${prefix}${unit}` };
}

/** Four significant digits and an SI prefix: `22.09 kJ`, `1.5 TFLOP`, `0 B`. */
export function scaled(value: number, unit: string): string {
  const scale = scaleFor(value, unit);
  return `${Number((value / scale.divisor).toPrecision(4))} ${scale.unit}`;
}

/** `4.350 s`, `12.30 ms`: four significant digits, trailing zeros kept. */
export function duration(time_s: number): string {
  const { divisor, unit } = scaleFor(time_s, "s");
  return `${(time_s / divisor).toPrecision(4)} ${unit}`;
}

const WRITTEN = /^(-?\d[\d.]*(?:e[+-]?\d+)?) ([PTGMkmun]?)(s|J|W|Wh|B|B\/s|FLOP|FLOP\/s)$/;

/** What {@link scaled} or {@link duration} wrote, in its plain unit; null: it is something else. */
export function unscaled(text: string): { readonly value: number; readonly unit: string } | null {
  const [, digits, prefix, unit] = WRITTEN.exec(text) ?? [];
  const [size] = PREFIXES.find(([, name]) => name === prefix) ?? [];
  if (size === undefined || unit === undefined) return null;
  // Twelve digits: a prefix adds no noise to the four that are there.
  return { value: Number((Number(digits) * size).toPrecision(12)), unit };
}

/** Four significant digits, rounded up: whoever gives that much gives enough. */
export function enough(value: number): number {
  const nearest = Number(value.toPrecision(4));
  if (nearest >= value) return nearest;
  return Number((nearest + 10 ** (Math.floor(Math.log10(value)) - 3)).toPrecision(4));
}

/** A stretch of time: `12.5 days`, `3.2 hours`, `4.700 s`. */
export function span(time_s: number): string {
  if (time_s >= 2 * 86400) return `${Number((time_s / 86400).toPrecision(3))} days`;
  return time_s >= 2 * 3600 ? `${Number((time_s / 3600).toPrecision(3))} hours` : duration(time_s);
}

/** Seconds as microseconds, for formats that count those; to the picosecond. */
export function microseconds(time_s: number): number {
  return Number((time_s * 1e6).toFixed(6));
}

/** `1 layer`, `2 layers`. */
export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

export const JOULES_PER_KWH = 3.6e6;
