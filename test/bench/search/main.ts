import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mean } from "../../../src/math/mean.js";
import { type Curve, drawCurves } from "./curves.js";
import { CONTENDERS, COUNTS, STATIC_POWER_W, tightHypervolume } from "./quality.js";
import { benchTables } from "./tables.js";

/**
 * How much of a table's frontier each search finds with how many evaluations: `npm run bench:search`
 * (`-- --seeds 5 --only sweep --out folder`). Tight hypervolume, total / dynamic energy, mean of the
 * seeds; the curves are drawn into search.svg.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    out: { type: "string", default: "dist/bench" },
  },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, seed) => seed);

const curves: Curve[] = [];
console.log(`${"".padEnd(46)}${COUNTS.map((count) => String(count).padStart(12)).join("")}`);
for (const { name: table, rows } of benchTables()) {
  if (!table.includes(values.only)) continue;
  const [total, dynamic] = [tightHypervolume(rows, 0), tightHypervolume(rows, STATIC_POWER_W)];
  for (const [contender, search] of Object.entries(CONTENDERS)) {
    const start_ms = performance.now();
    const orders = seeds.map((seed) => search(rows, seed));
    const run_s = (performance.now() - start_ms) / 1e3 / seeds.length;
    const quality = (of: (indices: readonly number[]) => number) =>
      COUNTS.map((count) => mean(orders.map((order) => of(order.slice(0, count)))));
    const curve = { table, contender, total: quality(total), dynamic: quality(dynamic) };
    curves.push(curve);
    const cells = COUNTS.map((_, k) => {
      const cell = `${curve.total[k]?.toFixed(3)}/${curve.dynamic[k]?.toFixed(3)}`;
      return cell.padStart(12);
    });
    const label = `${table.slice(0, 25)}, ${contender}`.padEnd(46);
    console.log(`${label}${cells.join("")}  ${run_s.toFixed(1)} s a run`);
  }
}
mkdirSync(values.out, { recursive: true });
const file = join(values.out, "search.svg");
writeFileSync(file, drawCurves(curves));
console.log(`${file}: the curves`);
