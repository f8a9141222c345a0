import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { type StrainComponent, strainTensor } from '../structure/strains.ts';
import type { Structure } from '../structure/structure.ts';
import { type PropertyStep, type ResponseOptions, stressUnder } from './strain.ts';

export interface StressStrainPoint {
  /** Of the chosen component, dimensionless; shears are engineering strains. */
  readonly strain: number;
  /** All six components, Voigt order xx yy zz yz xz xy, positive in tension. */
  readonly stress_GPa: readonly number[];
}

export interface StressStrainLine {
  readonly component: StrainComponent;
  readonly points: readonly StressStrainPoint[];
}

export interface StressStrainOptions extends ResponseOptions {
  readonly component: StrainComponent;
  readonly from: number;
  readonly to: number;
  /** At least 2. */
  readonly points: number;
}

/**
 * Stress over a range of one strain component, the others being held at zero.
 * @throws NearsightError `bad-option`, `not-converged`, `singular-cell`; `signal`'s reason when it fires
 */
export async function* stressStrain(
  structure: Structure,
  potential: Potential,
  options: StressStrainOptions,
): AsyncGenerator<PropertyStep, StressStrainLine> {
  const { component, from, to, points: total } = options;
  if (
    !(from > -0.9 && to > -0.9 && Number.isFinite(from) && Number.isFinite(to) && Number.isInteger(total) && total >= 2)
  ) {
    throw new NearsightError('bad-option', `no line of ${total} points from a strain of ${from} to ${to}`, {
      hint: 'give at least two points between two strains above −0.9',
    });
  }
  const points: StressStrainPoint[] = [];
  for (let k = 0; k < total; k++) {
    const strain = from + ((to - from) * k) / (total - 1);
    const tensor = strainTensor(component, strain);
    points.push({ strain, stress_GPa: await stressUnder(structure, potential, tensor, options) });
    yield { done: k + 1, total };
  }
  return { component, points };
}
