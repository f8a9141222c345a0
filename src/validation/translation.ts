import { createRandom } from '../random.ts';
import { translated } from '../structure/builders.ts';
import type { Check } from './check.ts';
import { difference, disturbed, UP_TO_ROUNDING, worstOver } from './probe.ts';

export const translation: Check = {
  id: 'translation',
  group: 'symmetry',
  question: 'Are energy and forces the same after all atoms have been moved by the same vector?',
  ...UP_TO_ROUNDING,
  source: 'Space is homogeneous; Noether 1918: momentum is conserved.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    return worstOver(disturbed(context, random), (structure) => {
      // Some atoms leave the cell on the way, some cross several cells.
      const vector: [number, number, number] = [10 * random.normal(), 10 * random.normal(), 10 * random.normal()];
      return difference(potential.evaluate(structure), potential.evaluate(translated(structure, vector)));
    });
  },
};
