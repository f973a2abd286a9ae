import type { Piscina } from "piscina";

/** Ends a pool's threads, busy or not. An answer that still comes is nobody's; piscina calls it an error. */
export async function endThreads(pool: Piscina): Promise<void> {
  pool.on("error", () => {});
  await pool.destroy();
}
