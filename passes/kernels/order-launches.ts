import { at, need } from "../../src/base/need.js";
import type { Launch, Launches } from "./launches.js";

interface OrderedLaunch {
  readonly launch: Launch;
  /** Positions of the launches whose results this one reads. */
  readonly after: readonly number[];
}

/** Puts launches in execution order: dependencies first, else as the graph lists them. */
export function orderLaunches({ launches, launchOf }: Launches): OrderedLaunch[] {
  const dependencies = launches.map((launch, index) => {
    const read = launch.nodes.flatMap((node) => node.inputs.map((name) => launchOf.get(name)));
    return new Set(read.filter((from) => from !== undefined && from !== index) as number[]);
  });
  const waiting = dependencies.map((set) => set.size);
  const readers: number[][] = launches.map(() => []);
  for (const [index, set] of dependencies.entries()) {
    for (const from of set) readers[from]?.push(index);
  }
  // Launches are listed by their first nodes, so a lower index comes first in the graph.
  const order: number[] = [];
  const late: number[] = [];
  for (const [scanned, count] of waiting.entries()) {
    if (count > 0) continue;
    late.push(scanned);
    while (late.length > 0) {
      const index = late.reduce((least, each) => Math.min(least, each), scanned);
      late.splice(late.indexOf(index), 1);
      order.push(index);
      for (const reader of at(readers, index)) {
        waiting[reader] = at(waiting, reader) - 1;
        // What lies ahead is found when the scan gets there.
        if (waiting[reader] === 0 && reader < scanned) late.push(reader);
      }
    }
  }
  if (order.length < launches.length) throw new Error("launches depend on each other in a circle");
  const position = new Map(order.map((index, i) => [index, i]));
  return order.flatMap((index) => {
    const launch = launches[index];
    const after = [...at(dependencies, index)].map((from) => need(position, from));
    return launch === undefined ? [] : [{ launch, after: after.sort((a, b) => a - b) }];
  });
}
