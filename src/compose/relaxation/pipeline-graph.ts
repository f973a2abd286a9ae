import { fail } from "../../base/diagnostics/diagnostic.js";
import { tooManyOptions } from "../../base/diagnostics/plan.js";
import { at, need, present } from "../../base/need.js";
import { type ActivityCurve, type ActivityGraph, dartsOf } from "../../math/flow/activity-graph.js";
import { facesOf } from "../../math/flow/faces.js";
import type { Network, OptionSet } from "../network.js";
import { type Drawing, drawingOf, type Handover, type Strip } from "./drawing.js";

/** A pipeline as a graph of events, whatever its instructions take. */
export interface PipelineShape extends Omit<ActivityGraph, "activities" | "delay"> {
  /** Of each arc after the instructions': how long the result that it hands over is on its way; null: none. */
  readonly transfer_s: readonly (number | null)[];
  /** Results that cross and take time, which the graph leaves out. */
  readonly crossings: readonly Crossing[];
}

/**
 * Where a result on its way down and one on its way up cross: the instructions that await them, and the
 * arcs on which each comes to the crossing and leaves it.
 */
export interface Crossing {
  readonly down: number;
  readonly up: number;
  readonly arcs: Readonly<Record<"downTo" | "downFrom" | "upTo" | "upFrom", number>>;
}

/** Arcs as they are added. */
class Arcs {
  readonly tail: number[] = [];
  readonly head: number[] = [];
  readonly transfer_s: (number | null)[] = [];

  add(from: number, to: number, transfer_s: number | null = null): number {
    this.head.push(to);
    this.transfer_s.push(transfer_s);
    return this.tail.push(from) - 1;
  }
}

/**
 * The relaxation takes a step per option. Drawn in the plane it asks a logarithm of the instructions
 * for each, otherwise all of them: so many options, or options times instructions, take minutes.
 */
const MOST_DRAWN = 4e6;
const MOST_UNDRAWN = 6e10;

/**
 * A pipeline as a graph of events: instruction i is the activity from event 2i to event 2i + 1; then
 * come source, sink, and crossings of the drawing. With its faces where it can be drawn in the plane.
 * Fails with KRS4009 where relaxing it would not end in a reasonable time.
 */
export function pipelineShape(network: Network): PipelineShape {
  const { length: size } = network.sets;
  const arcs = new Arcs();
  for (let i = 0; i < size; i++) arcs.add(2 * i, 2 * i + 1);
  const drawing = drawingOf(network);
  const options = network.sets.reduce((sum, { hull }) => sum + hull.length, 0);
  const most = drawing === null ? MOST_UNDRAWN / size : MOST_DRAWN;
  if (options > most) fail(tooManyOptions(size, options));
  const crossings: Crossing[] = [];
  const drawn = drawing === null ? null : addDrawn(network, drawing, arcs, crossings);
  if (drawn === null) addLinks(network, arcs);
  const events = drawn === null ? 2 * size + 2 : drawn.length;
  const tail = Int32Array.from(arcs.tail);
  const head = Int32Array.from(arcs.head);
  return {
    events,
    source: 2 * size,
    sink: 2 * size + 1,
    tail,
    head,
    darts: dartsOf(events, tail, head),
    transfer_s: arcs.transfer_s.slice(size),
    crossings,
    faces: drawn === null ? null : present(facesOf(drawn), "drawing of the pipeline in the plane"),
  };
}

/**
 * A pipeline's graph with what its instructions take.
 * @param curves what each set of options costs
 * @param handOver how long a result is taken to be on its way, in whole multiples of a unit
 */
export function pipelineGraph(
  shape: PipelineShape,
  sets: readonly OptionSet[],
  curves: ReadonlyMap<OptionSet, ActivityCurve>,
  handOver: (transfer_s: number) => number,
): ActivityGraph {
  return {
    ...shape,
    activities: sets.map((set) => need(curves, set)),
    delay: Float64Array.from(shape.transfer_s, (transfer_s) =>
      transfer_s === null ? 0 : handOver(transfer_s),
    ),
  };
}

