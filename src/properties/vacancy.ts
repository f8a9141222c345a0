import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import type { Random } from '../random.ts';
import { rattled, vacancy } from '../structure/builders.ts';
import { buildNeighbourList, sitePositions } from '../structure/neighbours.ts';
import { copyStructure, type Structure } from '../structure/structure.ts';
import { type ResponseOptions, settled } from './strain.ts';

export interface VacancyEnergy {
  /** Atoms of the perfect crystal; the vacancy interacts with its images, less so in larger cells. */
  readonly atoms: number;
  /** E(N − 1) − (N − 1)/N · E(N), relaxed in the cell of the perfect crystal. */
  readonly formation_energy_eV: number;
  /** The same with all atoms left where they are in the perfect crystal. */
  readonly unrelaxed_energy_eV: number;
}

export interface VacancyOptions extends Omit<ResponseOptions, 'clamped'> {
  /** Which atom goes; 0 when absent. */
  readonly atom?: number;
}

/** By symmetry atoms may feel no force at all and still stand on a saddle point; this takes them off it, Å. */
const SHAKE = 0.02;
/** Where the nearest neighbours start, as a share of the way into the vacancy: left, pulled in, pushed out. */
const STARTS = [0, 0.15, -0.15];

/**
 * Formation energy of a vacancy in a crystal of one element, at fixed volume, eV. A vacancy has several states that
 * are stable in themselves: the atoms are relaxed from three starts, and the lowest energy counts.
 * @param random shakes the atoms a little before they relax
 * @throws NearsightError `needs-chemical-potential` for more than one element; `not-converged`, `no-such-atom`
 */
export async function vacancyEnergy(
  crystal: Structure,
  potential: Potential,
  random: Random,
  options: VacancyOptions = {},
): Promise<VacancyEnergy> {
  const { atom = 0 } = options;
  const elements = new Set(crystal.numbers);
  if (elements.size > 1) {
    throw new NearsightError('needs-chemical-potential', `the crystal has ${elements.size} elements`, {
      hint: 'the energy of a vacancy in a compound depends on where the atom goes; only elements are supported',
    });
  }
  const atoms = crystal.numbers.length;
  const perfect = (potential.evaluate(crystal).energy * (atoms - 1)) / atoms;
  const unrelaxed = potential.evaluate(vacancy(crystal, atom)).energy;
  let lowest = unrelaxed;
  for (const share of STARTS) {
    const start = rattled(vacancy(drawnIn(crystal, potential.cutoff, atom, share), atom), SHAKE, random);
    lowest = Math.min(lowest, (await settled(start, potential, { maxForce: 1e-3, ...options })).energy);
  }
  return { atoms, formation_energy_eV: lowest - perfect, unrelaxed_energy_eV: unrelaxed - perfect };
}

/** The crystal with the nearest neighbours of an atom moved towards it by a share of their distance. */
function drawnIn(crystal: Structure, reach: number, atom: number, share: number): Structure {
  const list = buildNeighbourList(crystal, reach);
  const sites = sitePositions(list, crystal);
  const edges = Array.from(list.neighbours.subarray(list.first[atom], list.first[atom + 1]), (site) => {
    const vector = [0, 1, 2].map((a) => sites[3 * site + a] - sites[3 * atom + a]);
    return { owner: list.owner[site], vector, distance: Math.hypot(...vector) };
  });
  const nearest = Math.min(...edges.map((edge) => edge.distance));
  const moved = copyStructure(crystal);
  for (const { owner, vector, distance } of edges) {
    if (distance > 1.2 * nearest) continue;
    for (let a = 0; a < 3; a++) moved.positions[3 * owner + a] -= share * vector[a];
  }
  return moved;
}
