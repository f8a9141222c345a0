import type { Potential } from '../model/potential.ts';
import { createRandom, type Random } from '../random.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import { copyStructure, type Structure } from '../structure/structure.ts';
import type { Check, Finding } from './check.ts';
import { difference, disturbed, randomDirection, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

/** Å. */
const SKIN = 1;

export const neighbourList: Check = {
  id: 'neighbour-list',
  group: 'locality',
  question: 'Are energy and forces the same however the neighbour list was made, whichever image of an atom is given?',
  ...UP_TO_ROUNDING,
  source: 'Verlet 1967, doi:10.1103/PhysRev.159.98: a list with a skin is bookkeeping, not physics.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    return worstOver(disturbed(context, random), (structure) =>
      worstOf([
        withSkin(structure, potential, random),
        difference(potential.evaluate(structure), potential.evaluate(otherImages(structure, random))),
      ]),
    );
  },
};

/** A list built with a skin, for atoms that have moved since by nearly half of it. */
function withSkin(structure: Structure, potential: Potential, random: Random): Finding {
  const earlier = copyStructure(structure);
  for (let i = 0; i < structure.numbers.length; i++) {
    randomDirection(random).forEach((u, a) => {
      earlier.positions[3 * i + a] += 0.49 * SKIN * u;
    });
  }
  const list = buildNeighbourList(earlier, potential.cutoff, { skin: SKIN });
  return difference(potential.evaluate(structure), potential.evaluate(structure, list));
}

/** Every atom replaced by one of its periodic images. */
function otherImages(structure: Structure, random: Random): Structure {
  const { cell, pbc } = structure;
  const other = copyStructure(structure);
  for (let i = 0; i < structure.numbers.length; i++) {
    for (let k = 0; k < 3; k++) {
      const cells = pbc[k] ? random.below(5) - 2 : 0;
      for (let a = 0; a < 3; a++) other.positions[3 * i + a] += cells * cell[3 * k + a];
    }
  }
  return other;
}
