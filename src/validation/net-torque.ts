import { createRandom } from '../random.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check } from './check.ts';
import { disturbed, isolated, sizeOf, worstOver } from './probe.ts';

export const netTorque: Check = {
  id: 'net-torque',
  group: 'symmetry',
  question: 'Do the forces on a cluster in empty space leave it without a torque?',
  unit: 'eV/Å',
  limit: { double: 1e-9, single: 1e-4 },
  limitReason:
    '|Σ r×F| over √N times the radius of gyration, the size that rounding errors of the forces would give: about 1e-13 eV/Å in double precision; in single precision 1e-5 eV/Å, and ten times that in bad cases; more in proportion for forces beyond 1 eV/Å.',
  source: 'Noether 1918: the energy does not change under rotation, hence no torque.',
  asksForGradient: true,
  async run(context) {
    const clusters = disturbed(context, createRandom(context.seed)).map(isolated);
    if (clusters.every((cluster) => cluster.numbers.length < 2)) return { skipped: 'a single atom feels no torque' };
    return worstOver(clusters, (cluster) => {
      const { forces } = context.potential.evaluate(cluster);
      return { value: torqueOf(cluster, forces) / sizeOf(forces), detail: 'net torque' };
    });
  },
};

/** |Σ (r − r̄) × F| / (√N · radius of gyration), eV/Å. */
function torqueOf(cluster: Structure, forces: Float64Array): number {
  const { positions } = cluster;
  const atoms = cluster.numbers.length;
  const centre = [0, 0, 0];
  positions.forEach((r, c) => {
    centre[c % 3] += r / atoms;
  });
  const torque = [0, 0, 0];
  let spread = 0;
  for (let c = 0; c < positions.length; c += 3) {
    const [x, y, z] = [0, 1, 2].map((a) => positions[c + a] - centre[a]);
    const [fx, fy, fz] = forces.subarray(c, c + 3);
    torque[0] += y * fz - z * fy;
    torque[1] += z * fx - x * fz;
    torque[2] += x * fy - y * fx;
    spread += x * x + y * y + z * z;
  }
  if (atoms === 1) return 0;
  // √N · √(spread/N) is √spread.
  return Math.hypot(...torque) / Math.sqrt(spread);
}
