import { duration, plural, scaled, scaleFor } from "../../base/units.js";
import { longestSwitch, switchTimeTo } from "../../ir/switch-time.js";
import type { DetailsFile } from "../../plan/details.js";
import type { FrontierFile, FrontierPoint } from "../../plan/frontier.js";
import { gpusPerReplica } from "../../plan/gpus.js";
import { adviceLine, advisedPoint } from "../advice.js";
import { beyondWords } from "../beyond.js";
import {
  aboveBound,
  abovePeakSentences,
  BASELINE_WORDS,
  controlSentence,
  type Gains,
  gainsOf,
  headline,
  noGainSentence,
} from "../gains.js";
import { escapeMarkup } from "../markup.js";
import { costCounts, errorSentence } from "../summary.js";

/** The number of GPUs, the degrees above one, the pipeline, and what was told of sizes, precision and power. */
export function layoutLine({ parallelism: p, told }: FrontierFile): string {
  const degrees = (["tp", "cp", "ep", "pp", "dp"] as const).filter((name) => p[name] > 1);
  const gpus = gpusPerReplica(p) * p.dp;
  return [
    plural(gpus, "GPU"),
    ...degrees.map((name) => `${name} ${p[name]}`),
    `${p.microbatches} ${p.microbatches === 1 ? "microbatch" : "microbatches"}`,
    p.pipeline,
    ...(p.chunks > 1 ? [`${p.chunks} chunks`] : []),
    p.forward_only === true ? "forward only" : `recompute ${p.recompute}`,
    ...Object.entries({ ...told?.bind, ...told?.expect }).map(([name, size]) => `${name} ${size}`),
    ...(told?.dtype === undefined ? [] : [told.dtype]),
    ...(told?.power_limit_w === undefined ? [] : [`at most ${told.power_limit_w} W`]),
  ].join(", ");
}

/**
 * What to choose, what was saved in the sentence that matters, how far off it may be, then each baseline.
 * @param whole with all that draws power
 */
export function gainSection(frontier: FrontierFile, whole: FrontierFile): string {
  const none = noGainSentence(whole);
  const said = none ?? headline(whole)?.sentence;
  const leads = [...adviceLine(frontier), ...(said === undefined ? [] : [said])];
  const notes = [
    ...errorSentence(frontier),
    ...controlSentence(whole),
    ...abovePeakSentences(frontier),
  ];
  const paragraphs = (kind: string, lines: readonly string[]) =>
    lines.map((line) => `<p class="${kind}">${escapeMarkup(line)}</p>\n`).join("");
  const cards = none === null ? gainsOf(whole).map(gainCard) : [];
  const gains = cards.length === 0 ? "" : `<div class="gains">${cards.join("")}</div>`;
  return `${paragraphs("lead", leads)}${paragraphs("note", notes)}${gains}`;
}

function gainCard({ baseline, energy, time }: Gains): string {
  return `
<div class="gain"><h2>Against ${escapeMarkup(BASELINE_WORDS[baseline])}</h2><dl>
${gainLine(energy, "energy in the same time", "never as fast as its fastest point")}
${gainLine(time, "time for the same energy", "never as low in energy as its lowest point")}
</dl></div>`;
}

function gainLine(gain: number | null, what: string, never: string): string {
  if (gain === null) return `<dt>-</dt><dd>${never}</dd>`;
  const size = (Math.abs(gain) * 100).toFixed(1);
  const sign = size === "0.0" ? "" : gain < 0 ? "+" : "\u2212";
  return `<dt>${sign}${size}%</dt><dd>${what}</dd>`;
}

/** Numbers of one column: one unit, five significant digits of the largest. */
function column(points: readonly FrontierPoint[], of: (p: FrontierPoint) => number, unit: string) {
  const largest = Math.max(0, ...points.map(of));
  const scale = scaleFor(largest, unit);
  const digits = Math.max(0, 4 - Math.floor(Math.log10(largest / scale.divisor || 1)));
  const write = (point: FrontierPoint) => (of(point) / scale.divisor).toFixed(digits);
  return { unit: scale.unit, write };
}

