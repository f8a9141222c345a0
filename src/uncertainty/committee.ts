/** What a committee of potentials says together: the mean, and how far its members are apart. */
import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { Committee, Evaluation, Potential } from '../model/potential.ts';
import { buildNeighbourList, type NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/**
 * Standard deviations over the members, with M − 1 in the denominator. They say where the members disagree, not yet how
 * large the errors are: see `calibration.ts`. All zero with one member.
 */
export interface Spread {
  /** Of the total energy, eV. */
  readonly energy: number;
  /** Of each atom's share of it, eV, [N]. */
  readonly atomicEnergies: Float64Array;
  /** Of each force component, eV/Å, [3N]. */
  readonly forces: Float64Array;
  /** Of each component of ∂E/∂ε, eV, [9]; over the volume it is that of the stress. */
  readonly strainGradient: Float64Array;
}

/** Mean and spread of some evaluations of the same structure. */
export function meanAndSpread(members: readonly Evaluation[]): { readonly mean: Evaluation; readonly spread: Spread } {
  const energies = moments(members.map(({ energy }) => Float64Array.of(energy)));
  const atomicEnergies = moments(members.map((member) => member.atomicEnergies));
  const forces = moments(members.map((member) => member.forces));
  const strainGradient = moments(members.map((member) => member.strainGradient));
  return {
    mean: {
      energy: energies.mean[0],
      atomicEnergies: atomicEnergies.mean,
      forces: forces.mean,
      strainGradient: strainGradient.mean,
    },
    spread: {
      energy: energies.deviation[0],
      atomicEnergies: atomicEnergies.deviation,
      forces: forces.deviation,
      strainGradient: strainGradient.deviation,
    },
  };
}

function moments(rows: readonly Float64Array[]): { mean: Float64Array; deviation: Float64Array } {
  const M = rows.length;
  const mean = new Float64Array(rows[0].length);
  const deviation = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < row.length; i++) mean[i] += row[i] / M;
  for (const row of rows) for (let i = 0; i < row.length; i++) deviation[i] += (row[i] - mean[i]) ** 2;
  for (let i = 0; i < deviation.length; i++) deviation[i] = Math.sqrt(deviation[i] / Math.max(1, M - 1));
  return { mean, deviation };
}

/** What a committee says of a structure: mean and spread of its members. */
export function evaluateCommittee(
  committee: Committee,
  structure: Structure,
  neighbours?: NeighbourList,
): { readonly mean: Evaluation; readonly spread: Spread } {
  return meanAndSpread(committee.evaluateMembers(structure, neighbours));
}

/**
 * Several models as one potential: its energy, forces and strain gradient are the means of theirs, and they are the
 * members. A model that is a committee itself counts as one member, by its mean. The models stay the caller's: whoever
 * opened them closes them.
 * @throws NearsightError `no-members`; `unlike-members` when they are not for the same elements
 */
export function modelsCommittee(potentials: readonly Potential[]): Committee & Potential {
  const [first] = potentials;
  if (first === undefined) {
    throw new NearsightError('no-members', 'a committee has no members', { hint: 'give at least one model' });
  }
  const elements = [...first.elements].sort((p, q) => p - q);
  for (const [k, { elements: own }] of potentials.entries()) {
    const same = own.length === elements.length && elements.every((z) => own.includes(z));
    if (same) continue;
    throw new NearsightError(
      'unlike-members',
      `model ${k + 1} of the committee is for ${listed(own)}, the first for ${listed(elements)}`,
      { hint: 'train all of them on the same data, with different seeds' },
    );
  }
  const cutoff = Math.max(...potentials.map((potential) => potential.cutoff));
  const evaluateMembers = (structure: Structure, neighbours?: NeighbourList): readonly Evaluation[] => {
    // One list for all, which reaches far enough for each; one that is given is checked by the members.
    const list = neighbours ?? buildNeighbourList(structure, cutoff);
    return potentials.map((potential) => potential.evaluate(structure, list));
  };
  return {
    name: `mean of ${potentials.length} models`,
    cutoff,
    elements,
    ...(potentials.some(({ conservative }) => conservative === false) && { conservative: false }),
    members: potentials.length,
    evaluate: (structure, neighbours) => meanAndSpread(evaluateMembers(structure, neighbours)).mean,
    evaluateMembers,
  };
}

const listed = (elements: readonly number[]): string => [...elements].map(symbolOf).join(', ');
