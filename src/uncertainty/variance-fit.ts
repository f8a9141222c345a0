/**
 * How large errors are and why, by maximum likelihood: residuals of a model are split into noise that its labels show
 * of themselves, what the model can't express, and what it has not learned yet. Formulas: docs/theory/noise.md.
 */
import { choleskyFactor, choleskySolve } from '../linear-algebra.ts';

/** Residuals of one quantity: forces on atoms, or energies or stresses of frames; n of them. */
export interface Residuals {
  /** Components of one residual: a force has three. */
  readonly components: number;
  /** Mean square of the components, [n]; none is zero. */
  readonly squares: Float64Array;
  /** The same of the spread of the committee, [n]. */
  readonly spreads: Float64Array;
  /** Index of the species, of the group, and of the frame (in blocks), [n]. */
  readonly species: Int32Array;
  readonly groups: Int32Array;
  readonly frames: Int32Array;
  /** 1 where the model was not trained on the frame, [n]. */
  readonly heldOut: Uint8Array;
  /** What the misfit may depend on, [n][K]; the first column is 1. */
  readonly features: Float64Array;
}

/** Variances that labels show without any model, by group, [G]. */
export interface Witness {
  /** Variance of a component; 0 where the group shows none. */
  readonly variances: Float64Array;
  /** Number of squares that it is the mean of. */
  readonly squares: Int32Array;
}

/** Variance of a component of label − prediction: ν_g² + exp(b·x + δ_z + γ_g) + s² u². */
export interface VarianceModel {
  /** b, [K]. */
  readonly coefficients: Float64Array;
  /** δ_z, [S]. */
  readonly species: Float64Array;
  /** γ_g, [G]. */
  readonly groups: Float64Array;
  /** ν_g², [G]. */
  readonly white: Float64Array;
  /** s. */
  readonly scale: number;
  /** φ: how much less a residual says than an independent normal one would. */
  readonly dispersion: number;
}

/** Prior standard deviations of the parameters about 0, as logarithms of variances; log ν_g has none but its witness. */
const PRIOR = 1;
/** The same of the level of all about that of the residuals: it is to be found, but not to run away where noise is all. */
const LEVEL_PRIOR = 3;
const MOST_STEPS = 60;
/** Median of χ² with one degree of freedom. */
const CHI2_MEDIAN = 0.4549;

/** What is being fitted. Parameters in this order: b [K], δ [S], γ [G], log ν [G], log s. */
export interface VarianceProblem {
  readonly residuals: Residuals;
  readonly witness: Witness;
  /** Number of species S. */
  readonly species: number;
  /** φ. */
  readonly dispersion: number;
  /** How much each residual counts, [n]. */
  readonly weights: Float64Array;
  /** Logarithm of the mean square of all residuals. */
  readonly level: number;
}

/** Where the blocks of parameters start. */
interface Places {
  readonly K: number;
  readonly gamma: number;
  readonly white: number;
  readonly scale: number;
  /** Number of parameters. */
  readonly P: number;
}

export function placesOf({ residuals, witness, species }: VarianceProblem): Places {
  const K = residuals.features.length / residuals.squares.length;
  const G = witness.variances.length;
  const gamma = K + species;
  return { K, gamma, white: gamma + G, scale: gamma + 2 * G, P: gamma + 2 * G + 1 };
}

/** Variances of one residual: of the misfit, of all that more data would not cure, of what they would, of the residual. */
interface Parts {
  readonly misfit: number;
  readonly aleatoric: number;
  readonly epistemic: number;
  readonly total: number;
}

function partsOf(problem: VarianceProblem, places: Places, theta: Float64Array, i: number): Parts {
  const { residuals, witness } = problem;
  const { K, gamma, white, scale } = places;
  const g = residuals.groups[i];
  let exponent = theta[K + residuals.species[i]] + theta[gamma + g];
  for (let k = 0; k < K; k++) exponent += theta[k] * residuals.features[i * K + k];
  const misfit = Math.exp(exponent);
  const aleatoric = misfit + (witness.variances[g] > 0 ? Math.exp(2 * theta[white + g]) : 0);
  const epistemic = Math.exp(2 * theta[scale]) * residuals.spreads[i];
  const sum = aleatoric + epistemic;
  return { misfit, aleatoric, epistemic, total: residuals.heldOut[i] === 1 ? sum : (aleatoric * aleatoric) / sum };
}

