import { at } from "../../../base/need.js";
import { billOf } from "../../bill.js";
import type { ReportData } from "../model.js";
import { byId, inputById } from "./dom.js";

const FIELDS = ["iterations", "price", "carbon"] as const;

/** What a point costs over a whole run at the reader's prices, beside the baseline it saves against. */
export function billSentence({ points, baselines, replicas }: ReportData) {
  let shown: number | null = null;
  const say = () => {
    if (shown === null) return;
    const [iterations, price_per_kwh, gco2_per_kwh] = FIELDS.map((id) =>
      Number(inputById(id).value),
    );
    const rates = { iterations, price_per_kwh, gco2_per_kwh };
    byId("bill").textContent = billOf(at(points, shown), baselines, replicas, rates);
  };
  for (const id of FIELDS) inputById(id).addEventListener("input", say);
  return (index: number) => {
    shown = index;
    say();
  };
}
