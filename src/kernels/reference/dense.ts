/** Dense products for the optimiser: flat, row-major, double precision. */

export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** A is stored as [inner][rows]. */
  readonly transposeA?: boolean;
  /** B is stored as [columns][inner]. */
  readonly transposeB?: boolean;
}

/** out[rows][columns] = A · B. */
export function multiplyInto(out: Float64Array, A: Float64Array, B: Float64Array, shape: ProductShape): void {
  const { rows, inner, columns } = shape;
  if (shape.transposeB === true) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += A[r * inner + k] * B[c * inner + k];
        out[r * columns + c] = sum;
      }
    }
    return;
  }
  const [stepRow, stepInner] = shape.transposeA === true ? [1, rows] : [inner, 1];
  out.fill(0, 0, rows * columns);
  // Four rows of B at a time: fewer passes over the row of the result.
  for (let r = 0; r < rows; r++) {
    const o = r * columns;
    let k = 0;
    for (; k + 4 <= inner; k += 4) {
      const at = r * stepRow + k * stepInner;
      const a0 = A[at];
      const a1 = A[at + stepInner];
      const a2 = A[at + 2 * stepInner];
      const a3 = A[at + 3 * stepInner];
      const b0 = k * columns;
      const b1 = b0 + columns;
      const b2 = b1 + columns;
      const b3 = b2 + columns;
      for (let c = 0; c < columns; c++) out[o + c] += a0 * B[b0 + c] + a1 * B[b1 + c] + a2 * B[b2 + c] + a3 * B[b3 + c];
    }
    for (; k < inner; k++) {
      const a = A[r * stepRow + k * stepInner];
      for (let c = 0; c < columns; c++) out[o + c] += a * B[k * columns + c];
    }
  }
}

/** Columns of the n × n matrix made orthonormal, in order (modified Gram–Schmidt, twice: "twice is enough"). */
export function orthonormalise(matrix: Float64Array, n: number): void {
  const columns = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) columns[j * n + i] = matrix[i * n + j];
  for (let j = 0; j < n; j++) {
    const own = columns.subarray(j * n, (j + 1) * n);
    const scale = 1 / (Math.hypot(...own) || 1);
    for (let i = 0; i < n; i++) own[i] *= scale;
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        const other = columns.subarray(k * n, (k + 1) * n);
        let dot = 0;
        for (let i = 0; i < n; i++) dot += own[i] * other[i];
        for (let i = 0; i < n; i++) own[i] -= dot * other[i];
      }
    }
    let norm = 0;
    for (let i = 0; i < n; i++) norm += own[i] * own[i];
    norm = Math.sqrt(norm);
    // A direction that the others span already: any unit vector will do until the factor says more.
    if (norm < 1e-10) replaceColumn(columns, n, j);
    else for (let i = 0; i < n; i++) own[i] /= norm;
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j] = columns[j * n + i];
}

/** Column j becomes a unit vector orthogonal to the columns before it. */
function replaceColumn(columns: Float64Array, n: number, j: number): void {
  const own = columns.subarray(j * n, (j + 1) * n);
  for (let axis = 0; axis < n; axis++) {
    own.fill(0);
    own[axis] = 1;
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += own[i] * columns[k * n + i];
        for (let i = 0; i < n; i++) own[i] -= dot * columns[k * n + i];
      }
    }
    const norm = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0));
    if (norm > 0.1) {
      for (let i = 0; i < n; i++) own[i] /= norm;
      return;
    }
  }
}
