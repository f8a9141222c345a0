import { createRandom } from '../random.ts';
import { rotated } from '../structure/builders.ts';
import type { Check } from './check.ts';
import { difference, disturbed, turned, UP_TO_ROUNDING, worstOver } from './probe.ts';

/**
 * Every mirror is a rotation after this; alone it asks for handedness only, and a potential that prefers directions
 * in space is left to the check `rotation`.
 */
const INVERSION = [-1, 0, 0, 0, -1, 0, 0, 0, -1];

export const reflection: Check = {
  id: 'reflection',
  group: 'symmetry',
  question: 'Has the mirror image (all positions inverted) the same energy, and mirrored forces?',
  ...UP_TO_ROUNDING,
  source: 'Electromagnetism, hence chemistry, conserves parity.',
  async run(context) {
    const { potential } = context;
    return worstOver(disturbed(context, createRandom(context.seed)), (structure) =>
      difference(turned(potential.evaluate(structure), INVERSION), potential.evaluate(rotated(structure, INVERSION))),
    );
  },
};
