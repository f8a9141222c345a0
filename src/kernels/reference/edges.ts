import type { KernelSystem, ModelShape } from '../kernels.ts';
import { harmonicGradients, radialBasis, sphericalHarmonics } from './basis.ts';

/** One edge r_ij, with all that the model needs to know of it. */
export interface Edge {
  /** Atoms i and j; where j is an image, the atom that owns it. */
  from: number;
  to: number;
  /** Species of j. */
  species: number;
  /** r_ij, Å, [3]. */
  readonly vector: Float64Array;
  /** r_ij/|r_ij|, [3]. */
  readonly direction: Float64Array;
  /** B_b, [radial]. */
  readonly radial: Float64Array;
  /** dB_b/dr, 1/Å, [radial]. */
  readonly radialSlope: Float64Array;
  /** Y_lm, [(lmax+1)²]. */
  readonly angular: Float64Array;
  /** ∂Y_lm/∂r_ij, 1/Å, [(lmax+1)²][3]. */
  readonly angularGradient: Float64Array;
}

function createEdge({ lmax, radial }: ModelShape): Edge {
  const harmonics = (lmax + 1) ** 2;
  return {
    from: 0,
    to: 0,
    species: 0,
    vector: new Float64Array(3),
    direction: new Float64Array(3),
    radial: new Float64Array(radial),
    radialSlope: new Float64Array(radial),
    angular: new Float64Array(harmonics),
    angularGradient: new Float64Array(3 * harmonics),
  };
}

/** The edges of one atom that are shorter than the cutoff. They live in `pool` until the next call. */
export function gatherEdges(shape: ModelShape, system: KernelSystem, atom: number, pool: Edge[]): Edge[] {
  const { sites, first, neighbours } = system;
  let count = 0;
  for (let p = first[atom]; p < first[atom + 1]; p++) {
    if (count === pool.length) pool.push(createEdge(shape));
    const edge = pool[count];
    const { vector, direction } = edge;
    const site = neighbours[p];
    edge.from = atom;
    edge.to = system.owner[site];
    edge.species = system.species[site];
    for (let c = 0; c < 3; c++) vector[c] = sites[3 * site + c] - sites[3 * atom + c];
    const r = Math.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2);
    if (r >= shape.cutoff) continue;
    for (let c = 0; c < 3; c++) direction[c] = vector[c] / r;
    radialBasis(shape, r, edge.radial, edge.radialSlope);
    sphericalHarmonics(shape.lmax, direction, edge.angular);
    harmonicGradients(shape.lmax, direction, r, edge.angularGradient);
    count++;
  }
  return pool.slice(0, count);
}

/** Adds B_b Y_lm of one edge to D[s,lm,b], [S][(lmax+1)²][radial], s its species. */
export function addDensity({ species, radial, angular }: Edge, D: Float64Array): void {
  let at = species * angular.length * radial.length;
  for (let lm = 0; lm < angular.length; lm++) {
    for (let b = 0; b < radial.length; b++) D[at++] += radial[b] * angular[lm];
  }
}

/** Adds what D[s,lm,b] gains per unit of t when the edge vector moves with `velocity`, Å per unit of t, [3]. */
export function addDensityTangent(edge: Edge, velocity: Float64Array, D: Float64Array): void {
  const { species, direction, radial, radialSlope, angular, angularGradient } = edge;
  const [x, y, z] = [velocity[0], velocity[1], velocity[2]];
  const lengthening = x * direction[0] + y * direction[1] + z * direction[2];
  let at = species * angular.length * radial.length;
  for (let lm = 0; lm < angular.length; lm++) {
    const turning = x * angularGradient[3 * lm] + y * angularGradient[3 * lm + 1] + z * angularGradient[3 * lm + 2];
    for (let b = 0; b < radial.length; b++) {
      D[at++] += radialSlope[b] * lengthening * angular[lm] + radial[b] * turning;
    }
  }
}

/**
 * ∂e_i/∂r_ij of one edge, eV/Å, from the adjoint ∂e_i/∂D, eV:
 *   Σ_lm [ n Y_lm Σ_b (dB_b/dr) ∂e/∂D_lm,b + ∇Y_lm Σ_b B_b ∂e/∂D_lm,b ].  Written to `gradient`, [3].
 */
export function edgeGradient(edge: Edge, adjoint: Float64Array, gradient: Float64Array): void {
  const { species, direction, radial, radialSlope, angular, angularGradient } = edge;
  let [along, x, y, z] = [0, 0, 0, 0];
  let at = species * angular.length * radial.length;
  for (let lm = 0; lm < angular.length; lm++) {
    let byLength = 0;
    let byDirection = 0;
    for (let b = 0; b < radial.length; b++) {
      byLength += radialSlope[b] * adjoint[at];
      byDirection += radial[b] * adjoint[at++];
    }
    along += byLength * angular[lm];
    x += byDirection * angularGradient[3 * lm];
    y += byDirection * angularGradient[3 * lm + 1];
    z += byDirection * angularGradient[3 * lm + 2];
  }
  gradient[0] = x + along * direction[0];
  gradient[1] = y + along * direction[1];
  gradient[2] = z + along * direction[2];
}
