import { NearsightError } from '../errors.ts';
import { buildNeighbourList, type NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import type { Evaluation, Potential, RunningEvaluation } from './potential.ts';

/**
 * E = Σ_k E_k: energies, atomic energies, forces and strain gradients add. The parts share one neighbour list, built
 * for the one that reaches farthest; each of them leaves out what lies beyond its own cutoff. Defined for the elements
 * that all parts know.
 * @throws NearsightError `no-parts`
 */
export function sumPotentials(name: string, parts: readonly Potential[]): Potential {
  if (parts.length === 0) {
    throw new NearsightError('no-parts', `the potential "${name}" has no parts`, { hint: 'give at least one' });
  }
  const cutoff = Math.max(...parts.map((part) => part.cutoff));
  return {
    name,
    cutoff,
    elements: parts[0].elements.filter((z) => parts.every((part) => part.elements.includes(z))),
    ...(parts.some((part) => part.conservative === false) && { conservative: false }),
    evaluate(structure, neighbours) {
      // A list that is given is checked by the first part.
      const list = neighbours ?? buildNeighbourList(structure, cutoff);
      const [first, ...others] = parts;
      const total: RunningEvaluation = first.evaluate(structure, list);
      for (const part of others) addPart(total, part, structure, list);
      return total;
    },
  };
}

/** Adds what a part says of a structure to `total` in place, given a list that is known to be valid. */
export function addPart(total: RunningEvaluation, part: Potential, structure: Structure, list: NeighbourList): void {
  if (part.addTo === undefined) addEvaluation(total, part.evaluate(structure, list));
  else part.addTo(total, structure, list);
}

/** `total` (whose arrays are fresh, as those of every evaluation) with another evaluation added. */
function addEvaluation(total: RunningEvaluation, other: Evaluation): void {
  total.energy += other.energy;
  addTo(total.atomicEnergies, other.atomicEnergies);
  addTo(total.forces, other.forces);
  addTo(total.strainGradient, other.strainGradient);
}

function addTo(sum: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
}
