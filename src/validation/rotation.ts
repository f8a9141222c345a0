import { createRandom } from '../random.ts';
import { rotated } from '../structure/builders.ts';
import type { Check } from './check.ts';
import { difference, disturbed, randomRotation, turned, UP_TO_ROUNDING, worstOver } from './probe.ts';

export const rotation: Check = {
  id: 'rotation',
  group: 'symmetry',
  question: 'Does the energy stay, and do forces and stress turn with the atoms, when everything is rotated?',
  ...UP_TO_ROUNDING,
  source: 'Space is isotropic; Noether 1918: angular momentum is conserved.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    return worstOver(disturbed(context, random), (structure) => {
      const matrix = randomRotation(random);
      return difference(turned(potential.evaluate(structure), matrix), potential.evaluate(rotated(structure, matrix)));
    });
  },
};
