/** Times the phases of a run, for `--timings` and the benchmark. */
export class PhaseTimer {
  readonly timings: { phase: string; time_s: number }[] = [];

  /** Does a phase's work and keeps how long it took. */
  async run<T>(phase: string, work: () => T | Promise<T>): Promise<T> {
    // Phases hold the thread; between them a signal can arrive.
    await new Promise((resume) => setImmediate(resume));
    const start_ms = performance.now();
    const result = await work();
    this.timings.push({ phase, time_s: (performance.now() - start_ms) / 1000 });
    return result;
  }
}
