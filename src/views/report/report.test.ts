import { describe, expect, it } from "vitest";
import { DETAILS, EVALUATIONS, FRONTIER, PLANS } from "../../../test/support/run.js";
import { need } from "../../base/need.js";
import { writePlan } from "../../plan/plan.js";
import { frontierSummary } from "../summary.js";
import { cloudOf } from "./cloud.js";
import { reportData } from "./data.js";
import { DrawnPlans } from "./drawn-plans.js";
import { reportPage, type WholeRun } from "./report.js";

const RUN = { frontier: FRONTIER, plans: PLANS, evaluations: EVALUATIONS, details: DETAILS };

function dataOf(run: WholeRun) {
  const drawn = new DrawnPlans(run.plans.length, run);
  for (const plan of run.plans) drawn.add(plan);
  const byId = new Map(run.plans.map((plan) => [plan.point.id, plan]));
  return reportData(run, drawn, (id) => writePlan(need(byId, id)));
}

describe("the data of a report", () => {
  const data = dataOf(RUN);

  it("places every instruction of a plan where the plan has it", () => {
    PLANS.forEach((plan, index) => {
      const drawn = data.plans[index];
      plan.stages.forEach(({ instructions }, stage) => {
        let now_s = 0;
        instructions.forEach(({ start_s, time_s, freq_mhz, kind, microbatch }, i) => {
          now_s += drawn?.wait_s[stage]?.[i] ?? Number.NaN;
          expect(now_s).toBeCloseTo(start_s, 5);
          const option = drawn?.options[drawn.choice[stage]?.[i] ?? -1];
          expect(option?.freq_mhz).toBe(freq_mhz);
          expect(option?.time_s).toBeCloseTo(time_s, 8);
          expect(data.lanes[stage]?.[i]?.slice(0, 2)).toEqual([kind, microbatch]);
          now_s += time_s;
        });
      });
    });
  });

  it("counts how often each configuration runs, and finds its cost and its inside", () => {
    const [first] = data.plans;
    const runs = (first?.knobs ?? []).map(([index, count]) => {
      const { launch_slot, sms, cost, run } = data.configurations[index] ?? {};
      return [launch_slot, sms, count, cost?.source, run?.pieces.length];
    });
    // Four forwards: layers 0, 1, 1, 3 and 2, and twice outside; four backwards of two layers.
    expect(runs).toEqual([
      ["norm_0", 6, 20, "modelled", 2],
      [null, 0, 8, "modelled", undefined],
      ["norm_0", 12, 8, "modelled", undefined],
      [null, 0, 2, undefined, undefined],
    ]);
    const { contention_s, exposed_communication_s } = data.configurations[0]?.cost?.parts ?? {};
    expect([contention_s, exposed_communication_s]).toEqual([0, 0.0025]);
  });

  it("holds what was evaluated of each partition type, above static power", () => {
    const cloud = data.partitions.find(({ key }) => key === "forward.a")?.cloud;
    expect(cloud?.evaluated).toBe(3);
    expect(cloud?.frontier).toHaveLength(2);
    const dynamic_j = [...(cloud?.dynamic_j ?? [])].sort((a, b) => a - b);
    expect(dynamic_j).toEqual([3 - 85 * 0.01, 3 - 85 * 0.01, 4 - 85 * 0.008]);
  });

  it("is null where the folder lacks something", () => {
    const older = PLANS.slice(0, 1).map(({ costs: _, ...plan }) => plan);
    const bare = dataOf({ ...RUN, plans: older, evaluations: [], details: null });
    expect(bare.plans.map((plan) => plan === null)).toEqual([false, true]);
    expect(bare.sm_count).toBeNull();
    expect(bare.partitions.map(({ cloud }) => cloud)).toEqual([null, null]);
    expect(bare.configurations.every(({ cost, run }) => cost === null && run === null)).toBe(true);
  });
});

