import { createRandom, type Random } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { toFractional } from '../structure/cell.ts';
import { rowsTimes3 } from '../structure/matrix3.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check } from './check.ts';
import { difference, disturbed, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

/** Descriptions of each crystal. */
const DESCRIPTIONS = 3;

export const cellChoice: Check = {
  id: 'cell-choice',
  group: 'symmetry',
  question: 'Has a crystal the same energy, forces and stress in whichever of its unit cells it is described?',
  ...UP_TO_ROUNDING,
  source:
    'Lattice vectors U·a with an integer matrix U of determinant ±1 span the same lattice: the cell is bookkeeping.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    const crystals = disturbed(context, random).filter(({ pbc }) => pbc.some((repeats) => repeats));
    if (crystals.length === 0) return { skipped: 'none of the structures repeats' };
    return worstOver(crystals, (structure) => {
      const evaluation = potential.evaluate(structure);
      return worstOf(
        Array.from({ length: DESCRIPTIONS }, () =>
          difference(evaluation, potential.evaluate(describedAnew(structure, random))),
        ),
      );
    });
  },
};

/** The same crystal in a sheared cell, or with a lattice vector turned round, its atoms brought into that cell. */
function describedAnew(structure: Structure, random: Random): Structure {
  const matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const repeating = [0, 1, 2].filter((k) => structure.pbc[k]);
  const pick = (from: readonly number[]): number => from[random.below(from.length)];
  const flipped = pick(repeating);
  for (let c = 0; c < 3; c++) matrix[3 * flipped + c] *= -1;
  for (let shears = 0; shears < 2 && repeating.length > 1; shears++) {
    const k = pick(repeating);
    const l = pick(repeating.filter((other) => other !== k));
    const times = random.below(2) === 0 ? 1 : -1;
    for (let c = 0; c < 3; c++) matrix[3 * k + c] += times * matrix[3 * l + c];
  }
  return broughtHome(supercell(structure, matrix));
}

function broughtHome(structure: Structure): Structure {
  const cells = toFractional(structure.positions, structure.cell).map((f, c) =>
    structure.pbc[c % 3] ? -Math.floor(f) : 0,
  );
  const moves = rowsTimes3(cells, structure.cell);
  return { ...structure, positions: structure.positions.map((r, c) => r + moves[c]) };
}
