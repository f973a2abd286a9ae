import type { CommandEntry } from "../command-table.js";
import { type Completed, groupsOf, type Member, valueWords } from "./words.js";

/** A completion script for bash; needs nothing but bash. */
export function bashCompletion({ commands, devices }: Completed): string {
  const groups = groupsOf(commands);
  const known = [...groups.keys(), ...commands.map(({ name }) => name)].filter((name) => name);
  const paths = known.map((name) => (name.includes(" ") ? `"${name}"` : `" ${name}"`));
  return `# Completion of kareus for bash: source <(kareus completion bash)
_kareus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" word words="" files=""
  # --flag=value comes as three words.
  if [[ $current == "=" ]]; then
    current=""
  elif [[ $previous == "=" ]]; then
    previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
      ${paths.join(" | ")}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command:$previous" in
${valueCases(commands, devices).join("\n")}
    *) _kareus_words "$command" "$current" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ -n $files ]]; then
    local IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}

# Flags where a flag begins, else commands, an argument's words or files.
_kareus_words() {
  local flags=""
  case "$1" in
${[...groups].map(groupCase).join("\n")}
${commands.map(commandCase).join("\n")}
  esac
  if [[ $2 == -* ]]; then
    words="$flags"
    files=""
  fi
}

complete -F _kareus kareus
`;
}

/** What may follow the flags that take a value, flags of one kind together. */
function valueCases(commands: readonly CommandEntry[], devices: readonly string[]): string[] {
  const cases = new Map<string, string[]>();
  for (const { name, flags } of commands) {
    for (const flag of flags.filter(({ option }) => option.required)) {
      const { words, files } = valueWords(flag, devices);
      const offered = `words="${words.join(" ")}"${files ? " files=1" : ""}`;
      cases.set(offered, [...(cases.get(offered) ?? []), `"${name}:${flag.long}"`]);
    }
  }
  return [...cases].map(([offered, places]) => `    ${places.join(" | ")}) ${offered} ;;`);
}

function groupCase([name, members]: [string, readonly Member[]]): string {
  const names = members.map((each) => each.name).join(" ");
  return `    "${name}") words="${names}" flags="--help${name ? "" : " --version"}" ;;`;
}

function commandCase({ name, flags, argumentWords }: CommandEntry): string {
  const long = ["--help", ...flags.map((flag) => flag.long)].join(" ");
  const argument = argumentWords === null ? "files=1" : `words="${argumentWords.join(" ")}"`;
  return `    "${name}") ${argument} flags="${long}" ;;`;
}
