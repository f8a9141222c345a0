/**
 * Small dense linear algebra: matrices as arrays of rows. For six unknowns, not for six thousand.
 */
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

/** Eigenvalues of a symmetric matrix, ascending: Jacobi rotations until nothing is left off the diagonal. */
export function symmetricEigenvalues(a: Matrix): number[] {
  const m = a.map((row) => [...row]);
  const n = m.length;
  const size = Math.sqrt(m.flat().reduce((sum, v) => sum + v * v, 0));
  const off = (): number =>
    Math.sqrt(m.reduce((sum, row, i) => sum + row.reduce((s, v, j) => s + (i === j ? 0 : v * v), 0), 0));
  for (let sweep = 0; sweep < 50 && off() > 1e-15 * size; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) rotate(m, p, q);
    }
  }
  return m.map((row, i) => row[i]).sort((x, y) => x - y);
}

/** Turns the plane of axes p and q so that m[p][q] becomes 0. */
function rotate(m: number[][], p: number, q: number): void {
  if (m[p][q] === 0) return;
  const angle = 0.5 * Math.atan2(2 * m[p][q], m[q][q] - m[p][p]);
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  for (let k = 0; k < m.length; k++) {
    const [x, y] = [m[k][p], m[k][q]];
    m[k][p] = c * x - s * y;
    m[k][q] = s * x + c * y;
  }
  for (let k = 0; k < m.length; k++) {
    const [x, y] = [m[p][k], m[q][k]];
    m[p][k] = c * x - s * y;
    m[q][k] = s * x + c * y;
  }
}
