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
  let n = 0;
  for (let p = first[atom]; p < first[atom + 1]; p++) {
    const site = neighbours[p];
    const x = sites[3 * site] - sites[3 * atom];
    const y = sites[3 * site + 1] - sites[3 * atom + 1];
    const z = sites[3 * site + 2] - sites[3 * atom + 2];
    const r = Math.sqrt(x * x + y * y + z * z);
    if (r >= cutoff) continue;
    const direction = [x / r, y / r, z / r];
    edges.site[n] = site;
    edges.species[n] = system.species[site];
    edges.vector.set([x, y, z], 3 * n);
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
  const { radial } = shape;
  const harmonics = (shape.lmax + 1) ** 2;
  for (let j = 0; j < edges.count; j++) {
    for (let lm = 0; lm < harmonics; lm++) {
      const at = (edges.species[j] * harmonics + lm) * radial;
      const Y = edges.angular[j * harmonics + lm];
      for (let b = 0; b < radial; b++) D[at + b] += edges.radial[j * radial + b] * Y;
    }
  }
}

/** Adds dD/dt when the edge vectors move with `velocity`, Å per unit of t, [count][3]. */
export function addDensityTangents(shape: ModelShape, edges: Edges, velocity: Float64Array, D: Float64Array): void {
  const { radial } = shape;
  const harmonics = (shape.lmax + 1) ** 2;
  for (let j = 0; j < edges.count; j++) {
    const [x, y, z] = [velocity[3 * j], velocity[3 * j + 1], velocity[3 * j + 2]];
    const n = edges.direction;
    const lengthening = x * n[3 * j] + y * n[3 * j + 1] + z * n[3 * j + 2];
    for (let lm = 0; lm < harmonics; lm++) {
      const at = (edges.species[j] * harmonics + lm) * radial;
      const Y = edges.angular[j * harmonics + lm];
      const g = 3 * (j * harmonics + lm);
      const dY = edges.angularGradient[g] * x + edges.angularGradient[g + 1] * y + edges.angularGradient[g + 2] * z;
      for (let b = 0; b < radial; b++) {
        const edge = j * radial + b;
        D[at + b] += edges.radialSlope[edge] * lengthening * Y + edges.radial[edge] * dY;
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
  const { radial } = shape;
  const harmonics = (shape.lmax + 1) ** 2;
  let [along, x, y, z] = [0, 0, 0, 0];
  for (let lm = 0; lm < harmonics; lm++) {
    const at = (edges.species[j] * harmonics + lm) * radial;
    let byLength = 0;
    let byDirection = 0;
    for (let b = 0; b < radial; b++) {
      byLength += edges.radialSlope[j * radial + b] * adjoint[at + b];
      byDirection += edges.radial[j * radial + b] * adjoint[at + b];
    }
    const g = 3 * (j * harmonics + lm);
    along += byLength * edges.angular[j * harmonics + lm];
    x += byDirection * edges.angularGradient[g];
    y += byDirection * edges.angularGradient[g + 1];
    z += byDirection * edges.angularGradient[g + 2];
  }
  out[0] = x + along * edges.direction[3 * j];
  out[1] = y + along * edges.direction[3 * j + 1];
  out[2] = z + along * edges.direction[3 * j + 2];
}
