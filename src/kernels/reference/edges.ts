import type { KernelSystem, ModelShape } from '../kernels.ts';
import { harmonicGradients, radialBasis, sphericalHarmonics } from './basis.ts';

/** The edges of one atom inside the cutoff, with all that the model needs to know of them. */
export interface Edges {
  count: number;
  /** Most edges that the arrays hold. */
  readonly capacity: number;
  /** Site at the far end, [count]. */
  readonly site: Int32Array;
  /** Its species, [count]. */
  readonly species: Int32Array;
  /** r_ij, Å, [count][3]. */
  readonly vector: Float64Array;
  /** r_ij/|r_ij|, [count][3]. */
  readonly direction: Float64Array;
  /** B_b, [count][radial]. */
  readonly radial: Float64Array;
  /** dB_b/dr, 1/Å, [count][radial]. */
  readonly radialSlope: Float64Array;
  /** Y_lm, [count][(lmax+1)²]. */
  readonly angular: Float64Array;
  /** ∂Y_lm/∂r_ij, 1/Å, [count][(lmax+1)²][3]. */
  readonly angularGradient: Float64Array;
}

/** Room for the edges of one atom. */
export function createEdges(shape: ModelShape, capacity: number): Edges {
  const harmonics = (shape.lmax + 1) ** 2;
  return {
    count: 0,
    capacity,
    site: new Int32Array(capacity),
    species: new Int32Array(capacity),
    vector: new Float64Array(3 * capacity),
    direction: new Float64Array(3 * capacity),
    radial: new Float64Array(shape.radial * capacity),
    radialSlope: new Float64Array(shape.radial * capacity),
    angular: new Float64Array(harmonics * capacity),
    angularGradient: new Float64Array(3 * harmonics * capacity),
  };
}

/** Most edges of any atom. */
export function mostEdges(system: KernelSystem): number {
  let most = 0;
  for (let i = 0; i < system.atoms; i++) most = Math.max(most, system.first[i + 1] - system.first[i]);
  return most;
}

/** Fills `edges` with the edges of an atom that are shorter than the cutoff. */
export function gatherEdges(shape: ModelShape, system: KernelSystem, atom: number, edges: Edges): void {
  const { sites, first, neighbours } = system;
  const { lmax, radial, cutoff } = shape;
  const harmonics = (lmax + 1) ** 2;
  const vector = new Float64Array(3);
  const direction = new Float64Array(3);
  let n = 0;
  for (let p = first[atom]; p < first[atom + 1]; p++) {
    const site = neighbours[p];
    for (let c = 0; c < 3; c++) vector[c] = sites[3 * site + c] - sites[3 * atom + c];
    const r = Math.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2);
    if (r >= cutoff) continue;
    for (let c = 0; c < 3; c++) direction[c] = vector[c] / r;
    edges.site[n] = site;
    edges.species[n] = system.species[site];
    edges.vector.set(vector, 3 * n);
    edges.direction.set(direction, 3 * n);
    radialBasis(shape, r, edges.radial, edges.radialSlope, radial * n);
    sphericalHarmonics(lmax, direction, edges.angular, harmonics * n);
    harmonicGradients(lmax, direction, r, edges.angularGradient, 3 * harmonics * n);
    n++;
  }
  edges.count = n;
}

/** Adds D[s,lm,b] = Σ_j B_b Y_lm over the edges to sites j of species s, [S][(lmax+1)²][radial]. */
export function addDensities(shape: ModelShape, edges: Edges, D: Float64Array): void {
  const { radial: count } = shape;
  const { radial, angular, species } = edges;
  const harmonics = (shape.lmax + 1) ** 2;
  for (let j = 0; j < edges.count; j++) {
    const first = species[j] * harmonics * count;
    for (let lm = 0; lm < harmonics; lm++) {
      const Y = angular[j * harmonics + lm];
      for (let b = 0; b < count; b++) D[first + lm * count + b] += radial[j * count + b] * Y;
    }
  }
}

/** Adds dD/dt when the edge vectors move with `velocity`, Å per unit of t, [count][3]. */
export function addDensityTangents(shape: ModelShape, edges: Edges, velocity: Float64Array, D: Float64Array): void {
  const { radial: count } = shape;
  const { radial, radialSlope, angular, angularGradient, direction, species } = edges;
  const harmonics = (shape.lmax + 1) ** 2;
  for (let j = 0; j < edges.count; j++) {
    const [x, y, z] = [velocity[3 * j], velocity[3 * j + 1], velocity[3 * j + 2]];
    const lengthening = x * direction[3 * j] + y * direction[3 * j + 1] + z * direction[3 * j + 2];
    const first = species[j] * harmonics * count;
    for (let lm = 0; lm < harmonics; lm++) {
      const g = 3 * (j * harmonics + lm);
      const dY = angularGradient[g] * x + angularGradient[g + 1] * y + angularGradient[g + 2] * z;
      const drY = lengthening * angular[j * harmonics + lm];
      for (let b = 0; b < count; b++) {
        D[first + lm * count + b] += radialSlope[j * count + b] * drY + radial[j * count + b] * dY;
      }
    }
  }
}

/**
 * ∂e_i/∂r_ij of edge j, eV/Å, from ∂e_i/∂D:
 *   Σ_lm [ n Y_lm Σ_b (dB_b/dr) ∂e/∂D_lm,b + ∇Y_lm Σ_b B_b ∂e/∂D_lm,b ].  Written to `out`, [3].
 */
export function edgeGradient(
  shape: ModelShape,
  edges: Edges,
  j: number,
  adjoint: Float64Array,
  out: Float64Array,
): void {
  const { radial: count } = shape;
  const { radial, radialSlope, angular, angularGradient, direction } = edges;
  const harmonics = (shape.lmax + 1) ** 2;
  const first = edges.species[j] * harmonics * count;
  let [along, x, y, z] = [0, 0, 0, 0];
  for (let lm = 0; lm < harmonics; lm++) {
    const at = first + lm * count;
    let byLength = 0;
    let byDirection = 0;
    for (let b = 0; b < count; b++) {
      byLength += radialSlope[j * count + b] * adjoint[at + b];
      byDirection += radial[j * count + b] * adjoint[at + b];
    }
    const g = 3 * (j * harmonics + lm);
    along += byLength * angular[j * harmonics + lm];
    x += byDirection * angularGradient[g];
    y += byDirection * angularGradient[g + 1];
    z += byDirection * angularGradient[g + 2];
  }
  out[0] = x + along * direction[3 * j];
  out[1] = y + along * direction[3 * j + 1];
  out[2] = z + along * direction[3 * j + 2];
}
