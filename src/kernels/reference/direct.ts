/**
 * The direct force head of one atom: h2 → φ, and forces that are learned scalars times edge vectors. Formulas and
 * what they are good for: docs/theory/direct-forces.md.
 */
import type { KernelResult, ModelShape, TermErrors, WeightLayout } from '../kernels.ts';
import type { AtomModel } from './atom.ts';
import type { Edge } from './edges.ts';
import type { LinearMap, Variable } from './variable.ts';
import { clear, linear, linearBackward, linearGradient, variable } from './variable.ts';

export interface ForceHead {
  /** φ, [K]. */
  readonly scalars: Variable;
  /** h2 → φ. */
  readonly map: LinearMap;
  /** For each species of the centre, where its bias of φ stands. */
  readonly biases: readonly number[];
}

export function createForceHead(shape: ModelShape, layout: WeightLayout, head: number, h2: Variable): ForceHead {
  const { species: S, channels: K } = shape;
  const scalars = variable(K);
  return {
    scalars,
    map: { x: h2, y: scalars, at: layout.wF + head * shape.hidden[1] * K },
    biases: Array.from({ length: S }, (_, z) => layout.bF + (head * S + z) * K),
  };
}

/** φ of one head, after its readout; for a centre of species z. */
export function readForces({ weights }: AtomModel, { scalars, map, biases }: ForceHead, z: number): Float64Array {
  clear(scalars);
  scalars.value.set(weights.subarray(biases[z], biases[z] + scalars.value.length));
  linear(map, weights, false);
  return scalars.value;
}

/** s_ij = Σ_b B_b(r_ij) Σ_k mix[s_j,1,b,k] φ_k(i), eV/Å: how strongly an edge pulls its atom i, if positive towards j. */
export function pullOf(atom: AtomModel, { species, radial }: Edge, scalars: Float64Array): number {
  const K = scalars.length;
  const mix = (species * (atom.shape.lmax + 1) + 1) * radial.length * K; // the first block of weights, at l = 1
  let pull = 0;
  for (let b = 0; b < radial.length; b++) {
    for (let k = 0; k < K; k++) pull += radial[b] * atom.weights[mix + b * K + k] * scalars[k];
  }
  return pull;
}

/** Adds F_i += s r̂ and G += ½ s r ⊗ r̂ of one edge. Nothing acts on j: its own edge back to i has a say in that. */
export function addPull(pull: number, { from, vector, direction }: Edge, result: KernelResult): void {
  const { forces, strainGradient } = result;
  for (let a = 0; a < 3; a++) {
    forces[3 * from + a] += pull * direction[a];
    for (let b = 0; b < 3; b++) strainGradient[3 * a + b] += 0.5 * pull * vector[a] * direction[b];
  }
}

/** Rows of A that are a vector, l = 1, in the order x, y, z. */
const VECTOR_ROWS = [3, 1, 2];

/**
 * From ∂L/∂F_i, [3], to the gradients of φ and of A, in the second halves of the variables. As Σ_j s_ij r̂_ij is
 * Σ_k φ_k A[1m,k], both are simple products. Comes before `readOutBackward`.
 */
export function readForcesBackward(atom: AtomModel, { scalars, map }: ForceHead, seed: ArrayLike<number>): void {
  const { value, adjointTangent } = atom.rows;
  const K = scalars.value.length;
  for (const [a, row] of VECTOR_ROWS.entries()) {
    for (let k = 0; k < K; k++) {
      scalars.adjointTangent[k] += seed[a] * value[row * K + k];
      adjointTangent[row * K + k] += seed[a] * scalars.value[k];
    }
  }
  linearBackward(map, atom.weights, true);
}

/** After the backward sweep: adds the gradient by the weights of the force head. */
export function addForceHeadGradient({ scalars, map, biases }: ForceHead, z: number, gradient: Float64Array): void {
  linearGradient(map, gradient);
  for (let k = 0; k < scalars.value.length; k++) gradient[biases[z] + k] += scalars.adjointTangent[k];
}

/** Σ_i F_i, eV/Å, and Σ_i (r_i − r̄) × F_i, eV, with r_i − r̄ of all atoms, Å, [3N]. */
export interface NetForces {
  readonly force: readonly number[];
  readonly torque: readonly number[];
  readonly arms: Float64Array;
}

export function netForcesOf(sites: Float64Array, forces: Float64Array): NetForces {
  const centre = [0, 0, 0];
  const force = [0, 0, 0];
  for (let c = 0; c < forces.length; c++) {
    centre[c % 3] += (3 * sites[c]) / forces.length;
    force[c % 3] += forces[c];
  }
  const arms = forces.map((_, c) => sites[c] - centre[c % 3]);
  const torque = [0, 0, 0];
  for (let i = 0; i < forces.length; i += 3) {
    const turn = cross(arms.subarray(i, i + 3), forces.subarray(i, i + 3));
    for (let a = 0; a < 3; a++) torque[a] += turn[a];
  }
  return { force, torque, arms };
}

/**
 * ∂L/∂F, [3N], of all that a loss term says of forces: 2 wF ΔF + 2 wN ΣF + 2 wT (Σ r×F) × (r_i − r̄).
 */
export function forceSeeds(
  forceErrors: Float64Array,
  { force, torque, arms }: NetForces,
  weights: { readonly forces: number; readonly netForce?: number; readonly netTorque?: number },
): Float64Array {
  const { netForce = 0, netTorque = 0 } = weights;
  const seeds = forceErrors.map((error, c) => 2 * weights.forces * error + 2 * netForce * force[c % 3]);
  for (let i = 0; i < seeds.length; i += 3) {
    const turn = cross(torque, arms.subarray(i, i + 3));
    for (let a = 0; a < 3; a++) seeds[i + a] += 2 * netTorque * turn[a];
  }
  return seeds;
}

/** What a direct head's term has to report beside its label errors. */
export function netErrors({ force, torque }: NetForces): Required<Pick<TermErrors, 'netForce' | 'netTorque'>> {
  return { netForce: dot(force, force), netTorque: dot(torque, torque) };
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, c) => sum + x * b[c], 0);

function cross(a: ArrayLike<number>, b: ArrayLike<number>): [number, number, number] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