function addLinks(network: Network, arcs: Arcs): void {
  const { stageBefore, dataBefore, transfer_s, stageAfter, dataAfter, sets } = network;
  const none = sets.length;
  for (let i = 0; i < none; i++) {
    const [onStage, data] = [at(stageBefore, i), at(dataBefore, i)];
    if (onStage < none) arcs.add(2 * onStage + 1, 2 * i);
    if (data < none && data !== onStage) arcs.add(2 * data + 1, 2 * i, at(transfer_s, i));
    if (onStage === none && data === none) arcs.add(2 * none, 2 * i);
    if (at(stageAfter, i) === none && at(dataAfter, i) === none) arcs.add(2 * i + 1, 2 * none + 1);
  }
}

/** Adds the arcs of a drawing, and what it leaves out; returns the darts that leave each event, clockwise. */
function addDrawn(
  { sets, transfer_s }: Network,
  { lines, strips }: Drawing,
  arcs: Arcs,
  crossings: Crossing[],
): number[][] {
  const [source, sink] = [2 * sets.length, 2 * sets.length + 1];
  const rotations: number[][] = Array.from({ length: sink + 1 }, () => []);
  // Around an event of a line: what leads to it on the line, above, what follows on the line, below.
  const slot = (event: number, side: 0 | 1 | 2 | 3, dart: number) => {
    at(rotations, event)[side] = dart;
  };
  for (const line of lines) {
    let before = source;
    for (const i of line) {
      const waits = arcs.add(before, 2 * i);
      if (before === source) at(rotations, source).push(2 * waits);
      else slot(before, 2, 2 * waits);
      slot(2 * i, 0, 2 * waits + 1);
      slot(2 * i, 2, 2 * i);
      slot(2 * i + 1, 0, 2 * i + 1);
      before = 2 * i + 1;
    }
    const ends = arcs.add(before, sink);
    slot(before, 2, 2 * ends);
    at(rotations, sink).unshift(2 * ends + 1);
  }
  for (const strip of strips) {
    crossings.push(...addStrip(strip, arcs, rotations, transfer_s));
  }
  return rotations.map((around) => around.filter((dart) => dart !== undefined));
}

/** Adds what is handed over in a strip, cut where it crosses; returns crossings of what takes time, in order. */
function addStrip(
  { down, up, crossed }: Strip,
  arcs: Arcs,
  rotations: number[][],
  transfer_s: Float64Array,
): Crossing[] {
  // Where a result on its way up has come to: an event, and the dart's place around it; and whether it crossed.
  const sentUp = up.map(({ from }) => ({ event: 2 * from + 1, side: 1, crosses: false }));
  const link = (
    from: { readonly event: number; readonly side: number },
    to: number,
    side: number,
    on_way_s: number | null = null,
  ) => {
    const arc = arcs.add(from.event, to, on_way_s);
    at(rotations, from.event)[from.side] = 2 * arc;
    at(rotations, to)[side] = 2 * arc + 1;
  };
  const arrive = (last: (typeof sentUp)[number], { to }: Handover, side: number) => {
    link(last, 2 * to, side, last.crosses ? 0 : at(transfer_s, to));
  };
  const meetings: { readonly event: number; readonly down: number; readonly up: number }[] = [];
  down.forEach((each, k) => {
    let last = { event: 2 * each.from + 1, side: 3, crosses: false };
    const [first, end] = at(crossed, k);
    for (let other = first; other < end; other++) {
      const event = rotations.push([]) - 1;
      link(last, event, 0);
      link(at(sentUp, other), event, 3);
      meetings.push({ event, down: each.to, up: at(up, other).to });
      sentUp[other] = { event, side: 1, crosses: true };
      last = { event, side: 2, crosses: true };
    }
    arrive(last, each, 1);
  });
  up.forEach((each, k) => {
    arrive(at(sentUp, k), each, 3);
  });
  return meetings
    .filter((each) => at(transfer_s, each.down) > 0 || at(transfer_s, each.up) > 0)
    .map(({ event, ...met }) => {
      const arcOn = (side: number) => at(at(rotations, event), side) >> 1;
      const arcs = { downTo: arcOn(0), upFrom: arcOn(1), downFrom: arcOn(2), upTo: arcOn(3) };
      return { ...met, arcs };
    });
}
