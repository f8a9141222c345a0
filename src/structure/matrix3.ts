/**
 * 3×3 matrices as nine numbers, row-major. Rows a, b, c of a cell are elements 0–2, 3–5 and 6–8.
 */

/** m · n. */
export function multiply3(m: ArrayLike<number>, n: ArrayLike<number>): Float64Array {
  const product = new Float64Array(9);
  for (let row = 0; row < 9; row += 3) {
    for (let column = 0; column < 3; column++) {
      product[row + column] = m[row] * n[column] + m[row + 1] * n[3 + column] + m[row + 2] * n[6 + column];
    }
  }
  return product;
}

/** Matrix of cofactors; its rows are b×c, c×a and a×b. */
export function cofactors3(m: ArrayLike<number>): Float64Array {
  return Float64Array.of(
    m[4] * m[8] - m[5] * m[7],
    m[5] * m[6] - m[3] * m[8],
    m[3] * m[7] - m[4] * m[6],
    m[7] * m[2] - m[8] * m[1],
    m[8] * m[0] - m[6] * m[2],
    m[6] * m[1] - m[7] * m[0],
    m[1] * m[5] - m[2] * m[4],
    m[2] * m[3] - m[0] * m[5],
    m[0] * m[4] - m[1] * m[3],
  );
}

/** Determinant; negative for a left-handed triple of rows. */
export function determinant3(m: ArrayLike<number>): number {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) + m[1] * (m[5] * m[6] - m[3] * m[8]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

/** Inverse; infinite or NaN where there is none, so that the caller checks first. */
export function inverse3(m: ArrayLike<number>): Float64Array {
  const c = cofactors3(m);
  const d = determinant3(m);
  return Float64Array.of(c[0] / d, c[3] / d, c[6] / d, c[1] / d, c[4] / d, c[7] / d, c[2] / d, c[5] / d, c[8] / d);
}

/** Each row v of `rows` becomes v · m; [3n] → [3n], into `out` where given (which may be `rows` itself). */
export function rowsTimes3(
  rows: ArrayLike<number>,
  m: ArrayLike<number>,
  out: Float64Array = new Float64Array(rows.length),
): Float64Array {
  for (let c = 0; c < rows.length; c += 3) {
    const x = rows[c];
    const y = rows[c + 1];
    const z = rows[c + 2];
    out[c] = x * m[0] + y * m[3] + z * m[6];
    out[c + 1] = x * m[1] + y * m[4] + z * m[7];
    out[c + 2] = x * m[2] + y * m[5] + z * m[8];
  }
  return out;
}
