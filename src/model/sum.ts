import { NearsightError } from '../errors.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import type { Evaluation, Potential } from './potential.ts';

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
    evaluate(structure, neighbours) {
      // A list that is given is checked by each part.
      const list = neighbours ?? buildNeighbourList(structure, cutoff);
      return addEvaluations(parts.map((part) => part.evaluate(structure, list)));
    },
  };
}

/** The first of them, which is changed in place (evaluations are fresh arrays), with the others added. */
function addEvaluations([first, ...others]: readonly Evaluation[]): Evaluation {
  const { atomicEnergies, forces, strainGradient } = first;
  let { energy } = first;
  for (const other of others) {
    energy += other.energy;
    addTo(atomicEnergies, other.atomicEnergies);
    addTo(forces, other.forces);
    addTo(strainGradient, other.strainGradient);
  }
  return { energy, atomicEnergies, forces, strainGradient };
}

function addTo(sum: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
}
