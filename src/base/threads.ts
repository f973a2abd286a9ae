import { Piscina } from "piscina";

/**
 * Piscina tries `require` before `import`. A thread that is ended while `require` links an ES module takes the
 * process with it (Node 20 and 22: "v8::Module::IsGraphAsync must be used on an instantiated module").
 */
const IMPORTED = process.allowedNodeEnvironmentFlags.has("--experimental-require-module")
  ? { execArgv: ["--no-experimental-require-module"] }
  : {};

interface ThreadOptions {
  /** At most; they start with the first tasks and stay. */
  readonly threads: number;
  /** What each knows from its start. */
  readonly data?: unknown;
}

/** Threads that answer tasks with the default export of a module, given by its URL. */
export function startThreads<Task, Reply>(
  filename: string,
  { threads, data }: ThreadOptions,
): Piscina<Task, Reply> {
  return new Piscina<Task, Reply>({
    filename,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    workerData: data,
    ...IMPORTED,
  });
}

/** Ends a pool's threads, busy or not. An answer that still comes is nobody's; piscina calls it an error. */
export async function endThreads(pool: Piscina): Promise<void> {
  pool.on("error", () => {});
  await pool.destroy();
}
