/** Single atoms taken out, put in and exchanged, and the places for that which symmetry tells apart. */
import { atomicNumberOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import { toFractional } from './cell.ts';
import { buildNeighbourList, sitePositions } from './neighbours.ts';
import { copyStructure, type Structure } from './structure.ts';
import { imageOf, latticeDistance, type SymmetryOperation } from './symmetry.ts';

/**
 * The structure without some of its atoms; the others keep their order.
 * @throws NearsightError `no-such-atom`; `no-atoms` when none is left
 */
export function withoutAtoms(structure: Structure, atoms: readonly number[]): Structure {
  const { numbers, positions } = structure;
  for (const atom of atoms) checkAtom(structure, atom);
  const kept = Array.from(numbers.keys()).filter((i) => !atoms.includes(i));
  if (kept.length === 0) {
    throw new NearsightError('no-atoms', `nothing is left of ${numbers.length} atoms`, {
      hint: 'take atoms out of a larger supercell',
    });
  }
  return {
    ...copyStructure(structure),
    numbers: Int32Array.from(kept, (i) => numbers[i]),
    positions: Float64Array.from(kept.flatMap((i) => [0, 1, 2].map((c) => positions[3 * i + c]))),
  };
}

/** The structure with one more atom, the last one. @param position Å, [3] */
export function withAtom(structure: Structure, symbol: string, position: ArrayLike<number>): Structure {
  const { numbers, positions } = structure;
  return {
    ...copyStructure(structure),
    numbers: Int32Array.from([...numbers, atomicNumberOf(symbol)]),
    positions: Float64Array.from([...positions, position[0], position[1], position[2]]),
  };
}

/** The structure with another element on the place of one atom. @throws NearsightError `no-such-atom` */
export function substituted(structure: Structure, atom: number, symbol: string): Structure {
  checkAtom(structure, atom);
  const copy = copyStructure(structure);
  copy.numbers[atom] = atomicNumberOf(symbol);
  return copy;
}

/** Pairs of atoms at most this much farther apart than others are at the same distance, Å. */
const SAME_DISTANCE = 1e-2;

/** Two atoms and their distance, Å. */
export interface AtomPair {
  readonly atoms: readonly [number, number];
  readonly distance: number;
}

/**
 * Pairs of atoms nearer than `reach` (Å) that no operation maps onto each other, the nearest first. An atom and its
 * own image are no pair.
 * @param firsts atoms that a pair may begin with; one of each symmetry-equivalent set is enough
 */
export function uniquePairs(
  structure: Structure,
  firsts: readonly number[],
  reach: number,
  operations: readonly SymmetryOperation[],
): AtomPair[] {
  const list = buildNeighbourList(structure, reach);
  const sites = sitePositions(list, structure);
  const x = toFractional(structure.positions, structure.cell);
  const pointOf = (i: number): Float64Array => x.subarray(3 * i, 3 * i + 3);
  const pairs: AtomPair[] = [];
  for (const i of firsts) {
    const nearest = new Map<number, number>();
    for (let edge = list.first[i]; edge < list.first[i + 1]; edge++) {
      const s = list.neighbours[edge];
      const j = list.owner[s];
      if (j === i) continue;
      const distance = Math.hypot(...[0, 1, 2].map((c) => sites[3 * s + c] - sites[3 * i + c]));
      nearest.set(j, Math.min(distance, nearest.get(j) ?? distance));
    }
    for (const [j, distance] of nearest) pairs.push({ atoms: [i, j], distance });
  }
  pairs.sort((p, q) => p.distance - q.distance || p.atoms[0] - q.atoms[0] || p.atoms[1] - q.atoms[1]);
  const kept: AtomPair[] = [];
  for (const pair of pairs) {
    const [i, j] = pair.atoms;
    const rivals = kept.filter(({ distance }) => Math.abs(distance - pair.distance) < SAME_DISTANCE);
    const isKnown = rivals.some(({ atoms: [k, l] }) =>
      operations.some((operation) => {
        const from = imageOf(pointOf(i), operation);
        const to = imageOf(pointOf(j), operation);
        const isAt = (p: Float64Array, atom: number): boolean =>
          latticeDistance(p, pointOf(atom), structure) < SAME_DISTANCE;
        return (isAt(from, k) && isAt(to, l)) || (isAt(from, l) && isAt(to, k));
      }),
    );
    if (!isKnown) kept.push(pair);
  }
  return kept;
}

/** A place between the atoms that has the same distance to the nearest four or more of them. */
export interface Void {
  /** Å, [3]. */
  readonly position: readonly number[];
  /** Distance to the nearest atoms, Å. */
  readonly radius: number;
  /** How many atoms are that near: 4 for a tetrahedral place, 6 for an octahedral one. */
  readonly coordination: number;
}

/** Voids are looked for among neighbours up to so many times the shortest distance, and at most so far (Å). */
const VOID_REACH = 4;
const LARGEST_REACH = 8;
/** A shell of neighbours, relative to its radius. */
const SHELL = 0.02;

/**
 * The voids of a crystal, the largest first: corners of the Voronoi cells of its atoms, that is centres of empty spheres
 * through four atoms or more. Those larger than twice the shortest distance between atoms (or than 4 Å) are left out:
 * what stands there is no interstitial atom.
 * @param firsts atoms around which is looked; one of each symmetry-equivalent set is enough
 * @param operations voids that one of them maps onto each other count once
 * @see Voronoi 1908, doi:10.1515/crll.1908.134.198
 */
export function voidsOf(
  structure: Structure,
  firsts: readonly number[],
  operations: readonly SymmetryOperation[],
): Void[] {
  const found: Void[] = [];
  const reach = Math.min(LARGEST_REACH, VOID_REACH * shortestDistance(structure));
  const list = buildNeighbourList(structure, reach);
  const sites = sitePositions(list, structure);
  for (const i of firsts) {
    const neighbours = Array.from(list.neighbours.subarray(list.first[i], list.first[i + 1]), (s) =>
      [0, 1, 2].map((c) => sites[3 * s + c] - sites[3 * i + c]),
    ).sort((p, q) => squareOf(p) - squareOf(q));
    for (const corner of voronoiCorners(neighbours, reach / 2)) {
      const position = corner.map((r, c) => r + structure.positions[3 * i + c]);
      const radius = Math.sqrt(squareOf(corner));
      // The atom in the middle of it all is one of the nearest as well.
      const coordination = 1 + neighbours.filter((n) => distanceTo(n, corner) < radius * (1 + SHELL)).length;
      found.push({ position, radius, coordination });
    }
  }
  found.sort((p, q) => (Math.abs(p.radius - q.radius) > 1e-3 ? q.radius - p.radius : 0));
  return uniqueVoids(found, structure, operations);
}

function uniqueVoids(voids: readonly Void[], structure: Structure, operations: readonly SymmetryOperation[]): Void[] {
  const kept: { place: Void; x: Float64Array }[] = [];
  for (const place of voids) {
    const x = toFractional(place.position, structure.cell);
    const rivals = kept.filter(({ place: other }) => Math.abs(other.radius - place.radius) < SHELL);
    const isKnown = rivals.some((other) =>
      operations.some((operation) => latticeDistance(imageOf(x, operation), other.x, structure) < SHELL),
    );
    if (!isKnown) kept.push({ place, x });
  }
  return kept.map(({ place }) => place);
}

/**
 * Points that are as far from the origin as from three of the neighbours, and not nearer to any other; no farther from
 * the origin than `largest`.
 * @param neighbours the nearest first
 */
function voronoiCorners(neighbours: readonly (readonly number[])[], largest: number): number[][] {
  const corners: number[][] = [];
  const squares = neighbours.map(squareOf);
  const isFree = (p: readonly number[]): boolean => {
    const radius = squareOf(p);
    // |p − n|² ≥ |p|² for all n, and only neighbours within twice the radius can be nearer.
    for (let k = 0; k < neighbours.length && squares[k] <= 4 * radius * (1 + 1e-9); k++) {
      if (2 * dot(p, neighbours[k]) > squares[k] * (1 + 1e-6)) return false;
    }
    return true;
  };
  for (let a = 0; a < neighbours.length; a++) {
    for (let b = 0; b < a; b++) {
      const normal = cross(neighbours[a], neighbours[b]);
      // Circumradius of the triangle of the origin and two neighbours: no sphere through them is smaller.
      const area = Math.sqrt(squareOf(normal));
      if (area < 1e-9) continue;
      const smallest = (Math.sqrt(squares[a] * squares[b]) * distanceTo(neighbours[a], neighbours[b])) / (2 * area);
      if (smallest > largest) continue;
      for (let c = 0; c < b; c++) {
        const corner = circumcentre(neighbours[a], neighbours[b], neighbours[c], normal);
        if (corner === null || squareOf(corner) > largest * largest || !isFree(corner)) continue;
        if (!corners.some((other) => distanceTo(other, corner) < 1e-3)) corners.push(corner);
      }
    }
  }
  return corners;
}

/** The point p with 2 p · n = n² for three neighbours; null where they are in one plane with the origin. */
function circumcentre(
  a: readonly number[],
  b: readonly number[],
  c: readonly number[],
  ab: readonly number[],
): number[] | null {
  const volume = dot(ab, c);
  if (Math.abs(volume) < 1e-6) return null;
  const bc = cross(b, c);
  const ca = cross(c, a);
  const [A, B, C] = [squareOf(a), squareOf(b), squareOf(c)];
  return [0, 1, 2].map((k) => (A * bc[k] + B * ca[k] + C * ab[k]) / (2 * volume));
}

/** Å; infinite where no two atoms are within reach. */
function shortestDistance(structure: Structure): number {
  for (let reach = 3; reach <= 12; reach *= 2) {
    const list = buildNeighbourList(structure, reach);
    if (list.neighbours.length === 0) continue;
    const sites = sitePositions(list, structure);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < structure.numbers.length; i++) {
      for (let edge = list.first[i]; edge < list.first[i + 1]; edge++) {
        const s = list.neighbours[edge];
        least = Math.min(least, Math.hypot(...[0, 1, 2].map((c) => sites[3 * s + c] - sites[3 * i + c])));
      }
    }
    return least;
  }
  return Number.POSITIVE_INFINITY;
}

function checkAtom({ numbers }: Structure, atom: number): void {
  if (Number.isInteger(atom) && atom >= 0 && atom < numbers.length) return;
  throw new NearsightError('no-such-atom', `there is no atom ${atom} among ${numbers.length}`, {
    hint: `atoms are numbered from 0 to ${numbers.length - 1}`,
  });
}

function dot(u: readonly number[], v: readonly number[]): number {
  return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

function squareOf(u: readonly number[]): number {
  return dot(u, u);
}

function distanceTo(u: readonly number[], v: readonly number[]): number {
  return Math.hypot(u[0] - v[0], u[1] - v[1], u[2] - v[2]);
}

function cross(u: readonly number[], v: readonly number[]): number[] {
  return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
}
