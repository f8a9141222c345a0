/** Energies along the ways on which two or three atoms come together. */
import { covalentRadiusOf, symbolOf } from '../../elements.ts';
import { giveTurn } from '../../md/progress.ts';
import type { Potential } from '../../model/potential.ts';
import type { Structure } from '../../structure/structure.ts';
import type { CheckContext, CheckCurve } from '../check.ts';
import { pairOf, pairsOf, tripleOf, triplesOf } from './atoms.ts';

/** Nearer than this share of the sum of the covalent radii no bond, no collision and no pressure brings two atoms. */
export const INNERMOST = 0.5;
/** The angle of a trimer that is stretched: that of a tetrahedron, radian. */
const TETRAHEDRAL: number = Math.acos(-1 / 3);
/** Å: elements beyond curium, of which no radius is known, are given a large one. */
const UNKNOWN_RADIUS = 1.7;
const HEAVIEST_KNOWN = 96;
/** Figures leave out what is higher above the separate atoms, eV, and show so many points. */
const HIGHEST_SHOWN = 15;
const POINTS_SHOWN = 120;

/** A line in the space of configurations, by a coordinate x in Å that grows from close together to apart. */
export interface Path {
  /** `Si–Si`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  at(x: number): Structure;
  /** dr/dx, [3N]. */
  velocity(x: number): Float64Array;
  /** The coordinate as a figure shows it. */
  readonly label: string;
  shown(x: number): number;
}

/** What a potential says along a path. */
export interface Scan {
  readonly path: Path;
  readonly x: readonly number[];
  /** Above the atoms far apart, eV. */
  readonly energy: readonly number[];
  /** What the forces say dE/dx is, eV/Å. */
  readonly slope: readonly number[];
}

function bondOf(a: number, b: number): number {
  const radius = (z: number): number => (z <= HEAVIEST_KNOWN ? covalentRadiusOf(z) : UNKNOWN_RADIUS);
  return radius(a) + radius(b);
}

/** Two atoms, from half the sum of their covalent radii to the cutoff; every pair of elements. */
export function dimerPaths(context: CheckContext): Path[] {
  const { cutoff } = context.potential;
  return pairsOf(context).map(([a, b]) => ({
    name: `${symbolOf(a)}–${symbolOf(b)}`,
    from: INNERMOST * bondOf(a, b),
    to: cutoff,
    at: (x) => pairOf(a, b, x),
    velocity: () => Float64Array.of(0, 0, 0, 1, 0, 0),
    label: 'distance, Å',
    shown: (x) => x,
  }));
}

/** Three atoms at the angle of a tetrahedron, both bonds stretched in proportion; x is the first bond. */
export function stretchPaths(context: CheckContext): Path[] {
  const { cutoff } = context.potential;
  return triplesOf(context).map((triple) => {
    const [a, centre, b] = triple;
    const first = bondOf(a, centre);
    const ratio = bondOf(b, centre) / first;
    const direction = tripleOf(triple, { first: 1, second: ratio, angle: TETRAHEDRAL }).positions;
    return {
      name: `${nameOf(triple)} stretched`,
      from: INNERMOST * first,
      to: Math.max(cutoff, cutoff / ratio),
      at: (x) => tripleOf(triple, { first: x, second: x * ratio, angle: TETRAHEDRAL }),
      velocity: () => direction,
      label: 'first bond, Å',
      shown: (x) => x,
    };
  });
}

/**
 * Three atoms with bonds as long as the sums of their covalent radii, from a straight line until the ends are as near
 * as half the sum of theirs; x is the way of the second end.
 */
export function anglePaths(context: CheckContext): Path[] {
  return triplesOf(context).map((triple) => {
    const [a, centre, b] = triple;
    const first = bondOf(a, centre);
    const second = bondOf(b, centre);
    const near = Math.max(INNERMOST * bondOf(a, b), Math.abs(first - second));
    const cosine = (first * first + second * second - near * near) / (2 * first * second);
    const angle = (x: number): number => x / second;
    return {
      name: `${nameOf(triple)} bent`,
      from: second * Math.acos(Math.min(1, cosine)),
      to: second * Math.PI,
      at: (x) => tripleOf(triple, { first, second, angle: angle(x) }),
      velocity: (x) => Float64Array.of(0, 0, 0, 0, 0, 0, -Math.sin(angle(x)), Math.cos(angle(x)), 0),
      label: 'angle, °',
      shown: (x) => (180 / Math.PI) * angle(x),
    };
  });
}

const nameOf = (triple: readonly number[]): string => triple.map(symbolOf).join('–');

/** Energies and slopes on a grid that begins at `from` and ends at or just before `to`. */
export function scan(potential: Potential, path: Path, step: number): Scan {
  const x: number[] = [];
  for (let k = 0; path.from + k * step <= path.to; k++) x.push(path.from + k * step);
  return scanAt(potential, path, x);
}

export function scanAt(potential: Potential, path: Path, x: readonly number[]): Scan {
  const energy: number[] = [];
  const slope: number[] = [];
  const apart = separateEnergy(potential, path);
  for (const at of x) {
    const evaluation = potential.evaluate(path.at(at));
    const velocity = path.velocity(at);
    energy.push(evaluation.energy - apart);
    slope.push(-evaluation.forces.reduce((sum, f, c) => sum + f * velocity[c], 0));
  }
  return { path, x, energy, slope };
}

/** The same atoms beyond each other's reach. */
function separateEnergy(potential: Potential, path: Path): number {
  const { numbers, positions, ...rest } = path.at(path.to);
  const apart = positions.map((_, c) => (c % 3 === 0 ? (c / 3) * (potential.cutoff + 1) : 0));
  return potential.evaluate({ ...rest, numbers, positions: apart }).energy;
}

/** One scan after another; gives way in between. */
export async function scanAll(context: CheckContext, paths: readonly Path[], step: number): Promise<Scan[]> {
  const scans: Scan[] = [];
  for (const path of paths) {
    scans.push(scan(context.potential, path, step));
    await giveTurn();
  }
  return scans;
}

/** What a figure shows of a scan. */
export function curveOf({ path, x, energy }: Scan): CheckCurve {
  const shown = x.map((_, k) => k).filter((k) => energy[k] <= HIGHEST_SHOWN);
  const every = Math.ceil(shown.length / POINTS_SHOWN);
  const kept = shown.filter((_, k) => k % every === 0);
  return {
    name: path.name,
    xLabel: path.label,
    yLabel: 'energy above the separate atoms, eV',
    x: kept.map((k) => path.shown(x[k])),
    y: kept.map((k) => energy[k]),
  };
}