/** The points as a table of choices: one is chosen, the arrow keys move on. */
export function pointList(frontier: FrontierFile): string {
  const { points } = frontier;
  const time = column(points, (point) => point.time_s, "s");
  const energy = column(points, (point) => point.energy_j, "J");
  const power = column(points, (point) => point.average_power_w, "W");
  const best = points.length === 0 ? null : advisedPoint(frontier);
  const rows = points.map((point, index) => {
    const cells = [time, energy, power].map(({ write }) => `<td>${write(point)}</td>`).join("");
    const choice = `<label><input type="radio" name="point" value="${index}"> ${point.id}${point === best ? "★" : ""}</label>`;
    return `<tr><th scope="row">${choice}</th>${cells}<td>${aboveBound(point)}</td></tr>`;
  });
  return `<div class="scroll tall" id="points"><table>
<caption>Points of the frontier: choose one${best === null ? "" : " (★ recommended)"}</caption>
<thead><tr><th scope="col">id</th><th scope="col">time (${time.unit})</th><th scope="col">energy (${energy.unit})</th><th scope="col">power (${power.unit})</th><th scope="col">above the bound</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>`;
}

type Fact = readonly [name: string, value: string];

function timeFact(name: string, time_s: number | undefined): Fact[] {
  return time_s === undefined ? [] : [[name, duration(time_s)]];
}

/** One time for all changes of the clock, or the shortest and the longest by where they go. */
function switchFact(switch_time_s: FrontierFile["switch_time_s"]): Fact[] {
  const name = "Change of the clock";
  if (switch_time_s === undefined || typeof switch_time_s === "number") {
    return timeFact(name, switch_time_s);
  }
  const times = switch_time_s.freq_mhz.map((clock) => switchTimeTo(switch_time_s, clock));
  const [least, most] = [Math.min(...times), longestSwitch(switch_time_s)];
  return [[name, `${duration(least)} to ${duration(most)}, by the clock that it goes to`]];
}

/** What the run was told of power beside the GPUs, and which point takes the least with it. */
function beyondFact(frontier: FrontierFile): Fact[] {
  const { beyond_gpus: beyond, points } = frontier;
  if (beyond === undefined || points.length === 0) return [];
  return [["Beside the GPUs", `not counted above. ${beyondWords(frontier, beyond)}`]];
}

/** Where the numbers come from, and how far off they may be. */
export function provenance(frontier: FrontierFile, details: DetailsFile | null): string {
  const { profiles } = frontier.costs;
  const facts: readonly Fact[] = [
    ["Costs", [`${costCounts(frontier)}.`, ...errorSentence(frontier)].join(" ")],
    [
      "Profiles",
      profiles.map(({ id }) => id).join(", ") || "none: costs come from the device model",
    ],
    ["Static power", `${frontier.static_power_w} W per GPU`],
    [
      "Energy-optimal time",
      `${duration(frontier.energy_optimal_time_s)}: past it, waiting costs more energy than it saves`,
    ],
    ...beyondFact(frontier),
    ...(frontier.peak_power_w === undefined
      ? []
      : [["Peak power", `kept under ${scaled(frontier.peak_power_w, "W")} of a replica`] as const]),
    ...timeFact("Transfer between stages", frontier.transfer_s),
    ...switchFact(frontier.switch_time_s),
    ["Seed", String(frontier.seed)],
    ["Graph SHA-256", frontier.graph.sha256],
  ];
  const lines = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeMarkup(value)}</dd>`);
  return `<section aria-labelledby="provenance-title">
<h2 id="provenance-title">Where the numbers come from</h2>
<dl class="facts">${lines.join("")}</dl>
${constantTable(details)}
</section>`;
}

function constantTable(details: DetailsFile | null): string {
  if (details === null) {
    return '<p class="note">The constants of the device are not available: details.json is missing.</p>';
  }
  const { gpu, constants } = details;
  const rows = constants.map(({ name, value, source, residual }) => {
    const facts = { value, source, residual: residual ?? "not known" };
    const cells = Object.entries(facts).map(
      ([column, fact]) => `<td data-column="${column}">${escapeMarkup(fact)}</td>`,
    );
    return `<tr><th scope="row">${escapeMarkup(name)}</th>${cells.join("")}</tr>`;
  });
  return `<details><summary>${plural(constants.length, "constant")} of ${escapeMarkup(gpu)}, their sources and residuals</summary>
<div class="scroll"><table class="constants cards">
<thead><tr><th scope="col">constant</th><th scope="col">value</th><th scope="col">source</th><th scope="col">residual</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div></details>`;
}
