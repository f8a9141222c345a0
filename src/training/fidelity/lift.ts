/** Frames of the cheap levels with labels that the target would have. */
import type { WritableFrame } from '../../data/extxyz/write.ts';
import { LEVEL_KEYS } from '../levels.ts';
import type { FidelityFit } from './analyse.ts';
import { biasEstimator, independentNoise, liftLabels } from './predict.ts';

/**
 * All frames of the cheap levels, their labels less the bias of their level. They name the target as their level, as the
 * frames of the target do and nothing where these do not, so that both can be trained on together; `lifted_from` says
 * which level they were of. They hold standard errors: `energy_std` (eV), `forces_std` (eV/Å). Energies whose bias the
 * target's labels do not determine are left out.
 * @param key the entry that names the level of a frame, beside the usual ones
 */
export function* liftFrames(fit: FidelityFit, key?: string): Generator<WritableFrame, void> {
  const { problem, estimate, liftNoise } = fit;
  const [target] = problem.levels;
  const keys = key === undefined ? LEVEL_KEYS : [...LEVEL_KEYS, key];
  const named = Object.entries(target.frames[0].info).filter(
    ([name, value]) => keys.includes(name) && target.frames.every(({ info }) => info[name] === value),
  );
  for (const [level, { name, frames, rows }] of problem.levels.entries()) {
    if (level === 0) continue;
    const bias = biasEstimator(estimate, level, liftNoise[level] ?? independentNoise(estimate, level));
    for (const [k, { structure, labels, group, info, arrays }] of frames.entries()) {
      const { labels: lifted, energyError, forceErrors } = liftLabels(bias, structure, labels, rows(k));
      yield {
        ...{ structure, labels: lifted, group },
        info: {
          ...Object.fromEntries(Object.entries(info).filter(([entry]) => !keys.includes(entry))),
          ...Object.fromEntries(named),
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
