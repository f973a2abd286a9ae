import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imported, TRACES } from "../../../test/support/imports.js";

test.skipIf(!existsSync(TRACES))(
  "a Chakra trace has the all-reduces of training, once its ranks are known",
  async () => {
    const trace = join(TRACES, "chakra_resnet_ddp_2gpu.et");
    const { records } = await imported([trace], { ranks: 2 });
    const sizes = records.flatMap((r) =>
      r.record === "collective" && r.op === "all_reduce" ? [r.size_bytes] : [],
    );
    expect(sizes.sort((a, b) => a - b)).toEqual([8196000, 9724160, 26255360, 26550272, 31502336]);
    expect(records.filter((r) => r.record === "kernel" && r.op === "conv").length).toBeGreaterThan(
      5,
    );
    const unknown = (await imported([trace])).records;
    expect(unknown.filter((record) => record.record === "collective")).toEqual([]);
  },
);
