/**
 * Several levels of theory as one linear mixed model. A label of level f (0 is the target) is
 *   y = X (w + b_f) + A c_f + noise,   b_0 = 0,
 * with X the rows of the features and A the atoms of each species. The coefficients w ~ N(0, τ_0² D) and the smooth biases
 * b_f ~ N(0, τ_f² D) are random, the energies of species c_f free, and the noise has a variance σ² for each level and kind
 * of label. Random parts are written as w = τ_0 √D z_0, b_f = τ_f √D z_f, so that a variance of zero is a number like
 * any other. Theory, with the restricted likelihood: docs/theory/multi-fidelity.md.
 */
import { choleskyFactor, choleskySolve } from '../../linear-algebra.ts';
import { inverseOfFactor, mirrorLower, multiply } from './dense.ts';
import { dot, type KindSums, type LabelKind, type LevelSums } from './levels.ts';

/** The problem: what does not depend on variances. */
export interface MixedModel {
  /** The target first. */
  readonly levels: readonly LevelSums[];
  /** √D of each feature, [F]: how large its coefficient is expected to be, beside the others. */
  readonly damping: Float64Array;
  readonly species: number;
}

/** What one of the variances belongs to. */
export type Component =
  /** τ² of the coefficients (level 0) or of the bias of a level, eV². */
  | { readonly of: 'coefficients'; readonly level: number }
  /** σ² of the labels of a kind: (eV/atom)², (eV/Å)², (eV/Å³)². */
  | { readonly of: 'noise'; readonly level: number; readonly kind: LabelKind };

/** The order in which variances are kept: τ² of each level, then σ² of each level and kind that has labels. */
export function componentsOf({ levels }: Pick<MixedModel, 'levels'>): Component[] {
  return [
    ...levels.map((_, level) => ({ of: 'coefficients' as const, level })),
    ...levels.flatMap(({ kinds }, level) => kinds.map(({ kind }) => ({ of: 'noise' as const, level, kind }))),
  ];
}

/** What the labels say, given variances. */
export interface Posterior {
  readonly model: MixedModel;
  /** In the order of `componentsOf`. */
  readonly variances: Float64Array;
  /** z_0, z_1, …, then the coordinates of c_0, c_1, … along `directions`, [d]. */
  readonly solution: Float64Array;
  /** Their covariance, [d × d]. */
  readonly covariance: Float64Array;
}

/** The same with what a search for variances needs, each in the order of `componentsOf`. */
export interface MixedSolution extends Posterior {
  /** −2 log of the restricted likelihood of all labels. */
  readonly deviance: number;
  /** ∂ deviance / ∂ log variance. */
  readonly slope: Float64Array;
  /** Average information: the mean of the observed and the expected ∂² deviance / ∂ log variance², [C × C]. */
  readonly curvature: Float64Array;
  /** Coefficients that the labels of a kind determine; for τ², how many of its coefficients are determined. */
  readonly effective: Float64Array;
}

/** Which coefficients are wanted: those of a level, or of its bias, what it has over the target. */
export interface Wanted {
  readonly level: number;
  readonly bias?: boolean;
}

/** Coefficients of features and species, [P], with their covariance, [P × P]. */
export interface Coefficients {
  readonly values: Float64Array;
  readonly covariance: Float64Array;
}

/** A sparse linear map from the solution: coefficient `row` gets `factor` times the number at `column`. */
interface Terms {
  readonly row: Int32Array;
  readonly column: Int32Array;
  readonly factor: Float64Array;
}

/** Numbers of the solution, and the first of c_f by level. */
function layoutOf({ levels, damping, species }: MixedModel): { size: number; constants: readonly number[] } {
  let size = levels.length * damping.length;
  const constants = levels.map(({ directions }) => {
    const first = size;
    size += directions.length / species;
    return first;
  });
  return { size, constants };
}

