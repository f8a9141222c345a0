import { NearsightError } from '../errors.ts';
import { type Bins, binPoints, type Finds, findNear, grown } from './bins.ts';
import { cellHeights, periodicCell } from './cell.ts';
import { inverse3, multiply3, rowsTimes3 } from './matrix3.ts';
import { checkStructure, copyStructure, type Structure } from './structure.ts';

/**
 * Full neighbour list: each pair occurs twice, once from either end.
 *
 * A *site* is an atom brought into the cell (sites 0 … N−1, in the order of the atoms) or a periodic image of
 * one (sites N … M−1). Site s stands at r_s = positions[owner[s]] + shift[s] · cell, so that the vector of an edge
 * is r_ij = r_site(j) − r_site(i): no image arithmetic is left to whoever walks over edges. As long as the atoms
 * move by less than skin/2 the list stays valid, also when they leave the cell.
 */
export interface NeighbourList {
  /** Every pair nearer than this is in the list while the list is valid, Å. */
  readonly cutoff: number;
  /** The list was built with cutoff + skin, Å. */
  readonly skin: number;
  /** Edges of atom i are neighbours[first[i]] … neighbours[first[i+1] − 1]; [N+1]. */
  readonly first: Int32Array;
  /** Site at the far end of each edge, [P]; ascending for each atom. */
  readonly neighbours: Int32Array;
  /** Atom that each site is (an image of), [M]; owner[i] = i for i < N. */
  readonly owner: Int32Array;
  /** Lattice translation of each site, [3M], integers. */
  readonly shift: Int32Array;
  /** The structure that the list was built for (a copy): what "stale" is measured against. */
  readonly builtFor: Structure;
}

/** Pairs this share beyond the boundary are listed too, so that rounding never tells the two ends of one apart. */
const TOLERANCE = 1e-10;
/** Atoms farther from the cell than this many cells, or farther than this from the origin (Å), are a mistake. */
const FARTHEST_CELL = 1e6;
const FARTHEST_POSITION = 1e9;
/** Lists with more edges, and searches through more images, than this are a mistake. */
const MOST_EDGES = 2 ** 28;
const MOST_IMAGES = 1e9;

/**
 * Every pair of sites nearer than cutoff + skin (Å; pairs exactly at that distance included), among them an atom
 * and its own images, but never an atom and itself. Only images with a neighbour among the atoms become sites;
 * they are ordered by owner, then by lattice translation. Time and memory grow linearly with the number of atoms.
 * @param options.skin extra reach, Å, for lists that are to outlive small moves; 0 when absent
 * @throws NearsightError `bad-cutoff`, `position-out-of-range`, `too-many-neighbours`, and what `checkStructure` throws
 */
export function buildNeighbourList(
  structure: Structure,
  cutoff: number,
  options: { readonly skin?: number } = {},
): NeighbourList {
  const skin = options.skin ?? 0;
  checkStructure(structure);
  checkReach(cutoff, skin);
  const reach = (cutoff + skin) * (1 + TOLERANCE);
  const home = broughtHome(structure);
  const sites = findSites(structure, home, binPoints(home.positions, reach));
  return {
    cutoff,
    skin,
    ...edgesByAtom(structure.numbers.length, sites),
    owner: sites.owner.slice(0, sites.count),
    shift: sites.shift.slice(0, 3 * sites.count),
    builtFor: copyStructure(structure),
  };
}

/**
 * Positions of all sites for the present positions and cell, Å, [3M].
 * @param out where to put them, at least [3M]; a fresh array when absent
 */
export function sitePositions(
  list: NeighbourList,
  structure: Structure,
  out: Float64Array = new Float64Array(list.shift.length),
): Float64Array {
  if (out.length < list.shift.length || structure.positions.length !== list.builtFor.positions.length) {
    throw new RangeError(`positions of ${list.owner.length} sites of ${list.builtFor.numbers.length} atoms do not fit`);
  }
  const { owner, shift } = list;
  const { positions, cell } = structure;
  const [ax, ay, az, bx, by, bz, cx, cy, cz] = cell;
  for (let s = 0, k = 0; s < owner.length; s++, k += 3) {
    const from = 3 * owner[s];
    const a = shift[k];
    const b = shift[k + 1];
    const c = shift[k + 2];
    // Most sites are atoms that stand where they are said to stand.
    if (a === 0 && b === 0 && c === 0) {
      out[k] = positions[from];
      out[k + 1] = positions[from + 1];
      out[k + 2] = positions[from + 2];
    } else {
      out[k] = positions[from] + (a * ax + b * bx + c * cx);
      out[k + 1] = positions[from + 1] + (a * ay + b * by + c * cy);
      out[k + 2] = positions[from + 2] + (a * az + b * bz + c * cz);
    }
  }
  return out;
}

