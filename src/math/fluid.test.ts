import fc from "fast-check";
import { expect, test } from "vitest";
import { type Companion, type QueuedTask, runBeside, type Stretch } from "./fluid.js";

const CAPACITY = 1;

const thousandths = (min: number, max: number) =>
  fc.integer({ min: min * 1000, max: max * 1000 }).map((count) => count / 1000);

/** Alone, nothing asks for more than the capacity; beside it may take up to twice as long. */
const task = fc
  .record({
    gap_s: thousandths(0, 0.3),
    alone_s: thousandths(0, 2),
    loss: thousandths(1, 2),
    use: thousandths(0, 1),
    companion_share: thousandths(0.3, 1),
  })
  .map(
    ({ gap_s, alone_s, loss, use, companion_share }): QueuedTask => ({
      gap_s,
      alone_s,
      beside_s: alone_s * loss,
      traffic: alone_s * use * CAPACITY,
      companion_share,
    }),
  );
const tasks = fc.array(task, { minLength: 0, maxLength: 6 });
const scenario = tasks.chain((queue) =>
  fc
    .record({
      first: fc.integer({ min: 0, max: queue.length }),
      gap_s: thousandths(0, 0.3),
      alone_s: thousandths(0, 4),
      use: thousandths(0, 1),
    })
    .map(({ first, gap_s, alone_s, use }) => ({
      queue,
      companion: { first, gap_s, alone_s, traffic: alone_s * use * CAPACITY } as Companion,
    })),
);

const queueAlone = (queue: readonly QueuedTask[]) =>
  queue.reduce((sum, { gap_s, alone_s }) => sum + gap_s + alone_s, 0);
const companionAlone = ({ gap_s, alone_s }: Companion) => gap_s + alone_s;

/** The same physics in small time steps: what the event-driven run must agree with. */
function stepped(queue: readonly QueuedTask[], companion: Companion, step: number) {
  let index = 0;
  let gap = queue[0]?.gap_s ?? 0;
  let share = 0;
  let companion_gap = companion.gap_s;
  let companion_share = 0;
  let time = 0;
  const over = () => companion_gap <= 0 && (companion_share >= 1 || companion.alone_s === 0);
  const next = () => {
    index++;
    gap = queue[index]?.gap_s ?? 0;
    share = 0;
  };
  while (index < queue.length || !over()) {
    const now = queue[index];
    const there = index >= companion.first && !over();
    const whole = now === undefined ? 0 : there ? now.beside_s : now.alone_s;
    if (now !== undefined && gap <= 0 && whole === 0) {
      next();
      continue;
    }
    let rate = whole > 0 ? 1 / whole : 0;
    let companion_rate = companion.alone_s > 0 ? 1 / companion.alone_s : 0;
    if (now !== undefined && there && gap <= 0 && companion_gap <= 0) {
      companion_rate *= now.companion_share;
      const demand = now.traffic * rate + companion.traffic * companion_rate;
      const slowdown = Math.min(1, CAPACITY / demand);
      rate *= slowdown;
      companion_rate *= slowdown;
    }
    if (there && companion_gap > 0) companion_gap -= step;
    else if (there) companion_share += companion_rate * step;
    if (now !== undefined && gap > 0) gap -= step;
    else if (now !== undefined) {
      share += rate * step;
      if (share >= 1) next();
    }
    time += step;
  }
  return time;
}

const seeded = { seed: 20, numRuns: 300 };

test("agrees with a simulation in small time steps", () => {
  fc.assert(
    fc.property(scenario, ({ queue, companion }) => {
      const step = 5e-4;
      const { time_s } = runBeside(queue, [companion], CAPACITY);
      const events = 2 * queue.length + 4;
      expect(Math.abs(time_s - stepped(queue, companion, step))).toBeLessThan(3 * events * step);
    }),
    { ...seeded, numRuns: 100 },
  );
});

