import fc from "fast-check";
import { expect, test } from "vitest";
import { contention, HostEvents, hiddenShare, innermostCalls, Runs } from "./timeline.js";

interface Run {
  readonly from: number;
  readonly taking: number;
  readonly device: number;
  readonly stream: number;
}

const RUNS = fc.array(
  fc.record({
    from: fc.nat(40),
    taking: fc.nat(12),
    device: fc.nat(1),
    stream: fc.nat(3),
  }),
  { maxLength: 25 },
);

function columns(all: readonly Run[]): Runs {
  const runs = new Runs();
  for (const { from, taking, device, stream } of all) {
    runs.from.push(from);
    runs.taking.push(taking);
    runs.device.push(device);
    runs.stream.push(stream);
  }
  return runs;
}

test("a run is contended where one of another stream of its device overlaps it", () => {
  fc.assert(
    fc.property(RUNS, (all) => {
      const runs = columns(all);
      const order = runs.inOrder();
      const sorted = [...order].map((i) => all[i] as Run);
      const expected = new Set<number>();
      sorted.forEach((early, i) => {
        sorted.slice(i + 1).forEach((late, j) => {
          const apart = early.device !== late.device || early.stream === late.stream;
          if (apart || early.from + early.taking <= late.from) return;
          expected.add(order[i] as number).add(order[i + 1 + j] as number);
        });
      });
      const found = contention(runs, order);
      expect([...found.keys()].filter((run) => found[run] === 1)).toEqual(
        [...expected].sort((a, b) => a - b),
      );
    }),
  );
});

test("the hidden share is that of the instants at which another run of the device is on", () => {
  fc.assert(
    fc.property(RUNS, RUNS, (some, others) => {
      const runs = columns([...some, ...others]);
      const order = runs.inOrder();
      const own = order.filter((run) => run < some.length);
      const rest = order.filter((run) => run >= some.length);
      const ticks = some.flatMap(({ from, taking, device }) =>
        Array.from({ length: taking }, (_, i) => ({ device, at: from + i })),
      );
      const hidden = ticks.filter((tick) =>
        others.some(
          ({ device, from, taking }) =>
            device === tick.device && from <= tick.at && tick.at < from + taking,
        ),
      );
      const share = hiddenShare(runs, own, rest);
      if (ticks.length === 0) expect(share).toBeNull();
      else expect(share).toBeCloseTo(hidden.length / ticks.length, 9);
    }),
  );
});

test("the innermost call of a launch's own thread started it", () => {
  const host = new HostEvents();
  const add = (from: number, taking: number, thread: number, call: number, launch: number) => {
    host.from.push(from);
    host.taking.push(taking);
    host.thread.push(thread);
    host.call.push(call);
    host.correlation.push(launch);
  };
  add(12, 1, 1, Number.NaN, 7);
  add(0, 100, 1, 0, Number.NaN);
  add(10, 20, 1, 1, Number.NaN);
  add(11, 5, 2, 2, Number.NaN);
  add(50, 1, 1, Number.NaN, 8);
  add(200, 1, 1, Number.NaN, 9);
  expect(innermostCalls(host)).toEqual(
    new Map([
      [7, 2],
      [8, 1],
    ]),
  );
});

test("100,000 runs that all overlap are told at once", { timeout: 20_000 }, () => {
  const all = Array.from({ length: 100_000 }, (_, from) => ({
    ...{ from, taking: 1e6, device: 0, stream: from % 2 },
  }));
  const runs = columns(all);
  const order = runs.inOrder();
  expect(contention(runs, order).every((contended) => contended === 1)).toBe(true);
  expect(hiddenShare(runs, order, order)).toBeCloseTo(1, 9);
});
