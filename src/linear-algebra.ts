/** Dense linear algebra on small symmetric matrices, flat and row-major, double precision. */

/** Eigenvalues and eigenvectors (columns of `vectors`) of a symmetric n × n matrix, by Jacobi rotations. */
export function symmetricEigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let diagonal = 0;
    for (let p = 0; p < n; p++) {
      diagonal += a[p * n + p] ** 2;
      for (let q = 0; q < p; q++) off += a[p * n + q] ** 2;
    }
    if (off <= 1e-30 * diagonal) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), vectors: v };
}

/** The rotation in the plane (p, q) that makes a[p, q] vanish (Golub & Van Loan, §8.5). */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q];
  if (apq === 0) return;
  const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const kp = a[k * n + p];
    const kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k++) {
    const pk = a[p * n + k];
    const qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const vp = v[k * n + p];
    const vq = v[k * n + q];
    v[k * n + p] = c * vp - s * vq;
    v[k * n + q] = s * vp + c * vq;
  }
}

/** Minimum-norm solution of A x = b for a symmetric positive semi-definite A; `floor`: relative rank tolerance. */
export function solveSymmetric(A: Float64Array, b: Float64Array, floor: number): Float64Array {
  const n = b.length;
  const { values, vectors } = symmetricEigen(A, n);
  const smallest = floor * Math.max(...values);
  const x = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    if (values[k] <= smallest) continue;
    let projection = 0;
    for (let i = 0; i < n; i++) projection += vectors[i * n + k] * b[i];
    for (let i = 0; i < n; i++) x[i] += (projection / values[k]) * vectors[i * n + k];
  }
  return x;
}

/**
 * Lower triangle L of a symmetric positive definite matrix A = L Lᵀ, [n × n]; what lies above the diagonal of A is not
 * read, and above that of L is zero. Null where a pivot falls below `floor` times its diagonal element: A is singular
 * to that precision.
 */
export function choleskyFactor(A: Float64Array, n: number, floor = 1e-14): Float64Array | null {
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j <= i; j++) {
      const other = j * n;
      let sum = A[row + j];
      for (let k = 0; k < j; k++) sum -= L[row + k] * L[other + k];
      if (j < i) L[row + j] = sum / L[other + j];
      // Written so that NaN does not pass.
      else if (!(sum > floor * A[row + i] && sum > 0)) return null;
      else L[row + i] = Math.sqrt(sum);
    }
  }
  return L;
}

/** y with L y = b, in place of b (at `offset`), for a lower triangle L, [n × n]. */
export function solveLower(L: Float64Array, n: number, b: Float64Array, offset = 0): void {
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let sum = b[offset + i];
    for (let k = 0; k < i; k++) sum -= L[row + k] * b[offset + k];
    b[offset + i] = sum / L[row + i];
  }
}

/** The same for each row of B, [rows × n], in place; four at a time, so that the processor need not wait for sums. */
export function solveLowerRows(L: Float64Array, n: number, B: Float64Array, rows: number): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    const p = r * n;
    const q = p + n;
    const s = q + n;
    const t = s + n;
    for (let i = 0; i < n; i++) {
      const row = i * n;
      let a = B[p + i];
      let b = B[q + i];
      let c = B[s + i];
      let d = B[t + i];
      for (let k = 0; k < i; k++) {
        const factor = L[row + k];
        a -= factor * B[p + k];
        b -= factor * B[q + k];
        c -= factor * B[s + k];
        d -= factor * B[t + k];
      }
      const inverse = 1 / L[row + i];
      B[p + i] = a * inverse;
      B[q + i] = b * inverse;
      B[s + i] = c * inverse;
      B[t + i] = d * inverse;
    }
  }
  for (; r < rows; r++) solveLower(L, n, B, r * n);
}

/**
 * Adds factor · Bᵀ B to the lower triangle of `matrix`, [n × n], for B of four rows at a time, [4 × n]: it travels
 * through the processor a quarter as often as for single rows.
 */
export function addGramOfFour(matrix: Float64Array, n: number, B: Float64Array, factor = 1): void {
  for (let i = 0; i < n; i++) {
    const p = factor * B[i];
    const q = factor * B[n + i];
    const r = factor * B[2 * n + i];
    const s = factor * B[3 * n + i];
    if (p === 0 && q === 0 && r === 0 && s === 0) continue;
    const row = i * n;
    for (let j = 0; j <= i; j++) matrix[row + j] += p * B[j] + q * B[n + j] + r * B[2 * n + j] + s * B[3 * n + j];
  }
}

/** x with Lᵀ x = b, in place of b. */
export function solveLowerTransposed(L: Float64Array, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    b[i] /= L[i * n + i];
    for (let k = 0; k < i; k++) b[k] -= L[i * n + k] * b[i];
  }
}

/** Solution of A x = b from the factor L of A; b stays. */
export function choleskySolve(L: Float64Array, n: number, b: Float64Array): Float64Array {
  const x = Float64Array.from(b);
  solveLower(L, n, x);
  solveLowerTransposed(L, n, x);
  return x;
}
