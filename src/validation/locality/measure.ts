/** The same test put to any potential, or to whatever gives forces. */
import { NearsightError } from '../../errors.ts';
import { giveTurn } from '../../md/progress.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom } from '../../random.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import { copyStructure, type Structure } from '../../structure/structure.ts';
import { type Decay, fitDecay, type OutsideForce } from './decay.ts';
import { DISPLACEMENT, DRAWS, type OutsideOptions } from './reference.ts';

export interface LocalityOfOptions extends OutsideOptions {
  /** Number of the atom in the middle; 0 when absent. */
  readonly centre?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface MeasuredLocality {
  readonly curve: readonly OutsideForce[];
  /** Null where too little is felt from outside to fit a law. */
  readonly decay: Decay | null;
}

/**
 * σ_F(R) of an atom by a potential: atoms outside a sphere around it are displaced at random. With periodic structures
 * no sphere may reach its own image: repeat the cell until it is wider than twice the largest radius.
 * @throws NearsightError `cell-too-small`, `no-such-atom`, and what the potential throws
 */
export async function localityOf(
  potential: Pick<Potential, 'evaluate'>,
  structure: Structure,
  options: LocalityOfOptions,
): Promise<MeasuredLocality> {
  const { radii, displacement = DISPLACEMENT, draws = DRAWS, seed = 1, centre = 0, signal } = options;
  const distances = distancesFrom(structure, centre, Math.max(...radii));
  const random = createRandom(seed);
  const still = forceOn(potential, structure, centre);
  const curve: OutsideForce[] = [];
  for (const radius of radii) {
    let squares = 0;
    for (let n = 0; n < draws; n++) {
      const moved = copyStructure(structure);
      for (let c = 0; c < moved.positions.length; c++) {
        if (distances[Math.floor(c / 3)] > radius) moved.positions[c] += displacement * random.normal();
      }
      const force = forceOn(potential, moved, centre);
      for (let a = 0; a < 3; a++) squares += (force[a] - still[a]) ** 2;
      signal?.throwIfAborted();
      if (n % 10 === 0) await giveTurn();
    }
    const sigma = Math.sqrt(squares / (3 * draws));
    curve.push({ radius, sigma, uncertainty: sigma / Math.sqrt(6 * draws) });
  }
  return { curve, decay: fitDecay(curve) };
}

const forceOn = ({ evaluate }: Pick<Potential, 'evaluate'>, structure: Structure, atom: number): Float64Array =>
  evaluate(structure).forces.slice(3 * atom, 3 * atom + 3);

/** Distance of each atom (its nearest image) to the centre, Å; infinite beyond `reach`. */
function distancesFrom(structure: Structure, centre: number, reach: number): Float64Array {
  const atoms = structure.numbers.length;
  if (!(Number.isInteger(centre) && centre >= 0 && centre < atoms)) {
    throw new NearsightError('no-such-atom', `there is no atom ${centre} among ${atoms}`, {
      hint: `atoms are numbered from 0 to ${atoms - 1}`,
    });
  }
  const list = buildNeighbourList(structure, reach);
  const sites = sitePositions(list, structure);
  const distances = new Float64Array(atoms).fill(Number.POSITIVE_INFINITY);
  distances[centre] = 0;
  for (let p = list.first[centre]; p < list.first[centre + 1]; p++) {
    const site = list.neighbours[p];
    const owner = list.owner[site];
    if (distances[owner] !== Number.POSITIVE_INFINITY) {
      throw new NearsightError('cell-too-small', `an atom and its image are both within ${reach} Å of atom ${centre}`, {
        hint: 'repeat the cell until it is wider than twice the largest radius',
      });
    }
    distances[owner] = Math.hypot(...[0, 1, 2].map((a) => sites[3 * site + a] - sites[3 * centre + a]));
  }
  return distances;
}
