import { expect, test } from "vitest";
import { expectedErrorOf } from "./expected-error.js";

const DECODER = { execution: "eager", family: "decoder", products: "bfloat16" } as const;
const error = (time: number) => ({ time, energy: 2 * time });

test("the error of the workload's own kind, where it was measured", () => {
  const device = {
    expected_errors: { eager: { decoder: { bfloat16: error(0.1) } } },
    expected_error: error(0.3),
  };
  expect(expectedErrorOf(device, DECODER)).toEqual({ measured: true, expected_error: error(0.1) });
  expect(expectedErrorOf(device, { ...DECODER, family: "encoder" })).toEqual({
    measured: false,
    expected_error: error(0.3),
  });
});

test("a device file from before kinds tells eager execution apart, or nothing", () => {
  const device = { expected_error: error(0.07), expected_error_eager: error(0.14) };
  expect(expectedErrorOf(device, DECODER).expected_error).toEqual(error(0.14));
  expect(expectedErrorOf(device, { ...DECODER, execution: "compiled" }).expected_error).toEqual(
    error(0.07),
  );
  expect(expectedErrorOf({}, DECODER)).toEqual({ measured: false, expected_error: null });
});
