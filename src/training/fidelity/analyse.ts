/** Several levels of theory, looked at: variances, biases, what each level's labels are worth. */
import type { Kernel } from '../../kernels/kernels.ts';
import { applyRows } from '../linear/linear-fit.ts';
import {
  type FrameResiduals,
  fitAlone,
  fitTogether,
  frameSquare,
  liftResiduals,
  pairsOf,
  residualsOf,
  rms,
  shiftedResiduals,
} from './compare.ts';
import { dot, type LabelKind } from './levels.ts';
import { coefficientsOf } from './mixed-model.ts';
import { independentNoise, isDetermined, type LiftNoise } from './predict.ts';
import {
  createProblem,
  type FidelityProblem,
  type FidelityProgress,
  type FidelitySettings,
  type LevelFrames,
  turn,
} from './problem.ts';
import type { VarianceEstimate, VarianceOptions } from './variances.ts';

/** The labels of one kind of a level. Units: eV/atom for energies, eV/Å for forces, eV/Å³ for stresses. */
export interface KindSummary {
  readonly kind: LabelKind;
  readonly labels: number;
  /** σ: what the model does not express of a label, and its noise. */
  readonly noise: number;
  /** Standard error of log σ; null where σ is as small as the precision of labels. */
  readonly noiseLogError: number | null;
  /** Coefficients of the combined fit that these labels determine. */
  readonly effective: number;
  /** Weight of a label in the fit beside one of the target, σ_0² / σ_f². Null where the target has none of the kind. */
  readonly weight: number | null;
  /** The same as long as nothing is known of the bias: σ_0² / (σ_f² + its variance). */
  readonly worth: number | null;
}

export interface BiasSummary {
  /** Energy of each species over that at the target, eV, in the order of `elements`. */
  readonly species: readonly number[];
  /** Whether the compositions tell the species apart; else `species` is the solution of smallest norm. */
  readonly speciesKnown: boolean;
  /** τ_f beside τ_0: 0 means that the level has the target's coefficients. */
  readonly spread: number;
  /** Standard error of log τ_f; null where τ_f is zero as far as labels tell. */
  readonly spreadLogError: number | null;
  /** Of the smooth part over the level's frames, about its mean: root mean square, eV/atom. */
  readonly energy: number;
  /** The same of force components, eV/Å. */
  readonly forces: number;
  /** Root mean square of the level's force labels, for comparison, eV/Å; null where it has none. */
  readonly forceLabels: number | null;
}

export interface LevelSummary {
  readonly name: string;
  readonly frames: number;
  readonly kinds: readonly KindSummary[];
  /** Null for the target. */
  readonly bias: BiasSummary | null;
}

/** Errors of a fit on the frames of the target: root mean squares, eV/atom and eV/Å. */
export interface FitErrors {
  readonly fit: 'target' | 'level' | 'combined' | 'lifted';
  /** Level that was taken alone, or lifted. */
  readonly level?: string;
  readonly frames: number;
  /** Coefficients that its labels determine; null where the fit is not one of its own. */
  readonly effective: number | null;
  readonly trained: { readonly energy: number | null; readonly forces: number | null };
  readonly leftOut: { readonly energy: number | null; readonly forces: number | null };
}

/** Whether the labels of the cheap levels make the fit to the target better, by frames left out. */
export interface FidelityVerdict {
  readonly kind: 'energy' | 'forces';
  readonly verdict: 'help' | 'unclear' | 'hurt';
  /** Root mean squares of frames left out: the target alone, all levels. */
  readonly alone: number;
  readonly combined: number;
  /** Mean over frames of (error alone − error combined), in units of its standard error. */
  readonly significance: number;
}

export interface FidelityAnalysis {
  readonly elements: readonly number[];
  readonly features: number;
  readonly levels: readonly LevelSummary[];
  readonly errors: readonly FitErrors[];
  readonly verdicts: readonly FidelityVerdict[];
  readonly converged: boolean;
}

