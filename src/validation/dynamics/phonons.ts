import { symmetricEigen } from '../../linear-algebra.ts';
import { finish, turnTaker } from '../../md/progress.ts';
import { relax } from '../../md/relax.ts';
import { type Potential, requireGradient } from '../../model/potential.ts';
import { copyStructure, massesOf, type Structure } from '../../structure/structure.ts';
import { EV_PER_U } from '../../units.ts';
import type { Check, CheckCurve } from '../check.ts';
import { enlarged, NO_MINIMUM } from './system.ts';

/** Å. Long enough for forces that are rounded to 24 bits, short enough for the harmonic term to be all there is. */
const DISPLACEMENT = { double: 0.01, single: 0.015 };
/** At rest, eV/Å. */
const REST = { double: 1e-5, single: 5e-5 };
const MOST_STEPS = 3000;
/** More atoms take long: the work grows with their third power. */
const MOST_ATOMS = 108;
/** THz of an angular frequency of 1/fs. */
const THZ = 1000 / (2 * Math.PI);

export const phonons: Check = {
  id: 'phonons',
  question: 'Do all vibrations of the known minimum have real frequencies, and do translations cost nothing?',
  unit: 'THz',
  limit: { double: 0.1, single: 0.3 },
  limitReason:
    'The largest imaginary frequency, or that of a translation if larger. Finite displacements of 0.01 Å (0.015 Å in ' +
    'single precision) know an eigenvalue to what 0.02 THz (0.1 THz) is for silicon; unstable modes have 1 THz and more.',
  source:
    'Born & Huang 1954: a crystal at rest is stable when its dynamical matrix is positive. Finite displacements in a ' +
    'supercell: Parlinski, Li & Kawazoe 1997, doi:10.1103/PhysRevLett.78.4063.',
  asksForGradient: true,
  slow: true,
  async run({ potential, minimum, precision, signal }) {
    if (minimum === undefined) return { skipped: NO_MINIMUM };
    if (minimum.numbers.length > MOST_ATOMS) {
      return { skipped: `${minimum.numbers.length} atoms are too many: give a minimum of at most ${MOST_ATOMS}` };
    }
    if (minimum.numbers.length === 1 && !minimum.pbc.some((repeats) => repeats)) {
      return { skipped: 'a single atom does not vibrate' };
    }
    const limits = { maxForce: REST[precision], maxSteps: MOST_STEPS, ...(signal && { signal }) };
    const { structure, maxForce } = await finish(relax(enlarged(minimum), potential, limits));
    const hessian = await hessianOf(structure, potential, { displacement: DISPLACEMENT[precision], signal });
    const spectrum = vibrations(structure, hessian);
    const { lowest, highest, translation } = spectrum;
    return {
      value: Math.max(0, -lowest, translation),
      detail:
        `${structure.numbers.length} atoms, all wave vectors of the cell: ${signed(lowest)} to ${highest.toPrecision(3)} THz, ` +
        `translations ${translation.toPrecision(2)} THz; largest force at rest ${maxForce.toExponential(0)} eV/Å`,
      curves: [densityOfStates(spectrum)],
    };
  },
};

const signed = (frequency: number): string =>
  frequency < 0 ? `${(-frequency).toPrecision(3)} i` : frequency.toPrecision(3);

/** First derivative to fourth order: a soft mode of a molecule is easily mistaken for an unstable one. */
const STENCIL: readonly (readonly [place: number, weight: number])[] = [
  [-2, 1 / 12],
  [-1, -8 / 12],
  [1, 8 / 12],
  [2, -1 / 12],
];

/**
 * ∂²E/∂r∂r′ of a structure by central differences of the forces at four points, eV/Å², [3N × 3N], symmetric.
 * @param options.displacement Å
 */
export async function hessianOf(
  structure: Structure,
  potential: Potential,
  options: { readonly displacement: number; readonly signal?: AbortSignal | undefined },
): Promise<Float64Array> {
  requireGradient(potential, 'a Hessian');
  const { displacement, signal } = options;
  const size = structure.positions.length;
  const hessian = new Float64Array(size * size);
  const moved = copyStructure(structure);
  const turn = turnTaker(2 * structure.numbers.length);
  for (let c = 0; c < size; c++) {
    const forces = STENCIL.map(([place]) => {
      moved.positions[c] = structure.positions[c] + place * displacement;
      return potential.evaluate(moved).forces;
    });
    moved.positions[c] = structure.positions[c];
    for (let d = 0; d < size; d++) {
      // Half to either side of the diagonal: the antisymmetric part is truncation and rounding.
      const slope = STENCIL.reduce((sum, [, weight], k) => sum + weight * forces[k][d], 0) / displacement;
      const half = -slope / 2;
      hessian[c * size + d] += half;
      hessian[d * size + c] += half;
    }
    signal?.throwIfAborted();
    await turn();
  }
  return hessian;
}

