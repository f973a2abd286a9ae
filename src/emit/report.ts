import { duration, plural, scaleFor } from "../base/units.js";
import type { FrontierFile } from "../plan/frontier.js";
import { gpusPerStage } from "../plan/shared.js";
import { frontierChart } from "./chart.js";
import { aboveBound, BASELINE_WORDS, type Gains, gainsOf } from "./gains.js";
import { REPORT_STYLE } from "./report-style.js";

/** report.html: one page without scripts and without network. Same input, same bytes. */
export function reportPage(frontier: FrontierFile): string {
  const title = `${frontier.graph.name} on ${frontier.gpu}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - kareus</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="muted">${escapeHtml(layoutLine(frontier))}</p>
<section class="gains" aria-label="Gains">${gainsOf(frontier).map(gainCard).join("")}</section>
${chartSection(frontier)}
${pointSection(frontier)}
${provenanceSection(frontier)}
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

/** The degrees above one, the pipeline and the number of GPUs. */
function layoutLine({ parallelism: p }: FrontierFile): string {
  const degrees = (["tp", "cp", "ep", "pp", "dp"] as const).filter((name) => p[name] > 1);
  const gpus = gpusPerStage(p) * p.pp * p.dp;
  return [
    plural(gpus, "GPU"),
    ...degrees.map((name) => `${name} ${p[name]}`),
    `${p.microbatches} ${p.microbatches === 1 ? "microbatch" : "microbatches"}`,
    p.pipeline,
    ...(p.chunks > 1 ? [`${p.chunks} chunks`] : []),
    `recompute ${p.recompute}`,
  ].join(", ");
}

function gainCard({ baseline, energy, time }: Gains): string {
  return `
<div class="gain"><h3>Against ${escapeHtml(BASELINE_WORDS[baseline])}</h3><dl>
${gainLine(energy, "energy in the same time", "Never as fast as its fastest point")}
${gainLine(time, "time for the same energy", "Never as low in energy as its lowest point")}
</dl></div>`;
}

function gainLine(gain: number | null, what: string, never: string): string {
  if (gain === null) return `<dt>-</dt><dd>${never}</dd>`;
  const size = (Math.abs(gain) * 100).toFixed(1);
  const sign = size === "0.0" ? "" : gain < 0 ? "+" : "-";
  return `<dt>${sign}${size}%</dt><dd>${what}</dd>`;
}

function chartSection(frontier: FrontierFile): string {
  const label = `Energy over iteration time: ${plural(frontier.points.length, "point")} found by the search, and the baselines. The table below lists the points.`;
  return `<h2>Time and energy of one iteration</h2>
<figure role="img" aria-label="${label}">
${frontierChart(frontier, { width: 920, height: 460, id: "wide" })}
${frontierChart(frontier, { width: 360, height: 420, id: "narrow" })}
</figure>`;
}

/** Numbers of one column: one unit, six significant digits of the largest. */
function column(values: readonly number[], unit: string) {
  const largest = Math.max(0, ...values);
  const scale = scaleFor(largest, unit);
  const digits = Math.max(0, 5 - Math.floor(Math.log10(largest / scale.divisor || 1)));
  const write = (value: number) => (value / scale.divisor).toFixed(digits);
  return { unit: scale.unit, write };
}

function pointSection({ points, energy_optimal_time_s }: FrontierFile): string {
  const time = column(
    points.map((point) => point.time_s),
    "s",
  );
  const energy = column(
    points.map((point) => point.energy_j),
    "J",
  );
  const power = column(
    points.map((point) => point.average_power_w),
    "W",
  );
  const rows = points.map((point) => {
    const cells = [
      String(point.id),
      time.write(point.time_s),
      energy.write(point.energy_j),
      power.write(point.average_power_w),
      aboveBound(point),
    ].map((cell) => `<td>${cell}</td>`);
    return `<tr>${cells.join("")}<td class="text"><code>${escapeHtml(point.plan)}</code></td></tr>`;
  });
  return `<h2>Points</h2>
<div class="scroll"><table>
<thead><tr><th>id</th><th>time (${time.unit})</th><th>energy (${energy.unit})</th><th>average power (${power.unit})</th><th>above the bound</th><th class="text">plan</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>
<p class="muted">Energy and power count every GPU of one data-parallel replica. The bound is the proven minimum of the continuous relaxation at that time. Past ${duration(energy_optimal_time_s)}, waiting costs more energy than it saves.</p>`;
}

function timeFact(name: string, time_s: number | undefined): [string, string][] {
  return time_s === undefined ? [] : [[name, duration(time_s)]];
}

function provenanceSection(frontier: FrontierFile): string {
  const { costs } = frontier;
  const counts = (["measured", "interpolated", "modelled", "extrapolated"] as const)
    .filter((source) => costs[source] > 0)
    .map((source) => `${costs[source]} ${source}`);
  const facts: readonly (readonly [string, string])[] = [
    ["Configurations", counts.join(", ") || "none"],
    ["Profiles", costs.profiles.join(", ") || "none: costs come from the device model"],
    ["Static power", `${frontier.static_power_w} W per GPU`],
    ...timeFact("Transfer between stages", frontier.transfer_s),
    ...timeFact("Change of the clock", frontier.switch_time_s),
    ["Seed", String(frontier.seed)],
    ["Graph SHA-256", frontier.graph.sha256],
  ];
  const lines = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<h2>Where the numbers come from</h2>\n<dl class="facts">${lines.join("")}</dl>`;
}
