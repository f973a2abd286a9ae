const RUNS = 40;
/** What {@link work} takes on two cores with nothing else to do. */
const REFERENCE_MS = 30;

/**
 * How many times longer this machine takes for a fixed amount of work than the two cores that the
 * limits of the benchmark were written on; at least 1. Numbers move through typed arrays and
 * short-lived objects, as they do in the solver; the fastest of several runs counts.
 */
export function slowness(): number {
  const times_ms = Array.from({ length: RUNS }, () => {
    const start_ms = performance.now();
    work();
    return performance.now() - start_ms;
  });
  return Math.max(1, Math.min(...times_ms) / REFERENCE_MS);
}

function work(): number {
  const values = new Float64Array(2 ** 12).map((_, i) => Math.sin(i));
  let sum = 0;
  for (let round = 0; round < 20; round++) {
    const pairs = Array.from(values, (value, i) => ({ value, i }));
    pairs.sort((a, b) => a.value - b.value);
    for (const { value, i } of pairs) {
      values[i] = Math.sqrt(Math.abs(value)) - 0.5;
      sum += value;
    }
  }
  return sum;
}
