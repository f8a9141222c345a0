import { conservedDrift } from '../../md/drift.ts';
import { velocityVerlet } from '../../md/integrators.ts';
import { type MdSample, runMd } from '../../md/run.ts';
import { maxwellBoltzmann, startMd } from '../../md/state.ts';
import { createRandom } from '../../random.ts';
import { massesOf } from '../../structure/structure.ts';
import type { Check } from '../check.ts';
import { calmed, timestepFor } from './system.ts';

/** K. */
const TEMPERATURE = 300;
const STEPS = 600;

export const nveDrift: Check = {
  id: 'nve-drift',
  question: 'Is the energy conserved in molecular dynamics without a thermostat?',
  unit: 'meV/atom/ps',
  limit: { double: 0.2, single: 0.2 },
  limitReason:
    '0.2 meV/atom/ps heats by 1 K/ps, which any thermostat takes away unnoticed. The fluctuations of velocity Verlet ' +
    'leave 0.01 meV/atom/ps at most in a line through a run as short as this.',
  source: 'Swope et al. 1982, doi:10.1063/1.442716: velocity Verlet with exact, smooth forces does not drift.',
  asksForGradient: true,
  async run({ potential, structures, seed, signal }) {
    const structure = await calmed(structures[0], potential);
    const masses = massesOf(structure);
    if (masses.length === 1) return { skipped: 'a single atom at rest does not move' };
    const random = createRandom(seed);
    const velocities = maxwellBoltzmann(masses, TEMPERATURE, random, { exact: true });
    // A twentieth of the fastest period or less: 0.5 fs for silicon, 0.1 fs for hydrogen.
    const integrator = velocityVerlet(Math.min(1, timestepFor(structure, 0.1)));
    const run = runMd(startMd(structure, potential, { velocities }), potential, {
      integrator,
      steps: STEPS,
      every: 2,
      ...(signal && { signal }),
    });
    const samples: MdSample[] = [];
    for await (const sample of run) samples.push(sample);
    signal?.throwIfAborted();
    const drift = conservedDrift(samples, masses.length);
    return {
      value: Math.abs(drift.drift_meV_per_atom_per_ps),
      detail:
        `${STEPS} steps of ${integrator.timestep.toFixed(2)} fs, ${masses.length} atoms, from ${TEMPERATURE} K; ` +
        `largest jump between samples ${drift.largest_jump_meV_per_atom.toPrecision(2)} meV/atom`,
    };
  },
};
