import { expect, test } from "vitest";
import type { Setting } from "../../profile/table.js";
import { typicalPrior } from "./prior.js";

const rowsOf = (settings: readonly Readonly<Record<string, Setting>>[]) =>
  settings.map((each) => ({ settings: new Map(Object.entries(each)) }));

test("a table of clocks, SMs and slots has a typical partition; one with a further knob has none", () => {
  const known = [1410, 1200].flatMap((freq_mhz) =>
    [3, 6].map((sms) => ({ freq_mhz, sms, launch_slot: "norm_0", block: 256 })),
  );
  expect(typicalPrior(rowsOf(known), 60)).not.toBeNull();
  const more = known.flatMap((row) => [row, { ...row, block: 512 }]);
  expect(typicalPrior(rowsOf(more), 60)).toBeNull();
  expect(typicalPrior(rowsOf([{ freq_mhz: 1410 }, { freq_mhz: 1200 }]), 60)).toBeNull();
});
