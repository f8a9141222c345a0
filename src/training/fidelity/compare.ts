/** Which labels are worth what: the fit of all levels beside fits of one, by leaving frames of the target out. */

import { solveSymmetric } from '../../linear-algebra.ts';
import type { Structure } from '../../structure/structure.ts';
import { applyRows } from '../linear/linear-fit.ts';
import { geometryKey } from './check-levels.ts';
import { leaveOneOut, type Residuals } from './leave-one-out.ts';
import { compositionOf, kindBlock, LABEL_KINDS, type LabelKind, withoutReference } from './levels.ts';
import { coefficientsOf, componentsOf, covarianceBetween, type MixedModel, type Posterior } from './mixed-model.ts';
import type { FidelityProblem, ProblemLevel } from './problem.ts';
import { estimateVariances, type VarianceEstimate, type VarianceOptions } from './variances.ts';

/** Residuals of each frame of the target; null where no other label has a say. */
export type FrameResiduals = readonly (readonly Residuals[] | null)[];

/** The fit of one level alone. */
export function fitAlone({ model }: FidelityProblem, level: number, options: VarianceOptions = {}): VarianceEstimate {
  const alone: MixedModel = { ...model, levels: [model.levels[level]] };
  return estimateVariances(alone, options);
}

/**
 * The fit of all levels. The search starts where the largest cheap level, fitted alone, has its noise.
 * @param alone fits of the levels one by one
 */
export function fitTogether(
  { model, levels }: FidelityProblem,
  alone: readonly VarianceEstimate[],
  options: VarianceOptions = {},
): VarianceEstimate {
  const sizes = levels.map(({ frames }) => frames.length);
  const { components, variances } = alone[sizes.indexOf(Math.max(...sizes))];
  const noise = (kind: LabelKind): number | undefined =>
    variances.find((_, k) => {
      const component = components[k];
      return component.of === 'noise' && component.kind === kind;
    });
  const start = componentsOf(model).map((component) =>
    component.of === 'noise' ? noise(component.kind) : component.level === 0 ? variances[0] : 0.02 * variances[0],
  );
  const known = start.every((value) => value !== undefined);
  return estimateVariances(model, { ...(known && { start: Float64Array.from(start) }), ...options });
}

/** Frames of the target as fits see them: energies without its reference. */
export function targetFrames({ levels: [target], elements }: FidelityProblem): {
  readonly frames: readonly {
    readonly structure: Structure;
    readonly labels: ProblemLevel['frames'][number]['labels'];
  }[];
  readonly rows: ProblemLevel['rows'];
} {
  const frames = target.frames.map(({ structure, labels }, k) => ({
    structure,
    labels: withoutReference(labels, compositionOf(target.rows(k), elements.length), target.sums.reference),
  }));
  return { frames, rows: target.rows };
}

/** Of a fit that has the labels of the target: its training errors and those of the frames left out. */
export function residualsOf(problem: FidelityProblem, posterior: Posterior): FrameResiduals {
  const { frames, rows } = targetFrames(problem);
  return [...leaveOneOut(posterior, frames, rows)].map(({ residuals }) => residuals);
}

/**
 * The fit of a cheap level alone, taken for the target but for the energies of its species, which come from the
 * target's labels: what one does without a model of the bias. Forces do not depend on the target's labels.
 */
