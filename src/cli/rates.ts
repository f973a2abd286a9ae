import type { Rates } from "../views/bill.js";
import { integer, quantity } from "./flags/numbers.js";
import type { Values } from "./flags/table.js";

/** What a person knows of the run and of what energy costs there. */
export const RATE_FLAGS = {
  iterations: integer(
    "--iterations <n>",
    "iterations of the whole run (default: as many as a year holds)",
    null,
    { min: 1, max: Number.MAX_SAFE_INTEGER },
  ),
  price_per_kwh: quantity(
    "--price-per-kwh <price>",
    "price of a kWh, in any currency",
    "money",
    null,
  ),
  gco2_per_kwh: quantity("--gco2-per-kwh <g>", "grams of CO2 of a kWh", "grams", null),
} as const;

/** The rates; null where none was given. */
export function ratesOf(flags: Values<typeof RATE_FLAGS>): Rates | null {
  const { iterations, price_per_kwh, gco2_per_kwh } = flags;
  const rates = { iterations, price_per_kwh, gco2_per_kwh };
  return Object.values(rates).some((rate) => rate !== null) ? rates : null;
}
