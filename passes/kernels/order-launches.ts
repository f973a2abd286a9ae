import type { Launch, Launches } from "./launches.js";

interface OrderedLaunch {
  readonly launch: Launch;
  /** Positions of the launches whose results this one reads. */
  readonly after: readonly number[];
}

/** Puts launches in execution order: dependencies first, else as the graph lists them. */
export function orderLaunches({ launches, launchOf, graph }: Launches): OrderedLaunch[] {
  const dependencies = launches.map((launch, index) => {
    const read = launch.nodes.flatMap((node) => node.inputs.map((name) => launchOf.get(name)));
    return new Set(read.filter((from) => from !== undefined && from !== index) as number[]);
  });
  const waiting = dependencies.map((set) => set.size);
  const readers: number[][] = launches.map(() => []);
  for (const [index, set] of dependencies.entries()) {
    for (const from of set) readers[from]?.push(index);
  }
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const placeOf = (index: number) => {
    const first = launches[index]?.nodes[0];
    return first === undefined ? 0 : (place.get(first) ?? 0);
  };
  const ready = waiting.flatMap((count, index) => (count === 0 ? [index] : []));
  const order: number[] = [];
  while (ready.length > 0) {
    let next = 0;
    for (let i = 1; i < ready.length; i++) {
      if (placeOf(ready[i] ?? 0) < placeOf(ready[next] ?? 0)) next = i;
    }
    const [index = 0] = ready.splice(next, 1);
    order.push(index);
    for (const reader of readers[index] ?? []) {
      waiting[reader] = (waiting[reader] ?? 0) - 1;
      if (waiting[reader] === 0) ready.push(reader);
    }
  }
  if (order.length < launches.length) throw new Error("launches depend on each other in a circle");
  const position = new Map(order.map((index, i) => [index, i]));
  return order.flatMap((index) => {
    const launch = launches[index];
    const after = [...(dependencies[index] ?? [])].map((from) => position.get(from) ?? 0);
    return launch === undefined ? [] : [{ launch, after: after.sort((a, b) => a - b) }];
  });
}
