import { byDefault } from "../base/need.js";
/** Fields of a protobuf message that may be absent: the format gives each kind its default. */

/** A repeated field: absent is empty. */
export function many<T>(field: readonly T[] | null | undefined): readonly T[] {
  return field ?? [];
}

/** A text field: absent is empty. */
export function words(field: string | null | undefined): string {
  return byDefault(field, "");
}

/** A bytes field as UTF-8 text: absent is empty. */
export function utf8(field: Uint8Array | null | undefined): string {
  return field ? Buffer.from(field).toString("utf8") : "";
}

/** A numeric field: absent is 0. Of 64 bits, rounded beyond 2^53 (INT64_MAX stays huge). */
export function toNumber(field: number | { toNumber(): number } | null | undefined): number {
  if (field === null || field === undefined) return 0;
  return typeof field === "number" ? field : field.toNumber();
}
