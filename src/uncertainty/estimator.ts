/** The contract of everything that says how uncertain a prediction is, before calibration. */
import type { NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/**
 * heads: spread of the heads of one model; models: spread of several models; mahalanobis: distance of an environment to
 * the mean of the training environments, in units of how these vary; nearest: the same to the nearest of them;
 * last-layer: variance of a linear fit in the last layer of the network.
 */
export type EstimatorName = 'heads' | 'models' | 'mahalanobis' | 'nearest' | 'last-layer';

/** Numbers u ≥ 0 that should grow with the error, in units that only calibration knows. */
export interface RawUncertainty {
  /** Of the energy per atom. A committee: eV/atom. */
  readonly energy: number;
  /** Of the force on each atom, [N]. A committee: root mean square over x, y, z of the spread, eV/Å. */
  readonly forces: Float64Array;
  /** Of the stress. A committee: root mean square over the nine components, eV/Å³; null where there is no volume. */
  readonly stress: number | null;
}

/** Says of each structure how uncertain predictions are there. */
export interface Estimator {
  readonly name: EstimatorName;
  estimate(structure: Structure, neighbours?: NeighbourList): RawUncertainty;
}
