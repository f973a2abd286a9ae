import { existsSync } from "node:fs";
import { join } from "node:path";
import { present } from "../../src/base/need.js";
import { modelledOracle } from "../../src/cost/index.js";
import { loadDevice } from "../../src/gpu/device.js";
import { gated, PCIE_SWEEP, pcieSweep, type Recorded } from "./clocks.js";
import { besideCopy } from "./copies.js";
import { eagerKernels, type ForwardPass } from "./eager-layers.js";
import { accuracyOf, type Comparison, type DataSet, pooled } from "./errors.js";
import { atMost, type Requirement } from "./requirements.js";

/** The workload that the share of float32's peak was chosen on. */
const CHOSEN_ON = "gpt2_pfp32_b8_s512";

const MODELS: Readonly<Record<string, ForwardPass["model"]>> = {
  large: "bert",
  gpt2: "gpt2",
  "opt-1p3b": "opt",
  "qwen2-1p5b": "qwen2",
};

/** What a workload of the sweep ran, by its name. */
function passOf(name: string): ForwardPass {
  const [, model = "", type, b, length] = present(
    /^(.*)_p(bf16|fp32)_b(\d+)_s(\d+)$/.exec(name),
    `a workload in ${name}`,
  );
  return {
    model: present(MODELS[model], `a model in ${name}`),
    b: Number(b),
    length: Number(length),
    dtype: type === "bf16" ? "bfloat16" : "float32",
  };
}

/** Forward passes of four models on A100-PCIe (EnergAIzer artifact), from shapes and the device file. */
export function forwardPasses(folder: string): DataSet | null {
  const file = join(folder, PCIE_SWEEP);
  if (!existsSync(file)) return null;
  const oracle = modelledOracle(loadDevice("a100-pcie-40gb"));
  const curves = pcieSweep(file);
  const { passed } = gated(curves);
  const compared = ({ name, points }: Recorded): Comparison => {
    const partition = besideCopy(eagerKernels(passOf(name)), null);
    const found = points.map(({ freq_mhz }) =>
      oracle.cost(partition, { freq_mhz, launch_slot: null, sms: 0 }),
    );
    return { name, points: points.length, by: { model: accuracyOf(found, points) } };
  };
  const rows = passed.map(compared);
  const of = (type: string) => rows.filter(({ name }) => name.includes(type));
  const named = of("bf16").filter(({ name }) => /^(gpt2|large)_/.test(name));
  const held = of("fp32").filter(({ name }) => name !== CHOSEN_ON);
  const waiting = curves.filter((curve) => !passed.some(({ name }) => name === curve.name));
  return {
    title: "Forward passes on A100-PCIe, eager, attention unfused: from shapes alone, 11 clocks",
    rows: [
      ...rows,
      pooled("GPT-2 and BERT", named),
      pooled("bfloat16", of("bf16")),
      pooled("float32, held out", held),
    ],
    notes: [
      `float32's share of its peak was chosen on ${CHOSEN_ON}; all else is unfitted`,
      ...waiting.map(({ name, points }) => {
        const least_s = Math.min(...points.map(({ time_s }) => time_s));
        const each_us = (least_s / eagerKernels(passOf(name)).length) * 1e6;
        return `left out, not a function of the clock: ${name}, ${each_us.toFixed(0)} us a kernel at least`;
      }),
    ],
  };
}

export function forwardPassRequirements(data: DataSet): Requirement[] {
  return [
    ...atMost(data, "GPT-2 and BERT", [6, 10], [8, 18]),
    ...atMost(data, "bfloat16", [8, 20], [10, 20]),
    ...atMost(data, "float32, held out", [6, 15], [20, 25]),
  ];
}
