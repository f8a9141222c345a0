import { createRandom } from '../random.ts';
import type { Check } from './check.ts';
import { disturbed, sizeOf, worstOver } from './probe.ts';

export const netForce: Check = {
  id: 'net-force',
  group: 'symmetry',
  question: 'Do the forces on all atoms add up to nothing?',
  unit: 'eV/Å',
  limit: { double: 1e-9, single: 1e-4 },
  limitReason:
    '|ΣF|/√N, since rounding errors of N atoms add like a random walk: about 1e-13 eV/Å in double precision; in single precision 1e-5 eV/Å, and ten times that in bad cases; more in proportion for forces beyond 1 eV/Å.',
  source: 'Newton’s third law: without an external field the momentum is conserved.',
  asksForGradient: true,
  async run(context) {
    return worstOver(disturbed(context, createRandom(context.seed)), (structure) => {
      const { forces } = context.potential.evaluate(structure);
      const sum = [0, 0, 0];
      forces.forEach((f, c) => {
        sum[c % 3] += f;
      });
      return { value: Math.hypot(...sum) / Math.sqrt(structure.numbers.length) / sizeOf(forces), detail: 'net force' };
    });
  },
};
