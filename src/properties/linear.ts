/**
 * Small dense linear algebra: matrices as arrays of rows. For six unknowns, not for six thousand.
 */
import { symmetricEigen } from '../linear-algebra.ts';

export type Matrix = readonly (readonly number[])[];

/** Solution X of A X = B by Gaussian elimination with partial pivoting; not finite where A is singular. */
export function solve(a: Matrix, b: Matrix): number[][] {
  const n = a.length;
  const rows = a.map((row, i) => [...row, ...b[i]]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = rows[i][k] / rows[k][k];
      for (let c = k; c < rows[i].length; c++) rows[i][c] -= factor * rows[k][c];
    }
  }
  return rows.map((row, i) => row.slice(n).map((value) => value / row[i]));
}

/** Inverse; not finite where there is none. */
export function inverse(a: Matrix): number[][] {
  return solve(
    a,
    a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0))),
  );
}

/** Coefficients c of Σ_k c_k x^k with the least squared error, lowest power first. Give x within [−1, 1]. */
export function fitPolynomial(x: readonly number[], y: readonly number[], degree: number): number[] {
  const powers = Array.from({ length: degree + 1 }, (_, k) => k);
  const normal = powers.map((k) => powers.map((l) => x.reduce((sum, v) => sum + v ** (k + l), 0)));
  const right = powers.map((k) => [x.reduce((sum, v, i) => sum + v ** k * y[i], 0)]);
  return solve(normal, right).map((row) => row[0]);
}

/** Eigenvalues of a symmetric matrix, ascending. */
export function symmetricEigenvalues(a: Matrix): number[] {
  const { values } = symmetricEigen(Float64Array.from(a.flat()), a.length);
  return [...values].sort((x, y) => x - y);
}
