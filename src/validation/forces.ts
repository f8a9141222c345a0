import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom, type Random } from '../random.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check } from './check.ts';
import { disturbed, randomDirection, type Sample, sizeOf, slopeAtZero, worstResolved } from './probe.ts';

/** Atoms moved alone in each structure; one more displacement moves all atoms together. */
const SINGLE_ATOMS = 6;
/** Largest step, Å, and number of halvings: where rounding and truncation are both below the limit. */
const STEPS = { double: { h: 0.01, levels: 4 }, single: { h: 0.08, levels: 5 } };

export const forces: Check = {
  id: 'forces',
  question: 'Are the forces minus the slope of the energy?',
  unit: 'eV/Å',
  limit: { double: 1e-5, single: 1e-3 },
  limitReason:
    'Accuracy of the finite differences: rounding of the energy (1e-11 eV in double, 1e-5 eV in single precision) over ' +
    'the step, and pairs that cross a cutoff with two continuous derivatives only. More in proportion for forces ' +
    'beyond 1 eV/Å.',
  source: 'F = −∂E/∂r; extrapolated differences of Ridders 1982, doi:10.1016/S0141-1195(82)80057-0.',
  async run(context) {
    const random = createRandom(context.seed);
    const { h, levels } = STEPS[context.precision];
    const samples: Sample[] = [];
    for (const [k, structure] of disturbed(context, random).entries()) {
      const evaluation = context.potential.evaluate(structure);
      for (const { direction, name } of displacements(structure, random)) {
        const { slope, uncertainty } = slopeAtZero(energyAlong(structure, context.potential, direction), h, levels);
        const size = sizeOf(evaluation.forces);
        const exact = -evaluation.forces.reduce((sum, f, c) => sum + f * direction[c], 0);
        samples.push({
          value: Math.abs(slope - exact) / size,
          uncertainty: uncertainty / size,
          detail: `${name} (structure ${k})`,
        });
      }
      await giveTurn();
    }
    return worstResolved(samples, forces.limit[context.precision], 'finite differences');
  },
};

interface Displacement {
  readonly direction: Float64Array;
  readonly name: string;
}

/** Some atoms alone by 1 Å, and all atoms together, by 1 Å in sum of squares. */
function displacements(structure: Structure, random: Random): Displacement[] {
  const atoms = structure.numbers.length;
  const chosen = random.permutation(atoms).slice(0, SINGLE_ATOMS);
  const together = new Float64Array(3 * atoms).map(() => random.normal());
  const length = Math.hypot(...together);
  const single = Array.from(chosen, (i) => {
    const direction = new Float64Array(3 * atoms);
    direction.set(randomDirection(random), 3 * i);
    return { direction, name: `atom ${i}` };
  });
  return [...single, { direction: together.map((d) => d / length), name: 'all atoms together' }];
}

function energyAlong(structure: Structure, potential: Potential, direction: Float64Array): (x: number) => number {
  return (x) =>
    potential.evaluate({ ...structure, positions: structure.positions.map((r, c) => r + x * direction[c]) }).energy;
}
