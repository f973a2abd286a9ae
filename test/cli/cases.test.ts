import { describe, expect, it } from "vitest";
import { holds, measured, sharedCases } from "../support/cases.js";
import { kareus, temporaryFolder } from "../support/cli.js";

const cases = sharedCases();
const out = temporaryFolder();

async function check({ folder, args, expect: expectations }: (typeof cases)[number]) {
  const run = await kareus([...args.map((arg) => (arg === "OUT" ? out : arg)), "--json"], folder);
  const find = run.status === 0 ? measured(JSON.parse(run.stdout)) : () => Number.NaN;
  const wrong = expectations.flatMap((each) => {
    const { what, value, why } = each;
    if (what === "says") {
      const said = new RegExp(String(value)).test(run.stdout + run.stderr);
      return said ? [] : [`does not say ${value}: ${why}`];
    }
    const found = what === "exit" ? (run.status ?? Number.NaN) : find(what);
    return holds(found, each) ? [] : [`${what} is ${found}: ${JSON.stringify(each)}`];
  });
  expect(wrong, run.stderr).toEqual([]);
}

describe.skipIf(cases.length === 0)("kinds of graphs, against what is right for them", () => {
  it.each(cases)("$name", check);
});
