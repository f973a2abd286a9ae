import type { Configuration, Cost } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { TimeParts } from "./physics/time-parts.js";
import type { OverlapTrace } from "./physics/trace.js";

/**
 * The one door to hardware: what does this partition cost when it runs this way? Recorded, modelled
 * and live implementations answer the same question; nothing above this file knows which one did.
 */
export interface CostOracle {
  /** The device answering, by name. */
  readonly gpu: string;
  /** Time and total energy of one run on one GPU, with its source. Pure: same question, same answer. */
  readonly cost: (partition: PartitionType, configuration: Configuration) => Cost;
}

/** An oracle with a model behind it, which can tell what happens inside a run. */
export interface TracingOracle extends CostOracle {
  /**
   * The run as the model plays it, at the clock that the power cap leaves. Where measurements speak
   * of the partition as a whole, `cost` follows them and the trace's totals differ from it.
   */
  readonly trace: (partition: PartitionType, configuration: Configuration) => OverlapTrace;
  /** What the time of that run is made of. */
  readonly parts: (partition: PartitionType, configuration: Configuration) => TimeParts;
}
