import { velocityVerlet } from '../../md/integrators.ts';
import { runMd } from '../../md/run.ts';
import { type MdState, maxwellBoltzmann, startMd } from '../../md/state.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom } from '../../random.ts';
import { massesOf } from '../../structure/structure.ts';
import type { Check } from '../check.ts';
import { calmed, timestepFor } from './system.ts';

/** K. */
const TEMPERATURE = 300;
/** Of the longest timestep; the others take twice and four times as many over the same time. */
const STEPS = 60;
/** Where energies are no larger than this, eV, rounding is all that is seen of them: single precision keeps 24 bits. */
const ROUNDING = { double: 1e-9, single: 2e-5 };
/** The timestep is doubled, at most so often, until energies fluctuate by 30 times as much. */
const DOUBLINGS = 3;

export const timestepOrder: Check = {
  id: 'timestep-order',
  question: 'Does the error of the energy in dynamics fall with the square of the timestep?',
  unit: '',
  limit: { double: 0.3, single: 0.3 },
  limitReason:
    'Distance of the measured order from 2, from the fluctuation of the total energy at Δt and Δt/4. Terms of fourth ' +
    'order and the course of a short run shift it by 0.1 at most; forces that jump give an order of 1 or less.',
  source:
    'The total energy of velocity Verlet is off by a bounded amount ∝ Δt² where forces are smooth: Hairer, Lubich & ' +
    'Wanner 2003, doi:10.1017/S0962492902000144.',
  asksForGradient: true,
  async run({ potential, structures, seed, precision, signal }) {
    const structure = await calmed(structures[0], potential);
    const masses = massesOf(structure);
    if (masses.length === 1) return { skipped: 'a single atom at rest does not move' };
    const velocities = maxwellBoltzmann(masses, TEMPERATURE, createRandom(seed), { exact: true });
    const start = startMd(structure, potential, { velocities });
    let timestep = timestepFor(structure, 0.4);
    let coarse = await fluctuation(start, potential, { timestep, steps: STEPS, signal });
    for (let n = 0; n < DOUBLINGS && coarse < 30 * ROUNDING[precision]; n++) {
      timestep *= 2;
      coarse = await fluctuation(start, potential, { timestep, steps: STEPS, signal });
    }
    const finer: number[] = [];
    for (const parts of [2, 4]) {
      finer.push(await fluctuation(start, potential, { timestep: timestep / parts, steps: parts * STEPS, signal }));
    }
    if (coarse < 30 * ROUNDING[precision]) {
      return { skipped: `the energy fluctuates by ${coarse.toExponential(1)} eV only: as much as rounding does` };
    }
    const order = Math.log2(coarse / finer[1]) / 2;
    const meV = [coarse, ...finer].map((e) => (1e3 * e).toPrecision(3)).join(', ');
    return {
      value: Math.abs(order - 2),
      detail:
        `order ${order.toFixed(2)}: the energy of ${masses.length} atoms fluctuates by ${meV} meV at timesteps of ` +
        `${[1, 2, 4].map((parts) => (timestep / parts).toPrecision(3)).join(', ')} fs, from ${TEMPERATURE} K`,
    };
  },
};

interface Run {
  readonly timestep: number;
  readonly steps: number;
  readonly signal: AbortSignal | undefined;
}

/** Standard deviation of the total energy over a run, eV, at STEPS equidistant times. */
async function fluctuation(start: MdState, potential: Potential, { timestep, steps, signal }: Run): Promise<number> {
  const run = runMd(start, potential, {
    ...{ integrator: velocityVerlet(timestep), steps, every: steps / STEPS },
    ...(signal && { signal }),
  });
  const energies: number[] = [];
  for await (const { conservedEnergy } of run) energies.push(conservedEnergy);
  signal?.throwIfAborted();
  const mean = energies.reduce((sum, e) => sum + e, 0) / energies.length;
  return Math.sqrt(energies.reduce((sum, e) => sum + (e - mean) ** 2, 0) / energies.length);
}
