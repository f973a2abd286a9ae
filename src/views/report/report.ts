import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { need } from "../../base/need.js";
import { packagePath } from "../../base/package.js";
import type { FrontierFile } from "../../plan/frontier.js";
import { type PlanFile, writePlan } from "../../plan/plan.js";
import { wholeFrontier } from "../advice.js";
import { beyondSentence } from "../beyond.js";
import { countedGpus } from "../gains.js";
import { embeddedJson, escapeMarkup } from "../markup.js";
import { type ReportInput, reportData } from "./data.js";
import { DrawnPlans } from "./drawn-plans.js";
import { gainSection, layoutLine, pointList, provenance } from "./sections.js";

/** A part of the page, as it is built. */
function part(path: string): string {
  return readFileSync(packagePath(`dist/src/views/report/${path}`), "utf8");
}

/** A run with the plans that there are. */
export interface WholeRun extends ReportInput {
  readonly plans: readonly PlanFile[];
}

/** The page of a run whose plans are all at hand. */
export function reportPage(input: WholeRun): string {
  const drawn = new DrawnPlans(input.plans.length, input);
  for (const plan of input.plans) drawn.add(plan);
  const byId = new Map(input.plans.map((plan) => [plan.point.id, plan]));
  return drawnPage(input, drawn, (id) => writePlan(need(byId, id)));
}

/**
 * report.html: one page that needs nothing from elsewhere, and may not: its own policy forbids every
 * request, and every script but the one it was written with. Same input, same bytes.
 * @param textOf the text of the file of a point's plan
 */
