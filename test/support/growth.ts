const TRIALS = 7;

/** How many times as long as a quarter of a size the whole takes: 4 if it is linear, 16 if quadratic. */
export function growth(size: number, prepare: (size: number) => () => void): number {
  const [whole, quarter] = [prepare(size), prepare(size >> 2)];
  quarter();
  return fastest_ms(whole) / fastest_ms(quarter);
}

/** The fastest of a few runs: the one that nothing else got in the way of. */
function fastest_ms(run: () => void): number {
  const times_ms = Array.from({ length: TRIALS }, () => {
    const start_ms = performance.now();
    run();
    return performance.now() - start_ms;
  });
  return Math.min(...times_ms);
}
