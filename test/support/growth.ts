const TRIALS = 7;

/** How many times as much CPU time as a quarter of a size the whole takes: 4 if it is linear, 16 if quadratic. */
export function growth(size: number, prepare: (size: number) => () => void): number {
  const [whole, quarter] = [prepare(size), prepare(size >> 2)];
  quarter();
  return least_us(whole) / least_us(quarter);
}

/** The least CPU time of a few runs: that of the one that nothing else got in the way of. */
function least_us(run: () => void): number {
  const times_us = Array.from({ length: TRIALS }, () => {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    return user + system;
  });
  return Math.min(...times_us);
}
