/** Frames of the cheap levels with labels that the target would have. */
import type { WritableFrame } from '../../data/extxyz/write.ts';
import type { FidelityFit } from './analyse.ts';
import { biasEstimator, independentNoise, liftLabels } from './predict.ts';

/**
 * All frames of the cheap levels, their labels less the bias of their level. Each says in `key` which level its labels
 * are of now, in `lifted_from` which they were of, and holds standard errors: `energy_std` (eV), `forces_std` (eV/Å).
 * Energies whose bias the target's labels do not determine are left out.
 */
export function* liftFrames(fit: FidelityFit, key = 'level'): Generator<WritableFrame, void> {
  const { problem, estimate, liftNoise } = fit;
  const [target] = problem.levels;
  for (const [level, { name, frames, rows }] of problem.levels.entries()) {
    if (level === 0) continue;
    const bias = biasEstimator(estimate, level, liftNoise[level] ?? independentNoise(estimate, level));
    for (const [k, { structure, labels, group, info, arrays }] of frames.entries()) {
      const { labels: lifted, energyError, forceErrors } = liftLabels(bias, structure, labels, rows(k));
      yield {
        ...{ structure, labels: lifted, group },
        info: {
          ...info,
          [key]: target.name,
          lifted_from: name,
          ...(energyError !== undefined && { energy_std: energyError }),
        },
        arrays: {
          ...arrays,
          ...(forceErrors !== undefined && { forces_std: { type: 'R', columns: 3, values: forceErrors } }),
        },
      };
    }
  }
}
