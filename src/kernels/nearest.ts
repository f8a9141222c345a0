/**
 * Nearest neighbours among many points of many dimensions: the contract, kept by `reference/nearest.ts` and, fast, by
 * `simd/nearest.ts`. The search is exhaustive: beyond some ten dimensions no tree beats comparing with all points, as
 * long as a comparison stops when it is lost.
 */

/** Points as rows of one flat array; every coordinate finite. */
export interface NearestQuery {
  /** Coordinates of a point, D. */
  readonly dimension: number;
  /** [Q][D], row-major. */
  readonly queries: Float32Array;
  /** [P][D], row-major. */
  readonly points: Float32Array;
  /** A query is never matched with a point of its own label: labels of the queries, [Q], and of the points, [P]. */
  readonly exclude?: { readonly queries: Int32Array; readonly points: Int32Array };
}

/** For each query, in its order. */
export interface NearestResult {
  /** Euclidean distance to the nearest point, [Q], in double precision; Infinity where there is none. */
  readonly distances: Float64Array;
  /** That point, [Q]; −1 where there is none. Of points that are equally near to single precision, any. */
  readonly indices: Int32Array;
}

export type NearestSearch = (query: NearestQuery) => NearestResult;

/** Throws RangeError where the lengths of the arrays do not fit. */
export function checkNearestQuery({ dimension, queries, points, exclude }: NearestQuery): void {
  const [Q, P] = [queries.length / dimension, points.length / dimension];
  if (!Number.isInteger(dimension) || dimension < 1 || !Number.isInteger(Q) || !Number.isInteger(P)) {
    throw new RangeError(`${queries.length} and ${points.length} numbers are no points of dimension ${dimension}`);
  }
  if (exclude !== undefined && (exclude.queries.length !== Q || exclude.points.length !== P)) {
    throw new RangeError(`labels for ${exclude.queries.length} and ${exclude.points.length} of ${Q} and ${P} points`);
  }
}

/** Distance of row i of a from row j of b, summed in double precision. */
export function rowDistance(a: Float32Array, i: number, b: Float32Array, j: number, dimension: number): number {
  let sum = 0;
  for (let k = 0, p = i * dimension, q = j * dimension; k < dimension; k++, p++, q++) sum += (a[p] - b[q]) ** 2;
  return Math.sqrt(sum);
}
