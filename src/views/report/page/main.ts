import { at, present } from "../../../base/need.js";
import { duration, plural, scaled } from "../../../base/units.js";
import type { DrawnPartition, ReportData, ReportPoint } from "../model.js";
import { billSentence } from "./bill.js";
import { causeBars } from "./causes.js";
import { chooser } from "./chooser.js";
import { cloudChart } from "./cloud.js";
import { byId, element, selectById } from "./dom.js";
import { frontierChart } from "./frontier.js";
import { type Knob, knobsOf, showKnobs } from "./knobs.js";
import { overlapChart } from "./overlap.js";
import { readHash, writeHash } from "./place.js";
import { timelineChart } from "./timeline.js";
import { configurationTitle, contentOf } from "./words.js";

const data: ReportData = JSON.parse(present(byId("data").textContent, "data"));

const ABSENT = "Not available: the folder holds no plan of this point.";
const LEFT_OUT = "Left out: plans of so many instructions are drawn for some points only.";

/** The page's parts, kept together: the point, the partition in it and its configuration. */
class Page {
  readonly #drawFrontier = frontierChart(data, (index) => this.choosePoint(index));
  readonly #drawTimeline = timelineChart(data, (number) => this.#drill(number));
  readonly #drawCauses = causeBars(data);
  readonly #showChoice = chooser(data, (index) => this.choosePoint(index));
  readonly #showBill = billSentence(data);
  readonly #drawOverlap = overlapChart(data.sm_count);
  readonly #drawCloud = cloudChart(data.clocks_mhz, data.static_power_w);
  readonly #radios = [...document.querySelectorAll<HTMLInputElement>('input[name="point"]')];
  readonly #partitions = selectById("partition-choice");
  readonly #configurations = selectById("configuration-choice");
  #knobs: Knob[] = [];
  #point = -1;

  constructor() {
    this.#radios.forEach((radio, index) => {
      radio.addEventListener("change", () => this.choosePoint(index));
      radio.closest("tr")?.addEventListener("click", () => this.choosePoint(index));
    });
    this.#partitions.addEventListener("change", () => this.#listConfigurations());
    this.#configurations.addEventListener("change", () => this.#showConfiguration());
    window.addEventListener("hashchange", () => this.followAddress());
  }

  /** The point in the page's address; the knee when the address names none. */
  followAddress(): void {
    const { point: id, partition } = readHash();
    const asked = data.points.findIndex((each) => each.id === id);
    const index = asked < 0 ? data.knee : asked;
    if (index !== this.#point) this.choosePoint(index, partition);
    else if (partition !== undefined) this.#listPartitions(partition);
  }

  /** Shows a point, and inside it the partition of that key if it runs there. */
  choosePoint(index: number, key = keyOf(this.#partitions)): void {
    const chosen = data.points[index];
    if (chosen === undefined || index === this.#point) return;
    this.#point = index;
    this.#radios.forEach((radio, i) => {
      radio.checked = i === index;
      radio.closest("tr")?.classList.toggle("chosen", i === index);
    });
    reveal(this.#radios[index]);
    showFacts(chosen);
    const plan = data.plans[index] ?? null;
    const lack = data.left_out.includes(index) ? LEFT_OUT : ABSENT;
    this.#drawFrontier(index);
    this.#showChoice(index);
    this.#showBill(index);
    this.#drawCauses(index);
    this.#drawTimeline(plan, chosen.time_s, lack);
    this.#knobs = knobsOf(plan, data);
    showKnobs(this.#knobs, data, (number) => this.#chooseConfiguration(number), lack);
    this.#listPartitions(key);
  }

  /** The partitions of the point, what takes longest first. */
  #listPartitions(key: string | undefined): void {
    const used = [...new Set(this.#knobs.map(({ configuration }) => configuration.partition))];
    const options = used.map((index) => {
      const partition = at(data.partitions, index);
      return element("option", { value: String(index) }, partition.name);
    });
    this.#partitions.replaceChildren(...options);
    const kept = used.find((index) => at(data.partitions, index).key === key);
    if (kept !== undefined) this.#partitions.value = String(kept);
    this.#listConfigurations();
  }

  #listConfigurations(): void {
    const partition = partitionIn(this.#partitions);
    const own = this.#knobs.filter(
      ({ configuration }) => data.partitions[configuration.partition] === partition,
    );
    const options = own.map(({ index, configuration, runs }) => {
      const title = partition === null ? "" : configurationTitle(configuration, partition);
      return element("option", { value: String(index) }, `${title}: ${plural(runs, "run")}`);
    });
    this.#configurations.replaceChildren(...options);
    this.#drawCloud(
      partition,
      own.map((knob) => knob.configuration),
    );
    this.#showConfiguration();
  }

  #showConfiguration(): void {
    const asked = this.#configurations.value;
    const configuration = asked === "" ? undefined : data.configurations[Number(asked)];
    const partition = partitionIn(this.#partitions);
    byId("partition-facts").textContent = partition === null ? "" : contentOf(partition);
    this.#drawOverlap(configuration ?? null, partition);
    writeHash({ point: data.points[this.#point]?.id, partition: partition?.key });
  }

  /** Goes from an instruction to the configuration that takes most of it. */
  #drill(index: number): void {
    this.#chooseConfiguration(index);
    byId("partition-title").scrollIntoView();
    byId("configuration-choice").focus({ preventScroll: true });
  }

  #chooseConfiguration(index: number): void {
    this.#partitions.value = String(at(data.configurations, index).partition);
    this.#listConfigurations();
    this.#configurations.value = String(index);
    this.#showConfiguration();
  }
}

/** The partition that is chosen; null: none runs. */
function partitionIn({ value }: HTMLSelectElement): DrawnPartition | null {
  return value === "" ? null : at(data.partitions, Number(value));
}

const keyOf = (select: HTMLSelectElement): string | undefined => partitionIn(select)?.key;

function showFacts({ id, time_s, energy_j, average_power_w, plan }: ReportPoint): void {
  byId("point-title").textContent = `Point ${id}`;
  const facts = [duration(time_s), scaled(energy_j, "J"), scaled(average_power_w, "W")].join(", ");
  byId("point-facts").replaceChildren(
    ...[`${facts} on average. Its plan is `, element("code", {}, plan), "."],
  );
}

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

new Page().followAddress();
performance.mark("interactive");
