import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom, type Random } from '../random.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check } from './check.ts';
import {
  disturbed,
  type PathPoint,
  pathMismatch,
  randomDirection,
  type Sample,
  sizeOf,
  worstResolved,
} from './probe.ts';

/** Atoms moved alone in each structure; one more displacement moves all atoms together. */
const SINGLE_ATOMS = 6;
/** Half the length of the paths, Å: rounding counts the less the longer they are. */
const STEP = { double: 0.02, single: 0.08 };

export const forces: Check = {
  id: 'forces',
  group: 'derivatives',
  question: 'Are the forces minus the slope of the energy?',
  unit: 'eV/Å',
  limit: { double: 1e-5, single: 1e-3 },
  limitReason:
    'Energy differences along short paths against the integral of the forces: rounding of the energy (1e-11 eV in ' +
    'double, 1e-4 eV in single precision) over the length, and pairs that cross a cutoff with two continuous ' +
    'derivatives only. More in proportion for forces beyond 1 eV/Å.',
  source: 'F = −∂E/∂r, integrated: E(b) − E(a) = −∫F·dr. Gauss–Legendre quadrature.',
  asksForGradient: true,
  async run(context) {
    const random = createRandom(context.seed);
    const samples: Sample[] = [];
    for (const [k, structure] of disturbed(context, random).entries()) {
      const evaluation = context.potential.evaluate(structure);
      const size = sizeOf(evaluation.forces);
      for (const { direction, name } of displacements(structure, random)) {
        const along = pathAlong(structure, context.potential, direction);
        const { value, uncertainty } = pathMismatch(along, STEP[context.precision]);
        samples.push({
          value: value / size,
          uncertainty: uncertainty / size,
          detail: `${name} (structure ${k})`,
        });
      }
      await giveTurn();
    }
    return worstResolved(samples, forces.limit[context.precision], 'integrals of the forces');
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

function pathAlong(structure: Structure, potential: Potential, direction: Float64Array): PathPoint {
  return (x) => {
    const positions = structure.positions.map((r, c) => r + x * direction[c]);
    const { energy, forces } = potential.evaluate({ ...structure, positions });
    return { energy, slope: -forces.reduce((sum, f, c) => sum + f * direction[c], 0) };
  };
}