test("never faster than either alone; queue and companion end within it", () => {
  fc.assert(
    fc.property(scenario, ({ queue, companion }) => {
      const run = runBeside(queue, [companion], CAPACITY);
      const least = Math.max(queueAlone(queue), companionAlone(companion));
      expect(run.time_s).toBeGreaterThanOrEqual(least - 1e-9);
      expect(run.time_s).toBe(Math.max(run.queue_end_s, run.companion_end_s));
      expect(run.queue_end_s).toBeGreaterThanOrEqual(queueAlone(queue) - 1e-9);
    }),
    seeded,
  );
});

test("without a loss of its own resources, overlap is never slower than one after the other", () => {
  fc.assert(
    fc.property(scenario, ({ queue, companion }) => {
      const lossless = queue.map((each) => ({ ...each, beside_s: each.alone_s }));
      const { time_s } = runBeside(lossless, [companion], CAPACITY);
      expect(time_s).toBeLessThanOrEqual(queueAlone(queue) + companionAlone(companion) + 1e-9);
    }),
    seeded,
  );
});

test("launched after the last task, it is exactly one after the other", () => {
  fc.assert(
    fc.property(scenario, ({ queue, companion }) => {
      const { time_s } = runBeside(queue, [{ ...companion, first: queue.length }], CAPACITY);
      expect(time_s).toBeCloseTo(queueAlone(queue) + companionAlone(companion), 9);
    }),
    seeded,
  );
});

test("more capacity is never slower, more traffic never faster", () => {
  fc.assert(
    fc.property(scenario, ({ queue: hindering, companion }) => {
      // Tasks that hinder unequally make anomalies: sooner may be beside a worse one.
      const queue = hindering.map((each) => ({ ...each, companion_share: 1 }));
      const { time_s } = runBeside(queue, [companion], CAPACITY);
      expect(runBeside(queue, [companion], 2 * CAPACITY).time_s).toBeLessThanOrEqual(time_s + 1e-9);
      const heavier = { ...companion, traffic: companion.traffic * 1.5 };
      expect(runBeside(queue, [heavier], CAPACITY).companion_end_s).toBeGreaterThanOrEqual(
        runBeside(queue, [companion], CAPACITY).companion_end_s - 1e-9,
      );
    }),
    seeded,
  );
});

test("a hand-worked case", () => {
  const half = { gap_s: 0, alone_s: 1, beside_s: 2, traffic: 0, companion_share: 1 };
  // The companion lasts 1 s: half of the first task is done beside it, the rest at full speed.
  const run = runBeside([half, half], [{ first: 0, gap_s: 0, alone_s: 1, traffic: 0 }], CAPACITY);
  expect(run).toEqual({ time_s: 2.5, queue_end_s: 2.5, companion_end_s: 1 });
  // Both ask for the whole capacity: each at half speed.
  const greedy = { gap_s: 0, alone_s: 1, beside_s: 1, traffic: 1, companion_share: 1 };
  const shared = runBeside([greedy], [{ first: 0, gap_s: 0, alone_s: 1, traffic: 1 }], CAPACITY);
  expect(shared.time_s).toBeCloseTo(2, 12);
  // At half its rate beside a task of 1 s, the companion does the other half alone.
  const hindering = { ...greedy, traffic: 0, companion_share: 0.5 };
  const slowed = runBeside([hindering], [{ first: 0, gap_s: 0, alone_s: 1, traffic: 0 }], CAPACITY);
  expect(slowed).toEqual({ time_s: 1.5, queue_end_s: 1, companion_end_s: 1.5 });
  // A companion with no tasks beside it.
  const lonely = runBeside([], [{ first: 0, gap_s: 0.5, alone_s: 1, traffic: 1 }], CAPACITY);
  expect(lonely).toEqual({ time_s: 1.5, queue_end_s: 0, companion_end_s: 1.5 });
  expect(runBeside([half], [], CAPACITY).time_s).toBe(1);
});

