/** What the edges of an atom have to do with forces on atoms, and with motions of them. */
import type { KernelResult } from '../kernels.ts';

/** An edge r_ij as a vector. */
export interface EdgeVector {
  /** Atoms i and j; where j is an image, the atom that owns it. */
  from: number;
  to: number;
  /** r_ij, Å, [3]. */
  readonly vector: Float64Array;
}

/**
 * Adds what one edge has to say to the forces of its two atoms and to the strain gradient, given g = ∂e_i/∂r_ij.
 * As r_ij = r_j − r_i, the force on j is −g and that on i is +g.
 */
export function addEdgeForce(
  { from, to, vector }: EdgeVector,
  g: Float64Array,
  { forces, strainGradient }: KernelResult,
): void {
  for (let a = 0; a < 3; a++) {
    forces[3 * from + a] += g[a];
    forces[3 * to + a] -= g[a];
    for (let b = 0; b < 3; b++) strainGradient[3 * a + b] += vector[a] * g[b];
  }
}

/** A motion of all atoms, by velocities v, [3N], and a strain that grows as W, [9]. */
export interface Motion {
  readonly velocities: Float64Array;
  readonly strainRate: Float64Array;
}

/** dr_ij/dt = v_j − v_i + Wᵀ r_ij, written to `velocity`, [3]. */
export function edgeVelocity(
  { from, to, vector }: EdgeVector,
  { velocities, strainRate }: Motion,
  velocity: Float64Array,
): void {
  for (let b = 0; b < 3; b++) {
    velocity[b] = velocities[3 * to + b] - velocities[3 * from + b];
    for (let a = 0; a < 3; a++) velocity[b] += vector[a] * strainRate[3 * a + b];
  }
}

export function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
