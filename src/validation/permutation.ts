import { createRandom, type Random } from '../random.ts';
import { permuted } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, Finding } from './check.ts';
import { difference, disturbed, reordered, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

/** Above so many pairs of identical atoms in a structure, so many are drawn. */
const MOST_SWAPS = 40;

export const permutation: Check = {
  id: 'permutation',
  group: 'symmetry',
  question:
    'Are energy and forces the same whatever the order in which the atoms are listed, and whichever two atoms of one ' +
    'element change places?',
  ...UP_TO_ROUNDING,
  source: 'Atoms of one element are indistinguishable.',
  async run(context) {
    const random = createRandom(context.seed);
    const { potential } = context;
    return worstOver(disturbed(context, random), (structure): Finding => {
      const atoms = structure.numbers.length;
      const evaluation = potential.evaluate(structure);
      const shuffled = random.permutation(atoms);
      // The reverse order differs from the first one even where chance shuffles nothing.
      const orders = [shuffled, shuffled.map((_, k) => atoms - 1 - k)];
      const { pairs, of } = identicalPairs(structure, random);
      for (const [i, j] of pairs) orders.push(swapped(atoms, i, j));
      const { value, detail } = worstOf(
        orders.map((order) => difference(reordered(evaluation, order), potential.evaluate(permuted(structure, order)))),
      );
      const swaps = pairs.length === of ? `all ${of} pairs` : `${pairs.length} of ${of} pairs`;
      return { value, detail: `${detail}; shuffled, and ${swaps} of identical atoms swapped` };
    });
  },
};

/** Pairs of atoms of one element: all of them, or as many as are worth their time, drawn at random. */
function identicalPairs({ numbers }: Structure, random: Random): { pairs: [number, number][]; of: number } {
  const all: [number, number][] = [];
  for (let i = 0; i < numbers.length; i++) {
    for (let j = i + 1; j < numbers.length; j++) if (numbers[i] === numbers[j]) all.push([i, j]);
  }
  if (all.length <= MOST_SWAPS) return { pairs: all, of: all.length };
  const chosen = Array.from(random.permutation(all.length).slice(0, MOST_SWAPS), (k) => all[k]);
  return { pairs: chosen, of: all.length };
}

function swapped(atoms: number, i: number, j: number): Int32Array {
  const order = Int32Array.from({ length: atoms }, (_, k) => k);
  order[i] = j;
  order[j] = i;
  return order;
}
