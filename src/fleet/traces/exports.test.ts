import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { NO_CHOICE, readTrace } from "../read-trace.js";
import type { TraceChoice } from "./format.js";

const read = (lines: readonly string[], choice: Partial<TraceChoice> = {}) =>
  readTrace(`${lines.join("\n")}\n`, "t.csv", { ...NO_CHOICE, ...choice });

const utc = (...parts: [number, number, number, number, number?]) =>
  Date.UTC(parts[0], parts[1] - 1, parts[2], parts[3], parts[4] ?? 0) / 1000;

function complaint(lines: readonly string[], choice: Partial<TraceChoice> = {}): string {
  try {
    read(lines, choice);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, where, hint }) => `${code} ${where} ${hint}`).join();
  }
  return "none";
}

const hours = ({ slots }: ReturnType<typeof read>) =>
  slots.map(({ start_s, end_s }) => [start_s / 3600, end_s / 3600]);

describe("Electricity Maps", () => {
  const older = [
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),Data Source,Data Estimated",
    "2023-01-01 00:00:00,Germany,Germany,DE,300,350.5,x,false",
    "2023-01-01 01:00:00,Germany,Germany,DE,310,360,x,true",
  ];
  const newer = [
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),Data estimated",
    "2024-01-01T00:00:00.000Z,Germany,Germany,DE,300,350.5,40,false",
    "2024-01-01T01:00:00.000Z,Germany,Germany,DE,310,360,41,false",
    "2024-01-01T03:00:00.000Z,Germany,Germany,DE,,370,41,false",
  ];

  test("both generations of the header, direct or life-cycle as told", () => {
    const direct = read(older, { emissions: "direct" });
    expect(direct.origin_s).toBe(utc(2023, 1, 1, 0));
    expect(direct.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([300, 310]);
    expect(direct.settled).toContain("1 row of the file estimated, the others measured");
    const whole = read(newer, { emissions: "life-cycle", missing: "hold" });
    expect(whole.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([350.5, 360, 360, 370]);
    expect(hours(whole).at(-1)).toEqual([3, 4]);
    expect(whole.settled).toContain("1 interval without a value taken as the value before");
  });

  test("what it leaves open is asked for", () => {
    expect(complaint(older)).toMatch(
      /^KRS4406 t.csv .*--emissions direct or --emissions life-cycle/,
    );
    expect(complaint(newer, { emissions: "life-cycle" })).toMatch(/^KRS4407 t.csv:3/);
    const two = [...older, "2023-01-01 00:00:00,France,France,FR,30,35,x,false"];
    expect(complaint(two, { emissions: "direct" })).toMatch(/^KRS4405 t.csv/);
    const one = read(two, { emissions: "direct", series: ["de"] });
    expect(one.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([300, 310]);
    expect(complaint(two, { emissions: "direct", series: ["ES"] })).toMatch(/^KRS4405/);
  });
});

describe("GB carbon intensity", () => {
  const lines = [
    "Datetime (UTC),Actual Carbon Intensity (gCO2/kWh),Forecast Carbon Intensity (gCO2/kWh),Index",
    "2024-05-01T00:00Z,100,110,low",
    "2024-05-01T00:30Z,,120,low",
    "2024-05-01T01:00Z,90,95,low",
    "2024-05-01T01:30Z,,99,low",
  ];

  test("half hours; missing actuals as told, those at the end left out", () => {
    expect(complaint(lines)).toMatch(/^KRS4406 t.csv .*--values actual or --values forecast/);
    expect(complaint(lines, { values: "actual" })).toMatch(/^KRS4407 t.csv:3/);
    const forecast = read(lines, { values: "forecast" });
    expect(forecast.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([110, 120, 95, 99]);
    expect(hours(forecast)[3]).toEqual([1.5, 2]);
    const mixed = read(lines, { values: "actual", missing: "forecast" });
    expect(mixed.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([100, 120, 90, 99]);
    const held = read(lines.slice(0, 4), { values: "actual", missing: "hold" });
    expect(held.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([100, 100, 90]);
    const whole = read([lines[0] ?? "", lines[1] ?? "", lines[3] ?? "", lines[4] ?? ""], {
      values: "actual",
      missing: "hold",
      stamp: "end",
    });
    expect(whole.origin_s).toBe(utc(2024, 4, 30, 23));
  });
});

describe("EIA-930", () => {
  const lines = [
    '"Balancing Authority","Data Date","Hour Number","Local Time at End of Hour","UTC Time at End of Hour","Demand (MW)","Net Generation (MW) from Coal","Net Generation (MW) from Natural Gas","Net Generation (MW) from Natural Gas (Adjusted)","Net Generation (MW) from Hydropower and Pumped Storage","Net Generation (MW) from Battery Storage"',
    '"CISO","03/04/2024","1","03/04/2024 1:00:00 AM","03/04/2024 12:00:00 PM","9","0","500","1,000","1,000","-200"',
    '"CISO","03/04/2024","2","03/04/2024 2:00:00 AM","03/04/2024 1:00:00 PM","9","1000","0","0","0","500"',
  ];

  test("months come first, hours end at their stamp, sources make the intensity", () => {
    expect(complaint(lines)).toMatch(/^KRS4406/);
    const direct = read(lines, { emissions: "direct" });
    expect(direct.origin_s).toBe(utc(2024, 3, 4, 11));
    expect(hours(direct)).toEqual([
      [0, 1],
      [1, 2],
    ]);
    const [mixed, coal] = direct.slots.map((slot) => slot.carbon_g_per_kwh);
    expect(mixed).toBeCloseTo((0.96 * 453.59237) / 2, 9);
    expect(coal).toBeCloseTo(2.31 * 453.59237, 9);
    const whole = read(lines, { emissions: "life-cycle" });
    expect(whole.slots.map((slot) => slot.carbon_g_per_kwh)).toEqual([(490 + 24) / 2, 820]);
    const wrong = [...lines, '"CISO","","","","13/04/2024 2:00:00 PM","9","1","0","0","0","0"'];
    expect(complaint(wrong, { emissions: "direct" })).toMatch(/^KRS4401 t.csv:4/);
  });
});

describe("ENTSO-E", () => {
  const header = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"';
  const row = (from: string, to: string, price: number | string) =>
    `"${from} - ${to}","${price}","EUR",""`;
  const hour = (day: string, h: number, price: number | string) => {
    const clock = (k: number) => `${day} ${String(k).padStart(2, "0")}:00`;
    return row(clock(h), clock(h + 1), price);
  };

  test("the hour that stands twice is two hours", () => {
    const autumn = [0, 1, 2, 2, 3].map((h, i) => hour("27.10.2024", h, 100 - i));
    const { origin_s, slots, settled } = read([header, ...autumn]);
    expect(origin_s).toBe(utc(2024, 10, 26, 22));
    expect(slots.map(({ start_s }) => start_s / 3600)).toEqual([0, 1, 2, 3, 4]);
    expect(slots.map(({ price_per_kwh }) => price_per_kwh)).toEqual([
      0.1, 0.099, 0.098, 0.097, 0.096,
    ]);
    expect(settled.join()).toContain("CET/CEST, day first");
    const once = [0, 1, 2, 3].map((h) => hour("27.10.2024", h, 50));
    expect(complaint([header, ...once])).toMatch(/^KRS4407/);
  });

  test("quarters of it stand in their order; zones beside times are heard", () => {
    const quarter = (from: string, to: string) => row(from, to, 10);
    const clock = (minutes: number, zone: string) =>
      `27/10/2024 0${2 + Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:00${zone}`;
    const plain = [0, 15, 30, 45, 0, 15, 30, 45].map((m) =>
      quarter(clock(m, ""), clock(m + 15, "")),
    );
    expect(hours(read([header, ...plain])).map(([from]) => from)).toEqual([
      0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75,
    ]);
    const named = [
      quarter(clock(45, " (CEST)"), clock(0, " (CET)")),
      quarter(clock(0, " (CET)"), clock(15, " (CET)")),
    ];
    const { origin_s, slots } = read([header, ...named]);
    expect(origin_s).toBe(utc(2024, 10, 27, 0, 45));
    expect(slots.map(({ start_s, end_s }) => [start_s, end_s])).toEqual([
      [0, 900],
      [900, 1800],
    ]);
  });

  test("the hour that clocks leave out is none, however the file writes it", () => {
    const spring = [0, 1, 3, 4].map((h) => hour("31.03.2024", h, h));
    const bridged = [
      hour("31.03.2024", 0, 0),
      row("31.03.2024 01:00", "31.03.2024 03:00", 1),
      hour("31.03.2024", 3, 3),
    ];
    const empty = [...spring.slice(0, 2), hour("31.03.2024", 2, ""), ...spring.slice(2)];
    for (const lines of [spring, bridged, empty]) {
      const starts = hours(read([header, ...lines])).map(([from]) => from);
      expect(starts).toEqual(starts.map((_, i) => i));
    }
    const priced = [...spring.slice(0, 2), hour("31.03.2024", 2, 7), ...spring.slice(2)];
    expect(complaint([header, ...priced])).toMatch(/^KRS4401 t.csv:4/);
  });

  test("a zone that may have summer time is asked for in summer only", () => {
    const vague = header.replace("CET/CEST", "CET");
    const winter = [0, 1].map((h) => hour("01.01.2024", h, -5));
    expect(read([vague, ...winter]).slots.map((slot) => slot.price_per_kwh)).toEqual([
      -0.005, -0.005,
    ]);
    const summer = [0, 1].map((h) => hour("01.07.2024", h, 5));
    expect(complaint([vague, ...summer])).toMatch(
      /^KRS4406 t.csv .*--zone CET or --zone CET\/CEST/,
    );
    expect(read([vague, ...summer], { zone: "CET" }).origin_s).toBe(utc(2024, 6, 30, 23));
    expect(read([vague, ...summer], { zone: "cet/cest" }).origin_s).toBe(utc(2024, 6, 30, 22));
  });

  test("of two series in a file one is chosen", () => {
    const newer = '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)"';
    const of = (sequence: number, h: number, price: number) =>
      `"01/01/2025 0${h}:00:00 - 01/01/2025 0${h + 1}:00:00","BZN|DE-LU","Sequence Sequence ${sequence}","${price}"`;
    const lines = [newer, of(1, 0, 10), of(2, 0, 20), of(1, 1, 11), of(2, 1, 21)];
    expect(complaint(lines)).toMatch(/^KRS4405/);
    const second = read(lines, { series: ["sequence sequence 2"] });
    expect(second.slots.map((slot) => slot.price_per_kwh)).toEqual([0.02, 0.021]);
    const mixed = [
      header,
      row("01.01.2025 00:00", "01.01.2025 01:00", 10),
      row("01.01.2025 01:00", "01.01.2025 02:00", 11),
      row("01.01.2025 00:00", "01.01.2025 00:15", 1),
      row("01.01.2025 00:15", "01.01.2025 00:30", 2),
    ];
    expect(complaint(mixed)).toMatch(/^KRS4405/);
    expect(read(mixed, { series: ["15 min"] }).slots.map((slot) => slot.price_per_kwh)).toEqual([
      0.001, 0.002,
    ]);
    expect(hours(read(mixed, { series: ["60 min"] }))).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});
