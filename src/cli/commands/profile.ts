import type { Command } from "commander";
import { addProfileFit } from "./profile/fit.js";
import { addProfileImport } from "./profile/import.js";
import { addProfileMerge } from "./profile/merge.js";
import { addProfileRecord } from "./profile/record.js";

const EXAMPLES = `
Examples:
  $ kareus profile import rank0.json.gz rank1.json.gz --gpu a100-sxm4-40gb --out profiles/run.jsonl
  $ kareus profile merge monday.jsonl tuesday.jsonl --out profiles/mine.jsonl
  $ kareus optimize llama.onnx --profile profiles`;

/** `kareus profile`: recorded costs; one file per subcommand beside this one. */
export function addProfile(program: Command): void {
  const group = program
    .command("profile")
    .summary("recorded costs: import, merge, fit, record")
    .description("Make and keep recorded costs, which `optimize --profile` takes.")
    .addHelpText("after", EXAMPLES);
  addProfileImport(group);
  addProfileMerge(group);
  addProfileFit(group);
  addProfileRecord(group);
}
