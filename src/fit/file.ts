import type { Fitted } from "./residual.js";

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy of nested data with one entry replaced. */
function withEntry(data: unknown, path: readonly string[], entry: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return entry;
  const object = isObject(data) ? data : {};
  return { ...object, [key]: withEntry(object[key], rest, entry) };
}

/** Six digits are more than any measurement has. */
function rounded(value: unknown): unknown {
  if (typeof value === "number") return Number(value.toPrecision(6));
  if (Array.isArray(value)) return value.map(rounded);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, rounded(entry)]));
}

/** The content of a device file with fitted constants in place, each with its source and residual. */
export function fittedContent(
  content: unknown,
  fitted: readonly Fitted[],
  source: string,
): unknown {
  return fitted.reduce(
    (made, { path, value, residual }) =>
      withEntry(made, path, { value: rounded(value), source, residual }),
    content,
  );
}
