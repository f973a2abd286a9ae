import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { PIPELINES, type PipelineName, SPLIT_PIPELINES } from "../../ir/choices.js";
import type { PipelineInstruction } from "../../ir/iteration.js";
import type { InstructionKind } from "../../ir/partition.js";
import { lastGradientOf } from "../../ir/placement.js";
import { networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { replay } from "../replay.js";
import { dataDependencies } from "./dependencies.js";
import { schedules } from "./index.js";

const LETTERS: Readonly<Record<InstructionKind, string>> = {
  forward: "f",
  backward: "b",
  input_gradient: "i",
  weight_gradient: "w",
  tail: "t",
};

/** Orders of all stages, `f0 b0` for microbatch 0; with chunks `f0.1` for microbatch 0 of chunk 1. */
function orders(name: PipelineName, stages: number, microbatches: number, chunks = 1): string[] {
  const size = { stages, microbatches, chunks };
  const spelled = ({ kind, microbatch, chunk }: PipelineInstruction) =>
    `${LETTERS[kind]}${microbatch}${chunks > 1 ? `.${chunk}` : ""}`;
  return Array.from({ length: stages }, (_, stage) =>
    schedules[name].orderOf(stage, size).map(spelled).join(" "),
  );
}

describe("by hand", () => {
  test("1F1B warms up with one forward per stage that follows, itself included", () => {
    expect(orders("1f1b", 3, 4)).toEqual([
      "f0 f1 f2 b0 f3 b1 b2 b3",
      "f0 f1 b0 f2 b1 f3 b2 b3",
      "f0 b0 f1 b1 f2 b2 f3 b3",
    ]);
  });

  test("1F1B with one stage, and with fewer microbatches than stages", () => {
    expect(orders("1f1b", 1, 2)).toEqual(["f0 b0 f1 b1"]);
    expect(orders("1f1b", 4, 2)[0]).toBe("f0 f1 b0 b1");
  });

  test("GPipe runs all forwards first", () => {
    expect(orders("gpipe", 2, 3)).toEqual(["f0 f1 f2 b0 b1 b2", "f0 f1 f2 b0 b1 b2"]);
  });

  test("ZB-H1 puts off weight gradients by as many microbatches as stages came before", () => {
    expect(orders("zb-h1", 3, 4)).toEqual([
      "f0 f1 f2 i0 w0 f3 i1 w1 i2 w2 i3 w3",
      "f0 f1 i0 f2 i1 w0 f3 i2 w1 i3 w2 w3",
      "f0 i0 f1 i1 f2 i2 w0 f3 i3 w1 w2 w3",
    ]);
    expect(orders("zb-h1", 3, 1)[2]).toBe("f0 i0 w0");
  });

  test("ZB-2p has twice as many in flight, and puts off twice as many", () => {
    expect(orders("zb-2p", 3, 6)).toEqual([
      "f0 f1 f2 f3 f4 i0 w0 f5 i1 w1 i2 w2 i3 w3 i4 w4 i5 w5",
      "f0 f1 f2 i0 f3 i1 f4 i2 w0 f5 i3 w1 i4 w2 i5 w3 w4 w5",
      "f0 i0 f1 i1 f2 i2 f3 i3 f4 i4 w0 f5 i5 w1 w2 w3 w4 w5",
    ]);
  });

  test("interleaved 1F1B takes S microbatches through a chunk before the next", () => {
    expect(orders("interleaved-1f1b", 2, 4, 2)).toEqual([
      "f0.0 f1.0 f0.1 f1.1 f2.0 b0.1 f3.0 b1.1 f2.1 b0.0 f3.1 b1.0 b2.1 b3.1 b2.0 b3.0",
      "f0.0 f1.0 f0.1 b0.1 f1.1 b1.1 f2.0 b0.0 f3.0 b1.0 f2.1 b2.1 f3.1 b3.1 b2.0 b3.0",
    ]);
  });

  test("interleaved 1F1B with as many microbatches as stages runs all forwards first", () => {
    const all = "f0.0 f1.0 f0.1 f1.1 b0.1 b1.1 b0.0 b1.0";
    expect(orders("interleaved-1f1b", 2, 2, 2)).toEqual([all, all]);
  });
});

/** What the script beside it wrote of torch's own orders. */
const TORCH = JSON.parse(
  readFileSync("test/golden/schedules/torch-orders.json", "utf8"),
) as readonly {
  pipeline: PipelineName;
  stages: number;
  microbatches: number;
  chunks: number;
  orders: string[];
}[];

test.each(TORCH)(
  "$pipeline of $stages stages, $microbatches microbatches, $chunks chunks is as torch has it",
  ({ pipeline, stages, microbatches, chunks, orders: theirs }) => {
    expect(orders(pipeline, stages, microbatches, chunks)).toEqual(theirs);
  },
);

test("interleaved 1F1B gives what makes no equal rounds to the first ones", () => {
  expect(orders("interleaved-1f1b", 2, 5, 2)[1]).toBe(
    "f0.0 f1.0 f2.0 f0.1 b0.1 f1.1 b1.1 f2.1 b2.1 f3.0 b0.0 f4.0 b1.0 f3.1 b2.0 f4.1 b3.1 b4.1 b3.0 b4.0",
  );
});

/** Every size that the schedule takes, up to six stages and 24 microbatches. */
function sizes(name: PipelineName) {
  const { least, most } = schedules[name].chunks;
  const few = schedules[name].leastMicrobatches;
  return fc
    .record({
      stages: fc.integer({ min: 1, max: 6 }),
      microbatches: fc.integer({ min: 1, max: 24 }),
      chunks: fc.integer({ min: least, max: Math.min(4, most) }),
    })
    .filter(({ stages, microbatches }) => microbatches >= (few?.(stages) ?? 1));
}

/** What may become of a microbatch on a stage. */
const WAYS: readonly (readonly InstructionKind[])[] = [
  ["forward", "backward"],
  ["forward", "input_gradient", "weight_gradient"],
];

/** When a pipeline ends whose instructions take these times, without choices. */
interface Size {
  readonly stages: number;
  readonly microbatches: number;
  readonly chunks: number;
}
type Times = Partial<Record<InstructionKind, number>>;

function playedOut(pipeline: PipelineName, { stages, microbatches, chunks }: Size, time_s: Times) {
  const lists = Object.fromEntries(
    Object.entries(time_s).map(([kind, duration_s]) => [kind, [option(duration_s, 1)]]),
  );
  const options = Array.from({ length: stages * chunks }, () => lists);
  const layout = { microbatches, static_power_w: 0, pipeline, chunks };
  const network = networkOf(problemOfOptions(options, stages, layout));
  return replay(network, new Int32Array(network.sets.length));
}

const makespan = (pipeline: PipelineName, size: Size, time_s: Times): number =>
  playedOut(pipeline, size, time_s).time_s;

describe("for all small sizes", () => {
  const settings = { seed: 11, numRuns: 80 };

  test.each(PIPELINES)("%s runs everything once, and nothing waits for itself", (name) => {
    fc.assert(
      fc.property(sizes(name), (size) => {
        const { stages, microbatches, chunks } = size;
        const { kinds, orderOf } = schedules[name];
        for (let stage = 0; stage < stages; stage++) {
          const order = orderOf(stage, size);
          for (let chunk = 0; chunk < chunks; chunk++) {
            const own = order.filter((each) => each.chunk === chunk);
            for (let m = 0; m < microbatches; m++) {
              const way = own.filter((i) => i.microbatch === m).map(({ kind }) => kind);
              expect(
                WAYS.filter((each) => each.every((kind) => kinds.includes(kind))),
              ).toContainEqual(way);
            }
            // Gradients are whole after the last microbatch: it comes last in every chunk.
            expect(own.at(-1)).toMatchObject({
              kind: lastGradientOf(name, stage, chunk),
              microbatch: microbatches - 1,
            });
          }
          for (const { kind, microbatch, chunk, stage: own } of order) {
            expect(kinds).toContain(kind);
            expect(own).toBe(stage);
            expect((microbatch ?? -1) >= 0 && (microbatch ?? -1) < microbatches).toBe(true);
            expect(chunk >= 0 && chunk < chunks).toBe(true);
          }
        }
        const unit = Object.fromEntries(kinds.map((kind) => [kind, 1]));
        // A deadlock would be KRS4004.
        expect(makespan(name, size, unit)).toBeGreaterThan(0);
      }),
      settings,
    );
  });

  test.each(["1f1b", "gpipe"] as const)("%s takes (S - 1 + M)(f + b)", (name) => {
    fc.assert(
      fc.property(sizes(name), (size) => {
        const time_s = makespan(name, size, { forward: 1, backward: 2 });
        expect(time_s).toBe((size.stages - 1 + size.microbatches) * 3);
      }),
      settings,
    );
  });

  test("interleaved 1F1B divides the bubble by its chunks", () => {
    fc.assert(
      fc.property(sizes("interleaved-1f1b"), (some) => {
        const { stages, chunks } = some;
        const microbatches = stages * Math.ceil(some.microbatches / stages);
        const size = { stages, microbatches, chunks };
        const time_s = makespan("interleaved-1f1b", size, { forward: 1, backward: 2 });
        expect(time_s).toBe((stages - 1 + microbatches * chunks) * 3);
      }),
      settings,
    );
  });

  test("ZB-H1 with equal parts fills two thirds of the bubble of 1F1B", () => {
    fc.assert(
      fc.property(sizes("zb-h1"), (size) => {
        const { stages, microbatches } = size;
        fc.pre(microbatches >= stages);
        const parts = { forward: 1, input_gradient: 1, weight_gradient: 1 };
        expect(makespan("zb-h1", size, parts)).toBe(3 * microbatches + stages - 1);
      }),
      settings,
    );
  });

  test("ZB-2p with equal parts never waits once a stage has begun, with 2S - 1 in flight at most", () => {
    fc.assert(
      fc.property(sizes("zb-2p"), (size) => {
        const { stages, microbatches } = size;
        fc.pre(microbatches >= 2 * stages - 1);
        const parts = { forward: 1, input_gradient: 1, weight_gradient: 1 };
        const starts = [...playedOut("zb-2p", size, parts).start_s];
        for (let stage = 0; stage < stages; stage++) {
          const own = starts.splice(0, 3 * microbatches);
          expect(own).toEqual(own.map((_, place) => stage + place));
          let held = 0;
          let most = 0;
          for (const { kind } of schedules["zb-2p"].orderOf(stage, size)) {
            if (kind === "forward") held++;
            if (kind === "weight_gradient") held--;
            most = Math.max(most, held);
          }
          expect(most).toBe(2 * stages - 1);
        }
      }),
      settings,
    );
  });

  test.each(["zb-h1", "zb-2p"] as const)(
    "%s: a weight gradient after its input gradient",
    (name) => {
      fc.assert(
        fc.property(sizes(name), (size) => {
          for (let stage = 0; stage < size.stages; stage++) {
            const order = schedules[name].orderOf(stage, size);
            for (let m = 0; m < size.microbatches; m++) {
              const at = (kind: InstructionKind) =>
                order.findIndex((i) => i.kind === kind && i.microbatch === m);
              expect(at("weight_gradient")).toBeGreaterThan(at("input_gradient"));
            }
          }
        }),
        settings,
      );
    },
  );
});

test("a microbatch waits its way forward and back; the tail and a missing stage wait for nothing", () => {
  const at = (
    stage: number,
    kind: PipelineInstruction["kind"],
    chunk = 0,
  ): PipelineInstruction => ({
    stage,
    kind,
    microbatch: kind === "tail" ? null : 0,
    chunk,
  });
  const plain = [
    [at(0, "forward"), at(0, "tail")],
    [at(1, "forward"), at(1, "backward")],
  ];
  expect([...dataDependencies(plain, "rounds")]).toEqual([4, 4, 0, 2]);
  const chunks = [
    [at(0, "forward"), at(0, "forward", 1), at(0, "backward", 1), at(0, "backward")],
    [at(1, "forward"), at(1, "forward", 1), at(1, "backward", 1), at(1, "backward")],
  ];
  // F(0,1) after F(1,0); B(1,1) after F(1,1); B(1,0) after B(0,1).
  expect([...dataDependencies(chunks, "rounds")]).toEqual([8, 4, 6, 7, 0, 1, 5, 2]);
  // In a V F(1,1) after F(1,0), F(0,1) after F(1,1); B(0,1) after F(0,1), and back the same way.
  expect([...dataDependencies(chunks, "v")]).toEqual([8, 5, 1, 7, 0, 4, 2, 6]);
});

test("nothing waits for a weight gradient, and input gradients wait for each other", () => {
  const split = (stage: number): PipelineInstruction[] =>
    schedules["zb-h1"].orderOf(stage, { stages: 2, microbatches: 1, chunks: 1 }).slice();
  // Each stage f0 b0 w0: B(0) after B(1), B(1) after F(1), F(1) after F(0).
  expect([...dataDependencies([split(0), split(1)], "rounds")]).toEqual([6, 4, 6, 0, 3, 6]);
});

test("DualPipeV needs two microbatches for each stage", () => {
  const size = { stages: 3, microbatches: 5, chunks: 2 };
  expect(() => makespan("dualpipe-v", size, {})).toThrow(/KRS4014.*at least 6/);
});

test("what runs weight gradients apart is known as that", () => {
  for (const name of PIPELINES) {
    const apart = schedules[name].kinds.includes("weight_gradient");
    expect([name, SPLIT_PIPELINES.includes(name)]).toEqual([name, apart]);
  }
});
