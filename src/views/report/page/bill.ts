import { at } from "../../../base/need.js";
import { adviceSentence, type Rates, runSentence } from "../../bill.js";
import type { ReportData, ReportPoint } from "../model.js";

type Rival = NonNullable<ReportData["rival"]>;

import { byId, inputById } from "./dom.js";

/** What a point costs over a whole run at the reader's prices, and what that saves. */
export function billSentence({ points, rival, replicas, advised }: ReportData) {
  let shown: number | null = null;
  const number = (id: string): number | null => {
    const { value } = inputById(id);
    return value === "" || !(Number(value) >= 0) ? null : Number(value);
  };
  const advice = (index: number, point: ReportPoint, against: Rival, rates: Rates) => {
    const best = adviceSentence(at(points, advised), against, replicas, rates, "Choose");
    if (index === advised) return best;
    return `${adviceSentence(point, against, replicas, rates, "Point")} ${best}`;
  };
  const say = () => {
    if (shown === null) return;
    const point = at(points, shown);
    const iterations = number("iterations");
    const rates: Rates = {
      iterations: iterations === 0 ? null : iterations,
      price_per_kwh: number("price"),
      gco2_per_kwh: number("carbon"),
    };
    byId("advice").textContent = rival === null ? "" : advice(shown, point, rival, rates);
    byId("bill").textContent = runSentence(point, replicas, rates);
  };
  for (const id of ["iterations", "price", "carbon"]) inputById(id).addEventListener("input", say);
  return (index: number) => {
    shown = index;
    say();
  };
}