/**
 * Whether a pair nearer than the cutoff may be missing from the list, or the list belongs to other atoms.
 *
 * Since the list was built, the cell has deformed everything by r → r · A, and atom i has moved by u_i on top. A
 * pair that was not listed, at least cutoff + skin apart, is now at least σ(A) · (cutoff + skin) − 2 max|u| apart,
 * σ(A) being the smallest stretch; the list is stale when that is less than the cutoff. In a cell that has not
 * changed: when the largest displacement exceeds skin/2. True also when the number of atoms, the elements or pbc
 * have changed, and when atoms have been wrapped back into the cell.
 * @throws NearsightError `singular-cell` when the cell has collapsed
 */
export function isStale(list: NeighbourList, structure: Structure): boolean {
  const { builtFor, cutoff, skin } = list;
  if (structure.numbers.length !== builtFor.numbers.length) return true;
  if (structure.pbc.some((repeats, k) => repeats !== builtFor.pbc[k])) return true;
  for (let i = 0; i < structure.numbers.length; i++) if (structure.numbers[i] !== builtFor.numbers[i]) return true;

  const sameCell = structure.cell.every((component, k) => component === builtFor.cell[k]);
  if (sameCell) return movedBeyond(builtFor.positions, structure.positions, (skin / 2) ** 2);
  const strain = cellStrain(builtFor, structure);
  const spare = skin - (1 - smallestStretch(strain)) * (cutoff + skin);
  const most = spare < 0 ? -1 : (spare / 2) ** 2;
  const now = structure.positions;
  const then = builtFor.positions;
  for (let c = 0; c < now.length; c += 3) {
    const x = then[c];
    const y = then[c + 1];
    const z = then[c + 2];
    const dx = now[c] - x - (x * strain[0] + y * strain[3] + z * strain[6]);
    const dy = now[c + 1] - y - (x * strain[1] + y * strain[4] + z * strain[7]);
    const dz = now[c + 2] - z - (x * strain[2] + y * strain[5] + z * strain[8]);
    // Written so that a position that is NaN makes the list stale: building anew then names the atom.
    if (!(dx * dx + dy * dy + dz * dz <= most)) return true;
  }
  return false;
}

/** Whether any point has moved by more than the square root of `most`; true as well for one that is NaN. */
function movedBeyond(then: Float64Array, now: Float64Array, most: number): boolean {
  for (let c = 0; c < now.length; c += 3) {
    const dx = now[c] - then[c];
    const dy = now[c + 1] - then[c + 1];
    const dz = now[c + 2] - then[c + 2];
    if (!(dx * dx + dy * dy + dz * dz <= most)) return true;
  }
  return false;
}

/** Deformation r → r · (1 + e) that takes one cell to the other, e as [9]; exactly zero when they are the same. */
function cellStrain(from: Structure, to: Structure): Float64Array {
  const then = periodicCell(from);
  const now = periodicCell(to);
  return multiply3(
    inverse3(then),
    now.map((component, c) => component - then[c]),
  );
}

/**
 * A lower bound of |r · (1 + e)| / |r| over all r, from Gershgorin's circles of (1 + e)(1 + e)ᵀ; exact for
 * stretches along the Cartesian axes, and 1 for a rotation.
 */
function smallestStretch(e: Float64Array): number {
  let smallest = 1;
  for (let k = 0; k < 3; k++) {
    let lowest = 1;
    for (let l = 0; l < 3; l++) {
      const product = e[3 * k] * e[3 * l] + e[3 * k + 1] * e[3 * l + 1] + e[3 * k + 2] * e[3 * l + 2];
      const entry = e[3 * k + l] + e[3 * l + k] + product;
      lowest += k === l ? entry : -Math.abs(entry);
    }
    smallest = Math.min(smallest, lowest);
  }
  return Math.sqrt(Math.max(0, smallest));
}

/**
 * The list itself when it will do for `structure` and `cutoff`, or a fresh one when there is none.
 * @throws NearsightError `short-neighbours` when the list does not reach as far as `cutoff`; `stale-neighbours`
 */