export function shiftedResiduals(problem: FidelityProblem, alone: Posterior): FrameResiduals {
  const { frames, rows } = targetFrames(problem);
  const S = problem.elements.length;
  const { values } = coefficientsOf(alone, { level: 0 });
  const labelled = [...frames.keys()].filter((k) => frames[k].labels.energy !== undefined);
  const points = labelled.map((k) => {
    const { structure, labels } = frames[k];
    const N = structure.numbers.length;
    const row = rows(k);
    const x = row.energy.map((value, a) => (a < values.length - S ? value : 0));
    return {
      k,
      concentration: compositionOf(row, S).map((count) => count / N),
      rest: ((labels.energy ?? 0) - applyRows(x, values)[0]) / N,
    };
  });
  const shift = (some: typeof points): Float64Array => {
    const gram = new Float64Array(S * S);
    const sums = new Float64Array(S);
    for (const { concentration, rest } of some) {
      for (let a = 0; a < S; a++) {
        sums[a] += concentration[a] * rest;
        for (let b = 0; b < S; b++) gram[a * S + b] += concentration[a] * concentration[b];
      }
    }
    return solveSymmetric(gram, sums, 1e-9);
  };
  const all = shift(points);
  return frames.map((frame, k) => {
    const out: Residuals[] = [];
    const point = points.find((one) => one.k === k);
    if (point !== undefined) {
      const residual = (energies: Float64Array): Float64Array =>
        Float64Array.of(point.rest - point.concentration.reduce((sum, c, s) => sum + c * energies[s], 0));
      const others = shift(points.filter((one) => one.k !== k));
      out.push({ kind: 'energy', trained: residual(all), leftOut: residual(others) });
    }
    for (const kind of ['forces', 'stress'] as const) {
      const block = kindBlock(frame, rows(k), kind);
      if (block === null) continue;
      const fitted = applyRows(block.rows, values);
      const root = Math.sqrt(Number(block.weight));
      const rest = fitted.map((value, r) => root * (block.targets[r] - value));
      out.push({ kind, trained: rest, leftOut: rest });
    }
    return out;
  });
}

/** Frames of the target whose geometry a cheap level has labels of, too: [frame of the target, frame of the level]. */
export function pairsOf({ levels }: FidelityProblem, level: number): [number, number][] {
  const known = new Map(levels[level].frames.map(({ structure }, k) => [geometryKey(structure), k]));
  return levels[0].frames.flatMap(({ structure }, k): [number, number][] => {
    const found = known.get(geometryKey(structure));
    return found === undefined ? [] : [[k, found]];
  });
}

/**
 * Target minus lifted label for each pair, the target's labels of the frame left out: what lifting is worth, measured.
 * The cheap label of the frame stays, since it is what is lifted.
 */
export function liftResiduals(problem: FidelityProblem, posterior: Posterior, level: number): FrameResiduals {
  const { frames, rows } = targetFrames(problem);
  const cheap = problem.levels[level];
  const bias = coefficientsOf(posterior, { level, bias: true });
  // Of the bias with the target's coefficients: what a pull on these does to it.
  const across = covarianceBetween(posterior, { level, bias: true }, { level: 0 });
  const pairs = new Map(pairsOf(problem, level));
  const P = bias.values.length;
  const S = problem.elements.length;
  return [...leaveOneOut(posterior, frames, rows)].map(({ frame, pull }) => {
    const other = pairs.get(frame);
    if (other === undefined || pull === null) return null;
    const without = bias.values.map((value, a) => {
      let sum = 0;
      for (let b = 0; b < P; b++) sum += across[a * P + b] * pull[b];
      return value - sum;
    });
    const labels = withoutReference(cheap.frames[other].labels, compositionOf(rows(frame), S), cheap.sums.reference);
    const difference = { structure: frames[frame].structure, labels };
    return LABEL_KINDS.flatMap((kind): Residuals[] => {
      const [one, two] = [frames[frame], difference].map((labelled) => kindBlock(labelled, rows(frame), kind));
      if (one === null || two === null) return [];
      const root = Math.sqrt(Number(one.weight));
      // target − (cheap − bias)
      const rest = (values: Float64Array): Float64Array =>
        applyRows(one.rows, values).map((value, r) => root * (one.targets[r] - two.targets[r] + value));
      return [{ kind, trained: rest(bias.values), leftOut: rest(without) }];
    });
  });
}

/** Root mean square of the residuals of a kind; null where there are none. */
export function rms(all: FrameResiduals, kind: LabelKind, which: 'trained' | 'leftOut'): number | null {
  let sum = 0;
  let count = 0;
  for (const residuals of all) {
    for (const value of residuals?.find((one) => one.kind === kind)?.[which] ?? []) {
      sum += value * value;
      count++;
    }
  }
  return count === 0 ? null : Math.sqrt(sum / count);
}

/** Mean square of one frame's residuals, the frame left out; null where it has none. */
export function frameSquare(residuals: readonly Residuals[] | null, kind: LabelKind): number | null {
  const values = residuals?.find((one) => one.kind === kind)?.leftOut;
  return values === undefined ? null : values.reduce((sum, value) => sum + value * value, 0) / values.length;
}
