import { present } from "../../src/base/need.js";
import { loadDevice } from "../../src/gpu/device.js";
import type { ExecutionMode } from "../../src/ir/choices.js";
import { type Comparison, type DataSet, pooled } from "./errors.js";
import type { Requirement } from "./requirements.js";

/** What was measured on a device and not fitted, as the model predicts it. */
export interface HeldOut {
  readonly gpu: string;
  readonly execution: ExecutionMode;
  readonly what: string;
  readonly rows: readonly Comparison[];
}

export interface ExpectedErrors extends DataSet {
  readonly inside: readonly { readonly what: string; readonly share_pct: number }[];
}

const INSIDE_PCT = 90;
const QUANTITIES = ["time", "energy"] as const;

/** How much of what was measured lies within the error that plans are given, by device and execution. */
export function expectedErrors(held: readonly HeldOut[]): ExpectedErrors {
  const found = held.map(({ gpu, execution, what, rows }) => {
    const name = `${gpu}, ${execution}: ${what}`;
    const row = pooled(name, rows);
    const { expected_error_eager, expected_error } = loadDevice(gpu);
    const eager = execution === "eager" ? expected_error_eager : undefined;
    const expected = present(eager ?? expected_error, "expected error");
    const inside = QUANTITIES.flatMap((quantity) => {
      const errors = rows.flatMap(({ by }) => by.model?.[quantity].each_pct ?? []);
      const within = errors.filter((error) => error <= 100 * expected[quantity]).length;
      const what = `${name}: ${quantity} within ${(100 * expected[quantity]).toFixed(0)} %, share in %`;
      return errors.length === 0 ? [] : [{ what, share_pct: (100 * within) / errors.length }];
    });
    return { row, inside };
  });
  return {
    title: "Expected errors: nine of ten that were not fitted lie inside, by device and execution",
    rows: found.map(({ row }) => row),
    notes: [],
    inside: found.flatMap(({ inside }) => inside),
  };
}

export function expectedErrorRequirements({ inside }: ExpectedErrors): Requirement[] {
  return inside.map(({ what, share_pct }) => ({
    ...{ what, limit: INSIDE_PCT, reached: share_pct, least: true },
  }));
}
