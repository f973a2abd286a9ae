import { posix } from "node:path";

/** A folder (or a single file) of the house and its floor; imports go down or stay inside. */
export interface Floor {
  readonly path: string;
  readonly floor: number;
  /** The only folders and files that may import from here; anyone above if absent. */
  readonly only?: readonly string[];
  /** The one file here that others may import; any if absent. */
  readonly door?: string;
}

interface Import {
  readonly file: string;
  /** Exported names asked for; `*` for all of them. */
  readonly names: readonly string[];
}

interface Source {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly exports: readonly string[];
}

/** Statements start their line and end with a semicolon: the formatter sees to it. */
const STATEMENT = /^(?:import|export)\b([^;"']*?)\bfrom\s+"([^"]+)";/gm;
const BARE_IMPORT = /^import\s+"([^"]+)";/gm;
const DYNAMIC_IMPORT = /\bimport\("([^"]+)"\)/g;
/** Worker threads start from a built file, whose default export is what they run. */
const WORKER = /\b(?:Worker|pathToFileURL)\(packagePath\("dist\/([^"]+)\.js"\)/g;
const DECLARATION =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|const|let|class|interface|type|enum)\s+(\w+)/gm;
const DEFAULT = /^export\s+default\b/m;
const EXPORT_LIST = /^export\s+(?:type\s+)?\{([^}]*)\}/gm;

/**
 * What breaks the house rules, one line each, sorted: imports that go up or sideways, files outside
 * every folder of the table, cycles between files, exported names that no other file imports.
 * @param files TypeScript sources by path from the repository root
 */
export function checkLayering(
  files: ReadonlyMap<string, string>,
  floors: readonly Floor[],
): string[] {
  const parsed = ([path, text]: [string, string]) => [path, parse(path, text)] as const;
  const sources = new Map([...files].map(parsed));
  return [
    ...homeless(sources, floors),
    ...wrongWay(sources, floors),
    ...cycles(sources),
    ...unused(sources),
  ].sort();
}

function parse(path: string, text: string): Source {
  const from = (specifier: string) =>
    posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts");
  const found: Import[] = [];
  const add = (specifier: string | undefined, names: readonly string[]) => {
    if (specifier?.startsWith(".")) found.push({ file: from(specifier), names });
  };
  for (const [, clause, specifier] of text.matchAll(STATEMENT)) {
    add(specifier, importedNames(clause ?? ""));
  }
  for (const [, specifier] of text.matchAll(BARE_IMPORT)) add(specifier, []);
  for (const [, specifier] of text.matchAll(DYNAMIC_IMPORT)) add(specifier, ["*"]);
  for (const [, file] of text.matchAll(WORKER))
    found.push({ file: `${file}.ts`, names: ["default"] });
  return { path, imports: found, exports: exportedNames(text) };
}

/** `a, { type B, c as d }` asks for default, B and c; `* as x` for everything. */
function importedNames(clause: string): string[] {
  const [list] = clause.match(/\{[^}]*\}/) ?? [""];
  const outside = clause.replace(list, "").replace(/^\s*type\b/, "");
  if (outside.includes("*")) return ["*"];
  const names = listed(list.slice(1, -1)).map(([name]) => name);
  return /\w/.test(outside) ? ["default", ...names] : names;
}

/** The names of an import or export list, before and after `as`. */
function listed(list: string): [string, string][] {
  return list
    .split(",")
    .map((item) => item.trim().replace(/^type\s+/, ""))
    .filter((item) => item !== "")
    .map((item) => {
      const [name = "", alias = name] = item.split(/\s+as\s+/);
      return [name, alias];
    });
}

function exportedNames(text: string): string[] {
  const declared = [...text.matchAll(DECLARATION)].map(([, name]) => name ?? "");
  const lists = [...text.matchAll(EXPORT_LIST)].flatMap(([, list]) => listed(list ?? ""));
  const standard = DEFAULT.test(text) ? ["default"] : [];
  return [...declared, ...lists.map(([, alias]) => alias), ...standard];
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The innermost folder of the table that holds a file: the one that is listed first. */
function floorOf(path: string, floors: readonly Floor[]): Floor | undefined {
  return floors.find((floor) => within(path, floor.path));
}

function homeless(sources: ReadonlyMap<string, Source>, floors: readonly Floor[]): string[] {
  return [...sources.keys()]
    .filter((path) => floorOf(path, floors) === undefined)
    .map((path) => `${path}: in no folder of the table`);
}

function wrongWay(sources: ReadonlyMap<string, Source>, floors: readonly Floor[]): string[] {
  const problems: string[] = [];
  for (const source of sources.values()) {
    const home = floorOf(source.path, floors);
    for (const { file } of source.imports) {
      const target = floorOf(file, floors);
      if (home === undefined || target === home) continue;
      const edge = `${source.path} -> ${file}`;
      if (target === undefined) problems.push(`${edge}: outside every folder of the table`);
      else if (target.floor >= home.floor) {
        problems.push(`${edge}: floor ${home.floor} may not import from floor ${target.floor}`);
      } else if (target.only?.every((path) => !within(source.path, path))) {
        problems.push(`${edge}: only ${target.only.join(" and ")} may import from ${target.path}`);
      } else if (target.door !== undefined && target.door !== file) {
        problems.push(`${edge}: ${target.path} is imported through ${target.door} alone`);
      }
    }
  }
  return problems;
}

/** One line per file that can reach itself and comes first by name among those it shares it with. */
function cycles(sources: ReadonlyMap<string, Source>): string[] {
  const problems: string[] = [];
  for (const start of sources.keys()) {
    const path = wayBack(start, sources);
    if (path?.every((file) => start <= file)) {
      problems.push(`${[start, ...path].join(" -> ")}: a cycle`);
    }
  }
  return problems;
}

/** The shortest way from a file back to itself, without the start; null if there is none. */
function wayBack(start: string, sources: ReadonlyMap<string, Source>): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const { file: next } of sources.get(file)?.imports ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      if (next === start) return traceBack(start, cameFrom);
      queue.push(next);
    }
  }
  return null;
}

function traceBack(start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [start];
  for (let at = cameFrom.get(start) ?? start; at !== start; at = cameFrom.get(at) ?? start) {
    path.unshift(at);
  }
  return path;
}

function unused(sources: ReadonlyMap<string, Source>): string[] {
  const asked = new Set<string>();
  for (const { imports } of sources.values()) {
    for (const { file, names } of imports) for (const name of names) asked.add(`${file}#${name}`);
  }
  return [...sources.values()].flatMap(({ path, exports }) =>
    exports
      .filter((name) => !asked.has(`${path}#${name}`) && !asked.has(`${path}#*`))
      .map((name) => `${path}: nobody imports ${name}`),
  );
}
