import { createRandom } from '../random.ts';
import { combined } from '../structure/builders.ts';
import type { Check } from './check.ts';
import { times } from './extensivity.ts';
import { difference, disturbed, isolated, UP_TO_ROUNDING, worstOver } from './probe.ts';

/** Beyond the reach of either fragment, Å. */
const GAP = 5;

export const separation: Check = {
  id: 'separation',
  group: 'locality',
  question: 'Have two fragments far apart the energy of one plus the energy of the other, and the forces of each?',
  ...UP_TO_ROUNDING,
  source: 'No atom feels another one beyond the cutoff that the potential declares.',
  async run(context) {
    const { potential, seed } = context;
    return worstOver(disturbed(context, createRandom(seed)), (structure) => {
      const cluster = isolated(structure);
      const x = cluster.positions.filter((_, c) => c % 3 === 0);
      const apart = Math.max(...x) - Math.min(...x) + 2 * potential.cutoff + GAP;
      const pair = combined(cluster, cluster, [apart, 0, 0]);
      return difference(times(2, potential.evaluate(cluster)), potential.evaluate(pair));
    });
  },
};
