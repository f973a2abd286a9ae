import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { NO_MEASUREMENTS } from "../../test/support/measurements.js";
import { loadDevice } from "../gpu/device.js";
import { costEvaluator } from "./pool.js";

const device = loadDevice("a100-sxm4-40gb");
const layer = llamaLayer(4, 4096);
const partition = partitionOf("forward.b", layer.forward_attention, layer.reduced_bytes);
const configurations = [{ freq_mhz: 1410, launch_slot: null, sms: 24 }];

describe("worker threads", () => {
  const scratch = mkdtempSync(join(tmpdir(), "kareus-pool-"));
  afterAll(() => rmSync(scratch, { recursive: true }));

  /** A worker module with that body, as a URL. */
  function worker(body: string): string {
    const file = join(scratch, `${body.length}.mjs`);
    writeFileSync(
      file,
      `import { existsSync, writeFileSync } from "node:fs";
       import { createRequire } from "node:module";
       const mark = ${JSON.stringify(join(scratch, "mark"))};
       export default function (task) { ${body} }`,
    );
    return pathToFileURL(file).href;
  }

  async function run(body: string, signal?: AbortSignal) {
    const pool = costEvaluator(
      { device, measurements: NO_MEASUREMENTS },
      { threads: 2, signal, worker: worker(body) },
    );
    try {
      return await pool.evaluate({ partition, configurations });
    } finally {
      await pool.close();
    }
  }

  test("asks the worker, and unpacks its answer", async () => {
    const body = `const { type, partition, configurations } = task;
      return { type: "evaluated", costs: [type, partition.key, configurations.length] };`;
    expect(await run(body)).toEqual(["evaluate", "forward.b", 1]);
  });

  test("imports the worker: a thread that is ended while it requires a module aborts the process", async () => {
    const body = `const { cache } = createRequire(import.meta.url);
      const how = import.meta.filename in cache ? "required" : "imported";
      return { type: "evaluated", costs: [how] };`;
    expect(await run(body)).toEqual(["imported"]);
  });

  test("an answer that comes while threads are ended is nobody's", async () => {
    for (let round = 0; round < 10; round++) {
      const module = worker(`return { type: "evaluated", costs: [] };`);
      const setup = { device, measurements: NO_MEASUREMENTS };
      const pool = costEvaluator(setup, { threads: 2, worker: module });
      const batch = { partition, configurations };
      const open = Array.from({ length: 1000 }, () => pool.evaluate(batch).catch(() => "ended"));
      await Promise.race(open);
      for (const until_ms = performance.now() + 5; performance.now() < until_ms; ); // others arrive
      await pool.close();
      expect(await Promise.all(open)).toContain("ended");
    }
  });

  test("a thread that dies once has its batch tried again", async () => {
    const body = `if (!existsSync(mark)) { writeFileSync(mark, ""); process.exit(7); }
      return { type: "evaluated", costs: [] };`;
    expect(await run(body)).toEqual([]);
    expect(existsSync(join(scratch, "mark"))).toBe(true);
  });

  test("dying twice is a diagnostic that names the partition", async () => {
    await expect(run("process.exit(7)")).rejects.toThrow(/KRS3001 forward\.b/);
  });

  test("a worker's diagnostics and failures arrive as such", async () => {
    const diagnostic = `{ severity: "error", code: "KRS3999", where: "w", message: "m", hint: "h" }`;
    await expect(
      run(`return { type: "refused", diagnostics: [${diagnostic}], exitCode: 1 };`),
    ).rejects.toMatchObject({ exitCode: 1, diagnostics: [{ code: "KRS3999" }] });
    await expect(run(`return { type: "broke", stack: "at fluid.ts" };`)).rejects.toThrow(
      "fluid.ts",
    );
  });

  test("a signal ends a thread that never would", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("stop")), 200);
    await expect(run("for (;;);", controller.signal)).rejects.toThrow("stop");
  });
});
