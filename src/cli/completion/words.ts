import { at, present } from "../../base/need.js";
import type { CommandEntry, FlagEntry } from "../command-table.js";

/** What completion scripts are made of. */
export interface Completed {
  readonly commands: readonly CommandEntry[];
  /** Names of the bundled devices. */
  readonly devices: readonly string[];
}

/** A name to choose, and what it stands for. */
export interface Member {
  readonly name: string;
  readonly summary: string;
}

/** What follows `kareus` (key "") and each command that has commands of its own. */
export function groupsOf(commands: readonly CommandEntry[]): ReadonlyMap<string, Member[]> {
  const top: Member[] = [];
  const groups = new Map([["", top]]);
  for (const { name, summary, command } of commands) {
    const words = name.split(" ");
    const [first, second] = [at(words, 0), words[1]];
    if (second === undefined) {
      top.push({ name: first, summary });
      continue;
    }
    const members = groups.get(first) ?? [];
    if (members.length === 0) {
      top.push({ name: first, summary: present(command.parent, "group").summary() });
    }
    groups.set(first, [...members, { name: second, summary }]);
  }
  return groups;
}

/** What a shell offers after a flag. */
export function valueWords(
  { option }: FlagEntry,
  devices: readonly string[],
): { readonly words: readonly string[]; readonly files: boolean } {
  const { completes } = option.row;
  if (completes === "nothing") return { words: [], files: false };
  if (completes === "files") return { words: [], files: true };
  if (completes === "devices") return { words: devices, files: true };
  return { words: completes, files: false };
}
