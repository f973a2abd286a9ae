/** A trace of operator calls of one thread, each with its kernels, one after the other. */
export class TraceWriter {
  readonly events: object[] = [];
  #next_us = 0;
  #correlation = 0;

  call(
    name: string,
    args: object,
    kernels: readonly { dur: number; stream?: number; at?: number }[],
  ) {
    const ts = this.#next_us;
    this.#next_us += 1000;
    const host = { ph: "X", pid: 1, tid: 1 };
    this.events.push({ ...host, cat: "cpu_op", name: "outer", ts, dur: 900 });
    this.events.push({ ...host, cat: "cpu_op", name, ts: ts + 1, dur: 800, args });
    kernels.forEach(({ dur, stream = 7, at = 10 }, i) => {
      const correlation = this.#correlation++;
      const launched = {
        ...host,
        cat: "cuda_runtime",
        name: "cudaLaunchKernel",
        args: { correlation },
      };
      this.events.push({ ...launched, ts: ts + 2 + i, dur: 0.5 });
      this.device("k", ts + at + 100 * i, dur, { stream, correlation });
    });
  }

  device(name: string, ts: number, dur: number, args: object) {
    this.events.push({ ph: "X", cat: "kernel", name, ts, dur, args: { device: 0, ...args } });
  }

  text(extra: object = {}): string {
    return JSON.stringify({ ...extra, traceEvents: this.events });
  }
}

/** The arguments of a product of 64 by 32 by 16. */
export const MM = {
  "Input Dims": [
    [64, 32],
    [32, 16],
  ],
  "Input type": ["c10::BFloat16", "c10::BFloat16"],
};