/** An analysis with what is needed to lift labels. */
export interface FidelityFit {
  readonly problem: FidelityProblem;
  readonly estimate: VarianceEstimate;
  /** By level; nothing for the target. */
  readonly liftNoise: readonly (LiftNoise | null)[];
  readonly analysis: FidelityAnalysis;
}

/** From two standard errors on a difference counts. */
const SIGNIFICANT = 2;
/** Fewer pairs say too little of the noise of lifted labels. */
const LEAST_PAIRS = 5;

/**
 * Fits all levels together and each alone, and compares them on frames of the target left out. The caller closes
 * `problem`.
 * @param levels the target first
 * @param kernel any; results depend on it by rounding only
 * @throws NearsightError what `createProblem` and `estimateVariances` throw
 */
export async function* fitFidelities(
  levels: readonly LevelFrames[],
  kernel: Kernel,
  options: FidelitySettings & VarianceOptions = {},
): AsyncGenerator<FidelityProgress, FidelityFit> {
  const problem = yield* createProblem(levels, kernel, options);
  try {
    const total = levels.length + 1;
    const step = async (done: number): Promise<FidelityProgress> => {
      options.signal?.throwIfAborted();
      await turn();
      return { phase: 'fit', done, total };
    };
    yield await step(0);
    const alone: VarianceEstimate[] = [];
    for (const level of levels.keys()) {
      alone.push(fitAlone(problem, level, options));
      yield await step(level + 1);
    }
    const estimate = fitTogether(problem, alone, options);
    yield await step(total);
    return { problem, estimate, ...summarise(problem, estimate, alone) };
  } catch (error) {
    problem.close();
    throw error;
  }
}

function summarise(
  problem: FidelityProblem,
  estimate: VarianceEstimate,
  alone: readonly VarianceEstimate[],
): Pick<FidelityFit, 'analysis' | 'liftNoise'> {
  const { levels, elements, model } = problem;
  const byTarget = residualsOf(problem, alone[0]);
  const byAll = residualsOf(problem, estimate);
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const noises = (fit: VarianceEstimate): number =>
    sum(fit.effective.filter((_, k) => fit.components[k].of === 'noise'));
  const errors = [errorsOf({ fit: 'target', effective: noises(alone[0]) }, byTarget)];
  const liftNoise: (LiftNoise | null)[] = [null];
  const lifted: FitErrors[] = [];
  for (const [f, { name }] of levels.entries()) {
    if (f === 0) continue;
    errors.push(
      errorsOf({ fit: 'level', level: name, effective: noises(alone[f]) }, shiftedResiduals(problem, alone[f])),
    );
    const both = independentNoise(estimate, f);
    liftNoise.push(both);
    if (pairsOf(problem, f).length < LEAST_PAIRS) continue;
    const measured = liftResiduals(problem, estimate, f);
    lifted.push(errorsOf({ fit: 'lifted', level: name, effective: null }, measured));
    const square = (kind: 'energy' | 'forces'): number =>
      (rms(measured, kind, 'leftOut') ?? Math.sqrt(both[kind])) ** 2;
    liftNoise[f] = { energy: square('energy'), forces: square('forces') };
  }
  errors.push(errorsOf({ fit: 'combined', effective: noises(estimate) }, byAll), ...lifted);
  const analysis: FidelityAnalysis = {
    elements,
    features: model.damping.length,
    levels: levels.map((_, level) => summaryOf(problem, estimate, level)),
    errors,
    verdicts: (['energy', 'forces'] as const).flatMap((kind) => verdictOf(kind, byTarget, byAll) ?? []),
    converged: estimate.converged,
  };
  return { analysis, liftNoise };
}

function errorsOf(head: Pick<FitErrors, 'fit' | 'level' | 'effective'>, residuals: FrameResiduals): FitErrors {
  const errors = (which: 'trained' | 'leftOut'): FitErrors['trained'] => ({
    energy: rms(residuals, 'energy', which),
    forces: rms(residuals, 'forces', which),
  });
  const frames = residuals.filter((one) => one !== null && one.length > 0).length;
  return { ...head, frames, trained: errors('trained'), leftOut: errors('leftOut') };
}

