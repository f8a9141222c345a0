import { checkNearestQuery, type NearestQuery, type NearestResult, rowDistance } from '../nearest.ts';

/** Every query against every point, in double precision. */
export function nearestReference(query: NearestQuery): NearestResult {
  checkNearestQuery(query);
  const { dimension, queries, points, exclude } = query;
  const distances = new Float64Array(queries.length / dimension).fill(Number.POSITIVE_INFINITY);
  const indices = new Int32Array(distances.length).fill(-1);
  for (let i = 0; i < distances.length; i++) {
    for (let j = 0; j < points.length / dimension; j++) {
      if (exclude !== undefined && exclude.queries[i] === exclude.points[j]) continue;
      const distance = rowDistance(queries, i, points, j, dimension);
      if (distance >= distances[i]) continue;
      distances[i] = distance;
      indices[i] = j;
    }
  }
  return { distances, indices };
}
