import type { Evaluation, Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { cellHeights, periodicCell } from '../structure/cell.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, Finding } from './check.ts';
import { difference, disturbed, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

/** Larger supercells would only take time. */
const MOST_ATOMS = 1500;

export const extensivity: Check = {
  id: 'extensivity',
  group: 'locality',
  question:
    'Has a supercell of n cells n times the energy, and the same forces and stress, also where the cell is smaller ' +
    'than the cutoff?',
  ...UP_TO_ROUNDING,
  source: 'Energy is extensive; an atom feels all periodic images within the cutoff, its own among them.',
  async run(context) {
    const { potential, seed } = context;
    const crystals = disturbed(context, createRandom(seed)).filter(({ pbc }) => pbc.some((repeats) => repeats));
    if (crystals.length === 0) return { skipped: 'none of the structures repeats' };
    return worstOver(crystals, (structure) =>
      worstOf(repeatsOf(structure, potential).map(compared(structure, potential))),
    );
  },
};

/** Twice along each lattice vector, and so often that no atom sees itself: there a nearest image is all that counts. */
function repeatsOf({ numbers, cell, pbc }: Structure, { cutoff }: Potential): number[][] {
  const doubled = [0, 1, 2].filter((k) => pbc[k]).map((k) => [0, 1, 2].map((l) => (k === l ? 2 : 1)));
  const heights = cellHeights(periodicCell({ cell, pbc }));
  const wide = heights.map((height, k) => (pbc[k] ? Math.ceil((2 * cutoff) / height) : 1));
  const copies = wide[0] * wide[1] * wide[2];
  return copies > 2 && copies * numbers.length <= MOST_ATOMS ? [...doubled, wide] : doubled;
}

function compared(structure: Structure, potential: Potential): (repeats: readonly number[]) => Finding {
  const one = potential.evaluate(structure);
  return (repeats) => {
    const copies = repeats[0] * repeats[1] * repeats[2];
    const { value, detail } = difference(times(copies, one), potential.evaluate(supercell(structure, repeats)));
    return { value, detail: `${repeats.join(' × ')} cells; ${detail}` };
  };
}

/** What n copies say together. */
export function times(copies: number, one: Evaluation): Evaluation {
  const repeated = (values: Float64Array): Float64Array => {
    const all = new Float64Array(copies * values.length);
    for (let n = 0; n < copies; n++) all.set(values, n * values.length);
    return all;
  };
  return {
    energy: copies * one.energy,
    atomicEnergies: repeated(one.atomicEnergies),
    forces: repeated(one.forces),
    strainGradient: one.strainGradient.map((g) => copies * g),
  };
}
