import { Matrix, solve } from "ml-matrix";
import { at } from "../base/need.js";

/**
 * Coefficients, none below 0, of least squared error: every subset of the columns is solved, the
 * best without a negative one is taken. For a handful of columns.
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  values: readonly number[],
): readonly number[] {
  const columns = at(rows, 0).length;
  let best: readonly number[] = new Array(columns).fill(0);
  let least = values.reduce((sum, value) => sum + value * value, 0);
  for (let subset = 1; subset < 2 ** columns; subset++) {
    const used = Array.from({ length: columns }, (_, i) => i).filter((i) => subset & (1 << i));
    const matrix = new Matrix(rows.map((row) => used.map((i) => at(row, i))));
    const solution = solve(matrix, Matrix.columnVector([...values]), true).to1DArray();
    if (solution.some((coefficient) => coefficient < 0)) continue;
    const all = new Array<number>(columns).fill(0);
    used.forEach((column, i) => {
      all[column] = at(solution, i);
    });
    const loss = rows.reduce((sum, row, i) => {
      const predicted = row.reduce((total, x, j) => total + x * at(all, j), 0);
      return sum + (predicted - at(values, i)) ** 2;
    }, 0);
    if (loss < least) [best, least] = [all, loss];
  }
  return best;
}
