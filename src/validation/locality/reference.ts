/**
 * Two crystals whose physics is known beside each other: an insulator of bare point charges (rock salt) and a metal of
 * screened ones. Large balls of either, and the force on the atom in the middle. No Ewald sum: what is measured are
 * differences of forces, which converge in direct sums.
 */
import { createRandom } from '../../random.ts';
import { supercell } from '../../structure/builders.ts';
import { crystal, type Prototype } from '../../structure/crystals.ts';
import { COULOMB } from '../../units.ts';
import type { OutsideForce } from './decay.ts';

/** Point charges in a crystal, and how they are felt: φ(r) = q q′ k e^(−κr)/r. */
export interface ChargedCrystal {
  readonly name: string;
  readonly prototype: Prototype;
  readonly symbols: readonly string[];
  /** Å. */
  readonly lattice: number;
  /** Charge of each species, e. */
  readonly charges: readonly number[];
  /** κ, 1/Å; 0 is the bare Coulomb force. */
  readonly screening: number;
}

/** Rock salt of ions with charges ±1: nothing screens. */
export const INSULATOR: ChargedCrystal = {
  ...{ name: 'insulator (NaCl, bare Coulomb)', prototype: 'rocksalt', symbols: ['Na', 'Cl'], lattice: 5.64 },
  ...{ charges: [1, -1], screening: 0 },
};

/** Sodium ions in a sea of electrons: Thomas–Fermi screening at the density of sodium, 0.67 Å. */
export const METAL: ChargedCrystal = {
  ...{ name: 'metal (Na, screened Coulomb)', prototype: 'bcc', symbols: ['Na'], lattice: 4.29 },
  ...{ charges: [1], screening: 1 / 0.67 },
};

/** A ball of a crystal around an atom at the origin. */
export interface Ball {
  readonly crystal: ChargedCrystal;
  /** Without the atom in the middle, Å, [3N], nearest first. */
  readonly positions: Float64Array;
  /** Å, [N]. */
  readonly distances: Float64Array;
  /** Charge times that of the atom in the middle, e², [N]. */
  readonly charges: Float64Array;
}

export function ballOf(of: ChargedCrystal, radius: number): Ball {
  const { prototype, symbols, lattice, charges } = of;
  const half = Math.ceil(radius / lattice) + 1;
  const cells = 2 * half + 1;
  const { positions, numbers } = supercell(crystal(prototype, symbols, lattice), [cells, cells, cells]);
  const kinds = [...new Set(numbers)];
  const centre = half * lattice;
  const atoms = Array.from(numbers, (z, i) => {
    const place = [0, 1, 2].map((a) => positions[3 * i + a] - centre);
    return { place, distance: Math.hypot(...place), charge: charges[0] * charges[kinds.indexOf(z)] };
  })
    .filter(({ distance }) => distance < radius && distance > 1e-6)
    .sort((p, q) => p.distance - q.distance);
  return {
    crystal: of,
    positions: Float64Array.from(atoms.flatMap(({ place }) => place)),
    distances: Float64Array.from(atoms, ({ distance }) => distance),
    charges: Float64Array.from(atoms, ({ charge }) => charge),
  };
}

export interface OutsideOptions {
  /** Å, ascending. */
  readonly radii: readonly number[];
  /** Standard deviation of each coordinate of the atoms outside, Å; 0.1 when absent. */
  readonly displacement?: number;
  /** Draws for each radius; 100 when absent. */
  readonly draws?: number;
  readonly seed?: number;
}

/** Å. */
export const DISPLACEMENT = 0.1;
export const DRAWS = 100;

/**
 * σ_F(R): the atoms outside a sphere are displaced at random, those inside stay where they are. Those beyond the ball
 * are one random force.
 */
export function outsideForceOfBall(ball: Ball, options: OutsideOptions): OutsideForce[] {
  const { radii, displacement = DISPLACEMENT, draws = DRAWS, seed = 1 } = options;
  const random = createRandom(seed);
  const far = displacement * Math.sqrt(varianceBeyond(ball));
  return radii.map((radius) => {
    let squares = 0;
    for (let n = 0; n < draws; n++) {
      const change = [far * random.normal(), far * random.normal(), far * random.normal()];
      for (
        let j = ball.distances.findIndex((distance) => distance > radius);
        j < ball.distances.length && j >= 0;
        j++
      ) {
        const at = ball.positions.subarray(3 * j, 3 * j + 3);
        const moved = at.map((x) => x + displacement * random.normal());
        addPair(change, moved, ball, j, 1);
        addPair(change, at, ball, j, -1);
      }
      for (const f of change) squares += f * f;
    }
    const sigma = Math.sqrt(squares / (3 * draws));
    return { radius, sigma, uncertainty: sigma / Math.sqrt(6 * draws) };
  });
}

