/**
 * The repulsion of two nuclei behind their electron clouds, for distances that no training set covers.
 * Ziegler, Biersack & Littmark, The Stopping and Range of Ions in Solids (Pergamon, 1985), ISBN 0-08-021603-X.
 */
import { covalentRadiusOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import { type NeighbourList, neighboursFor, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { COULOMB } from '../units.ts';
import type { Potential, RunningEvaluation } from './potential.ts';
import { speciesOf } from './short-range.ts';

/** Where the repulsion is faded out: in full below `inner`, gone beyond `outer`. */
export interface ZblReach {
  /** What the two numbers are: Å, or shares of the sum of the covalent radii of the pair. */
  readonly scale: 'covalent' | 'angstrom';
  readonly inner: number;
  readonly outer: number;
}

/** Gone before any chemical bond begins: Si–Si 1.55 Å, O–H 0.68 Å, N–N 0.99 Å. */
export const DEFAULT_ZBL_REACH: ZblReach = { scale: 'covalent', inner: 0.35, outer: 0.7 };

/** Universal screening function φ(x) = Σ_k c_k exp(−d_k x), x = r/a; Σ_k c_k = 1. */
const SCREENING: readonly (readonly [c: number, d: number])[] = [
  [0.18175, 3.1998],
  [0.50986, 0.94229],
  [0.28022, 0.4029],
  [0.02817, 0.20162],
];
/** Sites nearer than this have no direction between them, Å. */
const COINCIDENCE = 1e-6;

/**
 * Screened Coulomb energy of two nuclei, V(r) = (e²/4πε₀) Z₁Z₂/r · φ(r/a), a = 0.46850 Å/(Z₁^0.23 + Z₂^0.23).
 * @param r distance, Å
 * @returns [V in eV, dV/dr in eV/Å]
 */
export function screenedCoulomb(r: number, z1: number, z2: number): [number, number] {
  const a = 0.4685 / (z1 ** 0.23 + z2 ** 0.23);
  let phi = 0;
  let dPhi = 0;
  for (const [c, d] of SCREENING) {
    const term = c * Math.exp((-d * r) / a);
    phi += term;
    dPhi -= (d / a) * term;
  }
  const bare = (COULOMB * z1 * z2) / r;
  return [bare * phi, bare * (dPhi - phi / r)];
}

/** `screenedCoulomb` times S = 1 − 10u³ + 15u⁴ − 6u⁵, u = clamp((r − inner)/(outer − inner), 0, 1); both radii in Å. */
export function zblPair(r: number, z1: number, z2: number, radii: Pick<ZblReach, 'inner' | 'outer'>): [number, number] {
  const width = radii.outer - radii.inner;
  const u = Math.min(1, Math.max(0, (r - radii.inner) / width));
  const fade = 1 - u * u * u * (10 - 15 * u + 6 * u * u);
  const slope = (-30 * u * u * (1 - u) * (1 - u)) / width;
  const [v, dv] = screenedCoulomb(r, z1, z2);
  return [v * fade, dv * fade + v * slope];
}

/**
 * E = Σ_{pairs} V(r_ij) S(r_ij), half of each pair's energy on either atom; two continuous derivatives everywhere.
 * @param elements atomic numbers that it shall accept
 * @throws NearsightError `bad-radii` unless 0 ≤ inner < outer, `no-covalent-radius`; when evaluated `unknown-species`,
 *   and `coinciding-atoms` for two atoms at the same point
 */
export function zblPotential(elements: readonly number[], reach: ZblReach = DEFAULT_ZBL_REACH): Potential {
  checkReach(reach);
  const radii = elements.map((z1) => elements.map((z2) => pairRadii(reach, z1, z2)));
  const cutoff = Math.max(...radii.flat().map(({ outer }) => outer));
  const addTo = (total: RunningEvaluation, structure: Structure, list: NeighbourList): void => {
    const near = nearEdges(list, elements, cutoff);
    if (near.from.length === 0) return;
    const { atomicEnergies, forces, strainGradient } = total;
    const sites = sitePositions(list, structure);
    const strain = new Float64Array(9);
    for (let e = 0; e < near.from.length; e++) {
      const i = near.from[e];
      const s = near.to[e];
      const x = sites[3 * s] - sites[3 * i];
      const y = sites[3 * s + 1] - sites[3 * i + 1];
      const z = sites[3 * s + 2] - sites[3 * i + 2];
      const r = Math.sqrt(x * x + y * y + z * z);
      const j = list.owner[s];
      const pair = radii[near.species[i]][near.species[j]];
      if (r >= pair.outer) continue;
      if (r <= COINCIDENCE) refuseCoincidence(i, j);
      const [v, dv] = zblPair(r, structure.numbers[i], structure.numbers[j], pair);
      atomicEnergies[i] += 0.5 * v;
      total.energy += 0.5 * v;
      // The other end of the pair has an edge of its own: forces in full, the strain gradient by halves.
      addEdge(forces, strain, i, [x, y, z, dv / r]);
    }
    strain[3] = strain[1];
    strain[6] = strain[2];
    strain[7] = strain[5];
    for (let c = 0; c < 9; c++) strainGradient[c] += strain[c];
  };
  return {
    name: 'zbl',
    cutoff,
    elements: [...elements],
    addTo,
    evaluate(structure, neighbours) {
      const list = neighboursFor(structure, cutoff, neighbours);
      const atoms = structure.numbers.length;
      const total = {
        energy: 0,
        atomicEnergies: new Float64Array(atoms),
        forces: new Float64Array(3 * atoms),
        strainGradient: new Float64Array(9),
      };
      addTo(total, structure, list);
      return total;
    },
  };
}

/** The edges that may come within reach while a list is valid: nearly always none. */
interface NearEdges {
  readonly elements: readonly number[];
  readonly cutoff: number;
  readonly species: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** By list: one list serves many steps of a simulation, and most of its edges never come near. */
const knownEdges = new WeakMap<NeighbourList, NearEdges>();

function nearEdges(list: NeighbourList, elements: readonly number[], cutoff: number): NearEdges {
  const known = knownEdges.get(list);
  if (known !== undefined && known.cutoff === cutoff && known.elements === elements) return known;
  const { first, neighbours, builtFor } = list;
  const species = speciesOf(elements, builtFor.numbers);
  const sites = sitePositions(list, builtFor);
  const reach = (cutoff + list.skin) ** 2;
  const from: number[] = [];
  const to: number[] = [];
  for (let i = 0; i + 1 < first.length; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      const s = neighbours[p];
      const x = sites[3 * s] - sites[3 * i];
      const y = sites[3 * s + 1] - sites[3 * i + 1];
      const z = sites[3 * s + 2] - sites[3 * i + 2];
      if (x * x + y * y + z * z > reach) continue;
      from.push(i);
      to.push(s);
    }
  }
  const edges = { elements, cutoff, species, from: Int32Array.from(from), to: Int32Array.from(to) };
  knownEdges.set(list, edges);
  return edges;
}

/** Of one edge r = (x, y, z) with f = (dV/dr)/r: F_i += f r and, in the upper triangle, G += ½ f r ⊗ r. */
function addEdge(forces: Float64Array, strain: Float64Array, i: number, edge: [number, number, number, number]): void {
  const [x, y, z, f] = edge;
  forces[3 * i] += f * x;
  forces[3 * i + 1] += f * y;
  forces[3 * i + 2] += f * z;
  strain[0] += 0.5 * f * x * x;
  strain[1] += 0.5 * f * x * y;
  strain[2] += 0.5 * f * x * z;
  strain[4] += 0.5 * f * y * y;
  strain[5] += 0.5 * f * y * z;
  strain[8] += 0.5 * f * z * z;
}

function pairRadii({ scale, inner, outer }: ZblReach, z1: number, z2: number): { inner: number; outer: number } {
  const unit = scale === 'angstrom' ? 1 : covalentRadiusOf(z1) + covalentRadiusOf(z2);
  return { inner: inner * unit, outer: outer * unit };
}

function checkReach({ scale, inner, outer }: ZblReach): void {
  if (inner >= 0 && inner < outer && outer < Number.POSITIVE_INFINITY) return;
  throw new NearsightError('bad-radii', `a repulsion can't be faded out from ${inner} to ${outer} (${scale})`, {
    hint: 'inner and outer are finite with 0 ≤ inner < outer; 0.35 and 0.7 of the covalent radii are usual',
  });
}

function refuseCoincidence(i: number, j: number): never {
  throw new NearsightError('coinciding-atoms', `atoms ${i} and ${j} stand at the same point`, {
    hint: 'remove the copy of the atom, or check the cell of the structure',
  });
}