function termsOf(model: MixedModel, variances: Float64Array, { level, bias = false }: Wanted): Terms {
  const { levels, damping, species: S } = model;
  const F = damping.length;
  const { constants } = layoutOf(model);
  const terms: [number, number, number][] = [];
  for (const part of bias ? [level] : level === 0 ? [0] : [0, level]) {
    for (let a = 0; a < F; a++) terms.push([a, part * F + a, Math.sqrt(variances[part]) * damping[a]]);
  }
  for (const part of bias ? [level, 0] : [level]) {
    levels[part].directions.forEach((share, at) => {
      terms.push([F + (at % S), constants[part] + Math.floor(at / S), part === level ? share : -share]);
    });
  }
  return {
    row: Int32Array.from(terms, ([row]) => row),
    column: Int32Array.from(terms, ([, column]) => column),
    factor: Float64Array.from(terms, ([, , factor]) => factor),
  };
}

/** The sums of all kinds, with their level and the place of their variance. */
function noisesOf({ levels }: MixedModel): (KindSums & { level: number; at: number })[] {
  let at = levels.length;
  return levels.flatMap(({ kinds }, level) => kinds.map((sums) => ({ ...sums, level, at: at++ })));
}

/**
 * Solves the mixed-model equations (Henderson 1975, doi:10.2307/2529430) for given variances; time: the cube of
 * (levels · features), whatever the number of labels.
 * @param variances in the order of `componentsOf`; those of noise above zero, the others at least zero
 * @returns null where the matrix is singular to double precision
 */
export function solveMixed(model: MixedModel, variances: Float64Array): MixedSolution | null {
  const { levels, damping } = model;
  const { size: d } = layoutOf(model);
  const random = levels.length * damping.length;
  const noises = noisesOf(model);
  const terms = levels.map((_, level) => termsOf(model, variances, { level }));
  // WᵀR⁻¹W and WᵀR⁻¹y of all labels.
  const matrix = new Float64Array(d * d);
  const right = new Float64Array(d);
  for (const [level, map] of terms.entries()) addLevel(matrix, right, map, noises, level, variances);
  mirrorLower(matrix, d);
  const system = matrix.slice();
  for (let k = 0; k < random; k++) system[k * d + k] += 1;
  const factor = choleskyFactor(system, d);
  if (factor === null) return null;
  const solution = choleskySolve(factor, d, right);
  const labels = noises.reduce((sum, { rows }) => sum + rows, 0);
  let deviance = (labels - (d - random)) * Math.log(2 * Math.PI) - dot(solution, right);
  for (const { at, rows, squares } of noises) deviance += rows * Math.log(variances[at]) + squares / variances[at];
  for (const { logCompositions } of levels) deviance -= logCompositions;
  for (let k = 0; k < d; k++) deviance += 2 * Math.log(factor[k * d + k]);
  const posterior = { model, variances, solution, covariance: inverseOfFactor(factor, d) };
  return { ...posterior, deviance, ...searchOf(posterior, matrix, noises, terms) };
}

/** Adds TᵀHT of a level to the lower triangle of `matrix` and Tᵀh to `right`; H, h: weighted sums of its labels. */
function addLevel(
  matrix: Float64Array,
  right: Float64Array,
  { row, column, factor }: Terms,
  noises: readonly (KindSums & { level: number; at: number })[],
  level: number,
  variances: Float64Array,
): void {
  const kinds = noises.filter((noise) => noise.level === level);
  if (kinds.length === 0) return;
  const P = kinds[0].vector.length;
  const H = new Float64Array(P * P);
  const h = new Float64Array(P);
  for (const { at, gram, vector } of kinds) {
    const weight = 1 / variances[at];
    for (let k = 0; k < H.length; k++) H[k] += weight * gram[k];
    for (let k = 0; k < P; k++) h[k] += weight * vector[k];
  }
  const d = right.length;
  for (let s = 0; s < row.length; s++) {
    if (factor[s] === 0) continue;
    right[column[s]] += factor[s] * h[row[s]];
    const from = row[s] * P;
    const to = column[s] * d;
    for (let t = 0; t < row.length; t++) {
      if (column[t] <= column[s]) matrix[to + column[t]] += factor[s] * factor[t] * H[from + row[t]];
    }
  }
}