function verdictOf(kind: 'energy' | 'forces', alone: FrameResiduals, all: FrameResiduals): FidelityVerdict | null {
  const gains: number[] = [];
  for (const [k, residuals] of alone.entries()) {
    const [one, other] = [frameSquare(residuals, kind), frameSquare(all[k], kind)];
    // Not squares: the one frame with the largest error would have the only vote.
    if (one !== null && other !== null) gains.push(Math.sqrt(one) - Math.sqrt(other));
  }
  const [before, after] = [rms(alone, kind, 'leftOut'), rms(all, kind, 'leftOut')];
  if (before === null || after === null || gains.length < 2) return null;
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (gains.length - 1) / gains.length;
  const significance = mean / Math.max(Math.sqrt(variance), 1e-12 * Math.abs(mean), Number.MIN_VALUE);
  const better = significance >= SIGNIFICANT && after < before;
  const worse = significance <= -SIGNIFICANT && after > before;
  const verdict = better ? 'help' : worse ? 'hurt' : 'unclear';
  return { kind, verdict, alone: before, combined: after, significance };
}

function summaryOf(problem: FidelityProblem, estimate: VarianceEstimate, level: number): LevelSummary {
  const { name, frames, sums } = problem.levels[level];
  const { damping } = problem.model;
  const { components, variances, effective, errors } = estimate;
  const noiseAt = (f: number, kind: LabelKind): number =>
    components.findIndex((one) => one.of === 'noise' && one.level === f && one.kind === kind);
  const kinds = sums.kinds.map(({ kind, rows, gram, vector }): KindSummary => {
    const at = noiseAt(level, kind);
    const target = noiseAt(0, kind);
    let bias = 0;
    if (level > 0) for (let a = 0; a < damping.length; a++) bias += damping[a] ** 2 * gram[a * (vector.length + 1)];
    const variance = variances[at] + (bias * variances[level]) / rows;
    return {
      ...{ kind, labels: rows, noise: Math.sqrt(variances[at]), effective: effective[at] },
      noiseLogError: half(errors[at]),
      weight: target < 0 ? null : variances[target] / variances[at],
      worth: target < 0 ? null : variances[target] / variance,
    };
  });
  return { name, frames: frames.length, kinds, bias: level === 0 ? null : biasOf(problem, estimate, level) };
}

function biasOf({ levels, elements }: FidelityProblem, estimate: VarianceEstimate, level: number): BiasSummary {
  const { frames, sums, rows: rowsOf } = levels[level];
  const { values } = coefficientsOf(estimate, { level, bias: true });
  const smooth = values.slice().fill(0, values.length - elements.length);
  const perAtom: number[] = [];
  let square = 0;
  let count = 0;
  for (const [k, { structure }] of frames.entries()) {
    const rows = rowsOf(k);
    perAtom.push(dot(smooth, rows.energy) / structure.numbers.length);
    for (const force of applyRows(rows.forces, smooth)) square += force * force;
    count += structure.positions.length;
  }
  const mean = perAtom.reduce((sum, value) => sum + value, 0) / perAtom.length;
  const forces = sums.kinds.find(({ kind }) => kind === 'forces');
  const alone = (s: number): Float64Array => Float64Array.from(elements, (_, other) => (other === s ? 1 : 0));
  return {
    species: elements.map(
      (_, s) => sums.reference[s] - levels[0].sums.reference[s] + values[values.length - elements.length + s],
    ),
    speciesKnown: elements.every((_, s) => isDetermined(sums, alone(s)) && isDetermined(levels[0].sums, alone(s))),
    spread: Math.sqrt(estimate.variances[level] / estimate.variances[0]),
    spreadLogError: half(estimate.errors[level]),
    energy: Math.sqrt(perAtom.reduce((sum, value) => sum + (value - mean) ** 2, 0) / perAtom.length),
    forces: Math.sqrt(square / count),
    forceLabels: forces === undefined ? null : Math.sqrt(forces.squares / forces.rows),
  };
}

/** Of log σ from that of log σ². */
function half(error: number | null): number | null {
  return error === null ? null : error / 2;
}
