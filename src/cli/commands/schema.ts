import { Argument, type Command } from "commander";
import { parseWord } from "../flags/texts.js";
import { print } from "../terminal.js";

const FORMATS = [
  "frontier",
  "plan",
  "details",
  "instance",
  "solution",
  "search",
  "case",
  "verification",
  "explanation",
  "difference",
  "simulation",
  "profile",
  "device",
  "config",
] as const;

const EXAMPLES = `
Example:
  $ kareus schema plan > plan.schema.json`;

/** `kareus schema`: the JSON Schema of a file format, for other tools. */
export function addSchema(program: Command): void {
  program
    .command("schema")
    .summary("print the JSON Schema of a file format")
    .description("Print the JSON Schema of a file format, for tools that read or check our files.")
    .addArgument(new Argument("<format>", "file format").choices(FORMATS).argParser(String))
    .addHelpText("after", EXAMPLES)
    .action(async (text: string) => {
      const name = parseWord(text, "kareus schema", FORMATS);
      const { publishedSchemas } = await import("../../emit/schemas.js");
      print(`${JSON.stringify(publishedSchemas()[name], null, 2)}\n`);
    });
}