export function neighboursFor(structure: Structure, cutoff: number, neighbours?: NeighbourList): NeighbourList {
  if (neighbours === undefined) return buildNeighbourList(structure, cutoff);
  if (neighbours.cutoff < cutoff) {
    throw new NearsightError(
      'short-neighbours',
      `the neighbour list reaches ${neighbours.cutoff} Å, but ${cutoff} Å are needed`,
      { hint: 'build the list with at least the cutoff of the potential' },
    );
  }
  if (isStale(neighbours, structure)) {
    throw new NearsightError('stale-neighbours', 'the neighbour list no longer fits the structure', {
      hint: 'build it anew when isStale(list, structure) says so, or leave it out',
    });
  }
  return neighbours;
}

/** Atoms brought into the cell along what repeats. */
interface Home {
  /** Å, [3N]. */
  readonly positions: Float64Array;
  /** Lattice translation that brings each atom there, [3N]. */
  readonly shift: Int32Array;
  /** Along the lattice vectors that repeat, 0 along the others, [3N]. */
  readonly fractional: Float64Array;
}

/**
 * Refuses atoms that no neighbour list reaches.
 * @throws NearsightError `position-out-of-range`
 */
export function checkRange(structure: Structure): void {
  broughtHome(structure);
}

function broughtHome(structure: Structure): Home {
  const { positions, pbc } = structure;
  const fractional = rowsTimes3(positions, inverse3(periodicCell(structure)));
  const shift = new Int32Array(positions.length);
  const home = new Float64Array(positions.length);
  for (let c = 0; c < positions.length; c += 3) {
    for (let k = 0; k < 3; k++) {
      const cells = pbc[k] ? Math.floor(fractional[c + k]) : 0;
      if (!(Math.abs(cells) <= FARTHEST_CELL)) throw outOfRange(c / 3, `${cells} cells away along ${'abc'[k]}`);
      shift[c + k] = -cells;
      fractional[c + k] = pbc[k] ? fractional[c + k] - cells : 0;
    }
    putSite(home, c, structure, c, shift, c);
    for (let k = 0; k < 3; k++) {
      if (!(Math.abs(home[c + k]) <= FARTHEST_POSITION)) throw outOfRange(c / 3, `at ${'xyz'[k]} = ${home[c + k]} Å`);
    }
  }
  return { positions: home, shift, fractional };
}

/** Sites in ascending order, and for each of them the atoms within reach; arrays are longer than what is in use. */
interface Sites {
  count: number;
  owner: Int32Array;
  shift: Int32Array;
  /** Atoms near site s are near.values[end[s−1] … end[s] − 1]. */
  end: Int32Array;
  readonly near: Finds;
}

/** The atoms, then every image that has an atom within reach. */
function findSites(structure: Structure, home: Home, bins: Bins): Sites {
  const atoms = structure.numbers.length;
  const { positions } = home;
  const near: Finds = { values: new Int32Array(40 * atoms), count: 0 };
  const end = new Int32Array(2 * atoms);
  for (let i = 0; i < atoms; i++) {
    findNear(bins, positions[3 * i], positions[3 * i + 1], positions[3 * i + 2], i, near);
    checkEdges(near.count, bins.reach);
    end[i] = near.count;
  }
  const shift = new Int32Array(6 * atoms);
  shift.set(home.shift);
  const sites: Sites = { count: atoms, owner: Int32Array.from(end, (_, s) => s), shift, end, near };
  if (structure.pbc.some((repeats) => repeats)) addImages(sites, structure, home, bins);
  return sites;
}

function addImages(sites: Sites, structure: Structure, home: Home, bins: Bins): void {
  const { near } = sites;
  const { fractional } = home;
  const { low, high } = imageBounds(structure, home, bins.reach);
  const position = new Float64Array(3);
  const translation = new Int32Array(3);
  for (let i = 0; i < structure.numbers.length; i++) {
    const c = 3 * i;
    const lastA = Math.floor(high[0] - fractional[c]);
    const lastB = Math.floor(high[1] - fractional[c + 1]);
    const lastC = Math.floor(high[2] - fractional[c + 2]);
    for (let a = Math.ceil(low[0] - fractional[c]); a <= lastA; a++) {
      translation[0] = home.shift[c] + a;
      for (let b = Math.ceil(low[1] - fractional[c + 1]); b <= lastB; b++) {
        translation[1] = home.shift[c + 1] + b;
        for (let d = Math.ceil(low[2] - fractional[c + 2]); d <= lastC; d++) {
          if (a === 0 && b === 0 && d === 0) continue;
          translation[2] = home.shift[c + 2] + d;
          putSite(position, 0, structure, c, translation, 0);
          const before = near.count;
          findNear(bins, position[0], position[1], position[2], -1, near);
          if (near.count > before) addSite(sites, i, translation);
        }
      }
    }
    checkEdges(near.count, bins.reach);
  }
}

