import { expect, test } from "vitest";
import { modelBytes, node, read, temporaryFile, value } from "../../test/support/onnx-model.js";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import type { Group } from "../ir/groups.js";
import { nameGroups } from "./groups.js";

const file = temporaryFile();

const graph = read(
  file(
    modelBytes({
      name: "g",
      input: [value("x", [4, 4])],
      node: [
        node("CopyToGroup", ["x"], ["a"], { group: "model" }, { domain: "kareus" }),
        node("AllReduce", ["a"], ["b"], { group: "model" }, { domain: "kareus" }),
        node("NcclAllReduce", ["b"], ["c"], { group_type: 1 }, { domain: "com.microsoft" }),
        node("AllReduce", ["c"], ["d"], { group: "other" }, { domain: "kareus" }),
        node("Relu", ["d"], ["y"], { group: "model" }),
      ],
    }),
  ),
).graph;

function named(groups: readonly (readonly [string, Group])[]) {
  const warnings: Diagnostic[] = [];
  if (graph === null) throw new Error("the graph was not read");
  const { nodes } = nameGroups(graph, new Map(groups), (warning) => warnings.push(warning));
  return {
    groups: nodes.map(({ attributes }) => attributes.group),
    warnings: warnings.map(({ code, where }) => `${code} ${where}`),
  };
}

test("groups of collectives get the names that are given, in either way of saying them", () => {
  const { groups, warnings } = named([
    ["model", "cp"],
    ["data", "dp"],
  ]);
  expect(groups).toEqual(["cp", "cp", "dp", "other", "model"]);
  expect(warnings).toEqual([]);
});

test("a group that no collective has is a warning", () => {
  const { groups, warnings } = named([["modle", "tp"]]);
  expect(groups).toEqual(["model", "model", undefined, "other", "model"]);
  expect(warnings).toEqual(["KRS1206 --group modle"]);
});
