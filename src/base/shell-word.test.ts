import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "./shell-word.js";

test("a shell reads a word as it was, and plain ones stay plain", () => {
  const words = ["a b/g.onnx", "!*norm*", "it's", "$HOME", "", "batch=2,sequence=8", "-x"];
  const line = `printf '%s\\n' ${words.map(shellWord).join(" ")}`;
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`);
  expect(shellWord("runs/llama.onnx")).toBe("runs/llama.onnx");
});