/** Fractional coordinates that an image needs to be within reach of any atom; both 0 along what does not repeat. */
function imageBounds(structure: Structure, home: Home, reach: number): { low: number[]; high: number[] } {
  const heights = cellHeights(periodicCell(structure));
  const low = [0, 0, 0];
  const high = [0, 0, 0];
  let images = structure.numbers.length;
  for (let k = 0; k < 3; k++) {
    if (!structure.pbc[k]) continue;
    low[k] = high[k] = home.fractional[k];
    for (let c = k; c < home.fractional.length; c += 3) {
      low[k] = Math.min(low[k], home.fractional[c]);
      high[k] = Math.max(high[k], home.fractional[c]);
    }
    // Fractional coordinates of atoms up to FARTHEST_CELL cells away are good to about 1e-9.
    const margin = reach / heights[k] + 1e-8;
    low[k] -= margin;
    high[k] += margin;
    images *= high[k] - low[k] + 1;
  }
  if (!(images <= MOST_IMAGES)) throw tooMany(`${images.toExponential(1)} periodic images`, reach);
  return { low, high };
}

function addSite(sites: Sites, owner: number, translation: Int32Array): void {
  const s = sites.count++;
  if (s >= sites.owner.length) {
    sites.owner = grown(sites.owner, s + 1);
    sites.end = grown(sites.end, s + 1);
    sites.shift = grown(sites.shift, 3 * s + 3);
  }
  sites.owner[s] = owner;
  sites.shift.set(translation, 3 * s);
  sites.end[s] = sites.near.count;
}

/** out[at …] = position of the atom whose coordinates start at `atom`, translated by translations[from …]. */
function putSite(
  out: Float64Array,
  at: number,
  structure: Structure,
  atom: number,
  translations: Int32Array,
  from: number,
): void {
  const { positions, cell } = structure;
  const a = translations[from];
  const b = translations[from + 1];
  const c = translations[from + 2];
  out[at] = positions[atom] + (a * cell[0] + b * cell[3] + c * cell[6]);
  out[at + 1] = positions[atom + 1] + (a * cell[1] + b * cell[4] + c * cell[7]);
  out[at + 2] = positions[atom + 2] + (a * cell[2] + b * cell[5] + c * cell[8]);
}

/**
 * From "atoms near each site" to "sites near each atom". The sites come in ascending order, so that what each
 * atom collects is ascending too: no sorting.
 */
function edgesByAtom(atoms: number, sites: Sites): { first: Int32Array; neighbours: Int32Array } {
  const { near, end } = sites;
  const first = new Int32Array(atoms + 1);
  for (let p = 0; p < near.count; p++) first[near.values[p] + 1]++;
  for (let i = 0; i < atoms; i++) first[i + 1] += first[i];
  const next = first.slice();
  const neighbours = new Int32Array(near.count);
  for (let s = 0, p = 0; s < sites.count; s++) {
    for (; p < end[s]; p++) neighbours[next[near.values[p]]++] = s;
  }
  return { first, neighbours };
}

function checkReach(cutoff: number, skin: number): void {
  if (Number.isFinite(cutoff) && cutoff > 0 && Number.isFinite(skin) && skin >= 0) return;
  throw new NearsightError('bad-cutoff', `no neighbour list has cutoff ${cutoff} Å and skin ${skin} Å`, {
    hint: 'the cutoff must be a positive length in Å, the skin a length that is not negative',
  });
}

function checkEdges(edges: number, reach: number): void {
  if (edges > MOST_EDGES) throw tooMany(`more than ${MOST_EDGES} pairs`, reach);
}

function tooMany(what: string, reach: number): NearsightError {
  return new NearsightError('too-many-neighbours', `${what} within ${reach.toPrecision(6)} Å`, {
    hint: 'check that cell, positions and cutoff are in Å and that the atoms do not sit on top of each other',
  });
}

function outOfRange(atom: number, where: string): NearsightError {
  return new NearsightError('position-out-of-range', `atom ${atom} is ${where}`, {
    hint: 'bring the atoms back into the cell; if they flew there, the dynamics has blown up',
    place: { field: 'positions' },
  });
}
