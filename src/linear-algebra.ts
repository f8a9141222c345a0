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
