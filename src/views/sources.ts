import type { CostSource } from "../ir/configuration.js";

/** `120 measured, 18576 modelled`; sources without a cost are left out. */
export function sourcesInWords(counts: Readonly<Record<CostSource, number>>): string {
  const named = Object.entries(counts).filter(([, count]) => count > 0);
  return named.map(([source, count]) => `${count} ${source}`).join(", ");
}
