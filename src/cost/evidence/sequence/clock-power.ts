/**
 * Rates go as the clock to these powers: those that carried overlapped partitions of an A100 from
 * its default clock to 1200 MHz (derived from the runs of the Kareus artifact).
 */
export const CLOCK_POWER = {
  matmul: 0.92,
  attention: 0.92,
  memory: 0.3,
  communication: 0.6,
} as const;
