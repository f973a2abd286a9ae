import { at } from "./need.js";

/** Rules that several formats have in common. */

/** Whether each value is above the one before. */
export function ascends(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > at(values, i - 1));
}

/** Values that failed a rule of their own are not what their type says: no further rule reads them. */
export const isWhole = ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0;
