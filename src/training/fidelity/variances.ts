/** Variances from the labels alone: the maximum of the restricted likelihood (REML). */
import { NearsightError } from '../../errors.ts';
import { choleskyFactor, choleskySolve } from '../../linear-algebra.ts';
import { type Component, componentsOf, type MixedModel, type MixedSolution, solveMixed } from './mixed-model.ts';

export interface VarianceOptions {
  /** Variances that are given, in the order of `componentsOf`; NaN where one is to be found. All are found when absent. */
  readonly held?: Float64Array;
  /**
   * How far noise of the same kind may differ between levels: the standard deviation of log σ² from level to level
   * beforehand. Most of the noise is what the features can't express, at any level; rows of a frame share it, so that
   * the few labels of a target look as if they had none. Infinity leaves it to the labels: plain REML. `NOISE_SPREAD`
   * when absent.
   */
  readonly noiseSpread?: number;
  /** Where the search starts, in the order of `componentsOf`; from the sizes of the labels when absent. */
  readonly start?: Float64Array;
}

export interface VarianceEstimate extends MixedSolution {
  readonly components: readonly Component[];
  /** Variances that are zero as far as the labels can tell, or noise below their precision. */
  readonly atBound: readonly boolean[];
  /** Standard error of the logarithm of each variance; null where it is held or at its bound. */
  readonly errors: readonly (number | null)[];
  readonly converged: boolean;
  /** Solutions that it took. */
  readonly solutions: number;
}

/** σ of a level is within some ten per cent of what is usual for its kind, unless many labels say otherwise. */
export const NOISE_SPREAD = 0.1;
/** Noise below this share of the labels' size can't be told from none: rows are in single precision. */
const LEAST_NOISE = 3e-4;
/** τ² by this factor below what the size of the labels suggests is zero. */
const LEAST_SPREAD = 1e-9;
const MOST_SPREAD = 1e9;
/** What −2 log L may still have to gain, by a quadratic estimate; one standard error of a variance is worth 1. */
const TOLERANCE = 1e-3;
/** A slope beyond this is no minimum, whatever the curvature says; one label can be worth as much as 1. */
const STEEPEST = 0.3;
const MOST_SOLUTIONS = 60;
/** Of a log variance. */
const LONGEST_STEP = 2.5;
/** Where the search starts, in units of the scales: noise a tenth of the labels, bias a third of the coefficients. */
const START = { noise: 0.01, coefficients: 1, bias: 0.1 } as const;

/** A function of the free log variances, as far as a search needs it. */
interface Point {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
  readonly solution: MixedSolution;
}

/**
 * Maximises the restricted likelihood over all variances: Newton steps with the average information, damped until they
 * gain (Levenberg & Marquardt), within bounds.
 * @throws NearsightError `no-rows` where there are no labels but zeros, `singular-fit` where nothing can be solved
 */
export function estimateVariances(model: MixedModel, options: VarianceOptions = {}): VarianceEstimate {
  const { held, noiseSpread = NOISE_SPREAD } = options;
  const components = componentsOf(model);
  const scale = scalesOf(model, components);
  const free = [...components.keys()].filter((k) => held === undefined || Number.isNaN(held[k]));
  let solutions = 0;
  const at = (x: Float64Array): Point | null => {
    const variances = Float64Array.from(components, (_, k) => held?.[k] ?? 0);
    for (const [place, k] of free.entries()) variances[k] = Math.exp(x[place]);
    solutions++;
    const solution = solveMixed(model, variances);
    if (solution === null || !Number.isFinite(solution.deviance)) return null;
    return withPrior({ x, solution, free, components, spread: noiseSpread });
  };
  const bounds = free.map((k) => {
    const [least, most] = components[k].of === 'noise' ? [LEAST_NOISE ** 2, 1e4] : [LEAST_SPREAD, MOST_SPREAD];
    return [Math.log(least * scale[k]), Math.log(most * scale[k])] as const;
  });
  const start = Float64Array.from(free, (k) => {
    const { of, level } = components[k];
    return Math.log(options.start?.[k] ?? scale[k] * START[of === 'noise' ? of : level === 0 ? of : 'bias']);
  });
  let here = at(start);
  if (here === null) throw singular();
  let damping = 1e-3;
  let converged = false;
  while (!converged && solutions < MOST_SOLUTIONS) {
    const { x, gradient } = here;
    const open = [...free.keys()].filter(
      (k) => !((x[k] <= bounds[k][0] && gradient[k] > 0) || (x[k] >= bounds[k][1] && gradient[k] < 0)),
    );
    const full = stepOf(here, open, 0);
    converged = gainOf(here, full) < TOLERANCE && open.every((k) => Math.abs(gradient[k]) < STEEPEST);
    if (converged) break;
    const step = stepOf(here, open, damping);
    const to = x.map((v, k) => Math.min(bounds[k][1], Math.max(bounds[k][0], v + step[k])));
    const next = at(to);
    if (next !== null && next.value < here.value) {
      here = next;
      damping = Math.max(1e-6, damping / 8);
    } else if (damping > 1e8) break;
    else damping = Math.max(1e-3, damping * 6);
  }
  const atBound = components.map(() => false);
  const errors: (number | null)[] = components.map(() => null);
  for (const [place, k] of free.entries()) atBound[k] = here.x[place] <= bounds[place][0] + 1e-9;
  const inside = [...free.keys()].filter((place) => !atBound[free[place]]);
  // The curvature is that of −2 log L.
  const covariance = inverseAmong(here.curvature, free.length, inside);
  for (const [k, place] of inside.entries())
    errors[free[place]] = covariance === null ? null : Math.sqrt(2 * covariance[k]);
  return { ...here.solution, components, atBound, errors, converged, solutions };
}

