import { NearsightError } from '../errors.ts';
import { finish } from '../md/progress.ts';
import { relax } from '../md/relax.ts';
import { type Potential, requireGradient } from '../model/potential.ts';
import { strained } from '../structure/builders.ts';
import { cellVolume } from '../structure/cell.ts';
import type { Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';

/** How far long work has come. */
export interface PropertyStep {
  readonly done: number;
  readonly total: number;
}

/** How the atoms take a strain of the cell. */
export interface ResponseOptions {
  /** Leave the atoms where the strain takes them ("clamped ions"), instead of letting them find their places. */
  readonly clamped?: boolean;
  /** Without `clamped`: the largest force left, eV/Å; 1e-4 when absent. */
  readonly maxForce?: number;
  readonly signal?: AbortSignal;
}

/**
 * Stress of the strained crystal in Voigt order, GPa, positive in tension.
 * @throws NearsightError `not-converged` when the atoms do not come to rest; `forces-no-gradient`
 */
export async function stressUnder(
  structure: Structure,
  potential: Potential,
  strain: Float64Array,
  options: ResponseOptions,
): Promise<number[]> {
  requireGradient(potential, 'a stress under strain');
  options.signal?.throwIfAborted();
  const deformed = strained(structure, strain);
  const evaluation = options.clamped ? potential.evaluate(deformed) : await settled(deformed, potential, options);
  const volume = cellVolume(deformed.cell);
  const at = [0, 4, 8, 5, 2, 1];
  return at.map((place) => evaluation.strainGradient[place] / volume / GPA);
}

/**
 * Evaluation after the atoms have come to rest in a fixed cell, at a minimum of the energy.
 * @throws NearsightError `not-converged`, `forces-no-gradient`
 */
export async function settled(
  structure: Structure,
  potential: Potential,
  options: ResponseOptions,
): Promise<ReturnType<Potential['evaluate']>> {
  requireGradient(potential, 'a minimum of the energy');
  const { maxForce = 1e-4, signal } = options;
  const result = await finish(relax(structure, potential, { maxForce, ...(signal && { signal }) }));
  signal?.throwIfAborted();
  if (!result.converged) {
    throw new NearsightError(
      'not-converged',
      `after ${result.step} steps the largest force is still ${result.maxForce.toExponential(1)} eV/Å, not ${maxForce}`,
      { hint: 'raise maxForce, start from a relaxed structure, or ask for clamped atoms' },
    );
  }
  return result.evaluation;
}
