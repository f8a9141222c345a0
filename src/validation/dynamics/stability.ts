import { covalentRadiusOf, symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { type Integrator, langevin, velocityVerlet } from '../../md/integrators.ts';
import { runMd } from '../../md/run.ts';
import { type MdState, maxwellBoltzmann, startMd } from '../../md/state.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom, type Random } from '../../random.ts';
import { sitePositions } from '../../structure/neighbours.ts';
import { massesOf, type Structure } from '../../structure/structure.ts';
import type { Check } from '../check.ts';
import { calmed, timestepFor } from './system.ts';

/** K, where nothing is known of the training data. */
const USUAL_TEMPERATURE = 300;
/** Runs: ensemble, temperature in units of the highest of the training data, steps of a thirtieth of the shortest period or less. */
const RUNS = [
  { ensemble: 'NVE', share: 1, steps: 1000 },
  { ensemble: 'NVT', share: 0.5, steps: 500 },
  { ensemble: 'NVT', share: 1, steps: 1500 },
  { ensemble: 'NVT', share: 1.5, steps: 3000 },
] as const;
/** Molecules are few atoms with a short timestep: so many times the steps, up to so many atoms times steps. */
const LONGER = { most: 8, atoms: 120 };
/** Steps between two looks. */
const EVERY = 10;
/** Two atoms are too close below this share of the sum of their covalent radii: no bond is so short, nor do they collide so. */
const CLOSEST = 0.5;
/** An atom is lost when its nearest neighbour is farther away than so many times what it was at the start. */
const LOST = 2;
/** The mean temperature of the second half of a run must not be farther from the wanted one than this factor. */
const ASTRAY = 2;
/** 1/fs: heat goes through a run of a thousand steps many times. */
const FRICTION = 0.02;

export const stability: Check = {
  id: 'stability',
  question: 'Do the atoms stay together, and apart, in dynamics up to 1.5 times the training temperature?',
  unit: 'runs',
  limit: { double: 0, single: 0 },
  limitReason:
    'Runs that broke down: an explosion, two atoms closer than half the sum of their covalent radii, an atom with ' +
    'its nearest neighbour twice as far away as at the start, or a mean temperature off by a factor of 2 (without a thermostat: too hot). None may.',
  source:
    'Errors of forces on test frames do not tell whether dynamics holds: Fu et al. 2023, arXiv:2210.07237. Fixed number ' +
    'of steps, so that the time it takes is known beforehand.',
  slow: true,
  async run({ potential, structures, minimum, temperature = USUAL_TEMPERATURE, seed, signal }) {
    const structure = await calmed(minimum ?? structures[0], potential);
    if (structure.numbers.length === 1) return { skipped: 'a single atom at rest does not move' };
    const longer = lengthening(structure);
    const failures: string[] = [];
    const times: string[] = [];
    for (const { ensemble, share, steps: usual } of RUNS) {
      const steps = longer * usual;
      const kelvin = share * temperature;
      const random = createRandom(seed);
      const timestep = timestepFor(structure, 0.3);
      const integrator =
        ensemble === 'NVE'
          ? velocityVerlet(timestep)
          : langevin(timestep, { temperature: kelvin, friction: FRICTION, random });
      const name = `${ensemble} at ${kelvin.toFixed(0)} K`;
      const broken = await breakdown(structure, potential, { integrator, kelvin, steps, random, signal });
      signal?.throwIfAborted();
      if (broken !== null) failures.push(`${name}: ${broken}`);
      times.push(`${name} ${((steps * timestep) / 1000).toPrecision(2)} ps`);
    }
    const atoms = `${structure.numbers.length} atoms`;
    const detail = failures.length === 0 ? `${atoms}: ${times.join(', ')}` : `${atoms}; ${failures.join('; ')}`;
    return { value: failures.length, detail };
  },
};

function lengthening({ numbers, pbc }: Structure): number {
  if (pbc.some((repeats) => repeats)) return 1;
  return Math.max(1, Math.min(LONGER.most, Math.floor(LONGER.atoms / numbers.length)));
}

interface Plan {
  readonly integrator: Integrator;
  readonly kelvin: number;
  readonly steps: number;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
}

/** What went wrong in a run, and when; null when nothing did. */
async function breakdown(structure: Structure, potential: Potential, plan: Plan): Promise<string | null> {
  const { integrator, kelvin, steps, random, signal } = plan;
  // Half of the kinetic energy goes into the bonds when a run starts from a minimum; a thermostat brings it back.
  const hot = integrator.ensemble === 'NVE' ? 2 * kelvin : kelvin;
  const velocities = maxwellBoltzmann(massesOf(structure), hot, random, { exact: true });
  const start = startMd(structure, potential, { velocities });
  const nearest = nearestDistances(start, null);
  const temperatures: number[] = [];
  try {
    const run = runMd(start, potential, { integrator, steps, every: EVERY, ...(signal && { signal }) });
    for await (const { state, time, temperature } of run) {
      const wrong = wrongWith(state, nearest);
      if (wrong !== null) return `after ${(time / 1000).toPrecision(2)} ps ${wrong}`;
      if (time > (steps * integrator.timestep) / 2) temperatures.push(temperature);
    }
  } catch (error) {
    if (error instanceof NearsightError) return error.message;
    throw error;
  }
  const mean = temperatures.reduce((sum, t) => sum + t, 0) / temperatures.length;
  // A crystal that melts on its own heat grows cold: silicon at twice its melting point to less than half of it.
  const coldest = integrator.ensemble === 'NVE' ? 0 : kelvin / ASTRAY;
  if (mean <= ASTRAY * kelvin && mean >= coldest) return null;
  return `the temperature of the second half is ${mean.toFixed(0)} K`;
}

function wrongWith(state: MdState, atStart: Float64Array): string | null {
  const { numbers } = state.structure;
  let close: string | null = null;
  const nearest = nearestDistances(state, (i, j, distance) => {
    const least = CLOSEST * (covalentRadiusOf(numbers[i]) + covalentRadiusOf(numbers[j]));
    if (distance >= least) return;
    close = `${symbolOf(numbers[i])} ${i} and ${symbolOf(numbers[j])} ${j} were ${distance.toFixed(2)} Å apart`;
  });
  if (close !== null) return close;
  for (let i = 0; i < numbers.length; i++) {
    // An atom that had no neighbour to begin with can't lose any.
    if (nearest[i] <= LOST * atStart[i] || atStart[i] === Number.POSITIVE_INFINITY) continue;
    return `${symbolOf(numbers[i])} ${i} was alone`;
  }
  return null;
}

/** Distance of each atom to its nearest neighbour, Å, infinite where the list holds none; shows every pair. */
function nearestDistances(
  { structure, neighbours }: MdState,
  show: ((i: number, j: number, distance: number) => void) | null,
): Float64Array {
  const { first, neighbours: far, owner } = neighbours;
  const sites = sitePositions(neighbours, structure);
  const nearest = new Float64Array(structure.numbers.length).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < nearest.length; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      const s = 3 * far[p];
      const distance = Math.hypot(
        sites[s] - sites[3 * i],
        sites[s + 1] - sites[3 * i + 1],
        sites[s + 2] - sites[3 * i + 2],
      );
      nearest[i] = Math.min(nearest[i], distance);
      show?.(i, owner[far[p]], distance);
    }
  }
  return nearest;
}