/** Derivatives of a negative log likelihood: gradient [P], expected curvature [P × P] (lower triangle). */
export interface Derivatives {
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
}

/** Negative logarithm of the posterior density, up to a constant; derivatives are added to `out` when it is given. */
export function minusLogPosterior(problem: VarianceProblem, theta: Float64Array, out?: Derivatives): number {
  const places = placesOf(problem);
  const { K } = places;
  const { components, squares, heldOut, species, groups, features } = problem.residuals;
  let value = 0;
  const slope = new Float64Array(K + 4);
  const at = new Int32Array(K + 4);
  for (let k = 0; k < K; k++) at[k] = k;
  at[K + 3] = places.scale;
  for (let i = 0; i < squares.length; i++) {
    const { misfit, aleatoric, epistemic, total } = partsOf(problem, places, theta, i);
    const weight = (problem.weights[i] * components) / 2 / problem.dispersion;
    value += weight * (Math.log(total) + squares[i] / total);
    if (out === undefined) continue;
    // d log V = byAleatoric · d log A + byEpistemic · d log E.
    const share = aleatoric / (aleatoric + epistemic);
    const byAleatoric = heldOut[i] === 1 ? share : 2 - share;
    const byEpistemic = heldOut[i] === 1 ? 1 - share : share - 1;
    const byMisfit = (byAleatoric * misfit) / aleatoric;
    for (let k = 0; k < K; k++) slope[k] = byMisfit * features[i * K + k];
    slope[K] = byMisfit;
    slope[K + 1] = byMisfit;
    slope[K + 2] = 2 * (byAleatoric - byMisfit);
    slope[K + 3] = 2 * byEpistemic;
    at[K] = K + species[i];
    at[K + 1] = places.gamma + groups[i];
    at[K + 2] = places.white + groups[i];
    addTerm(out, { slope, at, weight, pull: weight * (1 - squares[i] / total) });
  }
  return value + witnessTerms(problem, theta, out) + priorTerms(problem, theta, out);
}

/** Adds one residual's share to the derivatives; its log variance changes by `slope` with the parameters `at`, ascending. */
function addTerm(
  { gradient, curvature }: Derivatives,
  term: { slope: Float64Array; at: Int32Array; weight: number; pull: number },
): void {
  const { slope, at, weight, pull } = term;
  const P = gradient.length;
  for (let k = 0; k < at.length; k++) {
    const factor = weight * slope[k];
    const row = at[k] * P;
    gradient[at[k]] += pull * slope[k];
    for (let l = 0; l <= k; l++) curvature[row + at[l]] += factor * slope[l];
  }
}

/** A mean of m squares of normal numbers: χ² with m degrees of freedom. */
function witnessTerms(problem: VarianceProblem, theta: Float64Array, out?: Derivatives): number {
  const { variances, squares } = problem.witness;
  const { white, P } = placesOf(problem);
  let value = 0;
  for (let g = 0; g < variances.length; g++) {
    const at = white + g;
    const freedom = squares[g];
    if (variances[g] === 0) {
      // This parameter has no say: it stays where it is.
      if (out !== undefined) out.curvature[at * P + at] += 1;
      continue;
    }
    const ratio = variances[g] * Math.exp(-2 * theta[at]);
    value += freedom * (theta[at] + ratio / 2);
    if (out === undefined) continue;
    out.gradient[at] += freedom * (1 - ratio);
    out.curvature[at * P + at] += 2 * freedom;
  }
  return value;
}

function priorTerms(problem: VarianceProblem, theta: Float64Array, out?: Derivatives): number {
  const { white, scale, P } = placesOf(problem);
  let value = 0;
  for (let k = 0; k < P; k++) {
    if (k >= white && k < scale) continue;
    const [centre, deviation] = k === 0 ? [problem.level, LEVEL_PRIOR] : [0, PRIOR];
    const away = (theta[k] - centre) / deviation;
    value += away ** 2 / 2;
    if (out === undefined) continue;
    out.gradient[k] += away / deviation;
    out.curvature[k * P + k] += 1 / deviation ** 2;
  }
  return value;
}

