import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scaled } from "../../src/base/units.js";
import { reportPage } from "../../src/views/report/report.js";
import { BROWSER_FOUND, openBrowser, type Page } from "../support/browser.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { planAt } from "../support/plans.js";
import { DETAILS, EVALUATIONS, FRONTIER, PLANS } from "../support/run.js";

const folder = temporaryFolder();
const out = join(folder, "mini");
const MICROBATCHES = 4;

let page: Page;
const text = (selector: string) =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const chosen = () =>
  page.evaluate<number>(`Number(document.querySelector("input[name=point]:checked").value)`);
const hash = () => page.evaluate<string>("location.hash");
/** Once the page has drawn what was last asked for. */
const drawn = () =>
  page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))");
/** How many shapes of a fill a chart holds. */
const shapes = (chart: string, fill: string) =>
  page.evaluate<number>(`document.querySelectorAll('${chart} svg path[fill="${fill}"]').length`);

async function look(width: number, scheme: "light" | "dark", media = "screen"): Promise<void> {
  await page.send("Emulation.setDeviceMetricsOverride", {
    ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
  });
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await page.send("Emulation.setEmulatedMedia", { media, features });
  await drawn();
}

describe.runIf(BROWSER_FOUND)("report.html in a browser", () => {
  beforeAll(async () => {
    const layout = ["--tp", "2", "--pp", "2", "--microbatches", String(MICROBATCHES)];
    const bind = ["--bind", "batch=4,sequence=512", "--dtype", "bf16"];
    const graph = join(ROOT, "test/golden/mini.onnx");
    const run = await kareus([
      "optimize",
      graph,
      ...layout,
      ...bind,
      "--points",
      "6",
      "--out",
      out,
    ]);
    expect(run.stderr).toBe("");
    page = await openBrowser();
    await look(1200, "light");
    await page.open(pathToFileURL(join(out, "report.html")).href);
    await drawn();
  });
  afterAll(async () => {
    await page?.close();
  });

  test("loads whole: no error, no request but for itself, everything drawn", async () => {
    expect(page.errors).toEqual([]);
    expect(page.requests.filter((url) => !url.startsWith("file:"))).toEqual([]);
    expect(page.requests).toHaveLength(1);
    for (const chart of ["frontier", "rival", "timeline", "power", "overlap", "cloud"]) {
      const paths = await page.evaluate<number>(
        `document.querySelectorAll("#${chart}-chart svg path").length`,
      );
      expect(paths, chart).toBeGreaterThan(5);
    }
  });

  test("opens at the knee, with the command that selects it", async () => {
    const selected = await kareus(["select", out, "--knee", "--json"]);
    const { id } = JSON.parse(selected.stdout);
    expect(await text("#point-title")).toBe(`Point ${id}`);
    const command = (await text("#command")).split(" ");
    expect(command.slice(0, 3)).toEqual(["kareus", "select", out]);
    const again = await kareus(["select", out, ...command.slice(3, 5), "--json"]);
    expect(JSON.parse(again.stdout).id).toBe(id);
  });

  test.each(["deadline", "energy", "power"])(
    "the slider for %s picks points from end to end, each by its own command",
    async (demand) => {
      const points = JSON.parse(readFileSync(join(out, "frontier.json"), "utf8")).points;
      const seen = new Set<number>();
      for (const value of [0, 500, 1000]) {
        await page.evaluate(`(() => {
          const [demand, slider] = [document.querySelector("#demand"), document.querySelector("#slider")];
          demand.value = ${JSON.stringify(demand)};
          demand.dispatchEvent(new Event("change"));
          slider.value = ${value};
          slider.dispatchEvent(new Event("input"));
        })()`);
        await drawn();
        const command = (await text("#command")).split(" ");
        const selected = await kareus(["select", out, ...command.slice(3, 5), "--json"]);
        const { id } = JSON.parse(selected.stdout);
        expect(await text("#point-title")).toBe(`Point ${id}`);
        seen.add(id);
      }
      expect(seen).toContain(points[0].id);
      expect(seen).toContain(points.at(-1).id);
    },
  );

  test("saves the plan of the point as it lies in the folder, and its trace", async () => {
    await page.evaluate("location.hash = '#point=2'");
    await drawn();
    const saved = async (button: string) => {
      await page.evaluate(`(() => {
        window.saved = new Promise((done) => {
          URL.createObjectURL = (blob) => (done(blob.text()), "blob:saved");
          HTMLAnchorElement.prototype.click = () => {};
        });
        document.querySelector("${button}").click();
      })()`);
      return page.evaluate<string>("window.saved");
    };
    const plan = join(out, "plans/002.json");
    expect(await saved("#save-plan")).toBe(readFileSync(plan, "utf8"));
    const exported = await kareus(["export", plan, "--format", "perfetto"]);
    expect(JSON.parse(await saved("#save-trace"))).toEqual(JSON.parse(exported.stdout));
  });

  test("says the peak and the swing that simulate says", async () => {
    const simulated = await kareus(["simulate", join(out, "plans/002.json"), "--json"]);
    const { peak_power_w, lowest_power_w, swing_w } = JSON.parse(simulated.stdout).simulated;
    const [peak, lowest, swing] = [peak_power_w, lowest_power_w, swing_w].map((w) =>
      scaled(w, "W"),
    );
    expect(await text("#power-facts")).toContain(`peak ${peak}, lowest ${lowest}, swing ${swing}.`);
  });

  test("shows time and energy by cause, and the reader's bill", async () => {
    const bars = "document.querySelectorAll('#cause-time .stack').length";
    expect(await page.evaluate<number>(bars)).toBe(4);
    expect(await text("#cause-energy .stack b")).toMatch(/J$/);
    expect(await text("#advice")).toMatch(/^Point 2: .*% less energy than .* Choose \d+: /);
    expect(await text("#bill")).toMatch(/^The run takes .* at that price, .* of CO2\.$/);
    expect(await text("#power-facts")).toMatch(/^Of one replica: peak .* swing /);
  });

  test("an instruction leads to the partition that takes most of it", async () => {
    const [box] = await page.evaluate<{ x: number; y: number }[]>(
      `(document.querySelector("#timeline-chart").scrollIntoView({ block: "center" }),
        [...document.querySelectorAll('#timeline-chart svg path[stroke="var(--critical)"]')]
          .map((m) => m.getBoundingClientRect())
          .map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 })))`,
    );
    await page.click(box?.x ?? 0, box?.y ?? 0);
    await drawn();
    const top = await page.evaluate<number>(
      "document.querySelector('#partition-title').getBoundingClientRect().top",
    );
    expect(top).toBeLessThan(700);
  });

  test("a click into the list chooses a point, and the address remembers it", async () => {
    await page.evaluate("document.querySelectorAll('input[name=point]')[2].closest('tr').click()");
    expect(await chosen()).toBe(2);
    expect(await text("#point-title")).toBe("Point 2");
    expect(await hash()).toMatch(/^#point=2&partition=(forward|backward)\.[0-9a-f]{12}$/);
  });

  test("the arrow keys move on from there", async () => {
    await page.evaluate("document.querySelector('input[name=point]:checked').focus()");
    await page.press("ArrowDown");
    await drawn();
    expect(await text("#point-title")).toBe("Point 3");
    await page.press("ArrowUp");
    await page.press("ArrowUp");
    await drawn();
    expect(await text("#point-title")).toBe("Point 1");
    expect(await hash()).toContain("point=1");
  });

  test("a click on a point of the chart chooses it", async () => {
    const marks = await page.evaluate<{ x: number; y: number }[]>(
      `[...document.querySelectorAll('#frontier-chart svg path[fill="var(--series-0)"]')]
        .map((mark) => mark.getBoundingClientRect())
        .map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))`,
    );
    const ends = marks.filter(({ y }) => y > 0).sort((a, b) => a.x - b.x);
    const last = ends.at(-1);
    await page.click(last?.x ?? 0, last?.y ?? 0);
    await drawn();
    const points = JSON.parse(readFileSync(join(out, "frontier.json"), "utf8")).points;
    expect(await chosen()).toBe(points.length - 1);
    expect(await text("#point-title")).toBe(`Point ${points.at(-1).id}`);
  });

  test("the timeline has a box for every instruction of the chosen plan", async () => {
    await page.evaluate("location.hash = '#point=0'");
    await drawn();
    const plan = planAt(join(out, "plans/000.json"));
    const instructions = plan.stages.flatMap(({ instructions }) => instructions);
    const boxes = await page.evaluate<number>(
      `[...document.querySelectorAll("#timeline-chart svg path")]
        .filter((path) => /^(var\\(--critical\\)|var\\(--page\\))$/.test(path.getAttribute("stroke"))).length`,
    );
    expect(boxes).toBe(instructions.length);
    // Grey is where a stage waits, and nothing else.
    const gaps = plan.stages.flatMap((stage) => {
      const ends = [0, ...stage.instructions.map(({ start_s, time_s }) => start_s + time_s)];
      const starts = [...stage.instructions.map(({ start_s }) => start_s), plan.point.time_s];
      return starts.filter((start_s, i) => start_s - (ends[i] ?? 0) > 1e-6 * plan.point.time_s);
    });
    expect(await shapes("#timeline-chart", "var(--idle)")).toBe(gaps.length);
    await page.evaluate("document.querySelector('#instruction-details').open = true");
    await drawn();
    const rows = await page.evaluate<number>(
      "document.querySelectorAll('#instruction-details tbody tr').length",
    );
    expect(rows).toBe(instructions.length);
    const labels = await text("#timeline-chart svg");
    for (let microbatch = 0; microbatch < MICROBATCHES; microbatch++) {
      expect(labels).toContain(String(microbatch));
    }
  });

  test("the key names every clock of the timeline and of the baseline above it", async () => {
    const { points } = JSON.parse(readFileSync(join(out, "frontier.json"), "utf8"));
    await page.evaluate(`location.hash = '#point=${points.at(-1).id}'`);
    await drawn();
    const clocks = (charts: string) =>
      page.evaluate<string[]>(
        `[...new Set([...document.querySelectorAll(${JSON.stringify(charts)})].map((e) => e.getAttribute("fill")))]
          .filter((fill) => /^#[0-9a-f]{6}$/.test(fill))`,
      );
    const keys = await page.evaluate<string[]>(
      `[...document.querySelectorAll("#timeline-key *")].map((e) => e.style.background)
        .filter((b) => b.startsWith("rgb")).map((b) => "#" + b.match(/\\d+/g).map((n) => Number(n).toString(16).padStart(2, "0")).join(""))`,
    );
    const [own, rival] = [
      await clocks("#timeline-chart svg path"),
      await clocks("#rival-chart svg path"),
    ];
    expect(own.length).toBeGreaterThan(0);
    expect(rival.filter((colour) => !own.includes(colour)).length).toBeGreaterThan(0);
    for (const colour of [...own, ...rival]) expect(keys).toContain(colour);
  });

  test("a configuration that is asked for is drawn kernel by kernel", async () => {
    await page.evaluate("document.querySelectorAll('#knob-table button')[1].click()");
    await drawn();
    expect(await text("#overlap-facts")).toMatch(/^As the model plays it: [\d.]+ [mu]s, /);
    const kernels = await shapes("#overlap-chart", "var(--compute)");
    const other = await shapes("#overlap-chart", "var(--compute-other)");
    expect(kernels + other).toBeGreaterThan(2);
    expect(await shapes("#overlap-chart", "var(--communication)")).toBeGreaterThan(0);
    expect(await text("#cloud-facts")).toMatch(/^\d+ configurations evaluated/);
  });

  test.each([
    ["frontier", 'path[fill="var(--series-0)"]', /^Point \d+\d[\d.]* m?s/],
    ["timeline", 'path[stroke="var(--critical)"]', /^(Forward|Backward) of microbatch \d/],
    ["overlap", 'path[fill="var(--compute)"]', /^\w+_\d: /],
  ])("the %s tells what is under the mouse, and stays whole", async (name, mark, said) => {
    const chart = `#${name}-chart`;
    await page.evaluate(`document.querySelector("${chart}").scrollIntoView({ block: "center" })`);
    await drawn();
    const all = `document.querySelectorAll("${chart} svg *").length`;
    const before = await page.evaluate<number>(all);
    const marks = await page.evaluate<{ x: number; y: number }[]>(
      `[...document.querySelectorAll('${chart} svg ${mark}')].map((m) => m.getBoundingClientRect())
        .filter(({ y }) => y > 0).map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))`,
    );
    for (const { x, y } of marks.slice(-3)) await page.hover(x, y);
    await page.evaluate("new Promise((done) => setTimeout(done, 150))");
    expect(await text(`${chart} .tip`)).toMatch(said);
    expect(await page.evaluate<number>(all)).toBe(before);
  });

  test.each([
    [1200, "light"],
    [1200, "dark"],
    [390, "light"],
  ] as const)("at %i pixels, %s: nothing overflows, text stands out", async (width, scheme) => {
    await look(width, scheme);
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
    expect(wide).toBeLessThanOrEqual(width);
    const ratios = await page.evaluate<Record<string, number>>(`(${contrasts})()`);
    for (const [name, ratio] of Object.entries(ratios)) {
      expect(ratio, name).toBeGreaterThanOrEqual(name.startsWith("--series") ? 3 : 4.5);
    }
  });

  test("on a phone no table hides a column, open or not", async () => {
    await look(390, "light");
    await page.evaluate(
      "for (const part of document.querySelectorAll('details')) part.open = true",
    );
    await drawn();
    const cut = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText)",
    );
    expect(cut).toEqual([]);
    const columns = "[...document.querySelectorAll('#knob-table td')].map((e) => e.dataset.column)";
    expect(await page.evaluate<string[]>(columns)).toContain("communication starts at");
    await page.evaluate(
      "for (const part of document.querySelectorAll('details')) part.open = false",
    );
    await look(1200, "light");
  });

  test("on paper charts are as wide as a page, colours light, lists whole", async () => {
    await look(720, "dark", "print");
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    const widths = await page.evaluate<number[]>(
      "[...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().width)",
    );
    for (const width of widths) expect(width).toBeLessThanOrEqual(700);
    const style = "getComputedStyle(document.body)";
    expect(await page.evaluate(`${style}.backgroundColor`)).toBe("rgb(255, 255, 255)");
    const hidden = await page.evaluate<number>(
      "[...document.querySelectorAll('.tall')].filter((e) => e.scrollHeight > e.clientHeight + 1).length",
    );
    expect(hidden).toBe(0);
    const lines = await page.evaluate<boolean[]>(
      "[...document.querySelectorAll('#knob-table tbody tr')].map((e) => e.getClientRects().length > 0)",
    );
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter(Boolean)).toHaveLength(20);
    const words = new RegExp(`^and ${lines.length - 20} more that take [\\d.]+% of the time`);
    expect(await text("#knob-table .printed")).toMatch(words);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    await look(1200, "light");
  });

  test("names from elsewhere stay names", async () => {
    const name = '</script><script>window.harmed = true</script><img src=x onerror="harmed = 1">';
    const graph = { ...FRONTIER.graph, name };
    const frontier = { ...FRONTIER, graph };
    const plans = PLANS.map((plan) => ({
      ...plan,
      partitions: plan.partitions.map((each) => ({
        ...each,
        slots: each.slots.map((slot) => ({ ...slot, nodes: [name] })),
      })),
    }));
    const file = join(folder, "hostile.html");
    writeFileSync(
      file,
      reportPage({ frontier, plans, evaluations: EVALUATIONS, details: DETAILS }),
    );
    await page.open(pathToFileURL(file).href);
    await drawn();
    expect(await text("h1")).toBe(`${name} on a100-sxm4-40gb`);
    expect(await page.evaluate("typeof window.harmed")).toBe("undefined");
    expect(await page.evaluate("document.images.length")).toBe(0);
    expect(page.errors).toEqual([]);
  });
});

/** Contrast (WCAG 2) of the page's colours of text and lines with its ground; runs in the page. */
const contrasts = `() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim();
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const pairs = [["--ink", "--page"], ["--muted", "--page"], ["--muted", "--raised"],
    ["--accent", "--page"], ["--on-bar", "--compute"], ["--on-bar", "--compute-other"],
    ["--series-0", "--page"], ["--series-1", "--page"], ["--series-2", "--page"], ["--series-3", "--page"]];
  return Object.fromEntries(pairs.map(([a, b]) => [a + " on " + b, ratio(a, b)]));
}`;
