/** Few digits are enough to draw: six, unless told. */
export function rounded(value: number, digits = 6): number {
  return Number(value.toPrecision(digits));
}
