/** Vibrations of a structure in a potential, and displacements as they are found at a temperature. */
import { NearsightError } from '../../errors.ts';
import { symmetricEigen } from '../../linear-algebra.ts';
import { giveTurn, turnTaker } from '../../md/progress.ts';
import { relax } from '../../md/relax.ts';
import type { Potential } from '../../model/potential.ts';
import type { Random } from '../../random.ts';
import { buildNeighbourList } from '../../structure/neighbours.ts';
import { copyStructure, massesOf, type Structure } from '../../structure/structure.ts';
import { EV_PER_U, HBAR, KB } from '../../units.ts';

/** Harmonic vibrations about a structure at rest, those that fit into its cell. */
export interface Vibrations {
  /** Where the atoms are at rest. */
  readonly structure: Structure;
  /** Angular frequencies, rad/fs, [modes]; 3N − 3 of them in a crystal, 3N − 6 (or − 5) in a molecule. */
  readonly frequencies: Float64Array;
  /** Displacements of unit mass-weighted length, Å per √u·Å, [modes][3N]. */
  readonly displacements: readonly Float64Array[];
}

export interface VibrationStep {
  readonly done: number;
  readonly total: number;
}

/** Displacement of the finite differences, Å: the error is some 1e-4 of a force constant. */
const STEP = 0.01;
/** Atoms are at rest when no force is larger, eV/Å. */
const AT_REST = 1e-3;
/** Frequencies below this are no vibrations about a stable place, rad/fs (0.05 THz). */
const SLOWEST = (2 * Math.PI * 0.05) / 1000;
/** More atoms take too long: 3N³ operations for the eigenvectors. */
const MOST_ATOMS = 400;

/**
 * Vibrations from central differences of the forces. The atoms are brought to rest first, in the cell as it is.
 * @throws NearsightError `imaginary-modes` where the structure is no minimum (with the modes that say so),
 *   `not-at-rest`, `too-many-atoms`, and what the potential throws
 */
export async function* vibrationsOf(
  start: Structure,
  potential: Potential,
  signal?: AbortSignal,
): AsyncGenerator<VibrationStep, Vibrations> {
  const atoms = start.numbers.length;
  if (atoms > MOST_ATOMS) {
    throw new NearsightError('too-many-atoms', `the vibrations of ${atoms} atoms are too many`, {
      hint: `take a cell of at most ${MOST_ATOMS} atoms, or dynamics instead`,
    });
  }
  const structure = await atRest(start, potential, signal);
  const hessian = new Float64Array(9 * atoms * atoms);
  const moved = copyStructure(structure);
  const neighbours = buildNeighbourList(structure, potential.cutoff, { skin: 4 * STEP });
  const turn = turnTaker(2 * atoms);
  for (let c = 0; c < 3 * atoms; c++) {
    const forces = [1, -1].map((sign) => {
      moved.positions[c] = structure.positions[c] + sign * STEP;
      return potential.evaluate(moved, neighbours).forces;
    });
    moved.positions[c] = structure.positions[c];
    for (let d = 0; d < 3 * atoms; d++) hessian[3 * atoms * c + d] = (forces[1][d] - forces[0][d]) / (2 * STEP);
    yield { done: c + 1, total: 3 * atoms };
    signal?.throwIfAborted();
    await turn();
  }
  await giveTurn();
  return { structure, ...modesOf(structure, hessian) };
}

async function atRest(start: Structure, potential: Potential, signal: AbortSignal | undefined): Promise<Structure> {
  const work = relax(start, potential, { maxForce: AT_REST, ...(signal && { signal }) });
  let next = await work.next();
  while (!next.done) next = await work.next();
  signal?.throwIfAborted();
  const { structure, converged, maxForce, step } = next.value;
  if (converged) return structure;
  throw new NearsightError(
    'not-at-rest',
    `after ${step} steps the largest force is still ${maxForce.toExponential(1)} eV/Å, not ${AT_REST}`,
    { hint: 'vibrations are about a structure at rest: begin from one that the potential can relax' },
  );
}

/** Frequencies and displacements from the force constants, eV/Å², [3N][3N]. */
function modesOf(structure: Structure, hessian: Float64Array): Pick<Vibrations, 'frequencies' | 'displacements'> {
  const masses = massesOf(structure);
  const n = 3 * masses.length;
  const weight = Float64Array.from({ length: n }, (_, c) => 1 / Math.sqrt(masses[Math.floor(c / 3)]));
  const dynamical = new Float64Array(n * n);
  for (let c = 0; c < n; c++) {
    for (let d = 0; d < n; d++) {
      dynamical[n * c + d] = ((hessian[n * c + d] + hessian[n * d + c]) / 2) * weight[c] * weight[d];
    }
  }
  const rigid = rigidMotions(structure, masses);
  project(dynamical, n, rigid);
  const { values, vectors } = symmetricEigen(dynamical, n);
  // What is rigid has an eigenvalue of zero: it goes by its direction, not by its size.
  const order = Array.from(values.keys())
    .filter((k) => overlap(vectors, n, k, rigid) < 0.5)
    .sort((k, l) => values[k] - values[l]);
  checkStable(order, values, vectors, n);
  return {
    frequencies: Float64Array.from(order, (k) => Math.sqrt(values[k] * EV_PER_U)),
    displacements: order.map((k) => Float64Array.from({ length: n }, (_, c) => vectors[c * n + k] * weight[c])),
  };
}

