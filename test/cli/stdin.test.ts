import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { KAREUS, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const GRAPH = join(ROOT, "examples/llama-3.2-3b/llama-3.2-3b.onnx");
const PROFILE = join(ROOT, "test/golden/cases/mini-replayed/profile.jsonl");
const BIND = ["--bind", "batch=8,sequence=512"];

/** What ended a program, and what it wrote. */
async function end(child: ChildProcess): Promise<{ how: unknown; stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  }
  const [code, signal] = await new Promise<unknown[]>((done) =>
    child.on("close", (...all) => done(all)),
  );
  return { how: code ?? signal, ...text };
}

/** By a shell, so that standard input is a pipe or a file as users have them; Node gives sockets. */
const inShell = (line: string) =>
  end(
    spawn("sh", ["-c", line.replaceAll("kareus ", `'${process.execPath}' '${KAREUS}' `)], {
      timeout: 60_000,
    }),
  );

const inspected = async (path: string) =>
  (await inShell(`kareus inspect '${path}' ${BIND.join(" ")} --json`)).stdout;

test.each(["cat '$'", "dd if='$' bs=700 2>/dev/null", "(sleep 1; cat '$')"])(
  "a graph through a pipe: %s | kareus inspect -",
  async (source) => {
    const piped = await inShell(
      `${source.replace("$", GRAPH)} | kareus inspect - ${BIND.join(" ")} --json`,
    );
    expect(piped).toMatchObject({ how: 0, stderr: expect.not.stringContaining("error") });
    expect(JSON.parse(piped.stdout).kernels).toEqual(JSON.parse(await inspected(GRAPH)).kernels);
  },
);

test("a graph of many megabytes, redirected, and through a socket", async () => {
  const large = join(folder, "large.onnx");
  writeFileSync(large, described(readFileSync(GRAPH), 16_000_000));
  const redirected = await inShell(`kareus inspect - ${BIND.join(" ")} --json < '${large}'`);
  expect(redirected.how).toBe(0);
  const child = spawn(process.execPath, [KAREUS, "inspect", "-", ...BIND, "--json"]);
  child.stdin.end(readFileSync(large));
  expect(await end(child)).toEqual(redirected);
});

test.each([
  ["nothing", "", "the file is empty"],
  ["one byte", "x", "its first bytes are not those of a ModelProto"],
  ["500 bytes", "x".repeat(500), "its first bytes are not those of a ModelProto"],
])("%s on standard input is no model", async (_, text, reason) => {
  const { how, stderr } = await inShell(`printf '${text}' | kareus inspect -`);
  expect({ how, stderr }).toEqual({ how: 2, stderr: expect.stringContaining(reason) });
});

test.each(["profile merge -", "profile merge - --json"])("a profile: %s", async (words) => {
  const { how, stdout } = await inShell(`(sleep 1; cat '${PROFILE}') | kareus ${words}`);
  expect([how, stdout.length > 0]).toEqual([0, true]);
});

test("sweep, which reads a graph more than once, takes none on standard input", async () => {
  const { how, stderr } = await inShell(`kareus sweep - ${BIND.join(" ")} < '${GRAPH}'`);
  expect({ how, stderr }).toEqual({
    how: 2,
    stderr: expect.stringContaining('error KRS0002 <graph.onnx>: "-" is not a file'),
  });
});

test("waiting for standard input ends with a signal", async () => {
  const child = spawn(process.execPath, [KAREUS, "inspect", "-"]);
  const ended = end(child);
  await setTimeout(1500);
  const start = performance.now();
  child.kill("SIGINT");
  expect((await ended).how).toBe(130);
  expect(performance.now() - start).toBeLessThan(500);
});

/** The same model with a long description: field 6 of ModelProto. */
function described(model: Buffer, size_bytes: number): Buffer {
  return Buffer.concat([
    model,
    Buffer.from([6 * 8 + 2]),
    varint(size_bytes),
    Buffer.alloc(size_bytes, 32),
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
