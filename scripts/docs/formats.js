// The page of file formats, from the published JSON Schemas.

/** What a file is for, by the name of its schema. */
const PURPOSES = {
  frontier: "`frontier.json`, written by `optimize`: the points of a job and how they compare.",
  plan: "`plans/*.json`, and what `select --out` copies: one point, spelled out for a runtime.",
  details:
    "`details.json`, written by `optimize`: what the plans' kernels are and how they overlap.",
  case: "`case.json` of a folder that `verify` checks: what `optimize` is given.",
  verification: "What `verify --json` answers.",
  explanation: "What `explain --json` answers.",
  difference: "What `diff --json` answers.",
  simulation: "What `simulate --json` answers.",
  instance: "What `solve` takes: a pipeline and the options of its instructions.",
  solution: "What `solve --json` answers: the option of every instruction, for every point.",
  search: "What `search --json` answers: the rows in the order of evaluation, and the frontier.",
  profile:
    "Recorded costs, JSON lines: a header, then a record a line. Written by `profile` and `optimize`, read by `--profile`.",
  device: "A GPU, `profiles/devices/*.json` or a file that `--gpu` names.",
  config: "`kareus.config.json`: [flags from a file](config.md).",
};

/** A schema as TypeScript would write the type. */
function typeText(schema, indent) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((each) => typeText(each, indent)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.type === "array") return arrayText(schema, indent);
  if (schema.type === "object") return objectText(schema, indent);
  return schema.type ?? "any";
}

function arrayText({ items, prefixItems }, indent) {
  if (prefixItems) return `[${prefixItems.map((each) => typeText(each, indent)).join(", ")}]`;
  const inner = typeText(items ?? {}, indent);
  return inner.includes(" | ") && !inner.startsWith("{") ? `(${inner})[]` : `${inner}[]`;
}

function objectText({ properties = {}, required = [], additionalProperties }, indent) {
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(([name, each]) => {
    const optional = required.includes(name) ? "" : "?";
    return `${name}${optional}: ${typeText(each, deeper)}`;
  });
  if (typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0) {
    lines.push(`[name]: ${typeText(additionalProperties, deeper)}`);
  }
  const short = `{ ${lines.join(", ")} }`;
  if (!short.includes("\n") && indent.length + short.length < 90) return short;
  return `{\n${lines.map((line) => deeper + line).join("\n")}\n${indent}}`;
}

/** Every format: what it is for, its fields, its schema. */
export function formatsPage(schemas) {
  const sections = Object.entries(schemas).map(([name, schema]) => {
    const purpose = PURPOSES[name] ?? "";
    return `
## ${schema.title}

${`${purpose} Schema:`.trim()} [${name}.schema.json](../schemas/${name}.schema.json), \`kareus schema ${name}\`.

\`\`\`ts
${typeText(schema, "")}
\`\`\`
`;
  });
  return `<!-- Written by \`npm run docs\` from the schemas. -->

# File formats

Every JSON file starts with \`format\` and an integer \`version\`. A new optional field keeps the version, one
that is renamed or means something else raises it; readers refuse newer versions and upgrade older ones.
Units are in the names: \`time_s\`, \`energy_j\`, \`power_w\`, \`freq_mhz\`, \`size_bytes\`, \`flops\`. \`?\` marks
what may be left out. \`energy_j\` of a frontier and of a plan's point counts every GPU of one data-parallel
replica; profiles, instances and a plan's instructions count one GPU.
${sections.join("")}`;
}