export function drawnPage(
  input: ReportInput,
  drawn: DrawnPlans,
  textOf: (id: number) => string,
): string {
  const { details } = input;
  const frontier = wholeFrontier(input.frontier);
  const others = input.others?.map((each) => ({ ...each, frontier: wholeFrontier(each.frontier) }));
  const script = part("generated/page.js");
  const hash = createHash("sha256").update(script).digest("base64");
  const title = escapeMarkup(`${frontier.graph.name} on ${frontier.gpu}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - kareus</title>
<style>${part("style.css")}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="muted">${escapeMarkup(layoutLine(frontier))}</p>
${gainSection(input.frontier, frontier)}
</header>
<main>
${frontierSection(frontier, others ?? [])}
${SELECTED_POINT}
${PARTITIONS}
${provenance(input.frontier, details)}
</main>
<footer class="muted"><p>Written by kareus. Charts are drawn by Apache ECharts.</p></footer>
<script type="application/json" id="data">${embeddedJson(reportData({ ...input, frontier, ...(others && { others }) }, drawn, textOf))}</script>
<script>${script}</script>
</body>
</html>
`;
}

type Other = NonNullable<ReportInput["others"]>[number];

/** Whose energies other lines are, where they are not of as many GPUs. */
function otherSizes({ parallelism }: FrontierFile, others: readonly Other[]): string {
  const own = countedGpus(parallelism);
  const different = others.filter(({ frontier }) => countedGpus(frontier.parallelism) !== own);
  if (different.length === 0) return "";
  const words = different.map(
    ({ label, frontier }) => `${label} of ${countedGpus(frontier.parallelism)}`,
  );
  return ` Not so of others, which do not compare one to one: ${words.join(", ")}.`;
}

function beyondNote({ beyond_gpus: beyond }: FrontierFile): string {
  return beyond === undefined
    ? ""
    : ` ${beyondSentence(beyond)} Causes, timelines and plans are of GPUs alone.`;
}

function frontierSection(frontier: FrontierFile, others: readonly Other[]): string {
  return `<section aria-labelledby="frontier-title">
<h2 id="frontier-title">Time and energy of one iteration</h2>
<p class="muted">Energy and power are those of ${escapeMarkup(countedGpus(frontier.parallelism))}.${escapeMarkup(beyondNote(frontier))}${escapeMarkup(otherSizes(frontier, others))} The bound is the proven minimum of the continuous relaxation at that time.</p>
<noscript><p class="note">The charts of this page need its script to run.</p></noscript>
<div class="split">
<figure id="frontier-chart" class="chart"></figure>
${pointList(frontier)}
</div>
${CHOOSER}
</section>`;
}

/** Picks a point by what the job demands, and says what it takes over a whole run. */
const CHOOSER = `<div class="chooser scripted">
<div class="choices">
<label>Choose by <select id="demand"><option value="deadline">deadline</option><option value="energy">energy</option><option value="power">average power</option></select></label>
<label class="wide">at most <output id="slider-value"></output> <input id="slider" type="range" min="0" max="1000" aria-label="limit"></label>
</div>
<p class="command"><code id="command"></code> <button type="button" id="copy">Copy</button></p>
<p><button type="button" id="save-plan">Save plan.json</button> <button type="button" id="save-trace">Save Perfetto trace</button></p>
<div class="choices">
<label>Iterations of the run <input id="iterations" type="number" min="1" value="100000"></label>
<label>Price per kWh <input id="price" type="number" min="0" step="0.01" value="0.15"></label>
<label>g CO2 per kWh <input id="carbon" type="number" min="0" value="400"></label>
</div>
<p id="advice" class="lead"></p>
<p id="bill" class="muted"></p>
</div>`;

/** Filled by the script for the point that is chosen. */
const SELECTED_POINT = `<section class="scripted" aria-labelledby="point-title">
<h2 id="point-title" aria-live="polite"></h2>
<p id="point-facts"></p>
<div id="cause-part">
<h3>Where time and energy go</h3>
<div id="cause-key" class="key"></div>
<h4>Time of all stages</h4>
<div id="cause-time"></div>
<h4>Energy of a replica: static energy by cause, and dynamic</h4>
<div id="cause-energy"></div>
<details><summary>The same as a table</summary><div class="scroll" id="cause-table"></div></details>
</div>
<h3>Timeline</h3>
<p class="muted">Click an instruction to look into the partition that takes most of it.</p>
<p id="timeline-facts" class="muted"></p>
<div id="timeline-key" class="key"></div>
<div id="rival-part">
<div class="choices"><label id="rival-label">For comparison <select id="rival-choice"></select></label></div>
<figure id="rival-chart" class="chart"></figure>
</div>
<h4 id="timeline-title">This plan</h4>
<figure id="timeline-chart" class="chart"></figure>
<h4>Power</h4>
<p id="power-facts" class="muted"></p>
<figure id="power-chart" class="chart"></figure>
<div class="scroll" id="stage-table"></div>
<details id="instruction-details"><summary>Every instruction as a table</summary><div class="scroll tall" tabindex="0"></div></details>
<h3>What runs, and how</h3>
<p class="muted">Each line is a configuration of a partition: kernels of one nanobatch with the communication beside them. Choose one to see it below.</p>
<div class="scroll tall" id="knob-table"></div>
</section>`;

const PARTITIONS = `<section class="scripted" aria-labelledby="partition-title">
<h2 id="partition-title">Inside a partition</h2>
<div class="choices">
<label>Partition <select id="partition-choice"></select></label>
<label>Configuration <select id="configuration-choice"></select></label>
</div>
<p id="partition-facts" class="muted"></p>
<h3>How it overlaps</h3>
<p id="overlap-facts"></p>
<figure id="overlap-chart" class="chart"></figure>
<details id="overlap-details"><summary>The same as a table</summary><div class="scroll tall" tabindex="0"></div></details>
<h3>What was evaluated</h3>
<p id="cloud-facts"></p>
<div id="cloud-key" class="key"></div>
<figure id="cloud-chart" class="chart"></figure>
<details id="cloud-details"><summary>Its frontier as a table</summary><div class="scroll tall" tabindex="0"></div></details>
</section>`;