/** Frequencies, THz; negative stands for imaginary. */
export interface Vibrations {
  /** Ascending, without those of rigid motions. */
  readonly frequencies: Float64Array;
  readonly lowest: number;
  readonly highest: number;
  /** Of the stiffest (or most unstable) of the three translations: zero by the acoustic sum rule. */
  readonly translation: number;
}

/**
 * Normal modes: with a supercell, all modes at the wave vectors that fit into it. Rigid motions (three translations,
 * and the rotations of what is not periodic) are taken out.
 * @param hessian eV/Å², [3N × 3N], see `hessianOf`
 */
export function vibrations(structure: Structure, hessian: Float64Array): Vibrations {
  const masses = massesOf(structure);
  const size = 3 * masses.length;
  const dynamical = hessian.map((value, at) => {
    const [c, d] = [Math.floor(at / size), at % size];
    return (value * EV_PER_U) / Math.sqrt(masses[Math.floor(c / 3)] * masses[Math.floor(d / 3)]);
  });
  const rigid = rigidMotions(structure, masses);
  const translation = Math.max(...rigid.slice(0, 3).map((mode) => Math.abs(frequencyOf(quotient(dynamical, mode)))));
  // Rigid motions get the largest eigenvalue of all, where nobody counts them.
  const above = 2 * dynamical.reduce((most, value) => Math.max(most, Math.abs(value)), 0) * size;
  const projected = projectedOut(dynamical, rigid, above);
  const values = symmetricEigen(projected, size).values.sort();
  const frequencies = values.slice(0, size - rigid.length).map(frequencyOf);
  return { frequencies, lowest: frequencies[0], highest: frequencies[frequencies.length - 1], translation };
}

const frequencyOf = (eigenvalue: number): number => Math.sign(eigenvalue) * Math.sqrt(Math.abs(eigenvalue)) * THZ;

function quotient(matrix: Float64Array, x: Float64Array): number {
  const n = x.length;
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += x[i] * matrix[i * n + j] * x[j];
  return sum;
}

/** (1 − P) D (1 − P) + above · P, with the projector P on the orthonormal modes. */
function projectedOut(matrix: Float64Array, modes: readonly Float64Array[], above: number): Float64Array {
  const n = modes[0].length;
  const result = matrix.slice();
  for (const u of modes) {
    const Du = u.map((_, i) => u.reduce((sum, value, j) => sum + result[i * n + j] * value, 0));
    const uDu = u.reduce((sum, value, i) => sum + value * Du[i], 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) result[i * n + j] += (uDu + above) * u[i] * u[j] - u[i] * Du[j] - Du[i] * u[j];
    }
  }
  return result;
}

/** Translations, then rotations where nothing is periodic: mass-weighted, orthonormal; rotations that do nothing left out. */
function rigidMotions({ positions, pbc }: Structure, masses: Float64Array): Float64Array[] {
  const total = masses.reduce((sum, m) => sum + m, 0);
  const centre = [0, 1, 2].map((a) => masses.reduce((sum, m, i) => sum + m * positions[3 * i + a], 0) / total);
  const root = positions.map((_, c) => Math.sqrt(masses[Math.floor(c / 3)]));
  const motions = [0, 1, 2].map((a) => root.map((m, c) => (c % 3 === a ? m : 0)));
  if (!pbc.some((repeats) => repeats)) {
    for (const a of [0, 1, 2]) {
      const [b, d] = [(a + 1) % 3, (a + 2) % 3];
      const arm = (c: number, k: number): number => positions[3 * Math.floor(c / 3) + k] - centre[k];
      motions.push(root.map((m, c) => m * (c % 3 === b ? -arm(c, d) : c % 3 === d ? arm(c, b) : 0)));
    }
  }
  const modes: Float64Array[] = [];
  for (const motion of motions) {
    const before = Math.hypot(...motion);
    for (const u of modes) {
      const along = u.reduce((sum, value, c) => sum + value * motion[c], 0);
      for (let c = 0; c < motion.length; c++) motion[c] -= along * u[c];
    }
    const length = Math.hypot(...motion);
    // A line of atoms turns about itself without moving.
    if (length > 1e-3 * before && length > 1e-3) modes.push(motion.map((value) => value / length));
  }
  return modes;
}

/** Number of modes in bins of a fortieth of the spectrum. */
function densityOfStates({ frequencies, lowest, highest }: Vibrations): CheckCurve {
  const from = Math.min(0, lowest);
  const width = (highest - from) / 40 || 1;
  const y = new Array<number>(41).fill(0);
  for (const frequency of frequencies) y[Math.floor((frequency - from) / width)]++;
  const x = y.map((_, k) => from + (k + 0.5) * width);
  return { name: 'phonons', xLabel: 'frequency (negative: imaginary), THz', yLabel: 'modes', x, y };
}