/** Orthonormal mass-weighted shifts, and turns where nothing repeats. */
function rigidMotions({ positions, pbc }: Structure, masses: Float64Array): Float64Array[] {
  const raw: Float64Array[] = [];
  const roots = masses.map(Math.sqrt);
  for (let a = 0; a < 3; a++) {
    raw.push(Float64Array.from(positions, (_, c) => (c % 3 === a ? roots[Math.floor(c / 3)] : 0)));
  }
  if (!pbc.some((repeats) => repeats)) {
    for (let a = 0; a < 3; a++) {
      const [b, d] = [(a + 1) % 3, (a + 2) % 3];
      const turn = new Float64Array(positions.length);
      for (let i = 0; i < masses.length; i++) {
        turn[3 * i + b] = -roots[i] * positions[3 * i + d];
        turn[3 * i + d] = roots[i] * positions[3 * i + b];
      }
      raw.push(turn);
    }
  }
  const motions: Float64Array[] = [];
  for (const motion of raw) {
    for (let pass = 0; pass < 2; pass++) {
      for (const other of motions) {
        const share = dot(motion, other);
        for (let c = 0; c < motion.length; c++) motion[c] -= share * other[c];
      }
    }
    const length = Math.sqrt(dot(motion, motion));
    // Linear molecules have one turn less, single atoms none.
    if (length > 1e-6) motions.push(motion.map((x) => x / length));
  }
  return motions;
}

/** D becomes P D P, P being the projector onto what is orthogonal to `motions`. */
function project(matrix: Float64Array, n: number, motions: readonly Float64Array[]): void {
  for (const motion of motions) {
    const image = new Float64Array(n);
    for (let c = 0; c < n; c++) image[c] = dot(matrix.subarray(n * c, n * c + n), motion);
    const middle = dot(image, motion);
    for (let c = 0; c < n; c++) {
      for (let d = 0; d < n; d++) {
        matrix[n * c + d] += middle * motion[c] * motion[d] - image[c] * motion[d] - motion[c] * image[d];
      }
    }
  }
}

/** Share of eigenvector k that lies in the space of `motions`. */
function overlap(vectors: Float64Array, n: number, k: number, motions: readonly Float64Array[]): number {
  return motions.reduce((sum, motion) => {
    let product = 0;
    for (let c = 0; c < n; c++) product += vectors[c * n + k] * motion[c];
    return sum + product * product;
  }, 0);
}

function checkStable(order: readonly number[], values: Float64Array, vectors: Float64Array, n: number): void {
  const unstable = order.filter((k) => !(values[k] * EV_PER_U > SLOWEST ** 2));
  if (unstable.length === 0) return;
  const [k] = unstable;
  const thz = (Math.sqrt(Math.abs(values[k]) * EV_PER_U) * 1000) / (2 * Math.PI);
  let atom = 0;
  let most = 0;
  for (let i = 0; 3 * i < n; i++) {
    const share = [0, 1, 2].reduce((sum, c) => sum + vectors[(3 * i + c) * n + k] ** 2, 0);
    if (share > most * (1 + 1e-6)) [most, atom] = [share, i];
  }
  const which = unstable.length === 1 ? 'one mode is' : `${unstable.length} modes are`;
  throw new NearsightError(
    'imaginary-modes',
    `${which} imaginary or too soft, the lowest at ${thz.toFixed(2)}${values[k] < 0 ? 'i' : ''} THz (atom ${atom} moves most)`,
    { hint: 'this structure is no minimum of the potential: take another cell, or dynamics instead' },
  );
}

/**
 * A structure as it is found at a temperature, K: every mode displaced by a normal deviate with the variance of a
 * harmonic oscillator, (ħ/2ω) coth(ħω/2kT) with quantum mechanics and kT/ω² without.
 * @see Feynman 1972, Statistical Mechanics, ch. 2 (the density matrix of an oscillator is a Gaussian)
 */
export function vibrating(
  { structure, frequencies, displacements }: Vibrations,
  temperature: number,
  quantum: boolean,
  random: Random,
): Structure {
  const copy = copyStructure(structure);
  for (const [k, omega] of frequencies.entries()) {
    const amplitude = Math.sqrt(oscillatorVariance(omega, temperature, quantum)) * random.normal();
    for (let c = 0; c < copy.positions.length; c++) copy.positions[c] += amplitude * displacements[k][c];
  }
  return copy;
}

/** ⟨q²⟩ of a mass-weighted coordinate, u·Å²; ω in rad/fs. */
export function oscillatorVariance(omega: number, temperature: number, quantum: boolean): number {
  const thermal = KB * temperature;
  if (!quantum) return (thermal * EV_PER_U) / (omega * omega);
  const coth = temperature === 0 ? 1 : 1 / Math.tanh((HBAR * omega) / (2 * thermal));
  return ((HBAR * EV_PER_U) / (2 * omega)) * coth;
}

function dot(u: Float64Array, v: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < u.length; c++) sum += u[c] * v[c];
  return sum;
}
