import { NearsightError } from '../errors.ts';
import type { MdSample } from './run.ts';

/** How well the conserved energy was conserved. */
export interface Drift {
  /** Slope of the least-squares line through the conserved energy, meV/atom/ps. */
  readonly drift_meV_per_atom_per_ps: number;
  /** Standard error of the slope, taking the samples as independent, meV/atom/ps. */
  readonly uncertainty_meV_per_atom_per_ps: number;
  /** Largest change from one sample to the next, meV/atom. */
  readonly largest_jump_meV_per_atom: number;
}

/**
 * Drift of the conserved energy over a run.
 * @throws NearsightError `too-few-samples`: a line with an error bar needs three, at different times
 */
export function conservedDrift(samples: readonly Pick<MdSample, 'time' | 'conservedEnergy'>[], atoms: number): Drift {
  const n = samples.length;
  const meanTime = samples.reduce((sum, s) => sum + s.time, 0) / n;
  const meanEnergy = samples.reduce((sum, s) => sum + s.conservedEnergy, 0) / n;
  let spread = 0;
  let slope = 0;
  for (const { time, conservedEnergy } of samples) {
    spread += (time - meanTime) ** 2;
    slope += (time - meanTime) * (conservedEnergy - meanEnergy);
  }
  if (n < 3 || spread === 0) {
    throw new NearsightError('too-few-samples', `a drift cannot be had from ${n} samples`, {
      hint: 'run longer, or sample more often',
    });
  }
  slope /= spread;
  let residual = 0;
  let jump = 0;
  for (let k = 0; k < n; k++) {
    const { time, conservedEnergy } = samples[k];
    residual += (conservedEnergy - meanEnergy - slope * (time - meanTime)) ** 2;
    if (k > 0) jump = Math.max(jump, Math.abs(conservedEnergy - samples[k - 1].conservedEnergy));
  }
  // eV/fs → meV/ps is a factor of 10⁶.
  const scale = 1e6 / atoms;
  return {
    drift_meV_per_atom_per_ps: slope * scale,
    uncertainty_meV_per_atom_per_ps: Math.sqrt(residual / (n - 2) / spread) * scale,
    largest_jump_meV_per_atom: (jump * 1e3) / atoms,
  };
}