/**
 * The same in closed form, to first order in the displacement s: each ion outside adds s² Σ_ab (∂_a ∂_b φ)²/3 to the
 * variance of a component. For bare charges that is 2 (k q q′ s)²/r⁶, and with density n of them
 * σ_F = k q² s √(8πn/3) R^(−3/2).
 */
export function expectedOutsideForce(ball: Ball, radius: number, displacement: number = DISPLACEMENT): number {
  const { distances, charges } = ball;
  let variance = varianceBeyond(ball);
  for (let j = 0; j < distances.length; j++) {
    if (distances[j] > radius) variance += (charges[j] ** 2 * curvatureSquared(distances[j], ball)) / 3;
  }
  return displacement * Math.sqrt(variance);
}

/** Σ_ab (∂_a ∂_b φ)²: a radial function curves along r, and twice across it by its slope over r. */
function curvatureSquared(r: number, { crystal: { screening } }: Ball): number {
  const [, slope, curvature] = screened(r, screening);
  return curvature ** 2 + 2 * (slope / r) ** 2;
}

const SHELLS = 200;

/** What all ions outside the ball add to the variance, as a continuum, per squared displacement: they are many and far. */
function varianceBeyond(ball: Ball): number {
  const { distances, charges } = ball;
  const edge = distances[distances.length - 1];
  const squares = charges.reduce((sum, q) => sum + q * q, 0);
  // With r = edge/t the shells from the edge to infinity become 0 < t < 1.
  let sum = 0;
  for (let k = 0; k < SHELLS; k++) {
    const r = (edge * SHELLS) / (k + 0.5);
    sum += (curvatureSquared(r, ball) * r ** 4) / edge / SHELLS;
  }
  return ((squares / edge ** 3) * 3 * sum) / 3;
}

/** Error of the force when the charges are cut off at a radius. */
export interface CutoffError {
  /** Å. */
  readonly radius: number;
  /** Of a component, root mean square over draws, eV/Å. */
  readonly error: number;
  /** The forces themselves, eV/Å. */
  readonly force: number;
}

/** Å; over this distance a cut-off potential is brought to zero. */
const SWITCH = 1.5;

/** What a potential with a cutoff gets wrong: φ(r) S(r) instead of φ(r), all atoms displaced at random. */
export function cutoffErrors(ball: Ball, options: OutsideOptions): CutoffError[] {
  const { radii, displacement = DISPLACEMENT, draws = DRAWS, seed = 1 } = options;
  const random = createRandom(seed);
  const errors = new Float64Array(radii.length);
  let forces = 0;
  for (let n = 0; n < draws; n++) {
    const change = [0, 0, 0];
    const missing = radii.map(() => [0, 0, 0]);
    for (let j = 0; j < ball.distances.length; j++) {
      const at = ball.positions.subarray(3 * j, 3 * j + 3).map((x) => x + displacement * random.normal());
      addPair(change, at, ball, j, 1);
      for (const [k, radius] of radii.entries()) addPair(missing[k], at, ball, j, 1, radius);
    }
    for (const f of change) forces += f * f;
    for (const [k, f] of missing.entries()) errors[k] += f.reduce((sum, x) => sum + x * x, 0);
  }
  const force = Math.sqrt(forces / (3 * draws));
  return radii.map((radius, k) => ({ radius, error: Math.sqrt(errors[k] / (3 * draws)), force }));
}

/** Adds `sign` times the force of atom j, at `at`, on the atom at the origin; of φ (1 − S) where a cutoff is given. */
function addPair(force: number[], at: ArrayLike<number>, ball: Ball, j: number, sign: number, cutoff?: number): void {
  const r = Math.hypot(at[0], at[1], at[2]);
  const [value, slope] = screened(r, ball.crystal.screening);
  let along = slope;
  if (cutoff !== undefined) {
    const u = Math.min(1, Math.max(0, (r - cutoff + SWITCH) / SWITCH));
    const beyond = u * u * u * (10 - 15 * u + 6 * u * u);
    along = slope * beyond + (value * 30 * u * u * (1 - u) * (1 - u)) / SWITCH;
  }
  // E = q φ(r) of atom j at r: the force on the origin is +q φ′ r̂.
  const scale = (sign * ball.charges[j] * along) / r;
  for (let a = 0; a < 3; a++) force[a] += scale * at[a];
}

/** k e^(−κr)/r and its first two derivatives, eV, eV/Å, eV/Å². */
function screened(r: number, kappa: number): [number, number, number] {
  const value = (COULOMB * Math.exp(-kappa * r)) / r;
  return [value, -value * (kappa + 1 / r), value * ((kappa + 1 / r) ** 2 + 1 / (r * r))];
}
