/** Energies and forces of a level of theory, and labels of a cheap level lifted to the target, with standard errors. */
import type { Labels } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import type { Structure } from '../../structure/structure.ts';
import { applyRows } from '../linear/linear-fit.ts';
import type { LinearRows } from '../linear/linear-model.ts';
import { quadratic } from './dense.ts';
import { compositionOf, dot, type LabelKind, type LevelSums } from './levels.ts';
import { type Coefficients, coefficientsOf, componentsOf, type Posterior } from './mixed-model.ts';

/** Values with standard errors. What the labels do not determine is absent. */
export interface Estimate {
  /** eV; absent where no label of the level tells what this composition is worth. */
  readonly energy?: number;
  readonly energyError?: number;
  /** eV/Å, [3N]. */
  readonly forces: Float64Array;
  readonly forceErrors: Float64Array;
  /** eV/Å³, [9]; with a cell that repeats in three directions only. */
  readonly stress?: Float64Array;
}

/** Says what labels of a structure are, or what bias they have, from the rows of the structure. */
export interface Estimator {
  estimate(structure: Structure, rows: LinearRows): Estimate;
}

/** σ² of each kind of labels of a level; 0 where it has none of the kind. */
export function noiseOf({ model, variances }: Posterior, level: number, kind: LabelKind): number {
  const at = componentsOf(model).findIndex(
    (component) => component.of === 'noise' && component.level === level && component.kind === kind,
  );
  return at < 0 ? 0 : variances[at];
}

/**
 * Labels that level `level` would give. Standard errors hold what is uncertain of the coefficients and the noise of
 * one label.
 */
export function levelEstimator(posterior: Posterior, level: number): Estimator {
  const sums = posterior.model.levels[level];
  return estimator(coefficientsOf(posterior, { level }), [sums], sums.reference, {
    energy: noiseOf(posterior, level, 'energy'),
    forces: noiseOf(posterior, level, 'forces'),
  });
}

/** Noise of a lifted label: variances of the energy per atom and of a force component. */
export interface LiftNoise {
  readonly energy: number;
  readonly forces: number;
}

/** Noise of lifted labels where the levels share no geometry to measure it on: that of both. */
export function independentNoise(posterior: Posterior, level: number): LiftNoise {
  const both = (kind: LabelKind): number => noiseOf(posterior, 0, kind) + noiseOf(posterior, level, kind);
  return { energy: both('energy'), forces: both('forces') };
}

/** What labels of `level` have over those of the target. Standard errors: of the bias, and `noise`. */
export function biasEstimator(posterior: Posterior, level: number, noise: LiftNoise): Estimator {
  const { levels } = posterior.model;
  const difference = levels[level].reference.map((energy, s) => energy - levels[0].reference[s]);
  return estimator(coefficientsOf(posterior, { level, bias: true }), [levels[0], levels[level]], difference, noise);
}

function estimator(
  { values, covariance }: Coefficients,
  levels: readonly LevelSums[],
  reference: Float64Array,
  noise: LiftNoise,
): Estimator {
  const P = values.length;
  return {
    estimate(structure, rows) {
      const N = structure.numbers.length;
      const counts = compositionOf(rows, reference.length);
      const forces = applyRows(rows.forces, values);
      const forceErrors = forces.map((_, c) =>
        Math.sqrt(noise.forces + Math.max(0, quadratic(covariance, rows.forces.subarray(c * P, (c + 1) * P)))),
      );
      return {
        forces,
        forceErrors,
        ...(levels.every((sums) => isDetermined(sums, counts)) && {
          energy: dot(rows.energy, values) + dot(counts, reference),
          energyError: Math.sqrt(noise.energy * N * N + Math.max(0, quadratic(covariance, rows.energy))),
        }),
        ...(structure.pbc.every((repeats) => repeats) && {
          stress: applyRows(rows.strain, values).map((gradient) => gradient / cellVolume(structure.cell)),
        }),
      };
    },
  };
}

/** Whether the energies of a level tell what a composition is worth. */
export function isDetermined({ directions, reference }: LevelSums, counts: Float64Array): boolean {
  const S = reference.length;
  const rest = Float64Array.from(counts);
  for (let r = 0; r < directions.length / S; r++) {
    const along = directions.subarray(r * S, (r + 1) * S);
    const share = dot(along, counts);
    for (let s = 0; s < S; s++) rest[s] -= share * along[s];
  }
  return dot(rest, rest) <= 1e-10 * dot(counts, counts);
}

/** A label of a cheap level as the target would have it, with standard errors: eV, eV/Å [3N]. */
export interface Lifted {
  readonly labels: Labels;
  readonly energyError?: number;
  readonly forceErrors?: Float64Array;
}

/**
 * Takes the bias off the labels of a cheap level. An energy whose bias the target's labels do not determine is left
 * out.
 */
export function liftLabels(bias: Estimator, structure: Structure, labels: Labels, rows: LinearRows): Lifted {
  const found = bias.estimate(structure, rows);
  const { energy, forces, stress } = labels;
  const hasEnergy = energy !== undefined && found.energy !== undefined;
  return {
    labels: {
      ...(hasEnergy && { energy: energy - (found.energy ?? 0) }),
      ...(forces !== undefined && { forces: forces.map((f, c) => f - found.forces[c]) }),
      ...(stress !== undefined && found.stress !== undefined && { stress: stress.map((s, c) => s - found.stress![c]) }),
    },
    ...(hasEnergy && found.energyError !== undefined && { energyError: found.energyError }),
    ...(forces !== undefined && { forceErrors: found.forceErrors }),
  };
}
