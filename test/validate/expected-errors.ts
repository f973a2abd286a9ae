import { present } from "../../src/base/need.js";
import { loadDevice } from "../../src/gpu/device.js";
import { expectedErrorOf } from "../../src/gpu/expected-error.js";
import { describeWorkload, type Workload } from "../../src/ir/workload.js";
import type { ExpectedError } from "../../src/plan/shared.js";
import { type Comparison, type DataSet, pooled } from "./errors.js";
import type { Requirement } from "./requirements.js";

/** What was measured on a device of a kind of workload and not fitted, as the model predicts it. */
export interface HeldOut {
  readonly gpu: string;
  readonly kind: Workload;
  readonly what: string;
  readonly rows: readonly Comparison[];
  /** Whether the device file's error was set on every other of these: the rest is checked. */
  readonly halved: boolean;
}

export interface ExpectedErrors extends DataSet {
  readonly inside: readonly { readonly what: string; readonly share_pct: number }[];
}

const INSIDE_PCT = 90;
const QUANTITIES = ["time", "energy"] as const;
type Quantity = (typeof QUANTITIES)[number];

/** The errors that are checked: points of one curve are halved together. */
function checked({ rows, halved }: HeldOut, quantity: Quantity): readonly number[] {
  const curves = rows.map(({ by }) => present(by.model, "model")[quantity].each_pct ?? []);
  const units = curves.length === 1 ? curves.flat().map((error) => [error]) : curves;
  return units.filter((_, i) => !halved || i % 2 === 1).flat();
}

function shareInside(
  held: HeldOut,
  name: string,
  expected: ExpectedError,
): ExpectedErrors["inside"] {
  return QUANTITIES.flatMap((quantity) => {
    const errors = checked(held, quantity);
    const within = errors.filter((error) => error <= 100 * expected[quantity]).length;
    const what = `${name}: ${quantity} within ${(100 * expected[quantity]).toFixed(0)} %, share in %`;
    return errors.length === 0 ? [] : [{ what, share_pct: (100 * within) / errors.length }];
  });
}

/**
 * How much of what was measured lies within the error that plans are given, by device and kind of workload,
 * and within the one that they would be given if nothing of that kind had been measured.
 */
export function expectedErrors(held: readonly HeldOut[]): ExpectedErrors {
  const found = held.map((each) => {
    const { gpu, kind, what, rows, halved } = each;
    const name = `${gpu}, ${describeWorkload(kind)}: ${what}`;
    const device = loadDevice(gpu);
    const { measured, expected_error } = expectedErrorOf(device, kind);
    if (!measured) throw new Error(`${gpu} has no error of its own for ${describeWorkload(kind)}`);
    const own = present(expected_error, "expected error");
    const any = present(device.expected_error, "error of other kinds");
    return {
      row: pooled(name, rows),
      inside: [
        ...shareInside(each, halved ? `${name}, the half not looked at` : name, own),
        ...shareInside({ ...each, halved: false }, `${name}, as if not measured`, any),
      ],
    };
  });
  return {
    title:
      "Expected errors: nine of ten that were not fitted lie inside, by device and kind of workload",
    rows: found.map(({ row }) => row),
    notes: [
      "bars and checks are the same points but where a half is named: too few of a kind to halve",
    ],
    inside: found.flatMap(({ inside }) => inside),
  };
}

export function expectedErrorRequirements({ inside }: ExpectedErrors): Requirement[] {
  return inside.map(({ what, share_pct }) => ({
    ...{ what, limit: INSIDE_PCT, reached: share_pct, least: true },
  }));
}