/** Slope and average information (Gilmour, Thompson & Cullis 1995, doi:10.2307/2533274), by the logs of the variances. */
function searchOf(
  posterior: Posterior,
  matrix: Float64Array,
  noises: readonly (KindSums & { level: number; at: number })[],
  terms: readonly Terms[],
): Pick<MixedSolution, 'slope' | 'curvature' | 'effective'> {
  const { model, variances, solution, covariance } = posterior;
  const F = model.damping.length;
  const d = solution.length;
  const C = variances.length;
  const slope = new Float64Array(C);
  const effective = new Float64Array(C);
  // Of the working vector q of a component (what its variance explains): WᵀR⁻¹q, and qᵀR⁻¹q with each other.
  const products: Float64Array[] = [];
  const squares = new Float64Array(C * C);
  const parts: Float64Array[] = [];
  for (let a = 0; a < model.levels.length; a++) {
    parts[a] = new Float64Array(d);
    parts[a].set(solution.subarray(a * F, (a + 1) * F), a * F);
    products[a] = multiply(matrix, parts[a]);
    for (let k = a * F; k < (a + 1) * F; k++) effective[a] += 1 - covariance[k * d + k];
    slope[a] = effective[a] - dot(parts[a], parts[a]);
    for (let b = 0; b <= a; b++) squares[a * C + b] = dot(parts[b], products[a]);
  }
  for (const { at, level, rows, gram, vector, squares: labels } of noises) {
    const { values, covariance: K } = coefficientsOf(posterior, { level });
    const fitted = multiply(gram, values);
    const misfit = (labels - 2 * dot(values, vector) + dot(values, fitted)) / variances[at];
    effective[at] = dot(K, gram) / variances[at];
    slope[at] = rows - effective[at] - misfit;
    const product = new Float64Array(d);
    const { row, column, factor } = terms[level];
    for (let s = 0; s < row.length; s++) {
      product[column[s]] += (factor[s] * (vector[row[s]] - fitted[row[s]])) / variances[at];
    }
    products[at] = product;
    squares[at * C + at] = misfit;
    for (const [b, part] of parts.entries()) squares[at * C + b] = dot(part, product);
  }
  const curvature = new Float64Array(C * C);
  for (let a = 0; a < C; a++) {
    const spread = multiply(covariance, products[a]);
    for (let b = 0; b <= a; b++) curvature[a * C + b] = squares[a * C + b] - dot(spread, products[b]);
  }
  mirrorLower(curvature, C);
  return { slope, curvature, effective };
}

/** Coefficients of a level, or of its bias: what it has over the target. Without the `reference` energies. */
export function coefficientsOf(posterior: Posterior, wanted: Wanted): Coefficients {
  const { model, variances, solution } = posterior;
  const { row, column, factor } = termsOf(model, variances, wanted);
  const values = new Float64Array(model.damping.length + model.species);
  for (let s = 0; s < row.length; s++) values[row[s]] += factor[s] * solution[column[s]];
  return { values, covariance: covarianceBetween(posterior, wanted, wanted) };
}

/** Covariance of the coefficients `one` (rows) with `other` (columns), [P × P]. */
export function covarianceBetween(posterior: Posterior, one: Wanted, other: Wanted): Float64Array {
  const { model, variances, solution, covariance } = posterior;
  const P = model.damping.length + model.species;
  const d = solution.length;
  const [p, q] = [termsOf(model, variances, one), termsOf(model, variances, other)];
  const K = new Float64Array(P * P);
  for (let s = 0; s < p.row.length; s++) {
    const from = p.column[s] * d;
    const to = p.row[s] * P;
    for (let t = 0; t < q.row.length; t++) {
      K[to + q.row[t]] += p.factor[s] * q.factor[t] * covariance[from + q.column[t]];
    }
  }
  return K;
}
