/** Estimators from how far environments are from the training: they know nothing of the readout. */
import type { Domain } from './domain.ts';
import type { Estimator, RawUncertainty } from './estimator.ts';

/** Distance to the mean of the training environments of the element, in units of how these vary. */
export function mahalanobisEstimator(domain: Domain): Estimator {
  return {
    name: 'mahalanobis',
    estimate: (structure, neighbours) => fromDistances(domain.quick(structure, neighbours), structure.pbc),
  };
}

/** Distance to the nearest of the training environments that were kept. */
export function nearestEstimator(domain: Domain): Estimator {
  return {
    name: 'nearest',
    estimate: (structure, neighbours) => fromDistances(domain.distances(structure, neighbours), structure.pbc),
  };
}

/** Energies per atom and stresses are means over atoms, and so is what is said of them: the root mean square. */
export function fromDistances(distances: Float64Array, pbc: readonly boolean[]): RawUncertainty {
  let square = 0;
  for (const d of distances) square += d * d;
  const mean = Math.sqrt(square / distances.length);
  return { energy: mean, forces: distances, stress: pbc.every((repeats) => repeats) ? mean : null };
}
