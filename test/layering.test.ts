import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkLayering, type Floor } from "./support/layering.js";
import { ROOT } from "./support/paths.js";

/** The house, from the ground up; what lies inside another folder comes before it. See ARCHITECTURE.md. */
const FLOORS: readonly Floor[] = [
  { path: "src/base", floor: 0 },
  { path: "src/math", floor: 1 },
  { path: "src/ir", floor: 2 },
  { path: "src/gpu", floor: 3 },
  { path: "src/profile", floor: 3 },
  { path: "src/plan", floor: 3 },
  { path: "src/options.ts", floor: 3 },
  { path: "src/exchange", floor: 4 },
  // Schedules and allocations know frontiers alone.
  { path: "src/fleet", floor: 4 },
  { path: "src/onnx", floor: 4 },
  // Fitting constants is the one thing above the door that needs the formulas themselves.
  { path: "src/cost/physics", floor: 4, only: ["src/cost", "src/fit"] },
  { path: "src/cost/oracle.ts", floor: 5, only: ["src/cost"] },
  { path: "src/cost/evidence", floor: 6, only: ["src/cost"] },
  { path: "src/cost", floor: 7, door: "src/cost/index.ts" },
  { path: "passes", floor: 5, only: ["src/lowering.ts"] },
  { path: "src/compose", floor: 5 },
  { path: "src/fit", floor: 8 },
  { path: "src/search", floor: 8 },
  { path: "src/simulate", floor: 8 },
  { path: "src/views", floor: 8 },
  { path: "src/emit", floor: 9 },
  { path: "src/hardware.ts", floor: 9 },
  { path: "src/lowering.ts", floor: 10 },
  { path: "src/room.ts", floor: 11 },
  { path: "src/searching.ts", floor: 11 },
  { path: "src/solving.ts", floor: 11 },
  { path: "src/planning.ts", floor: 12 },
  { path: "src/pipeline.ts", floor: 13 },
  { path: "src/sweep", floor: 14 },
  { path: "src/cli", floor: 15 },
];

function read(folders: readonly string[], keep: (path: string) => boolean): Map<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map(
      (path) => `${folder}/${path}`,
    ),
  );
  const written = paths.filter((path) => path.endsWith(".ts") && keep(path));
  return new Map(written.sort().map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}

const sources = () =>
  read(["src", "passes"], (path) => !path.endsWith(".test.ts") && !path.includes("/generated/"));

test("imports go down, nothing is homeless, circular or exported in vain", () => {
  expect(checkLayering(sources(), FLOORS)).toEqual([]);
});

test("the checker sees every file of the house", () => {
  const found = sources();
  for (const { path } of FLOORS) {
    expect([...found.keys()].filter((file) => file.startsWith(path))).not.toEqual([]);
  }
});

const HOUSE: readonly Floor[] = [
  { path: "low", floor: 0 },
  { path: "left", floor: 1 },
  { path: "right", floor: 1, only: ["top.ts"] },
  { path: "top.ts", floor: 2 },
];

function problems(files: Readonly<Record<string, string>>): string[] {
  return checkLayering(new Map(Object.entries(files)), HOUSE);
}

test("a clean house has no problems", () => {
  const files = {
    "low/a.ts": 'export const a = 1;\nexport interface A {\n  x: 1;\n}\nexport type B = "b";\n',
    "left/b.ts": 'import { a, type A as X } from "../low/a.js";\nexport default a as X;\n',
    "right/c.ts":
      'import type {\n  B,\n} from "../low/a.js";\nexport { b as c };\nconst b: B = "b";',
    "top.ts": 'import { c } from "./right/c.js";\nnew Worker(packagePath("dist/left/b.js"));\nc;\n',
  };
  expect(problems(files)).toEqual([]);
});

test("an import up or sideways is a problem, of types too", () => {
  const files = {
    "low/a.ts": 'import type { B } from "../left/b.js";\n',
    "left/b.ts": 'import {\n  c,\n} from "../right/c.js";\nexport type B = typeof c;\n',
    "right/c.ts": "export const c = 1;\n",
  };
  expect(problems(files)).toEqual([
    "left/b.ts -> right/c.ts: floor 1 may not import from floor 1",
    "low/a.ts -> left/b.ts: floor 0 may not import from floor 1",
  ]);
});

test("re-exports and dynamic imports count as imports", () => {
  const files = {
    "low/a.ts": 'export { b } from "../left/b.js";\n',
    "left/b.ts": "export const b = 1;\n",
    "left/d.ts": 'import { b } from "../low/a.js";\nawait import("../top.js");\nb;\n',
    "top.ts": "",
  };
  expect(problems(files)).toEqual([
    "left/d.ts -> top.ts: floor 1 may not import from floor 2",
    "low/a.ts -> left/b.ts: floor 0 may not import from floor 1",
  ]);
});

test("a folder may be reserved for one importer", () => {
  const floors = [...HOUSE, { path: "roof.ts", floor: 3 }];
  const files = new Map([
    ["right/c.ts", "export const c = 1;\n"],
    ["roof.ts", 'import { c } from "./right/c.js";\nc;\n'],
  ]);
  expect(checkLayering(files, floors)).toEqual([
    "roof.ts -> right/c.ts: only top.ts may import from right",
  ]);
});

test("a folder with a door is entered through it alone", () => {
  const floors = [
    { path: "low/inside", floor: 0, only: ["low", "friend"] },
    { path: "low", floor: 1, door: "low/index.ts" },
    { path: "friend", floor: 2 },
    { path: "top", floor: 3 },
  ];
  const files = new Map([
    ["low/inside/a.ts", "export const a = 1;\n"],
    ["low/b.ts", 'export { a } from "./inside/a.js";\n'],
    ["low/index.ts", 'export { a } from "./b.js";\n'],
    ["friend/c.ts", 'import { a } from "../low/inside/a.js";\na;\n'],
    [
      "top/d.ts",
      'import { a } from "../low/index.js";\nimport { a as b } from "../low/b.js";\nimport { a as c } from "../low/inside/a.js";\na(b, c);\n',
    ],
  ]);
  expect(checkLayering(files, floors)).toEqual([
    "top/d.ts -> low/b.ts: low is imported through low/index.ts alone",
    "top/d.ts -> low/inside/a.ts: only low and friend may import from low/inside",
  ]);
});

test("a cycle is a problem even inside one folder", () => {
  const files = {
    "low/a.ts": 'import type { B } from "./b.js";\nexport type A = B;\n',
    "low/b.ts": 'import type { C } from "./c.js";\nexport type B = C;\n',
    "low/c.ts": 'import type { A } from "./a.js";\nexport type C = A;\n',
  };
  expect(problems(files)).toEqual(["low/a.ts -> low/b.ts -> low/c.ts -> low/a.ts: a cycle"]);
});

test("a file outside the table is a problem", () => {
  expect(problems({ "attic/a.ts": "" })).toEqual(["attic/a.ts: in no folder of the table"]);
});

test("an export that nobody imports is a problem, whatever is exported", () => {
  const files = {
    "low/a.ts": [
      "export const a = 1;",
      "export function f() {}",
      "export async function g() {}",
      "export interface I {}",
      "export type T = 1;",
      "export class C {}",
      "export default a;",
      "export { a as z };",
    ].join("\n"),
    "low/b.ts": 'import { f } from "./a.js";\nf();\n',
  };
  const names = ["C", "I", "T", "a", "default", "g", "z"];
  expect(problems(files)).toEqual(names.map((name) => `low/a.ts: nobody imports ${name}`));
});
