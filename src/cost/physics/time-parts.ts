/** What the time of a run is made of; the parts add up to it. */
export interface TimeParts {
  /** Kernels one after the other with every SM, at the clock asked for; launches included. */
  readonly compute_s: number;
  /** What they take longer because communication is beside them. */
  readonly contention_s: number;
  /** Communication after the last kernel. */
  readonly exposed_communication_s: number;
  /** What all of it takes longer because the power cap lowers the clock. */
  readonly throttling_s: number;
}

/**
 * The parts of a time that a model does not tell exactly: the model's own, in proportion. Where the
 * model has a run take no time at all it is compute.
 */
export function partsInProportion(parts: TimeParts, time_s: number): TimeParts {
  const { compute_s, contention_s, exposed_communication_s, throttling_s } = parts;
  const modelled_s = compute_s + contention_s + exposed_communication_s + throttling_s;
  const scale = modelled_s === 0 ? 0 : time_s / modelled_s;
  return {
    compute_s: modelled_s === 0 ? time_s : compute_s * scale,
    contention_s: contention_s * scale,
    exposed_communication_s: exposed_communication_s * scale,
    throttling_s: throttling_s * scale,
  };
}
