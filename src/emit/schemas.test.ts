import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { publishedSchemas } from "./schemas.js";

describe("published JSON Schemas", () => {
  const folder = new URL("../../schemas/", import.meta.url);

  it.each(Object.entries(publishedSchemas()))("%s is current", (name, schema) => {
    const file = new URL(`${name}.schema.json`, folder);
    expect(existsSync(file)).toBe(true);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema);
  });

  it("the Python package's copy of the plan's is current", () => {
    const copy = new URL("../../native/python/kareus_runtime/plan.schema.json", import.meta.url);
    expect(JSON.parse(readFileSync(copy, "utf8"))).toEqual(publishedSchemas().plan);
  });

  it("include no orphan", () => {
    const files = Object.keys(publishedSchemas()).map((name) => `${name}.schema.json`);
    expect(readdirSync(folder).sort()).toEqual(files.sort());
  });
});
