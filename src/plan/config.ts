import { z } from "zod";
import { type Format, readFormat } from "./format.js";

const word = z.union([z.string(), z.number()]);

/** As a flag's value is written, several for a repeated flag, by name for pairs; true: just given. */
const value = z.union([z.boolean(), word, z.array(word), z.record(z.string(), word)]);

const config = z
  .object({
    format: z.literal("kareus-config"),
    version: z.literal(1),
    $schema: z.string().optional(),
    /** Flags of one command alone, by its name. */
    commands: z.record(z.string(), z.record(z.string(), value)).optional(),
  })
  /** Flags of `optimize`, and of every command that shares them. */
  .catchall(value);

/** kareus.config.json: flags without their dashes. */
type ConfigFile = z.infer<typeof config>;
export type ConfigValue = z.infer<typeof value>;

/** The format of kareus.config.json. */
export const CONFIG_FORMAT: Format<ConfigFile> = {
  name: "kareus-config",
  version: 1,
  schema: config,
};

/** What a config file sets: for the commands of a job, and for one command. */
export interface Config {
  readonly shared: Readonly<Record<string, ConfigValue>>;
  readonly commands: Readonly<Record<string, Readonly<Record<string, ConfigValue>>>>;
}

/** Reads kareus.config.json; throws DiagnosticError (KRS410x) naming file and place. */
export function readConfig(text: string, where: string): Config {
  const { format, version, $schema, commands, ...shared } = readFormat(CONFIG_FORMAT, text, where);
  return { shared: shared as Config["shared"], commands: commands ?? {} };
}
