// Writes profile.jsonl of a case of `kareus verify`: every configuration that its search may ask for,
// on a GPU that does not exist: `node scripts/stand-in-profile.js test/golden/cases/mini-replayed`.
// Costs are the model's, distorted by smooth factors of each partition type and by 1% noise, so that
// searching them is like searching measurements. They are marked as modelled: nothing is measured.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { forkRng } from "../dist/src/base/rng.js";
import { caseOptions } from "../dist/src/cli/verify/arguments.js";
import { modelledOracle } from "../dist/src/cost/modelled.js";
import { partitionTypes } from "../dist/src/pipeline.js";
import { readCase } from "../dist/src/plan/case.js";
import { profileText } from "../dist/src/profile/appender.js";
import { partitionRecord } from "../dist/src/profile/records.js";
import { configurationSpace } from "../dist/src/search/space.js";

const folder = process.argv[2];
if (folder === undefined) throw new Error("give the folder of a case");
const file = join(folder, "case.json");
const options = await caseOptions(
  readCase(readFileSync(file, "utf8"), file).arguments,
  folder,
  file,
);
const hooks = { report: console.error, progress: () => {}, printIr: () => {} };
const { device, name, types } = await partitionTypes(options, hooks);
const model = modelledOracle(device);

/** About normal, of variance 1. */
const bell = (rng) => Array.from({ length: 12 }, rng.uniform).reduce((sum, u) => sum + u, -6);

function recordsOf(partition) {
  const rng = forkRng(0, `stand-in ${partition.key}`);
  const [slower, steeper, wasteful] = [1 + 0.1 * bell(rng), 0.1 * bell(rng), 1 + 0.1 * bell(rng)];
  const { size, at } = configurationSpace(partition, device);
  return Array.from({ length: size }, (_, i) => {
    const configuration = at(i);
    const { time_s, energy_j } = model.cost(partition, configuration);
    const clock = configuration.freq_mhz / device.highest_clock_mhz;
    const real_s = time_s * Math.max(0.5, slower) * clock ** steeper * (1 + 0.01 * bell(rng));
    const dynamic_j = energy_j - device.static_power_w * time_s;
    const real_j = device.static_power_w * real_s + dynamic_j * Math.max(0.5, wasteful);
    const rounded = (value) => Number(value.toPrecision(6));
    const cost = { time_s: rounded(real_s), energy_j: rounded(real_j), source: "modelled" };
    return partitionRecord({ partition: partition.key, ...configuration, ...cost });
  });
}

const header = {
  ...{ format: "kareus-profile", version: 1, id: `stand-in-${name}`, gpu: device.name },
  ...{ driver: null, date: null, tool: "scripts/stand-in-profile.js", method: null },
  note: "made up from the model with distortions and noise, for tests; nothing was measured",
};
const records = [...types].sort((a, b) => (a.key < b.key ? -1 : 1)).flatMap(recordsOf);
writeFileSync(join(folder, "profile.jsonl"), profileText({ header, records }));
console.log(`${records.length} records of ${types.length} partition types`);
