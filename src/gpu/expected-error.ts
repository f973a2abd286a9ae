import type { Workload } from "../ir/workload.js";
import type { Device } from "./device-schema.js";

/** Relative errors of the model of a device. */
interface Expected {
  /** Whether they come from measurements of this kind of workload. */
  readonly measured: boolean;
  /** Null: not known. */
  readonly expected_error: NonNullable<Device["expected_error"]> | null;
}

/** How far off plans on a device may be: of their kind of workload, or of every kind that was not measured. */
export function expectedErrorOf(
  { expected_errors, expected_error }: Pick<Device, "expected_errors" | "expected_error">,
  { execution, family, products }: Workload,
): Expected {
  const own = expected_errors?.[execution]?.[family]?.[products];
  return own === undefined
    ? { measured: false, expected_error: expected_error ?? null }
    : { measured: true, expected_error: own };
}
