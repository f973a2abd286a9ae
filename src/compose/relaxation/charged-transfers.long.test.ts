import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { type Network, networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { type PipelineShape, pipelineShape } from "./pipeline-graph.js";
import { relax } from "./relax.js";
import { relaxGraph } from "./relaxed-graph.js";

const TRANSFER_S = 2e-3;
const KINDS = {
  "1f1b": ["forward", "backward"],
  "zb-h1": ["forward", "input_gradient", "weight_gradient"],
  "interleaved-1f1b": ["forward", "backward"],
  "dualpipe-v": ["forward", "backward", "input_gradient", "weight_gradient"],
} as const;

/** More than a thousand instructions of about a tenth of a second. */
function deep(pipeline: keyof typeof KINDS): Network {
  const stages = 9;
  const listOf = (work_s: number, phase: number) =>
    Array.from({ length: 10 }, (_, k) => {
      const clock = 0.6 + (0.4 * k) / 9;
      const time_s = (work_s / clock) * (1 + 0.02 * Math.sin(phase + 5 * k));
      return option(time_s, work_s * (60 + 170 * clock ** 2.4) + 85 * time_s);
    });
  const chunks = pipeline === "interleaved-1f1b" || pipeline === "dualpipe-v" ? 2 : 1;
  const options = Array.from({ length: stages * chunks }, (_, cell) =>
    Object.fromEntries(
      KINDS[pipeline].map((kind, k) => [kind, listOf(0.1 + 0.02 * ((7 * cell + k) % 5), cell)]),
    ),
  );
  const microbatches = pipeline === "1f1b" ? 60 : 40;
  const layout = { microbatches, static_power_w: 85, transfer_s: TRANSFER_S, pipeline, chunks };
  return networkOf(problemOfOptions(options, stages, layout));
}

/** The pipeline's graph with all that takes time: what takes long is not left out. */
function wholeShape(network: Network): PipelineShape {
  const long = network.transfer_s.map((transfer_s) => 1e3 * transfer_s);
  const { transfer_s, ...shape } = pipelineShape({ ...network, transfer_s: long });
  expect(shape.crossings).toEqual([]);
  return { ...shape, transfer_s: transfer_s.map((each) => each && each / 1e3) };
}

test.each([
  ["1f1b", 1.5e-3],
  ["zb-h1", 5e-4],
  ["interleaved-1f1b", 2e-4],
  ["dualpipe-v", 3e-4],
] as const)("the bound of %s is a hair below the whole graph's", (pipeline, most) => {
  const network = deep(pipeline);
  const shape = pipelineShape(network);
  expect(shape.crossings.length).toBeGreaterThan(250);
  const charged = relax(network, 16, shape);
  const whole = relaxGraph(network, 16, wholeShape(network));
  expect(charged.fastest_s).toBe(whole.fastest_s);
  expect(charged.energy_optimal_time_s / whole.energy_optimal_time_s).toBeCloseTo(1, 2);
  const range_s = whole.energy_optimal_time_s - whole.fastest_s;
  const drawn = relaxGraph(network, 16, { ...shape, crossings: [] });
  const [lossCharged = 0, lossDrawn = 0] = [charged, drawn].map(({ boundAt }) => {
    const losses = Array.from({ length: 21 }, (_, k) => {
      const time_s = whole.fastest_s + (range_s * k) / 20;
      return 1 - boundAt(time_s) / whole.boundAt(time_s);
    });
    expect(Math.min(...losses)).toBeGreaterThanOrEqual(-1e-12);
    return Math.max(...losses);
  });
  expect(lossCharged).toBeLessThan(most);
  expect(lossCharged).toBeLessThan(lossDrawn / 2);
});

test("solutions are for the deadlines asked, every instruction after what it waits for", () => {
  const network = deep("1f1b");
  const { fastest_s, energy_optimal_time_s } = relax(network, 4);
  const deadlines = [0.9, 0.5, 0.1].map((share) => {
    return fastest_s + share * (energy_optimal_time_s - fastest_s);
  });
  const { solutions } = relax(network, deadlines);
  expect(solutions.map(({ deadline_s }) => deadline_s)).toEqual(deadlines);
  for (const { end_s, deadline_s } of solutions) {
    expect(Math.max(...end_s)).toBeCloseTo(deadline_s, 9);
    network.sets.forEach(({ time_s }, i) => {
      for (const links of [network.stageBefore, network.dataBefore]) {
        const before = links[i] ?? -1;
        if (before >= network.sets.length) continue;
        const waits_s = links === network.dataBefore ? (network.transfer_s[i] ?? 0) : 0;
        const taken_s = (end_s[i] ?? 0) - (end_s[before] ?? 0) - waits_s;
        expect(taken_s).toBeGreaterThanOrEqual((time_s[0] ?? 0) - 1e-9);
      }
    });
  }
});