/** Fisher scoring with damping, never uphill. */
function descend(problem: VarianceProblem, start: Float64Array): Float64Array {
  const { P } = placesOf(problem);
  let theta = start;
  let value = minusLogPosterior(problem, theta);
  let damping = 1e-3;
  for (let step = 0; step < MOST_STEPS; step++) {
    const out = { gradient: new Float64Array(P), curvature: new Float64Array(P * P) };
    minusLogPosterior(problem, theta, out);
    let gain = 0;
    for (let tries = 0; tries < 12 && gain === 0; tries++) {
      const next = moved(theta, out, damping);
      const there = next === null ? Number.POSITIVE_INFINITY : minusLogPosterior(problem, next);
      if (next === null || !(there < value)) {
        damping = Math.max(1e-3, damping * 10);
        continue;
      }
      gain = value - there;
      theta = next;
      value = there;
      damping = Math.max(1e-6, damping / 5);
    }
    if (gain < 1e-7 * (1 + Math.abs(value))) break;
  }
  return theta;
}

/** One damped step; no parameter goes farther than 2 at once, where the quadratic form has long ceased to hold. */
function moved(theta: Float64Array, { gradient, curvature }: Derivatives, damping: number): Float64Array | null {
  const P = theta.length;
  const damped = curvature.map((x, at) => (at % (P + 1) === 0 ? x * (1 + damping) + 1e-9 : x));
  const L = choleskyFactor(damped, P);
  if (L === null) return null;
  const move = choleskySolve(L, P, gradient);
  const longest = move.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const shrink = Math.min(1, 2 / longest);
  return theta.map((x, k) => x - shrink * move[k]);
}

/**
 * φ of quasi-likelihood: the squares of a frame, over their expected sizes, have a mean that scatters about 1 more than
 * that of 3N independent normal numbers would, because errors of neighbours go together and some places are worse than
 * others of the same features. The median, for the sake of odd frames.
 */
function dispersionOf(problem: VarianceProblem, theta: Float64Array): number {
  const { frames, squares, components } = problem.residuals;
  const places = placesOf(problem);
  const scatter: number[] = [];
  for (let i = 0; i < frames.length; ) {
    const frame = frames[i];
    let ratio = 0;
    let n = 0;
    for (; i < frames.length && frames[i] === frame; i++, n++)
      ratio += squares[i] / partsOf(problem, places, theta, i).total;
    scatter.push(((ratio / n - 1) ** 2 * n * components) / 2);
  }
  scatter.sort((a, b) => a - b);
  return Math.max(1, scatter[scatter.length >> 1] / CHI2_MEDIAN);
}

/**
 * Weights V_i over their mean in the group (β = 1 of Seitzer et al. 2022): where the shape of the misfit is not quite
 * that of the model, the mean square of each group is right nevertheless.
 */
function levelWeights(problem: VarianceProblem, theta: Float64Array): Float64Array {
  const { groups, squares } = problem.residuals;
  const G = problem.witness.variances.length;
  const places = placesOf(problem);
  const weights = squares.map((_, i) => partsOf(problem, places, theta, i).total);
  const sums = new Float64Array(G);
  const counts = new Float64Array(G);
  for (let i = 0; i < weights.length; i++) {
    sums[groups[i]] += weights[i];
    counts[groups[i]]++;
  }
  return weights.map((w, i) => (w * counts[groups[i]]) / sums[groups[i]]);
}

/** The variances that explain some residuals best; `species` is the number of them. */
export function fitVariances(residuals: Residuals, witness: Witness, species: number): VarianceModel {
  const n = residuals.squares.length;
  const level = Math.log(residuals.squares.reduce((sum, x) => sum + x / n, 0));
  const plain = { residuals, witness, species, level, dispersion: 1, weights: new Float64Array(n).fill(1) };
  const { K, gamma, white, scale, P } = placesOf(plain);
  const theta = new Float64Array(P);
  theta[0] = level;
  for (let g = 0; g < white - gamma; g++) {
    if (witness.variances[g] > 0) theta[white + g] = Math.log(witness.variances[g]) / 2;
  }
  const rough = descend(plain, theta);
  const dispersion = dispersionOf(plain, rough);
  const shaped = descend({ ...plain, dispersion }, rough);
  const best = descend({ ...plain, dispersion, weights: levelWeights(plain, shaped) }, shaped);
  return {
    coefficients: best.slice(0, K),
    species: best.slice(K, gamma),
    groups: best.slice(gamma, white),
    white: Float64Array.from(witness.variances, (w, g) => (w > 0 ? Math.exp(2 * best[white + g]) : 0)),
    scale: Math.exp(best[scale]),
    dispersion,
  };
}
