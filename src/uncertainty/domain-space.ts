/**
 * The space in which environments are compared: features of one species whitened by their covariance over the training
 * environments, and some of these environments as points in it. Formulas: docs/theory/domain.md.
 */
import type { NearestSearch } from '../kernels/nearest.ts';
import { solveLowerRows } from '../linear-algebra.ts';

/** Everything that a model file keeps of its training environments. Species in the order of the model's elements. */
export interface DomainSpace {
  /** Features of an environment, F. */
  readonly dimension: number;
  /** Mean features, [S][F]. */
  readonly mean: Float64Array;
  /** L of z = L⁻¹ (x − mean), lower triangles, [F][F]; one for each species, or one for all. */
  readonly factors: readonly Float64Array[];
  /** Training environments that were kept: whitened, [n][F], and where they are from, [n][source, frame, group]. */
  readonly kept: readonly { readonly points: Float32Array; readonly origin: Int32Array }[];
  /** Training environments that were looked at, [S]; 0: nothing is known of this species. */
  readonly environments: readonly number[];
  /** Whitened distances that are called 1 σ, [S]. */
  readonly units: { readonly nearest: readonly number[]; readonly mahalanobis: readonly number[] };
}

/** Distances of some environments of one species. */
export interface Placed {
  /** To the nearest of the kept environments, σ, [n]; Infinity where nothing is known of the species. */
  readonly distances: Float64Array;
  /** That environment, [n]; −1 where there is none. */
  readonly indices: Int32Array;
}

/** Coordinates beyond this are all the same: unthinkably far, and still finite in single precision. */
const FARTHEST = 1e9;

/** Features of environments of one species, [n][F], as points of the whitened space, in single precision. */
export function whitened(
  rows: Float64Array,
  species: number,
  { dimension, mean, factors }: Pick<DomainSpace, 'dimension' | 'mean' | 'factors'>,
): Float32Array {
  const n = rows.length / dimension;
  const z = new Float64Array(rows.length);
  for (let at = 0; at < z.length; ) {
    for (let f = species * dimension; f < (species + 1) * dimension; f++, at++) z[at] = rows[at] - mean[f];
  }
  solveLowerRows(factors[factors.length === 1 ? 0 : species], dimension, z, n);
  const points = new Float32Array(z.length);
  for (let at = 0; at < z.length; at++) {
    // Features of atoms on top of each other overflow.
    points[at] = Number.isNaN(z[at]) ? FARTHEST : Math.max(-FARTHEST, Math.min(FARTHEST, z[at]));
  }
  return points;
}

/** Lengths |z| of points, [n]. */
export function lengths(points: Float32Array, dimension: number): Float64Array {
  const out = new Float64Array(points.length / dimension);
  for (let i = 0, at = 0; i < out.length; i++) {
    let square = 0;
    for (let f = 0; f < dimension; f++, at++) square += points[at] * points[at];
    out[i] = Math.sqrt(square);
  }
  return out;
}

/**
 * Distances of whitened points of one species to the nearest kept environment.
 * @param frames where given, environments of these frames (as [source, frame] of each point) are not counted
 */
export function toNearest(
  points: Float32Array,
  species: number,
  { dimension, kept, units }: Pick<DomainSpace, 'dimension' | 'kept' | 'units'>,
  { nearest, exclude }: { readonly nearest: NearestSearch; readonly exclude?: Exclusion | undefined },
): Placed {
  const { distances, indices } = nearest({
    dimension,
    queries: points,
    points: kept[species].points,
    ...(exclude && { exclude }),
  });
  const unit = units.nearest[species];
  return { distances: distances.map((d) => d / unit), indices };
}

/** Labels of queries and points: the same label is never matched. */
export interface Exclusion {
  readonly queries: Int32Array;
  readonly points: Int32Array;
}
