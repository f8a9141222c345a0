/**
 * Influence of blocks of rows on a least-squares fit: what would change if they were not there. Symbols as in
 * docs/theory/outliers.md; Cook & Weisberg, Residuals and Influence in Regression, Chapman & Hall 1982, §3.5.
 */
import { addGramOfFour, choleskyFactor, choleskySolve, solveLowerRows } from '../../linear-algebra.ts';

/** Rows in the metric of the fit: z = √w L⁻¹x, so that H = Z Zᵀ; and weighted residuals r = √w (y − x·c). */
export interface WhiteRows {
  readonly parameters: number;
  /** [rows][P]. */
  readonly Z: Float64Array;
  /** [rows]. */
  readonly r: Float64Array;
}

/** Whitens rows. @param factor lower triangle L of XᵀWX = L Lᵀ, [P × P] */
export function whitened(
  rows: ArrayLike<number>,
  targets: Float64Array,
  fit: { readonly factor: Float64Array; readonly coefficients: Float64Array },
  weight: number,
): WhiteRows {
  const { factor, coefficients } = fit;
  const P = coefficients.length;
  const root = Math.sqrt(weight);
  const Z = new Float64Array(targets.length * P);
  const r = new Float64Array(targets.length);
  for (let k = 0; k < r.length; k++) {
    let predicted = 0;
    for (let a = 0; a < P; a++) {
      const x = rows[k * P + a];
      predicted += x * coefficients[a];
      Z[k * P + a] = root * x;
    }
    r[k] = root * (targets[k] - predicted);
  }
  solveLowerRows(factor, P, Z, r.length);
  return { parameters: P, Z, r };
}

/** How far a block is from what all other rows say of it, and what it does to the fit. */
export interface BlockInfluence {
  /** T = uᵀ(I + H_(b))⁻¹u: squared residuals by the fit without the block, in units of their covariance for s = 1. */
  readonly discrepancy: number;
  /** Squared change of all fitted values when the block is deleted: Cook's distance times p s². */
  readonly shift: number;
  /** u: residuals by the fit without the block. */
  readonly deleted: Float64Array;
}

/** A direction in which the block alone decides leaves less than this of itself. */
const ALONE = 1e-6;

/**
 * Influence of the rows `which` of a block. With H of the fit that the block belongs to:
 *   u = (I − H)⁻¹ r,  T = rᵀu,  shift = |Zᵀu|²;
 * of the fit that it was left out of: u = r,  v = Zᵀ(I + H)⁻¹r,  T = rᵀ(I + H)⁻¹r,  shift = |v|² + |Zv|²: the same
 * numbers, as if the block were put back. Costs min(m, P)³/6 for m rows.
 * @param inside whether the fit has seen these rows
 * @returns null where no other row has a say in some direction of the block
 */
export function blockInfluence(
  { parameters: P, Z, r }: WhiteRows,
  which: ArrayLike<number>,
  inside: boolean,
): BlockInfluence | null {
  const m = which.length;
  const sign = inside ? -1 : 1;
  const residuals = Float64Array.from(which, (k) => r[k]);
  const v = m <= P ? byRows(Z, P, which, residuals, sign) : byColumns(Z, P, which, residuals, sign);
  if (v === null) return null;
  // (I ± H)⁻¹ r = r ∓ Z v, whichever way v was found.
  const solved = new Float64Array(m);
  let shift = 0;
  for (let a = 0; a < P; a++) shift += v[a] * v[a];
  let discrepancy = 0;
  for (let i = 0; i < m; i++) {
    let along = 0;
    for (let a = 0, at = which[i] * P; a < P; a++) along += Z[at + a] * v[a];
    if (!inside) shift += along * along;
    solved[i] = residuals[i] - sign * along;
    discrepancy += residuals[i] * solved[i];
  }
  return { discrepancy, shift, deleted: inside ? solved : residuals };
}

/** v = Zᵀ(I ± Z Zᵀ)⁻¹ r through the m × m matrix. */
function byRows(
  Z: Float64Array,
  P: number,
  which: ArrayLike<number>,
  r: Float64Array,
  sign: number,
): Float64Array | null {
  const m = which.length;
  const M = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let a = 0, p = which[i] * P, q = which[j] * P; a < P; a++) sum += Z[p + a] * Z[q + a];
      M[i * m + j] = sign * sum + (i === j ? 1 : 0);
    }
  }
  const u = solvedBy(M, m, r);
  if (u === null) return null;
  const v = new Float64Array(P);
  for (let i = 0; i < m; i++) for (let a = 0, at = which[i] * P; a < P; a++) v[a] += Z[at + a] * u[i];
  return v;
}

/** The same through the P × P matrix: (I ± ZᵀZ)⁻¹ Zᵀ r. */
function byColumns(
  Z: Float64Array,
  P: number,
  which: ArrayLike<number>,
  r: Float64Array,
  sign: number,
): Float64Array | null {
  const M = new Float64Array(P * P);
  const g = new Float64Array(P);
  const four = new Float64Array(4 * P);
  for (let from = 0; from < which.length; from += 4) {
    four.fill(0);
    for (let i = from; i < Math.min(which.length, from + 4); i++) {
      const row = Z.subarray(which[i] * P, which[i] * P + P);
      four.set(row, (i - from) * P);
      for (let a = 0; a < P; a++) g[a] += row[a] * r[i];
    }
    addGramOfFour(M, P, four, sign);
  }
  for (let a = 0; a < P; a++) M[a * P + a] += 1;
  return solvedBy(M, P, g);
}

function solvedBy(M: Float64Array, n: number, b: Float64Array): Float64Array | null {
  for (let i = 0; i < n; i++) if (!(M[i * n + i] > ALONE)) return null;
  const L = choleskyFactor(M, n, ALONE);
  return L === null ? null : choleskySolve(L, n, b);
}
