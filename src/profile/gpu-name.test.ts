import { expect, test } from "vitest";
import { namesOtherGpu } from "./gpu-name.js";

test.each([
  ["AMD Instinct MI300X", "h100-sxm"],
  ["AMD Instinct MI250X / MI250", "h100-sxm"],
  ["NVIDIA L40S", "h100-sxm"],
  ["NVIDIA H100 PCIe", "h100-sxm"],
  ["NVIDIA H100 NVL", "h100-sxm"],
  ["NVIDIA A100-SXM4-80GB", "a100-sxm4-40gb"],
  ["NVIDIA A100-PCIE-40GB", "a100-sxm4-40gb"],
  ["NVIDIA GH200 480GB", "h200"],
  ["NVIDIA H200", "h100-sxm"],
  ["NVIDIA H200 NVL", "h200"],
  ["Tesla V100-SXM2-16GB", "a100-sxm4-40gb"],
  ["NVIDIA GeForce RTX 4090", "a100-sxm4-40gb"],
  ["NVIDIA RTX 6000 Ada Generation", "l40s"],
  ["Quadro RTX 8000", "a40"],
  ["Tesla T4", "a10"],
])("%s is no %s", (driver, device) => {
  expect(namesOtherGpu(driver, device)).toBe(true);
});

test.each([
  ["NVIDIA A100-SXM4-40GB", "a100-sxm4-40gb"],
  ["NVIDIA H100 80GB HBM3", "h100-sxm"],
  ["NVIDIA H200", "h200"],
  ["NVIDIA A40", "a40"],
  ["Graphics Device", "h200"],
  ["NVIDIA H200", "my-board"],
  ["NVIDIA H200 NVL", "my-board"],
  ["NVIDIA H200 NVL", "my-h200-nvl"],
  ["NVIDIA GeForce RTX 4090", "my-rtx-4090"],
])("%s may be %s", (driver, device) => {
  expect(namesOtherGpu(driver, device)).toBe(false);
});