test("a hand-worked case with two companions", () => {
  const half = { gap_s: 0, alone_s: 1, beside_s: 2, traffic: 0, companion_share: 1 };
  const companion = { first: 0, gap_s: 0, alone_s: 1, traffic: 0 };
  // 1 s of each: the two fill the first task's 2 s, the second runs at full speed.
  const both = runBeside([half, half], [companion, companion], CAPACITY);
  expect(both).toEqual({ time_s: 3, queue_end_s: 3, companion_end_s: 2 });
  // The second has to wait for the second task: the rest of the first takes 0.5 s alone, then 0.5 s
  // of latency and 1 s beside it are three quarters of its 2 s, the last quarter takes 0.25 s.
  const late = { ...companion, first: 1, gap_s: 0.5 };
  const apart = runBeside([half, half], [companion, late], CAPACITY);
  expect(apart).toEqual({ time_s: 3.25, queue_end_s: 3.25, companion_end_s: 3 });
  // The first outlasts the only task by 1 s: the second follows it alone.
  const long = { ...companion, alone_s: 3 };
  const exposed = runBeside([half], [long, { ...late, gap_s: 0.25 }], CAPACITY);
  expect(exposed).toEqual({ time_s: 4.25, queue_end_s: 2, companion_end_s: 4.25 });
});

test("two companions without a pause between them are like one of both together", () => {
  fc.assert(
    fc.property(scenario, fc.double({ min: 0, max: 1, noNaN: true }), (made, part) => {
      const { queue, companion } = made;
      const share = (part_of: number) => ({
        alone_s: companion.alone_s * part_of,
        traffic: companion.traffic * part_of,
      });
      const parts = [
        { ...companion, ...share(part) },
        { ...companion, ...share(1 - part), gap_s: 0 },
      ];
      const whole = runBeside(queue, [companion], CAPACITY);
      const cut = runBeside(queue, parts, CAPACITY);
      expect(cut.time_s).toBeCloseTo(whole.time_s, 8);
      expect(cut.companion_end_s).toBeCloseTo(whole.companion_end_s, 8);
    }),
    seeded,
  );
});

test("what is watched is the run: no gap between stretches, all work in them, the same end", () => {
  fc.assert(
    fc.property(scenario, ({ queue, companion }) => {
      const seen: Stretch[] = [];
      const companions = [companion, { ...companion, gap_s: 0 }];
      const run = runBeside(queue, companions, CAPACITY, (stretch) => seen.push(stretch));
      expect(run).toEqual(runBeside(queue, companions, CAPACITY));
      let now_s = 0;
      for (const { start_s, end_s } of seen) {
        expect(start_s).toBeCloseTo(now_s, 12);
        expect(end_s).toBeGreaterThanOrEqual(start_s);
        now_s = end_s;
      }
      expect(now_s).toBe(run.time_s);
      queue.forEach((_, index) => {
        const own = seen.filter(({ task }) => task === index);
        expect(own.reduce((sum, { task_share }) => sum + task_share, 0)).toBeCloseTo(1, 9);
      });
      companions.forEach((_, index) => {
        const own = seen.filter(({ which }) => which === index);
        const moved = own.reduce((sum, { companion_share }) => sum + companion_share, 0);
        expect(moved).toBeCloseTo(companion.alone_s > 0 ? 1 : 0, 9);
      });
      const asked = seen.map(({ start_s, end_s, task, task_share, companion_share }) => {
        const traffic = task === null ? 0 : task_share * (queue[task]?.traffic ?? 0);
        return (traffic + companion_share * companion.traffic) / (end_s - start_s);
      });
      for (const rate of asked.filter(Number.isFinite)) expect(rate).toBeLessThan(CAPACITY + 1e-6);
    }),
    { seed: 11 },
  );
});

test("a watched run tells where the companion waits and where it moves", () => {
  const queue = [{ gap_s: 0, alone_s: 2, beside_s: 2, traffic: 0, companion_share: 1 }];
  const seen: Stretch[] = [];
  const companion = { first: 0, gap_s: 0.5, alone_s: 3, traffic: 0 };
  runBeside(queue, [companion], CAPACITY, (stretch) => seen.push(stretch));
  expect(seen.map(({ end_s, task, companion }) => [end_s, task, companion])).toEqual([
    [0.5, 0, "waiting"],
    [2, 0, "moving"],
    [3.5, null, "moving"],
  ]);
});
