import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { verifyCase } from "../../src/cli/verify/verify-case.js";
import { optimize } from "../../src/pipeline.js";
import type { OptimizeResult } from "../../src/planning.js";
import { expectBadInput } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const CASES = join(ROOT, "test/golden/cases");
const folder = temporaryFolder();
let copies = 0;

/** A copy of a committed case, to be spoiled. */
function copyOf(name: string): string {
  const copy = join(folder, `${name}-${copies++}`);
  cpSync(join(CASES, name), copy, { recursive: true });
  return copy;
}

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** A case whose GEMM rate is another share of what it was. */
function withGemmRate(share: number): string {
  const copy = copyOf("mini-pipeline");
  rewrite(join(copy, "device.json"), (text) => {
    const device = JSON.parse(text);
    device.gemm.bfloat16_flop_per_s.value *= share;
    return JSON.stringify(device);
  });
  return copy;
}

interface Verification {
  readonly passed: boolean;
  readonly cases: readonly {
    readonly status: string;
    readonly measures: readonly { readonly name: string; readonly worse: number | null }[];
    readonly reasons: readonly { readonly of: string; readonly what: string }[];
  }[];
}

async function verified(status: number, ...args: readonly string[]): Promise<Verification> {
  const run = await kareus(["verify", ...args, "--json"]);
  expect(run.status).toBe(status);
  return JSON.parse(run.stdout);
}

/** Keys of every object in reverse order. */
function reversedKeys(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(reversedKeys);
  if (data === null || typeof data !== "object") return data;
  const entries = Object.entries(data).map(([key, value]) => [key, reversedKeys(value)] as const);
  return Object.fromEntries(entries.reverse());
}

describe("kareus verify", () => {
  test("every committed case comes out as expected", async () => {
    const run = await kareus(["verify", CASES]);
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    expect(run.stdout).toContain("mini-replayed: as expected");
    expect(run.stdout).toContain("3 cases: 3 as expected\n");
  });

  test("order of keys, line ends and order of records do not matter", async () => {
    const copy = copyOf("mini-replayed");
    const lines = (text: string) =>
      text
        .split("\n")
        .map((line) => (line === "" ? "" : JSON.stringify(reversedKeys(JSON.parse(line)))));
    for (const name of ["case.json", "device.json", "expected/frontier.json"]) {
      rewrite(join(copy, name), (text) =>
        `${JSON.stringify(reversedKeys(JSON.parse(text)), null, 3)}\n`.replaceAll("\n", "\r\n"),
      );
    }
    for (const name of ["profile.jsonl", "expected/measurements.jsonl"]) {
      rewrite(join(copy, name), (text) => {
        const [header = "", ...records] = lines(text.trimEnd());
        return [header, ...records.reverse(), ""].join("\r\n");
      });
    }
    const { cases } = await verified(0, copy);
    expect(cases.map(({ status }) => status)).toEqual(["same"]);
    expect(cases[0]?.measures.map(({ worse }) => worse)).toEqual([0, 0, 0]);
  });

  test("a GEMM 1% slower is a regression, of costs", async () => {
    const copy = withGemmRate(0.99);
    const run = await kareus(["verify", copy]);
    expect(run.status).toBe(1);
    expect(codes(run, "error")).toEqual(["KRS4205"]);
    expect(run.stdout).toContain("WORSE than expected");
    const { passed, cases } = await verified(1, copy);
    expect(passed).toBe(false);
    expect(cases[0]?.reasons[0]?.of).toBe("costs");
    expect(cases[0]?.reasons[0]?.what).toMatch(/configurations cost otherwise: time \+0\.\d+%/);
    // What is worse by less than the tolerance is as good.
    await verified(0, copy, "--tolerance", "40");
  });

  test("without expected measurements the baseline tells that costs moved", async () => {
    const copy = withGemmRate(0.99);
    rmSync(join(copy, "expected/measurements.jsonl"));
    const { cases } = await verified(1, copy);
    expect(cases[0]?.reasons[0]?.of).toBe("costs");
    expect(cases[0]?.reasons[0]?.what).toContain("baseline");
  });

  test("a better result is reported and passes; --update makes it the expectation", async () => {
    const copy = withGemmRate(1.01);
    const { cases } = await verified(0, copy);
    expect(cases[0]?.status).toBe("better");
    const update = await kareus(["verify", copy, "--update"]);
    expect(update.status).toBe(0);
    expect(update.stdout).toContain("hypervolume");
    expect((await verified(0, copy)).cases[0]?.status).toBe("same");
  });

  test("several folders, each case once, as JUnit for CI", async () => {
    const worse = withGemmRate(0.99);
    const junit = join(folder, "junit.xml");
    const good = join(CASES, "mini-pipeline");
    const run = await kareus(["verify", good, worse, good, "--junit", junit]);
    expect(run.status).toBe(1);
    const xml = readFileSync(junit, "utf8");
    expect(xml.match(/<testcase /g)?.length).toBe(2);
    expect(xml).toContain('tests="2" failures="1" errors="0"');
    expect(xml).toMatch(/<failure message="WORSE than expected">hypervolume: /);
  });

  test("what cannot run does not stop the others, and is exit 2", async () => {
    const broken = copyOf("mini-pipeline");
    rmSync(join(broken, "graph.onnx"));
    const junit = join(folder, "broken.xml");
    const run = await kareus(["verify", broken, join(CASES, "mini-pipeline"), "--junit", junit]);
    expect(run.status).toBe(2);
    expect(run.stdout).toContain("2 cases: 1 as expected, 1 broken");
    expect(readFileSync(junit, "utf8")).toContain('failures="0" errors="1"');
  });
});

