/** Dense matrices, flat and row-major, in loops that do four sums at a time so that the processor need not wait. */

/** Copies the lower triangle of an n × n matrix to the upper one. */
export function mirrorLower(matrix: Float64Array, n: number): void {
  for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) matrix[b * n + a] = matrix[a * n + b];
}

/** M v, for square M. */
export function multiply(M: Float64Array, v: Float64Array): Float64Array {
  const n = v.length;
  const out = new Float64Array(n);
  for (let a = 0; a < n; a++) {
    const row = a * n;
    let sum = 0;
    for (let b = 0; b < n; b++) sum += M[row + b] * v[b];
    out[a] = sum;
  }
  return out;
}

/** vᵀ M v, for symmetric M. */
export function quadratic(M: Float64Array, v: ArrayLike<number>): number {
  const n = v.length;
  let sum = 0;
  for (let a = 0; a < n; a++) {
    if (v[a] === 0) continue;
    const row = a * n;
    let product = 0;
    for (let b = 0; b < a; b++) product += M[row + b] * v[b];
    sum += v[a] * (2 * product + M[row + a] * v[a]);
  }
  return sum;
}

/** A⁻¹ (both triangles) from the lower triangle L of A = L Lᵀ, [n × n]. */
export function inverseOfFactor(L: Float64Array, n: number): Float64Array {
  // Row j of `columns` is column j of L⁻¹; in front of its diagonal it is zero.
  const columns = new Float64Array(n * n);
  for (let j = 0; j < n; j += 4) {
    if (j + 4 > n) {
      for (let c = j; c < n; c++) invertColumn(L, n, columns, c);
      break;
    }
    const [p, q, r, s] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n];
    for (let i = j; i < n; i++) {
      const row = i * n;
      let [a, b, c, d] = [i === j ? 1 : 0, i === j + 1 ? 1 : 0, i === j + 2 ? 1 : 0, i === j + 3 ? 1 : 0];
      for (let k = j; k < i; k++) {
        const factor = L[row + k];
        a -= factor * columns[p + k];
        b -= factor * columns[q + k];
        c -= factor * columns[r + k];
        d -= factor * columns[s + k];
      }
      const inverse = 1 / L[row + i];
      columns[p + i] = a * inverse;
      columns[q + i] = b * inverse;
      columns[r + i] = c * inverse;
      columns[s + i] = d * inverse;
    }
  }
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let j = 0;
    for (; j + 4 <= i + 1; j += 4) {
      const [p, q, r, s] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n];
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let k = i; k < n; k++) {
        const value = columns[row + k];
        a += value * columns[p + k];
        b += value * columns[q + k];
        c += value * columns[r + k];
        d += value * columns[s + k];
      }
      out[row + j] = a;
      out[row + j + 1] = b;
      out[row + j + 2] = c;
      out[row + j + 3] = d;
    }
    for (; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < n; k++) sum += columns[row + k] * columns[j * n + k];
      out[row + j] = sum;
    }
  }
  mirrorLower(out, n);
  return out;
}

function invertColumn(L: Float64Array, n: number, columns: Float64Array, j: number): void {
  const column = j * n;
  for (let i = j; i < n; i++) {
    const row = i * n;
    let sum = i === j ? 1 : 0;
    for (let k = j; k < i; k++) sum -= L[row + k] * columns[column + k];
    columns[column + i] = sum / L[row + i];
  }
}
