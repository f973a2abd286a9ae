import type { Workload } from "../ir/workload.js";
import type { Device } from "./device-schema.js";

/** Relative errors of the model of a device. */
interface Expected {
  /** Whether they come from measurements of this kind of workload. */
  readonly measured: boolean;
  /** Null: not known. */
  readonly expected_error: NonNullable<Device["expected_error"]> | null;
}

/**
 * How far off plans on a device may be: of their kind of workload, or of every kind that was not measured,
 * as forward passes alone: what was measured was trained.
 */
export function expectedErrorOf(
  device: Pick<Device, "expected_errors" | "expected_error" | "expected_error_eager">,
  { execution, family, products }: Workload,
  forward_only = false,
): Expected {
  const own = forward_only ? undefined : device.expected_errors?.[execution]?.[family]?.[products];
  if (own !== undefined) return { measured: true, expected_error: own };
  const eager = execution === "eager" ? device.expected_error_eager : undefined;
  return { measured: false, expected_error: eager ?? device.expected_error ?? null };
}
