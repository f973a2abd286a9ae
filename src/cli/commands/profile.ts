import type { Command } from "commander";
import { addProfileMerge } from "./profile/merge.js";

const EXAMPLES = `
Example:
  $ kareus profile merge monday.jsonl tuesday.jsonl --out profiles/mine.jsonl
  $ kareus optimize llama.onnx --profile profiles`;

/** `kareus profile`: recorded costs; one file per subcommand beside this one. */
export function addProfile(program: Command): void {
  const group = program
    .command("profile")
    .summary("make recorded costs: merge")
    .description("Make and keep recorded costs, which `optimize --profile` takes.")
    .addHelpText("after", EXAMPLES);
  addProfileMerge(group);
}