/** The compiler with a solver whose plans take 1% more energy than they need. */
const wasteful: typeof optimize = async (options, hooks): Promise<OptimizeResult> => {
  const found = await optimize(options, hooks);
  const points = found.frontier.points.map((point) => ({
    ...point,
    energy_j: 1.01 * point.energy_j,
  }));
  return { ...found, frontier: { ...found.frontier, points } };
};

const setting = {
  hooks: { report: () => {}, progress: () => {}, printIr: () => {} },
  ...{ threads: 1, tolerance: 0.001, update: false, tool: "test" },
};

describe("a regression planted in the compiler", () => {
  const verify = (name: string, compiler: typeof optimize) =>
    verifyCase(join(CASES, name), { ...setting, optimize: compiler });

  test("in the solver is found and told from costs and search", async () => {
    const { status, reasons } = await verify("mini-pipeline", wasteful);
    expect(status).toBe("worse");
    expect(reasons.map(({ of }) => of)).toEqual(["solver"]);
  });

  test("in the search, by half the budget", async () => {
    const { status, reasons } = await verify("mini-replayed", (options, hooks) =>
      optimize({ ...options, search: { ...options.search, budget: 8 } }, hooks),
    );
    expect(status).toBe("worse");
    expect(reasons[0]?.of).toBe("search");
  });

  test("in the number of points", async () => {
    const { status } = await verify("mini-pipeline", (options, hooks) =>
      optimize({ ...options, search: { ...options.search, points: 3 } }, hooks),
    );
    expect(status).toBe("worse");
  });
});

describe("bad cases", () => {
  /** The code that a case is broken with. */
  async function brokenBy(copy: string): Promise<string | undefined> {
    const { status, errors } = await verifyCase(copy, { ...setting, optimize });
    expect(status).toBe("broken");
    expect(errors[0]?.message).not.toContain("\n");
    return errors[0]?.code;
  }

  const withArguments = (change: (given: string[]) => string[]): string => {
    const copy = copyOf("mini-pipeline");
    rewrite(join(copy, "case.json"), (text) => {
      const content = JSON.parse(text);
      return JSON.stringify({ ...content, arguments: change(content.arguments) });
    });
    return copy;
  };

  test("a folder without cases, or that is not there", async () => {
    expectBadInput(await kareus(["verify", join(ROOT, "schemas")]), "KRS4201");
    expectBadInput(await kareus(["verify", join(folder, "none")]), "KRS0020");
  });

  test.each([
    ["--no-such-flag"],
    ["--help"],
    ["--out=x"],
    ["--json"],
    ["--tp=many"],
    ["--measure"],
  ])("%s in the arguments", async (flag) => {
    expect(await brokenBy(withArguments((given) => [...given, flag]))).toBe("KRS4202");
  });

  test("a replayed profile that lacks what is searched", async () => {
    const copy = copyOf("mini-replayed");
    rewrite(join(copy, "profile.jsonl"), (text) => `${text.split("\n").slice(0, 40).join("\n")}\n`);
    expect(await brokenBy(copy)).toBe("KRS3013");
  });

  test("paths that lead out of the folder, by name or by link", async () => {
    const mini = join(ROOT, "test/golden/mini.onnx");
    const linked = copyOf("mini-pipeline");
    rmSync(join(linked, "graph.onnx"));
    symlinkSync(mini, join(linked, "graph.onnx"));
    const named = ["../mini.onnx", mini].map((path) =>
      withArguments(([, ...flags]) => [path, ...flags]),
    );
    const device = withArguments((given) => [...given, "--gpu", "../mini-replayed/device.json"]);
    for (const copy of [linked, device, ...named]) expect(await brokenBy(copy)).toBe("KRS4203");
  });

  test("a link out of the case is followed neither to read nor to write", async () => {
    const copy = copyOf("mini-pipeline");
    const outside = mkdtempSync(join(folder, "outside-"));
    rmSync(join(copy, "expected"), { recursive: true });
    symlinkSync(outside, join(copy, "expected"));
    for (const flags of [[], ["--update"]]) {
      const run = await kareus(["verify", copy, ...flags]);
      expect([run.status, codes(run, "error")]).toEqual([2, ["KRS4203"]]);
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test("nothing expected: says how to write it, and --update does", async () => {
    const copy = copyOf("mini-pipeline");
    rmSync(join(copy, "expected"), { recursive: true });
    const run = await kareus(["verify", copy]);
    expect(run.status).toBe(2);
    expect(codes(run, "error")).toEqual(["KRS4204"]);
    expect(existsSync(join(copy, "expected"))).toBe(false);
    expect((await kareus(["verify", copy, "--update"])).status).toBe(0);
    expect(readFileSync(join(copy, "expected/frontier.json"))).toEqual(
      readFileSync(join(CASES, "mini-pipeline/expected/frontier.json")),
    );
  });

  test.each([
    ["case.json", "{", "KRS4101"],
    ["case.json", "{}", "KRS4102"],
    ["expected/frontier.json", '{"format":"kareus-frontier","version":9}', "KRS4103"],
    ["expected/frontier.json", '{"format":"kareus-frontier","version":1}', "KRS4104"],
    ["expected/measurements.jsonl", "no profile\n", "KRS2011"],
  ])("%s that is %s", async (name, content, code) => {
    const copy = copyOf("mini-pipeline");
    writeFileSync(join(copy, name), content);
    expect(await brokenBy(copy)).toBe(code);
  });
});
