import { expect, it } from "vitest";
import { deviceNames } from "./device.js";
import { devicesNamed } from "./device-names.js";

it.each([
  ["h100", ["h100-sxm", "h100-pcie"]],
  ["H100-SXM", ["h100-sxm"]],
  ["h100_sxm5", ["h100-sxm"]],
  ["H200", ["h200"]],
  ["NVIDIA A100-SXM4-80GB", ["a100-sxm4-80gb"]],
  ["a100 80gb", ["a100-sxm4-80gb"]],
  ["a100", ["a100-sxm4-40gb", "a100-sxm4-80gb", "a100-pcie-40gb"]],
  ["A100-PCIE", ["a100-pcie-40gb"]],
  ["a40", ["a40"]],
  ["40gb", ["a100-sxm4-40gb", "a100-pcie-40gb"]],
  ["a4", []],
  ["a1000", []],
  ["v100", []],
  ["h100-pcie", ["h100-pcie"]],
  ["a100-sxm-80gb", []],
  ["nvidia", []],
  ["-", []],
])("%s may be %j", (name, expected) => {
  expect(devicesNamed(name, deviceNames())).toEqual(expected);
});
