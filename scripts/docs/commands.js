// Pages of commands, from what commander knows of them.

const HEAD = "<!-- Written by `npm run docs`; change the command, not this page. -->\n";

/** Text of the help as Markdown takes it. */
const prose = (text) => text.replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const cell = (text) => prose(text).replaceAll("|", "\\|");
const code = (text) => `\`${text.replaceAll("|", "\\|")}\``;

/** A Markdown table. */
function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What the help says after its lists: paragraphs, and the lines of its examples. */
function helpText(command) {
  let whole = "";
  command.configureOutput({
    writeOut: (text) => {
      whole += text;
    },
  });
  command.outputHelp();
  const after = whole.slice(command.helpInformation().length).trim();
  const [text, examples = ""] = after.split(/^Examples?:\n/m);
  const indented = examples.match(/^ {2}.*$/gm) ?? [];
  return {
    text: [text.trim(), examples.replace(/^ {2}.*$/gm, "").trim()].filter(Boolean).join("\n\n"),
    examples: indented.map((line) => line.slice(2).replace(/^\$ /, "")).join("\n"),
  };
}

/** One command: what it does, takes and prints. */
export function commandPage({ name, command, flags }) {
  const { text, examples } = helpText(command);
  const parts = [
    `${HEAD}\n# kareus ${name}`,
    command.description(),
    `\`\`\`sh\nkareus ${name} ${command.usage()}\n\`\`\``,
    ...argumentsPart(command),
    ...(text ? [prose(text)] : []),
    ...flagsPart(flags),
    `## Examples\n\n\`\`\`sh\n${examples}\n\`\`\``,
    "Exit codes, and what all commands have in common: [index](../README.md). Errors by code:\n[diagnostics](../diagnostics.md).",
  ];
  return `${parts.join("\n\n")}\n`;
}

function argumentsPart(command) {
  const rows = command.registeredArguments.map((argument) => [
    code(argument.name() + (argument.variadic ? "..." : "")),
    cell(argument.description) + (argument.argChoices ? `: ${argument.argChoices.join(", ")}` : ""),
  ]);
  return rows.length === 0 ? [] : [table(["argument", "meaning"], rows)];
}

function flagsPart(flags) {
  const rows = flags.map(({ option }) => [code(option.flags), cell(option.description)]);
  return rows.length === 0 ? [] : [`## Flags\n\n${table(["flag", "meaning"], rows)}`];
}

/** The first page: every command, and what holds for all of them. */
export function indexPage(program, commands) {
  const rows = commands.map(({ name, summary }) => [
    `[\`kareus ${name}\`](commands/${name.replaceAll(" ", "-")}.md)`,
    cell(summary),
  ]);
  const { text, examples } = helpText(program);
  return `${HEAD}
# kareus

${program.description()}

\`\`\`sh
${examples}
\`\`\`

${table(["command", "what it does"], rows)}

Pages about more than one command:

- [Config file](config.md): flags from \`kareus.config.json\`
- [File formats](formats.md): what is in every file that kareus reads and writes
- [Exchange with other tools](exchange.md): what is imported and exported
- [Training frameworks](frameworks.md): recipes for PyTorch, torchtitan and Megatron-LM
- [Diagnostics](diagnostics.md): every error and warning by its code

## For all commands

${prose(text)}

A file argument \`-\` is standard input. Errors and warnings go to standard error, with a stable code, the
place, the reason and a hint. With \`--json\` the result alone is on standard output, and every diagnostic is
one line of JSON on standard error. The same inputs and seed give the same bytes, whatever the number of
threads. Files are written whole or not at all.

| variable | meaning |
| --- | --- |
| \`NO_COLOR\` | set and not empty: no colours |
| \`KAREUS_DEBUG\` | \`1\`: the stack of an internal error |
`;
}
