import { duration, scaled } from "../../../base/units.js";
import type { ReportData } from "../model.js";
import { cloudChart } from "./cloud.js";
import { byId, element, selectById } from "./dom.js";
import { frontierChart } from "./frontier.js";
import { type Knob, knobsOf, showKnobs } from "./knobs.js";
import { overlapChart } from "./overlap.js";
import { readHash, writeHash } from "./place.js";
import { timelineChart } from "./timeline.js";
import { configurationTitle, partitionTitle } from "./words.js";

const data: ReportData = JSON.parse(byId("data").textContent ?? "");

const ABSENT = "Not available: the folder holds no plan of this point.";
const LEFT_OUT = "Left out: plans of so many instructions are drawn for some points only.";

/** Draws the page and keeps its parts together: the point, the partition and its configuration. */
function start(): void {
  const drawFrontier = frontierChart(data, (index) => choosePoint(index));
  const drawTimeline = timelineChart(data);
  const drawOverlap = overlapChart(data.sm_count);
  const drawCloud = cloudChart(data.clocks_mhz, data.static_power_w);
  const radios = [...document.querySelectorAll<HTMLInputElement>('input[name="point"]')];
  const partitions = selectById("partition-choice");
  const configurations = selectById("configuration-choice");
  let knobs: Knob[] = [];
  let point = -1;

  /** Shows a point, and inside it the partition of that key if it runs there. */
  function choosePoint(index: number, key = shownKey()): void {
    const chosen = data.points[index];
    if (chosen === undefined || index === point) return;
    point = index;
    radios.forEach((radio, i) => {
      radio.checked = i === index;
      radio.closest("tr")?.classList.toggle("chosen", i === index);
    });
    reveal(radios[index]);
    const plan = data.plans[index] ?? null;
    byId("point-title").textContent = `Point ${chosen.id}`;
    byId("point-facts").replaceChildren(
      `${duration(chosen.time_s)}, ${scaled(chosen.energy_j, "J")}, ${scaled(chosen.average_power_w, "W")} on average. Its plan is `,
      element("code", {}, chosen.plan),
      ".",
    );
    drawFrontier(index);
    const lack = data.left_out.includes(index) ? LEFT_OUT : ABSENT;
    drawTimeline(plan, chosen.time_s, lack);
    knobs = knobsOf(plan, data);
    showKnobs(knobs, data, chooseConfiguration, lack);
    listPartitions(key);
  }

  function shownKey(): string | undefined {
    return partitions.value === "" ? undefined : keyOf(Number(partitions.value));
  }

  /** The partitions of the point, what takes longest first. */
  function listPartitions(key: string | undefined): void {
    const used = [...new Set(knobs.map(({ configuration }) => configuration.partition))];
    partitions.replaceChildren(
      ...used.map((index) => {
        const partition = data.partitions[index];
        const title =
          partition === undefined ? "" : `${partitionTitle(partition)} (${partition.key})`;
        return element("option", { value: String(index) }, title);
      }),
    );
    const kept = used.find((index) => keyOf(index) === key) ?? used[0];
    partitions.value = String(kept ?? "");
    listConfigurations();
  }

  function listConfigurations(): void {
    const index = Number(partitions.value);
    const partition = data.partitions[index];
    const own = knobs.filter(({ configuration }) => configuration.partition === index);
    configurations.replaceChildren(
      ...own.map(({ index: number, configuration, runs }) => {
        const title = partition === undefined ? "" : configurationTitle(configuration, partition);
        return element("option", { value: String(number) }, `${title}: ${runs} runs`);
      }),
    );
    drawCloud(
      partitions.value === "" ? null : (partition ?? null),
      own.map((knob) => knob.configuration),
    );
    showConfiguration();
  }

  function showConfiguration(): void {
    const configuration =
      configurations.value === "" ? undefined : data.configurations[Number(configurations.value)];
    const partition = configuration && data.partitions[configuration.partition];
    drawOverlap(configuration ?? null, partition ?? null);
    writeHash({ point: data.points[point]?.id, partition: partition?.key });
  }

  function chooseConfiguration(index: number): void {
    partitions.value = String(data.configurations[index]?.partition ?? "");
    listConfigurations();
    configurations.value = String(index);
    showConfiguration();
  }

  /** What the address asks for; the fastest point where it asks for nothing that is there. */
  function followAddress(): void {
    const { point: id, partition } = readHash();
    const index = data.points.findIndex((each) => each.id === id);
    const shown = Math.max(0, index);
    if (shown !== point) choosePoint(shown, partition);
    else if (partition !== undefined) listPartitions(partition);
  }

  radios.forEach((radio, index) => {
    radio.addEventListener("change", () => choosePoint(index));
    radio.closest("tr")?.addEventListener("click", () => choosePoint(index));
  });
  partitions.addEventListener("change", listConfigurations);
  configurations.addEventListener("change", showConfiguration);
  window.addEventListener("hashchange", followAddress);
  followAddress();
}

const keyOf = (index: number): string | undefined => data.partitions[index]?.key;

/** Scrolls a list, never the page, to where its chosen line is seen. */
function reveal(radio: HTMLElement | undefined): void {
  const [row, list] = [radio?.closest("tr"), byId("points")];
  if (row == null) return;
  const [top, bottom] = [row.offsetTop - 2 * row.offsetHeight, row.offsetTop + row.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) {
    list.scrollTop = bottom - list.clientHeight;
  }
}

start();
performance.mark("interactive");
