import { grouped } from "../../base/grouped.js";
import type { Device } from "../../gpu/device-schema.js";
import { communicationsOf, type PartitionedGraph } from "../../ir/partition.js";
import type { ProfileUse } from "../../profile/library.js";
import { type CollectiveRecord, type ProfileRecord, workOf } from "../../profile/records.js";
import { instructionPlace, instructionPlaces } from "./instructions.js";
import { kindOf, unfitness } from "./residuals.js";

/** How many records. */
interface Counted {
  readonly records: number;
}

/** What came of a profile's records in a run: `used` and those of `unused` are all of them. */
interface ProfileCounts extends Counted {
  readonly id: string;
  readonly used: number;
  /** A record may serve for several things. */
  readonly for: (Counted & { readonly what: string })[];
  readonly unused: (Counted & { readonly reason: string })[];
}

/** What a record serves for in a graph, or why it does not. */
type Service = readonly string[] | { readonly reason: string };

function counts(words: readonly string[]): (readonly [string, number])[] {
  return [...grouped(words, (word) => word)].map(([word, all]) => [word, all.length] as const);
}

/** How records serve a graph: kernels and collectives those of their kind, others their own. */
function servicesIn(graph: PartitionedGraph, device: Device): (record: ProfileRecord) => Service {
  const types = [...graph.partitions.values()];
  const kernels = new Set(types.flatMap((type) => type.kernels.map(({ work }) => kindOf(work))));
  const transfers = new Set<CollectiveRecord["op"]>(
    types.flatMap(communicationsOf).map(({ kind }) => kind),
  );
  const instructions = instructionPlaces(graph, graph.stages);
  const served = (known: boolean, what: string, metered: boolean, missing: string): Service => {
    if (!known) return { reason: `the graph has no such ${missing}` };
    return metered ? [`time of ${what}`, `energy of ${what}`] : [`time of ${what}`];
  };
  return (record) => {
    const metered = record.energy_j !== null;
    switch (record.record) {
      case "kernel": {
        const reason = unfitness(record, device);
        if (reason !== null) return { reason };
        return served(kernels.has(kindOf(workOf(record))), "kernels", metered, "kind of kernel");
      }
      case "collective":
        return served(transfers.has(record.op), "collectives", false, "collective");
      case "partition":
        return served(graph.partitions.has(record.partition), "partitions", metered, "partition");
      case "instruction":
        return served(
          instructions.has(instructionPlace(record)),
          "instructions",
          metered,
          "instruction",
        );
      case "switch":
        return { reason: "a change of the clock: a device's constant" };
    }
  };
}

/** What came of every record of the profiles in a run of the graph. */
export function profileCounts(
  files: readonly ProfileUse[],
  graph: PartitionedGraph,
  device: Device,
): readonly ProfileCounts[] {
  const serviceOf = servicesIn(graph, device);
  return files.map(({ id, records, usable, unused }) => {
    const services = usable.map(serviceOf);
    const purposes = services.flatMap((service) => ("reason" in service ? [] : [service]));
    const reasons = services.flatMap((service) => ("reason" in service ? [service.reason] : []));
    return {
      id,
      records,
      used: purposes.length,
      for: counts(purposes.flat()).map(([what, count]) => ({ what, records: count })),
      unused: counts([...unused, ...reasons]).map(([reason, count]) => ({
        reason,
        records: count,
      })),
    };
  });
}