/** The deviance with the penalty Σ (log σ² − mean over levels)² / spread², for each kind of label. */
function withPrior(given: {
  readonly x: Float64Array;
  readonly solution: MixedSolution;
  readonly free: readonly number[];
  readonly components: readonly Component[];
  readonly spread: number;
}): Point {
  const { x, solution, free, components, spread } = given;
  const { slope, curvature: all, variances } = solution;
  const C = components.length;
  const n = free.length;
  const gradient = Float64Array.from(free, (k) => slope[k]);
  const curvature = Float64Array.from({ length: n * n }, (_, at) => all[free[Math.floor(at / n)] * C + free[at % n]]);
  let value = solution.deviance;
  for (const kind of ['energy', 'forces', 'stress'] as const) {
    const alike = [...components.keys()].filter((k) => {
      const component = components[k];
      return component.of === 'noise' && component.kind === kind;
    });
    const mean = alike.reduce((sum, k) => sum + Math.log(variances[k]), 0) / alike.length;
    for (const k of alike) {
      const off = Math.log(variances[k]) - mean;
      value += (off / spread) ** 2;
      const place = free.indexOf(k);
      if (place < 0) continue;
      gradient[place] += (2 * off) / spread ** 2;
      for (const m of alike) {
        const other = free.indexOf(m);
        if (other >= 0) curvature[place * n + other] += (2 * ((k === m ? 1 : 0) - 1 / alike.length)) / spread ** 2;
      }
    }
  }
  return { x, value, gradient, curvature, solution };
}

/** −(H + damping · (diag H + 1))⁻¹ g among the open variables, none longer than the longest step. */
function stepOf({ gradient, curvature }: Point, open: readonly number[], damping: number): Float64Array {
  const n = gradient.length;
  const m = open.length;
  const H = Float64Array.from({ length: m * m }, (_, at) => curvature[open[Math.floor(at / m)] * n + open[at % m]]);
  for (let k = 0; k < m; k++) H[k * m + k] += damping * (H[k * m + k] + 1) + 1e-9;
  const factor = choleskyFactor(H, m);
  const step = new Float64Array(n);
  const slope = Float64Array.from(open, (k) => gradient[k]);
  const found = factor === null ? slope : choleskySolve(factor, m, slope);
  for (const [k, place] of open.entries()) step[place] = -found[k];
  const shrink = Math.min(1, LONGEST_STEP / Math.max(...step.map(Math.abs)));
  return step.map((v) => shrink * v);
}

/** What the whole step would gain if the function were a parabola. */
function gainOf({ gradient }: Point, step: Float64Array): number {
  return -0.5 * step.reduce((sum, v, k) => sum + v * gradient[k], 0);
}

/** The diagonal of the inverse of a part of a matrix. */
function inverseAmong(matrix: Float64Array, n: number, some: readonly number[]): Float64Array | null {
  const m = some.length;
  const part = Float64Array.from({ length: m * m }, (_, at) => matrix[some[Math.floor(at / m)] * n + some[at % m]]);
  const factor = choleskyFactor(part, m);
  if (factor === null) return null;
  return Float64Array.from(some, (_, k) => {
    const unit = new Float64Array(m);
    unit[k] = 1;
    return choleskySolve(factor, m, unit)[k];
  });
}

function singular(): NearsightError {
  return new NearsightError('singular-fit', 'the labels do not determine a fit to double precision', {
    hint: 'look for labels that are repeated or of absurd size: nearsight data inspect',
  });
}

/** Mean squares of the labels for noise; for coefficients the τ² whose forces (or energies) have that mean square. */
function scalesOf({ levels, damping }: MixedModel, components: readonly Component[]): Float64Array {
  const largest = Math.max(0, ...levels.flatMap(({ kinds }) => kinds.map(({ squares, rows }) => squares / rows)));
  if (largest === 0) {
    throw new NearsightError('no-rows', 'there is no label to fit a model to, or all are zero', {
      hint: 'give frames that have energies and forces',
    });
  }
  const floor = 1e-12 * largest;
  return Float64Array.from(components, (component) => {
    const { kinds } = levels[component.level];
    const kind = component.of === 'noise' ? component.kind : 'forces';
    const { squares, rows, gram, vector } = kinds.find((sums) => sums.kind === kind) ?? kinds[0];
    const labels = Math.max(squares / rows, floor);
    if (component.of === 'noise') return labels;
    let spread = 0;
    for (let a = 0; a < damping.length; a++) spread += (damping[a] ** 2 * gram[a * vector.length + a]) / rows;
    return spread > 0 ? labels / spread : 1;
  });
}
