/**
 * The Mahalanobis distance between environments: features are measured in units of how much they vary, and together
 * vary, over the environments of the same species in the training set.
 */
import { addGramOfFour, choleskyFactor, symmetricEigen } from './linear-algebra.ts';

/** From features of one species to a space in which the training environments have unit covariance. */
export interface Whitening {
  /** Features of an environment, F. */
  readonly dimension: number;
  /** [F]. */
  readonly mean: Float64Array;
  /** z = (x − mean) · axes, [F][F], row-major; the most varied directions first. */
  readonly axes: Float64Array;
  /** ρ: how much of the covariance was replaced by a multiple of the unit matrix, 0 … 1. */
  readonly shrinkage: number;
  /** Environments that the covariance was taken from. */
  readonly environments: number;
}

/** A feature that varies by less than this share of its size does not vary: it is known to single precision only. */
const RESOLUTION = 1e-3;
/** Smallest variance of a direction; the features have variances up to 1 before the whitening. */
const SMALLEST_VARIANCE = 1e-3;

/**
 * The whitening of the environments in `rows`, [n][F], n ≥ 1. The covariance S of the standardised features is shrunk,
 * Σ = (1 − ρ) S + ρ (tr S/F) 1, with the ρ that is optimal for n samples (Ledoit & Wolf 2004,
 * doi:10.1016/S0047-259X(03)00096-4): it has an inverse however few environments there are.
 */
export function whiteningOf(rows: Float32Array, dimension: number): Whitening {
  const { mean, scale, S, shrinkage } = covarianceOf(rows, dimension);
  return { dimension, mean, axes: axesOf(S, scale), shrinkage, environments: rows.length / dimension };
}

/**
 * The same distances with a triangular matrix, at a small part of the cost: z = L⁻¹ (x − mean), L Lᵀ the shrunk
 * covariance with the smallest variance added to each feature. L is [F × F], row-major, lower triangle.
 */
export function triangularWhitening(
  rows: Float32Array,
  dimension: number,
): { readonly mean: Float64Array; readonly L: Float64Array } {
  const { mean, scale, S } = covarianceOf(rows, dimension);
  for (let f = 0; f < dimension; f++) {
    for (let g = 0; g < dimension; g++) S[f * dimension + g] *= scale[f] * scale[g];
    S[f * dimension + f] += SMALLEST_VARIANCE * scale[f] ** 2;
  }
  const L = choleskyFactor(S, dimension);
  if (L === null) throw new Error('a covariance with positive numbers added to its diagonal has a factor');
  return { mean, L };
}

/** Mean and scale of each feature, and the shrunk covariance S of the features so standardised. */
function covarianceOf(
  rows: Float32Array,
  dimension: number,
): { mean: Float64Array; scale: Float64Array; S: Float64Array; shrinkage: number } {
  const n = rows.length / dimension;
  const { mean, scale } = momentsOf(rows, dimension);
  const S = new Float64Array(dimension * dimension);
  let fourth = 0;
  const four = new Float64Array(4 * dimension);
  for (let i = 0; i < n; i += 4) {
    four.fill(0);
    for (let row = i; row < Math.min(n, i + 4); row++) {
      let square = 0;
      for (let f = 0, at = row * dimension, to = (row - i) * dimension; f < dimension; f++, at++, to++) {
        const z = (rows[at] - mean[f]) / scale[f];
        four[to] = z;
        square += z * z;
      }
      fourth += square * square;
    }
    addGramOfFour(S, dimension, four, 1 / n);
  }
  for (let f = 0; f < dimension; f++) for (let g = 0; g < f; g++) S[g * dimension + f] = S[f * dimension + g];
  const shrinkage = shrink(S, dimension, { n, fourth: fourth / n });
  return { mean, scale, S, shrinkage };
}

/** Rows that are whitened at a time: the axes come from memory once for all of them. */
const ROWS = 4;

/** Rows of features as points of the whitened space, in place. */
export function whitenRows(rows: Float32Array, { dimension, mean, axes }: Whitening): void {
  const n = rows.length / dimension;
  const z = Array.from({ length: ROWS }, () => new Float64Array(dimension));
  const [z0, z1, z2, z3] = z;
  // A row beyond the last one is read as NaN and never written.
  for (let i = 0; i < n; i += ROWS) {
    const at = i * dimension;
    for (const sum of z) sum.fill(0);
    for (let f = 0, a = 0; f < dimension; f++) {
      const x0 = rows[at + f] - mean[f];
      const x1 = rows[at + dimension + f] - mean[f];
      const x2 = rows[at + 2 * dimension + f] - mean[f];
      const x3 = rows[at + 3 * dimension + f] - mean[f];
      for (let k = 0; k < dimension; k++, a++) {
        const axis = axes[a];
        z0[k] += x0 * axis;
        z1[k] += x1 * axis;
        z2[k] += x2 * axis;
        z3[k] += x3 * axis;
      }
    }
    for (let r = 0; r < Math.min(ROWS, n - i); r++) rows.set(z[r], at + r * dimension);
  }
}

function momentsOf(rows: Float32Array, dimension: number): { mean: Float64Array; scale: Float64Array } {
  const mean = new Float64Array(dimension);
  const square = new Float64Array(dimension);
  const n = rows.length / dimension;
  for (let at = 0; at < rows.length; at += dimension) {
    for (let f = 0; f < dimension; f++) mean[f] += rows[at + f];
  }
  for (let f = 0; f < dimension; f++) mean[f] /= n;
  for (let at = 0; at < rows.length; at += dimension) {
    for (let f = 0; f < dimension; f++) square[f] += (rows[at + f] - mean[f]) ** 2;
  }
  const scale = square.map((sum, f) => {
    const variance = sum / n;
    return Math.sqrt(variance + RESOLUTION ** 2 * (mean[f] ** 2 + variance)) || 1;
  });
  return { mean, scale };
}

/** S ← (1 − ρ) S + ρ μ 1; returns ρ. `fourth`: mean of |z|⁴. */
function shrink(S: Float64Array, dimension: number, sample: { readonly n: number; readonly fourth: number }): number {
  let trace = 0;
  let norm = 0;
  for (let f = 0; f < dimension; f++) trace += S[f * dimension + f];
  for (const s of S) norm += s * s;
  const mu = trace / dimension;
  const spread = norm - dimension * mu * mu;
  const error = Math.max(0, (sample.fourth - norm) / sample.n);
  const rho = spread > error ? error / spread : 1;
  for (let k = 0; k < S.length; k++) S[k] = (1 - rho) * S[k] + (k % (dimension + 1) === 0 ? rho * mu : 0);
  return rho;
}

/** Eigenvectors as columns, each over the root of its eigenvalue, for features that are not yet standardised. */
function axesOf(S: Float64Array, scale: Float64Array): Float64Array {
  const F = scale.length;
  const { values, vectors } = symmetricEigen(S, F);
  const order = Array.from(values.keys()).sort((p, q) => values[q] - values[p]);
  const axes = new Float64Array(F * F);
  for (let f = 0; f < F; f++) {
    for (const [k, from] of order.entries()) {
      axes[f * F + k] = vectors[f * F + from] / (scale[f] * Math.sqrt(Math.max(values[from], SMALLEST_VARIANCE)));
    }
  }
  return axes;
}
