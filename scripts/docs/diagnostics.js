// The page of every diagnostic, read from the functions that make them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const AREAS = [
  ["KRS0", "Command line and files"],
  ["KRS1", "Graph"],
  ["KRS2", "Devices and profiles"],
  ["KRS3", "Search"],
  ["KRS4", "Plans, pipelines and exchange"],
  ["KRS5", "Runtime"],
];

/** From an opening bracket to behind the closing one; strings are skipped. */
function balanced(text, start) {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'" || c === "`") i = stringEnd(text, i);
    else if ("([{".includes(c)) depth++;
    else if (")]}".includes(c) && --depth === 0) return i + 1;
  }
  throw new Error("brackets do not balance");
}

/** The closing quote of a string; `${...}` may hold strings of its own. */
function stringEnd(text, start) {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i;
    else if (quote === "`" && text.startsWith("${", i)) i = balanced(text, i + 1) - 1;
  }
  throw new Error("a string does not end");
}

/** Arguments between a call's brackets. */
function argumentsOf(text) {
  const found = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'" || c === "`") i = stringEnd(text, i);
    else if ("([{".includes(c)) i = balanced(text, i) - 1;
    else if (c === ",") {
      found.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return [...found, text.slice(start).trim()].filter(Boolean);
}

/** Name for what stands in `${...}`. */
function placeholder(expression) {
  const names = [...expression.matchAll(/(?<![.\w"])[A-Za-z_]\w*(?![\w(])/g)].map(([name]) => name);
  return `‹${names.find((name) => name !== "JSON") ?? "..."}›`;
}

/** The strings of an expression as they read, alternatives joined by "or"; "" where there are none. */
function reading(expression) {
  const found = [];
  for (let i = 0; i < expression.length; i++) {
    const c = expression[i];
    if (c !== '"' && c !== "`") continue;
    const end = stringEnd(expression, i);
    found.push(unquoted(expression.slice(i + 1, end)));
    i = end;
  }
  return found.join(" *or* ");
}

function unquoted(text) {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith("${", i)) {
      const end = balanced(text, i + 1);
      out += placeholder(text.slice(i + 2, end - 1));
      i = end - 1;
    } else if (text[i] === "\\") out += text[++i];
    else out += text[i];
  }
  return out;
}

/** Every diagnostic of one catalogue file. */
function diagnosticsOf(source) {
  const constants = new Map(
    [...source.matchAll(/^export const (\w+) = "(KRS\d{4})";/gm)].map(([, name, code]) => [
      name,
      code,
    ]),
  );
  return [...source.matchAll(/\b(error|warning)\(/g)].flatMap((match) => {
    const open = match.index + match[0].length - 1;
    const [first = "", , message = "", hint = ""] = argumentsOf(
      source.slice(open + 1, balanced(source, open) - 1),
    );
    const code = constants.get(first) ?? /KRS\d{4}/.exec(first)?.[0];
    if (code === undefined) return [];
    const named = (text) => localConstant(source.slice(0, open), text) ?? text;
    const says = reading(named(message)) || docAbove(source.slice(0, open));
    return { code, severity: match[1], message: says, hint: reading(named(hint)) };
  });
}

/** The last doc comment, for a message that is made elsewhere. */
function docAbove(before) {
  const text = [...before.matchAll(/\/\*\*([\s\S]*?)\*\//g)].at(-1)?.[1] ?? "";
  return `*${text
    .replace(/\s*\n\s*\*\s*/g, " ")
    .trim()
    .replace(/^KRS\d+: /, "")}*`;
}

/** What a name was last set to, if the argument is a name. */
function localConstant(before, text) {
  if (!/^\w+$/.test(text)) return undefined;
  const all = [...before.matchAll(new RegExp(`\\bconst ${text} =\\s*([\\s\\S]*?);\\n`, "g"))];
  return all.at(-1)?.[1];
}

const cell = (text) =>
  text.replaceAll("|", "\\|").replace(/[<>]/g, (c) => (c === "<" ? "&lt;" : "&gt;"));

/** Every code with what it says and what helps. */
export function diagnosticsPage(folder) {
  const files = readdirSync(folder).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  const all = files
    .flatMap((name) => diagnosticsOf(readFileSync(join(folder, name), "utf8")))
    .sort((a, b) => a.code.localeCompare(b.code));
  const sections = AREAS.map(([prefix, title]) => {
    const rows = all
      .filter(({ code }) => code.startsWith(prefix))
      .map(
        (each) =>
          `| ${each.code} | ${each.severity} | ${cell(each.message)} | ${cell(each.hint)} |`,
      );
    if (rows.length === 0) return "";
    return `\n## ${title}\n\n| code | | what it says | what helps |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  return `<!-- Written by \`npm run docs\` from src/base/diagnostics/. -->

# Diagnostics

\`error KRS1203 <where>: <what>\` and an indented hint, on standard error; with \`--json\` one JSON object a
line. A code keeps its meaning for ever. An error ends the command with exit code 2 (bad input or usage)
or 1 (the honest answer is no); a warning does not. In ‹brackets› stands what the message fills in.
${sections.join("")}`;
}
