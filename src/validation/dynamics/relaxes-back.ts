import { finish } from '../../md/progress.ts';
import { relax } from '../../md/relax.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom } from '../../random.ts';
import { rattled } from '../../structure/builders.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';
import type { Check, CheckContext, Finding } from '../check.ts';
import { worstOf } from '../probe.ts';
import { enlarged, NO_MINIMUM } from './system.ts';

/** Standard deviations of the displacements, in nearest-neighbour distances: 0.05, 0.1 and 0.14 Å for silicon. */
const WIDTHS = [0.02, 0.04, 0.06];
/** At rest, eV/Å: the smallest that single precision reaches with certainty. */
const REST = { double: 5e-4, single: 1e-3 };
const MOST_STEPS = 1000;
/** Neighbours of each atom that are compared. */
const NEIGHBOURS = 12;
/** Å; far enough for so many neighbours in any solid. */
const REACH = 6;

export const relaxesBack: Check = {
  id: 'relaxes-back',
  question: 'Do rattled copies of the known minimum relax back to it?',
  unit: 'meV/atom, 0.01 Å',
  limit: { double: 1, single: 1 },
  limitReason:
    'The larger of the difference of energy and of distances to neighbours (root mean square). Forces below 0.001 eV/Å ' +
    'leave some 0.001 meV/atom and 0.002 Å; the next minimum of a solid is tens of meV/atom away.',
  source:
    'A minimum draws in whatever is near it; a rough learned surface has others beside it. FIRE: Guénolé et al. 2020, ' +
    'doi:10.1016/j.commatsci.2020.109584.',
  slow: true,
  async run(context) {
    const { minimum, potential, seed, signal } = context;
    if (minimum === undefined) return { skipped: NO_MINIMUM };
    const known = await atRest(enlarged(minimum), context);
    const nearest = nearestDistance(known.structure, potential);
    if (nearest === null) return { skipped: 'the minimum has no two atoms that feel each other' };
    const findings: Finding[] = [];
    for (const [k, width] of WIDTHS.entries()) {
      const copy = rattled(known.structure, width * nearest, createRandom(seed + k));
      const found = await atRest(copy, context);
      signal?.throwIfAborted();
      const energy = (1000 * Math.abs(found.energy - known.energy)) / atomsOf(known.structure);
      const distance = 100 * distanceBetween(known.structure, found.structure);
      findings.push({
        value: Math.max(energy, distance),
        detail:
          `rattled by ${(width * nearest).toFixed(2)} Å, ${atomsOf(copy)} atoms: ${energy.toPrecision(2)} meV/atom and ` +
          `${(distance / 100).toPrecision(2)} Å away after ${found.step} steps${found.converged ? '' : ', not at rest'}`,
      });
    }
    return worstOf(findings);
  },
};

const atomsOf = (structure: Structure): number => structure.numbers.length;

const atRest = (structure: Structure, { potential, precision, signal }: CheckContext) =>
  finish(relax(structure, potential, { maxForce: REST[precision], maxSteps: MOST_STEPS, ...(signal && { signal }) }));

/** Å; null where no atom has a neighbour within the cutoff. */
function nearestDistance(structure: Structure, potential: Potential): number | null {
  const shortest = Math.min(...distances(structure, potential.cutoff).map((own) => own[0] ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(shortest) ? shortest : null;
}

/** Root-mean-square difference of the distances of each atom to its neighbours, nearest first, Å. */
function distanceBetween(a: Structure, b: Structure): number {
  const [of, other] = [distances(a, REACH), distances(b, REACH)];
  let squares = 0;
  let count = 0;
  for (const [i, own] of of.entries()) {
    for (let k = 0; k < Math.min(NEIGHBOURS, own.length); k++) {
      squares += ((other[i][k] ?? REACH) - own[k]) ** 2;
      count++;
    }
  }
  return count === 0 ? 0 : Math.sqrt(squares / count);
}

function distances(structure: Structure, cutoff: number): number[][] {
  const list = buildNeighbourList(structure, cutoff);
  const { first, neighbours } = list;
  const sites = sitePositions(list, structure);
  return Array.from(structure.numbers, (_, i) =>
    Array.from(neighbours.subarray(first[i], first[i + 1]), (site) =>
      Math.hypot(...[0, 1, 2].map((a) => sites[3 * site + a] - sites[3 * i + a])),
    ).sort((p, q) => p - q),
  );
}
