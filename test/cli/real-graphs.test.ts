import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { symbolsOf } from "../support/onnx-reader.js";
import { ROOT } from "../support/paths.js";

const FOLDER = join(ROOT, "../shared/data/onnx");
const GRAPHS = existsSync(FOLDER)
  ? readdirSync(FOLDER).filter((name) => name.endsWith(".onnx"))
  : [];
const isDecoder = (name: string) => /^(llama|gpt2|genai|moe)_/.test(name);

/** Small sizes; inference graphs that take a past begin without one. */
function size(symbol: string): number {
  if (/batch/i.test(symbol)) return 2;
  return /past/i.test(symbol) ? 0 : 16;
}

function layout(name: string): string[] {
  const symbols = symbolsOf(join(FOLDER, name)).filter((symbol) => /^[\w.:-]+$/.test(symbol));
  const bind = symbols.map((symbol) => `${symbol}=${size(symbol)}`);
  return [
    ...(bind.length > 0 ? ["--bind", bind.join(",")] : []),
    ...(/_tp8/.test(name) ? ["--tp", "8"] : []),
    ...["--points", "4", "--threads", "1"],
  ];
}

describe.skipIf(GRAPHS.length === 0)("graphs of the world", () => {
  const folder = temporaryFolder();
  const optimize = (name: string) =>
    kareus(["optimize", join(FOLDER, name), "--out", join(folder, name), ...layout(name)]);

  test.concurrent.each(GRAPHS.filter(isDecoder))("%s ends in a frontier", async (name) => {
    const run = await optimize(name);
    expect(codes(run, "error")).toEqual([]);
    expect(run.status).toBe(0);
    expect(existsSync(join(folder, name, "frontier.json"))).toBe(true);
  });

  test.concurrent.each(GRAPHS.filter((name) => !isDecoder(name)))(
    "%s ends in a frontier or a coded diagnostic",
    async (name) => {
      const run = await optimize(name);
      expect([0, 1, 2]).toContain(run.status);
      expect(codes(run, "error").length > 0).toBe(run.status !== 0);
      expect(existsSync(join(folder, name, "frontier.json"))).toBe(run.status === 0);
      expect(run.stderr).not.toMatch(/^\s+at .+:\d+/m);
    },
  );
});
