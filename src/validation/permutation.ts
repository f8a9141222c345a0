import { createRandom } from '../random.ts';
import { permuted } from '../structure/builders.ts';
import type { Check } from './check.ts';
import { difference, disturbed, reordered, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

export const permutation: Check = {
  id: 'permutation',
  group: 'symmetry',
  question: 'Are energy and forces the same whatever the order in which the atoms are listed?',
  ...UP_TO_ROUNDING,
  source: 'Atoms of one element are indistinguishable.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    return worstOver(disturbed(context, random), (structure) => {
      const evaluation = potential.evaluate(structure);
      const shuffled = random.permutation(structure.numbers.length);
      // The reverse order differs from the first one even where chance shuffles nothing.
      const orders = [shuffled, shuffled.map((_, k) => structure.numbers.length - 1 - k)];
      return worstOf(
        orders.map((order) => difference(reordered(evaluation, order), potential.evaluate(permuted(structure, order)))),
      );
    });
  },
};
