import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { codes, kareus, temporaryFolder } from "../support/cli.js";

const folder = temporaryFolder();
const has = (shell: string) => spawnSync(shell, ["--version"]).status === 0;

async function scriptOf(shell: string): Promise<string> {
  const run = await kareus(["completion", shell]);
  expect([run.stderr, run.status]).toEqual(["", 0]);
  const file = join(folder, `completion.${shell}`);
  writeFileSync(file, run.stdout);
  return file;
}

describe.skipIf(!has("bash"))("completion in bash", () => {
  let file = "";
  beforeAll(async () => {
    file = await scriptOf("bash");
    mkdirSync(join(folder, "here"));
    writeFileSync(join(folder, "here", "my graph.onnx"), "");
  });

  /** What bash offers for the last word. */
  function offered(...words: readonly string[]): string[] {
    const complete = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kareus
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ["-c", complete, file, "kareus", ...words];
    const run = spawnSync("bash", args, { cwd: join(folder, "here") });
    expect(run.stderr.toString()).toBe("");
    return run.stdout.toString().split("\n").filter(Boolean);
  }

  test.each([
    [["opt"], ["optimize"]],
    [["profile", "m"], ["merge"]],
    [
      ["optimize", "g.onnx", "--pipeline", ""],
      ["1f1b", "gpipe", "interleaved-1f1b", "zb-h1", "zb-2p", "zb-v", "dualpipe-v"],
    ],
    [
      ["solve", "--pipeline", "=", "z"],
      ["zb-h1", "zb-2p", "zb-v"],
    ],
    [
      ["inspect", "--gpu", "h"],
      ["h100-pcie", "h100-sxm", "h200"],
    ],
    [["profile", "fit", "--device", "a4"], ["a40"]],
    [["schema", "pl"], ["plan"]],
    [["select", "--kn"], ["--knee"]],
    [["optimize", "--tp", ""], []],
    [["optimize", "m"], ["my graph.onnx"]],
    [["export", "--out", "m"], ["my graph.onnx"]],
    [["nonsense", "--x"], []],
  ])("of %j is %j", (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });

  test("knows every flag that the help knows", async () => {
    for (const command of [["optimize"], ["solve"], ["profile", "record"]]) {
      const help = (await kareus([...command, "--help"])).stdout;
      const flags = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
      expect(flags.length).toBeGreaterThan(5);
      expect(offered(...command, "--").sort()).toEqual(flags.sort());
    }
  });
});

test("scripts for zsh and fish hold commands, words and devices, and parse where installed", async () => {
  for (const shell of ["zsh", "fish"]) {
    const file = await scriptOf(shell);
    const { stdout } = await kareus(["completion", shell]);
    for (const word of ["optimize", "merge", "interleaved-1f1b", "h100-sxm"]) {
      expect(stdout).toContain(word);
    }
    if (has(shell)) expect(spawnSync(shell, ["-n", file]).stderr.toString()).toBe("");
  }
});

describe.skipIf(!has("fish"))("completion in fish, live", () => {
  test.each([
    ["opt", ["optimize"]],
    ["profile m", ["merge"]],
    ["inspect --gpu h", ["h100-pcie", "h100-sxm", "h200"]],
    ["select --kn", ["--knee"]],
  ])("of %j is %j", async (typed, expected) => {
    const file = await scriptOf("fish");
    const ask = `source ${file}; complete -C "kareus ${typed}"`;
    const run = spawnSync("fish", ["--no-config", "-c", ask]);
    expect(run.stderr.toString()).toBe("");
    const offered = run.stdout.toString().split("\n").filter(Boolean);
    expect(offered.map((line) => line.split("\t")[0])).toEqual(expected);
  });
});

/** Types words and a tab into an interactive zsh, and prints what its line becomes. */
const ZSH = `
zmodload zsh/zpty
zpty z "TERM=dumb zsh -f -i"
zpty -w z "PROMPT=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d $1.dump; source $1; echo rea''dy"
out=; n=0
while [[ $out != *ready* ]] && ((++n < 400)); do zpty -r -t z chunk 2>/dev/null && out+=$chunk; chunk=; sleep 0.05; done
zpty -w -n z "$2"$'\t'
out=; n=0
while ((++n < 60)); do zpty -r -t z chunk 2>/dev/null && out+=$chunk; chunk=; sleep 0.05; done
print -r -- "$out"
zpty -d z`;

describe.skipIf(!has("zsh"))("completion in zsh, live", () => {
  test.each([
    ["kareus opt", "kareus optimize "],
    ["kareus inspect --gpu h2", "kareus inspect --gpu h200 "],
  ])("of %j is %j", async (typed, expected) => {
    const file = await scriptOf("zsh");
    const run = spawnSync("zsh", ["-f", "-c", ZSH, "zsh", file, typed], { timeout: 50_000 });
    expect(run.stdout.toString()).toContain(expected);
  });
});

test("another shell is bad input, and the near one is named", async () => {
  const run = await kareus(["completion", "bas"]);
  expect([codes(run, "error"), run.status]).toEqual([["KRS0002"], 2]);
  expect(run.stderr).toContain("did you mean bash?");
});
