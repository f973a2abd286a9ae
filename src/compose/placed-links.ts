import { hotFloat, hotInt } from "../base/need.js";

/** What comes before and after each instruction; what there is not is one past the last instruction. */
export interface Links {
  /** The instruction before on the same stage. */
  readonly stageBefore: Int32Array;
  /** The instruction, mostly of another stage, whose result is awaited. */
  readonly dataBefore: Int32Array;
  readonly stageAfter: Int32Array;
  /** The reverse of `dataBefore`: at most one instruction awaits each result. */
  readonly dataAfter: Int32Array;
  /**
   * How long the result is on its way from another stage; 0 where none is awaited, and one more 0 at
   * the end.
   */
  readonly transfer_s: Float64Array;
}

/**
 * Links of instructions that go by their place in an order: whoever walks them in that order finds in memory side by
 * side what comes one after another.
 */
export interface PlacedLinks extends Links {
  /** By an instruction's number. */
  readonly place: Int32Array;
}

/** @param order in which every instruction comes after all that it waits for */
export function placedLinks(links: Links, order: Int32Array): PlacedLinks {
  const place = new Int32Array(order.length + 1).fill(order.length);
  for (let p = 0; p < order.length; p++) place[hotInt(order, p)] = p;
  const placed = (link: Int32Array) => placedLink(link, order, place);
  const transfer_s = new Float64Array(order.length + 1);
  for (let p = 0; p < order.length; p++) {
    transfer_s[p] = hotFloat(links.transfer_s, hotInt(order, p));
  }
  return {
    place,
    stageBefore: placed(links.stageBefore),
    dataBefore: placed(links.dataBefore),
    stageAfter: placed(links.stageAfter),
    dataAfter: placed(links.dataAfter),
    transfer_s,
  };
}

function placedLink(link: Int32Array, order: Int32Array, place: Int32Array): Int32Array {
  const byPlace = new Int32Array(order.length + 1).fill(order.length);
  for (let p = 0; p < order.length; p++) {
    byPlace[p] = hotInt(place, hotInt(link, hotInt(order, p)));
  }
  return byPlace;
}

/**
 * Starts every instruction as soon as its stage and what it waits for allow; returns when the last one ends.
 * @param duration_s of each, by place
 * @param end_s is written to: when each ends; one more, for what comes before the first ones, is 0
 */
export function playPlaced(
  { stageBefore, dataBefore, transfer_s }: PlacedLinks,
  duration_s: Float64Array,
  end_s: Float64Array,
): number {
  let last_s = 0;
  for (let p = 0; p < duration_s.length; p++) {
    const onStage_s = hotFloat(end_s, hotInt(stageBefore, p));
    const arrived_s = hotFloat(end_s, hotInt(dataBefore, p)) + hotFloat(transfer_s, p);
    const ended_s = Math.max(onStage_s, arrived_s) + hotFloat(duration_s, p);
    end_s[p] = ended_s;
    if (ended_s > last_s) last_s = ended_s;
  }
  return last_s;
}
