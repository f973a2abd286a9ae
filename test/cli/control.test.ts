import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadDevice } from "../../src/gpu/device.js";
import { readFrontier } from "../../src/plan/frontier.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { planAt } from "../support/plans.js";

const CONTROLS = ["all", "clocks", "clocks,sms"] as const;
const folder = temporaryFolder();
const ARGUMENTS = [
  ...["optimize", join(ROOT, "test/golden/mini.onnx"), "--bind", "batch=4,sequence=512"],
  ...["--dtype", "bf16", "--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "6"],
];
const frontierOf = (control: string) => {
  const file = join(folder, control, "frontier.json");
  return readFrontier(readFileSync(file, "utf8"), file);
};
const plansOf = (control: string) =>
  frontierOf(control).points.map(({ plan }) => planAt(join(folder, control, plan)));
const curve = (points: readonly { time_s: number; energy_j: number }[]) =>
  points.map(({ time_s, energy_j }) => [time_s, energy_j]);

const said = new Map<string, string>();
beforeAll(async () => {
  for (const control of CONTROLS) {
    const run = await kareus([...ARGUMENTS, "--control", control, "--out", join(folder, control)]);
    expect(run.status).toBe(0);
    said.set(control, run.stdout);
  }
});

describe("--control", () => {
  test("clocks alone reach what frequency scaling reaches in a run of everything", () => {
    const all = frontierOf("all");
    const baseline = all.baselines.find(({ name }) => name === "sequential-frequency");
    expect(curve(frontierOf("clocks").points)).toEqual(curve(baseline?.points ?? []));
    expect(frontierOf("clocks").full_control).toEqual(
      all.points.map(({ time_s, energy_j }) => ({ time_s, energy_j })),
    );
    expect(all.control).toBeUndefined();
    expect(all.full_control).toBeUndefined();
  });

  test("plans under a control set nothing else", () => {
    const device = loadDevice("a100-sxm4-40gb");
    const sms = new Set<number>();
    for (const control of ["clocks", "clocks,sms"]) {
      for (const plan of plansOf(control)) {
        expect(plan.control).toBe(control);
        const instructions = plan.stages.flatMap((stage) => stage.instructions);
        expect(new Set(instructions.map(({ execution }) => execution))).toEqual(
          new Set(["sequential"]),
        );
        for (const { partition, order, launch_slot, ...each } of plan.configurations) {
          const type = plan.partitions.find(({ key }) => key === partition);
          const [first] = type?.slots ?? [];
          expect(order).toBeNull();
          expect([null, first?.name]).toContain(launch_slot);
          if (type?.communication === null) continue;
          if (control === "clocks") expect(each.sms).toBe(device.default_comm_sms);
          else sms.add(each.sms);
        }
      }
    }
    expect(sms.size).toBeGreaterThan(1);
    expect(sms).not.toContain(0);
  });

  test("more control is never worse, and it is said what full control would add", () => {
    const cheapest = (control: string) =>
      Math.min(...frontierOf(control).points.map(({ energy_j }) => energy_j));
    expect(cheapest("clocks,sms")).toBeLessThanOrEqual(cheapest("clocks"));
    expect(cheapest("all")).toBeLessThanOrEqual(cheapest("clocks,sms"));
    expect(said.get("clocks")).toMatch(
      /Control of launch points and SMs as well would bring .*energy in the same time/,
    );
    expect(said.get("clocks,sms")).toMatch(/Control of launch points as well would bring/);
    expect(said.get("all")).not.toContain("as well would bring");
    expect(readFileSync(join(folder, "clocks", "report.html"), "utf8")).toContain(
      "Control of launch points and SMs as well would bring",
    );
  });
});