describe("many large plans", () => {
  it("are drawn for points evenly spread, both ends among them; the page says which are left out", () => {
    const [first] = PLANS;
    const [stage] = first?.stages ?? [];
    const [instruction] = stage?.instructions ?? [];
    if (first === undefined || instruction === undefined) throw new Error("the run is empty");
    const instructions = Array.from({ length: 40_000 }, () => instruction);
    const points = Array.from({ length: 10 }, (_, id) => ({ ...FRONTIER.points[0], id }));
    const plans = points.map(({ id }) => ({
      ...first,
      ...{ point: { ...first.point, id }, stages: [{ stage: 0, instructions }] },
    }));
    const frontier = { ...FRONTIER, points: points as typeof FRONTIER.points };
    const data = dataOf({ ...RUN, frontier, plans: plans.slice(0, 9) });
    expect(data.plans.map((plan) => plan !== null)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
    expect(data.left_out).toEqual([1, 3, 5, 7]);
  });
});

describe("a cloud", () => {
  it("keeps its frontier whole where it is thinned", () => {
    const [like] = EVALUATIONS;
    if (like === undefined) throw new Error("the run has no evaluations");
    const many = Array.from({ length: 1000 }, (_, i) => {
      const time_s = 1 + i / 1000;
      return { ...like, time_s, energy_j: i % 2 === 0 ? 100 / time_s : 200 };
    });
    const cloud = cloudOf(many, ["norm_0"], 0, 50);
    expect(cloud.evaluated).toBe(1000);
    expect(cloud.frontier).toHaveLength(500);
    expect(cloud.time_s.length).toBeLessThan(560);
    for (let k = 1; k < cloud.frontier.length; k++) {
      expect(cloud.dynamic_j[k] ?? 0).toBeLessThan(cloud.dynamic_j[k - 1] ?? 0);
    }
  });
});

const LOOK = { width: 0, unicode: false, paint: (_: number, text: string) => text };

describe("the page", () => {
  it("is the same for the same input, and forbids itself whatever is elsewhere", () => {
    const page = reportPage(RUN);
    expect(reportPage(RUN)).toBe(page);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<link|<img|<iframe|<script[^>]+src/);
    expect(page).toContain("42 modelled");
    expect(page).toContain(">2 % mean</td>");
  });

  it("shows names as text, and no name ends a script", () => {
    const name = '</script><script>alert(1)</script><img src="x" onerror="alert(2)">&';
    const graph = { name, sha256: "0" };
    const [plan] = PLANS;
    const [partition] = plan?.partitions ?? [];
    if (plan === undefined || partition === undefined) throw new Error("the run is empty");
    const slots = [{ name: "norm_0", nodes: [name] }];
    const hostile = { ...plan, partitions: [{ ...partition, slots }, ...plan.partitions.slice(1)] };
    const page = reportPage({ ...RUN, frontier: { ...FRONTIER, graph }, plans: [hostile] });
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toContain("<img");
    expect(page).toContain("\\u003c/script>\\u003cscript>alert(1)");
    expect(page).toContain("&lt;img src=&quot;x&quot;");
  });

  it("says whose energies it shows, and why nothing is gained where nothing communicates", () => {
    const [points, alone] = [FRONTIER.points, { tp: 1, cp: 1, ep: 1 }];
    const frontier = {
      ...FRONTIER,
      parallelism: { ...FRONTIER.parallelism, ...alone, dp: 4 },
      baselines: [{ name: "sequential-frequency" as const, points }],
    };
    const page = reportPage({ ...RUN, frontier });
    expect(page).toContain("Energy and power are those of one replica (2 GPUs) of 4.");
    expect(page).toContain("no more: with one GPU for each stage");
    expect(page).not.toContain('class="gain"');
    expect(frontierSummary(frontier, LOOK)).toContain("no more: with one GPU for each stage");
    expect(reportPage(RUN)).toContain('class="gain"');
    expect(reportPage(RUN)).toContain("Energy and power are those of 16 GPUs.");
    expect(reportPage(RUN)).toContain("1f1b, recompute full, batch 8, bf16</p>");
  });

  it("says what was told of power beside the GPUs, and which profiles there were", () => {
    const beyond = { node_power_w: 4000, network_power_w: 500, pue: 1.3, gpus_per_node: 8 };
    const profile = { id: "recorded-1", records: 1, used: 1, for: [], unused: [] };
    const costs = { ...FRONTIER.costs, profiles: [profile] };
    const page = reportPage({
      ...RUN,
      frontier: { ...FRONTIER, beyond_gpus: beyond, costs, peak_power_w: 9000 },
    });
    expect(page).toContain("Energies count 4 kW of every node of 8 GPUs and 500 W of its network");
    expect(page).toMatch(/PUE of 1\.3\. Of least energy so: point \d/);
    expect(page).toContain("<dt>Profiles</dt><dd>recorded-1</dd>");
    expect(page).toContain("kept under 9 kW of a replica");
    expect(reportPage(RUN)).not.toContain("Beside the GPUs");
  });

  it("is made of one point without baselines too, and says what is missing", () => {
    const [only] = FRONTIER.points;
    const frontier = { ...FRONTIER, baselines: [], points: only ? [only] : [] };
    const page = reportPage({ frontier, plans: [], evaluations: [], details: null });
    expect(page).toContain("not available");
    expect(page.match(/<input type="radio"/g)).toHaveLength(1);
  });
});
