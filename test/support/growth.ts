const TRIALS = 3;

/** How many times the CPU time that a quarter of a size takes the whole takes: 4 if it is linear, 16 if quadratic. */
export function growth(size: number, prepare: (size: number) => () => void): number {
  const [whole, quarter] = [prepare(size), prepare(size >> 2)];
  quarter();
  return fastest_us(whole) / fastest_us(quarter);
}

function fastest_us(run: () => void): number {
  const times_us = Array.from({ length: TRIALS }, () => {
    const before = process.cpuUsage();
    run();
    return process.cpuUsage(before).user;
  });
  return Math.max(1, Math.min(...times_us));
}
