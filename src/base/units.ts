/** Numbers for people. Inside, everything is SI; this is one of the few places with 1e3. */

const PREFIXES: readonly (readonly [number, string])[] = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Four significant digits and an SI prefix: `22.09 kJ`, `1.5 TFLOP`. Zero and small stay plain. */
export function scaled(value: number, unit: string): string {
  const [factor, prefix] = PREFIXES.find(([size]) => Math.abs(value) >= size) ?? [1, ""];
  return `${Number((value / factor).toPrecision(4))} ${prefix}${unit}`;
}

/** A time of an iteration: four significant digits, in s or ms. */
export function duration(time_s: number): string {
  const [value, unit] = time_s < 1 ? [time_s * 1e3, "ms"] : [time_s, "s"];
  return `${value.toPrecision(4)} ${unit}`;
}

/** `1 layer`, `2 layers`. */
export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
