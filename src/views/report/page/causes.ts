import { duration, scaled } from "../../../base/units.js";
import type { DrawnCauses, ReportData } from "../model.js";
import { byId, element, key, table } from "./dom.js";

/** One bar: whose it is, and what it is made of. */
interface Bar {
  readonly label: string;
  readonly causes: DrawnCauses;
}

/** Time and energy by cause, of the chosen plan and of each baseline's fastest, as stacked bars. */
export function causeBars({ causes, baselines }: ReportData) {
  const rivals = baselines.flatMap(({ label, fastest }) =>
    fastest?.causes == null ? [] : [{ label: `${label}, fastest`, causes: fastest.causes }],
  );
  return (index: number) => {
    const own = causes[index] ?? null;
    byId("cause-part").hidden = own === null;
    if (own === null) return;
    const bars = [{ label: "This plan", causes: own }, ...rivals];
    const shown = own.parts
      .map(({ cause }, i) => ({ cause, i }))
      .filter(({ i }) =>
        bars.some((bar) => partOf(bar, i).time_s > 0 || partOf(bar, i).energy_j > 0),
      );
    byId("cause-key").replaceChildren(
      ...key(shown.map(({ cause, i }) => [`background:${colourOf(i)}`, cause] as const)),
    );
    byId("cause-time").replaceChildren(
      ...stack(
        bars,
        (part) => part.time_s,
        (value) => duration(value),
      ),
    );
    byId("cause-energy").replaceChildren(
      ...stack(
        bars,
        (part) => part.energy_j,
        (value) => scaled(value, "J"),
      ),
    );
    byId("cause-table").replaceChildren(causeTable(bars, shown));
  };
}

type Part = DrawnCauses["parts"][number];

function partOf({ causes }: Bar, i: number): Part {
  return causes.parts[i] ?? { cause: "", time_s: 0, energy_j: 0 };
}

const colourOf = (i: number) => `var(--cause-${i})`;

/** Bars of one scale: the longest is as wide as the page. */
function stack(bars: readonly Bar[], of: (part: Part) => number, write: (value: number) => string) {
  const sums = bars.map(({ causes }) =>
    causes.parts.reduce((sum, part) => sum + Math.max(0, of(part)), 0),
  );
  const longest = Math.max(...sums);
  return bars.map(({ label, causes }, b) => {
    const pieces = causes.parts.flatMap((part, i) => {
      const value = of(part);
      if (value <= 0) return [];
      const piece = element("i", { title: `${part.cause}: ${write(value)}` });
      piece.style.cssText = `width:${(100 * value) / longest}%;background:${colourOf(i)}`;
      return [piece];
    });
    const total = causes.parts.reduce((sum, part) => sum + of(part), 0);
    return element(
      "div",
      { className: "stack" },
      element("span", {}, label),
      element("div", { className: "pieces" }, ...pieces),
      element("b", {}, write(b < sums.length ? total : 0)),
    );
  });
}

function causeTable(
  bars: readonly Bar[],
  shown: readonly { readonly cause: string; readonly i: number }[],
) {
  const columns = [
    ["cause", "text"],
    ...bars.flatMap(({ label }) => [
      [`${label}: time`, "number"] as const,
      ["energy", "number"] as const,
    ]),
  ] as const;
  const rows = shown.map(({ cause, i }) => [
    cause,
    ...bars.flatMap((bar) => {
      const { time_s, energy_j } = partOf(bar, i);
      return [time_s === 0 ? "-" : duration(time_s), scaled(energy_j, "J")];
    }),
  ]);
  return table(columns, rows);
}
