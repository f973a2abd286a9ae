import { at } from "../../../base/need.js";
import { shellWord } from "../../../base/shell-word.js";
import { duration, scaled } from "../../../base/units.js";
import { perfettoTrace } from "../../../exchange/perfetto.js";
import { unpackedPlan } from "../../../plan/unpacked-plan.js";
import type { ReportData, ReportPoint } from "../model.js";
import { buttonById, byId, inputById, selectById } from "./dom.js";

/** A demand that picks a point, as `kareus select` has it. */
interface Demand {
  readonly of: (point: ReportPoint) => number;
  readonly flag: string;
  readonly write: (value: number) => string;
}

const DEMANDS: Readonly<Record<string, Demand>> = {
  deadline: { of: ({ time_s }) => time_s, flag: "--deadline", write: duration },
  energy: {
    of: ({ energy_j }) => energy_j,
    flag: "--energy-budget",
    write: (value) => scaled(value, "J"),
  },
  power: {
    of: ({ average_power_w }) => average_power_w,
    flag: "--power-cap",
    write: (value) => scaled(value, "W"),
  },
};

/** The slider's ends are the smallest and largest value; it moves in steps of a thousandth. */
const STEPS = 1000;

/**
 * A slider for a deadline, an energy or a power that picks the point, the command that picks it too, and
 * buttons that save its plan. Returns what shows a point that was chosen elsewhere.
 */
export function chooser(data: ReportData, choose: (index: number) => void) {
  const { points } = data;
  const [slider, demand] = [inputById("slider"), selectById("demand")];
  let shown = data.knee;
  const current = () => DEMANDS[demand.value] ?? at(Object.values(DEMANDS), 0);
  const ends = () => {
    const values = points.map(current().of);
    return { low: Math.min(...values), high: Math.max(...values) };
  };
  const limit = () => {
    const { low, high } = ends();
    return low + (Number(slider.value) / STEPS) * (high - low);
  };
  const place = () => {
    const { low, high } = ends();
    const value = current().of(at(points, shown));
    slider.value = String(high === low ? 0 : Math.ceil((STEPS * (value - low)) / (high - low)));
    say();
  };
  const say = () => {
    byId("slider-value").textContent = current().write(limit());
    byId("command").textContent = commandOf(data, shown, current());
  };
  slider.addEventListener("input", () => {
    shown = picked(points, current(), limit());
    say();
    choose(shown);
  });
  demand.addEventListener("change", place);
  saving(data, () => shown);
  return (index: number) => {
    const moved = index !== shown;
    shown = index;
    if (moved || byId("command").textContent === "") place();
    else say();
    const absent = data.saved[index] == null;
    buttonById("save-plan").disabled = absent;
    buttonById("save-trace").disabled = absent;
  };
}

/** A deadline's cheapest point; else the fastest within the limit. Points ascend in time. */
function picked(points: readonly ReportPoint[], { of, flag }: Demand, limit: number): number {
  // What a step of the slider rounds away.
  const allowed = points.flatMap((point, i) => (of(point) <= limit * (1 + 1e-9) ? [i] : []));
  if (allowed.length > 0) return flag === "--deadline" ? at(allowed, -1) : at(allowed, 0);
  return flag === "--deadline" ? 0 : points.length - 1;
}

/** The command that picks this point; its value with as few digits as tell points apart. */
function commandOf({ points, folder }: ReportData, index: number, demand: Demand): string {
  const value = demand.of(at(points, index));
  let written = value;
  for (let digits = 3; digits <= 15; digits++) {
    const unit = 10 ** (Math.floor(Math.log10(Math.max(value, 1e-12))) + 1 - digits);
    written = Number((Math.ceil(value / unit) * unit).toPrecision(digits));
    if (written >= value && picked(points, demand, written) === index) break;
  }
  return `kareus select ${folderOf(folder)} ${demand.flag} ${written} --out plan.json`;
}

/** The run's folder: the one told, or where the page lies if that is on this machine and under its own name. */
function folderOf(told: string | null): string {
  const lies = /^(.*)\/report\.html$/.exec(decodeURIComponent(location.pathname))?.[1];
  const path = told ?? (location.protocol === "file:" ? lies : undefined);
  return path === undefined ? "DIR" : shellWord(path);
}

/** Copying the command, and saving the plan and its trace. */
function saving(data: ReportData, index: () => number): void {
  const copy = buttonById("copy");
  copy.addEventListener("click", async () => {
    const text = byId("command").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without the right to write there, the text is at least selected.
      getSelection()?.selectAllChildren(byId("command"));
      return;
    }
    copy.textContent = "Copied";
    setTimeout(() => {
      copy.textContent = "Copy";
    }, 1500);
  });
  const save = async (name: string, make: (plan: string) => string) => {
    const plan = data.saved[index()];
    if (plan != null) download(name, make(await unpacked(plan)));
  };
  const id = () => at(data.points, index()).id;
  buttonById("save-plan").addEventListener("click", () => save("plan.json", (plan) => plan));
  buttonById("save-trace").addEventListener("click", () =>
    save(`trace-${id()}.json`, (plan) => perfettoTrace(unpackedPlan(JSON.parse(plan)))),
  );
}

/** The text of gzipped base64. */
async function unpacked(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
