import { Argument, type Command } from "commander";
import { commandTable } from "../command-table.js";
import type { Completed } from "../completion/words.js";
import { parseWord } from "../flags/texts.js";

const SHELLS = ["bash", "zsh", "fish"] as const;

const EXAMPLES = `
Completes commands, flags and their words, names of devices and files. Load it where the shell starts.

Examples:
  $ source <(kareus completion bash)      # in ~/.bashrc
  $ source <(kareus completion zsh)       # in ~/.zshrc, after compinit
  $ kareus completion fish > ~/.config/fish/completions/kareus.fish`;

/** `kareus completion`: what makes a shell complete commands, flags and names. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .summary("print a completion script for your shell")
    .description("Print a completion script for a shell, made from the commands and their flags.")
    .addArgument(new Argument("<shell>", "shell").choices(SHELLS).argParser(String))
    .addHelpText("after", EXAMPLES)
    .action(async (word: string) => {
      const shell = parseWord(word, "kareus completion", SHELLS);
      const { deviceNames } = await import("../../gpu/device.js");
      const parts = { commands: commandTable(program), devices: deviceNames() };
      process.stdout.write(await script(shell, parts));
    });
}

async function script(shell: (typeof SHELLS)[number], parts: Completed): Promise<string> {
  if (shell === "bash") return (await import("../completion/bash.js")).bashCompletion(parts);
  if (shell === "zsh") return (await import("../completion/zsh.js")).zshCompletion(parts);
  return (await import("../completion/fish.js")).fishCompletion(parts);
}
