import { giveTurn } from '../md/progress.ts';
import { createRandom } from '../random.ts';
import { strained } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, CheckContext } from './check.ts';
import { disturbed, type Sample, sizeOf, slopeAtZero, worstResolved } from './probe.ts';

/** Largest strain and number of halvings: where rounding and truncation are both below the limit. */
const STEPS = { double: { h: 0.002, levels: 4 }, single: { h: 0.02, levels: 5 } };

export const stress: Check = {
  id: 'stress',
  question: 'Is the stress the slope of the energy under strain, with the right sign?',
  unit: 'eV/atom',
  limit: { double: 1e-5, single: 1e-3 },
  limitReason:
    '∂E/∂ε per atom, to the accuracy of the finite differences: rounding of the energy over the strain, and pairs that ' +
    'cross a cutoff with two continuous derivatives only. 1e-3 eV/atom is about 0.01 GPa in a solid. More in ' +
    'proportion for forces beyond 1 eV/Å.',
  source: 'σ = (1/V) ∂E/∂ε, positive in tension; Nielsen & Martin 1985, doi:10.1103/PhysRevB.32.3780.',
  async run(context) {
    const samples: Sample[] = [];
    for (const [k, structure] of disturbed(context, createRandom(context.seed)).entries()) {
      samples.push(...samplesOf(structure, context).map((s) => ({ ...s, detail: `${s.detail} (structure ${k})` })));
      await giveTurn();
    }
    return worstResolved(samples, stress.limit[context.precision], 'finite differences');
  },
};

function samplesOf(structure: Structure, { potential, precision }: CheckContext): Sample[] {
  const { h, levels } = STEPS[precision];
  const { strainGradient, forces } = potential.evaluate(structure);
  const size = sizeOf(forces);
  const atoms = structure.numbers.length;
  return [0, 4, 8, 5, 2, 1].map((at) => {
    const across = 3 * (at % 3) + Math.floor(at / 3);
    const energyAt = (x: number): number => {
      const strain = new Float64Array(9);
      strain[at] += x / 2;
      strain[across] += x / 2;
      return potential.evaluate(strained(structure, strain)).energy / atoms;
    };
    const { slope, uncertainty } = slopeAtZero(energyAt, h, levels);
    // Both halves of the symmetric tensor must be right.
    const errors = [at, across].map((place) => Math.abs(slope - strainGradient[place] / atoms));
    const detail = `component ${'xyz'[Math.floor(at / 3)]}${'xyz'[at % 3]}`;
    return { value: Math.max(...errors) / size, uncertainty: uncertainty / size, detail };
  });
}
