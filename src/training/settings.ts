import type { ModelShape } from '../kernels/kernels.ts';
import type { Activation, CutoffKind } from '../kernels/symmetry.ts';
import { DEFAULT_OPTIMISER, type OptimiserSettings } from './optimiser.ts';

/** Sizes of a model, before the number of species is known. */
export type ModelSettings = DensitySettings | SymmetrySettings;

/** Sizes of the default model, of density projections. */
export type DensitySettings = Omit<ModelShape, 'species'> & {
  readonly descriptor?: 'density';
  /** Radial functions that go with l = 3, the finest angular resolution; a multiple of 4. All when absent. */
  readonly radialHigh?: number;
  /** Components of the species embedding; the default depends on the number of species. */
  readonly embedding?: number;
};

/** Sizes of a model of Behler–Parrinello symmetry functions; the functions themselves are chosen from the cutoff. */
export interface SymmetrySettings {
  readonly descriptor: 'symmetry';
  /** r_c, Å. */
  readonly cutoff: number;
  readonly cutoffKind: CutoffKind;
  /** r_in as a share of r_c. */
  readonly inner: number;
  /** Radial functions for each species of the neighbour. */
  readonly radial: number;
  /** Widths η of the angular functions; each comes with both λ and every ζ, for each pair of species. */
  readonly angular: number;
  readonly zetas: readonly number[];
  readonly wide: boolean;
  /** Weighted functions: as many for any number of species. */
  readonly weighted: boolean;
  readonly hidden: readonly [number, number];
  readonly activation: Activation;
  readonly heads: number;
  readonly embedding?: number;
}

/**
 * Weights of the loss: energy · ⟨(ΔE/N)²⟩ + forces · ⟨ΔF²⟩ + stress · ⟨(ΔG/N)²⟩, in eV and eV/Å; G = V σ.
 * A weight of 0 leaves a label out.
 */
export interface LossWeights {
  readonly energy: number;
  /** Over the second half of the run the energy weight grows by this factor: forces shape, energies settle. */
  readonly energyRise: number;
  readonly forces: number;
  readonly stress: number;
  /**
   * Penalties of a direct force head: netForce · |Σ F|²/N² and, without periodicity, netTorque · |Σ r×F|²/N². Forces
   * that are a gradient have none of either, and these weights no effect.
   */
  readonly netForce: number;
  readonly netTorque: number;
  /**
   * A frame whose forces and stress would cost a model that says nothing more than this (in the units of the loss, per
   * atom) counts less by the ratio of the two: the few frames with absurdly large forces would drown all others. No
   * limit when absent.
   */
  readonly frameCap?: number;
  /** Factor on all terms of the frames of a group; 1 where it is not named. */
  readonly groups: Readonly<Record<string, number>>;
}

/** poisson: each head learns from a resample of the frames of its own; none: all heads learn from all frames in turn. */
export type Bootstrap = 'poisson' | 'none';

export interface TrainingSettings {
  readonly model: ModelSettings;
  readonly loss: LossWeights;
  readonly optimiser: OptimiserSettings;
  /** Largest learning rate; it falls to 0 along half a cosine, after a short rise. */
  readonly rate: number;
  /** Structures per step. */
  readonly batch: number;
  readonly epochs: number;
  /** The weights that are kept are an average over about this fraction of all steps. */
  readonly averaging: number;
  /** Gradient norms above this are scaled down to it. */
  readonly clip: number;
  /** Validate about this many times during the run. */
  readonly validations: number;
  /** Stop early when this fraction of the run has brought no better validation. */
  readonly patience: number;
  /** What makes the heads of a committee differ; see `headsOfFrames`. Of no effect with one head. */
  readonly bootstrap: Bootstrap;
  readonly seed: number;
}

/** Solids; see docs/theory/potential.md for why these numbers. */
export const SOLID_MODEL: DensitySettings = {
  radial: 8,
  lmax: 3,
  order: 3,
  channels: 8,
  hidden: [8, 8],
  heads: 4,
  cutoff: 5,
  onset: 3.5,
};

/** Molecules need finer radial resolution and more channels. */
export const MOLECULE_MODEL: DensitySettings = {
  radial: 12,
  lmax: 3,
  order: 3,
  channels: 32,
  hidden: [64, 64],
  heads: 1,
  cutoff: 4.5,
  onset: 3,
};

/** Symmetry functions and network in the manner of published Behler–Parrinello potentials: docs/theory/symmetry-functions.md. */
export const SYMMETRY_MODEL: SymmetrySettings = {
  descriptor: 'symmetry',
  cutoff: 5,
  cutoffKind: 'poly2',
  inner: 0,
  radial: 8,
  angular: 3,
  zetas: [1, 2, 4, 16],
  wide: true,
  weighted: false,
  hidden: [32, 32],
  activation: 'tanh',
  heads: 1,
};

/** Molecules: bonds of one kind hardly differ in length, and elements share the network. */
export const SYMMETRY_MOLECULE_MODEL: SymmetrySettings = {
  ...SYMMETRY_MODEL,
  cutoff: 4.5,
  radial: 16,
  angular: 2,
  zetas: [1, 4],
  hidden: [64, 64],
};

/** Small networks on fixed functions bear longer steps than a model whose features are learned. */
export const SYMMETRY_RATE = 0.01;

/** Molecules are told apart by small differences of energy: energies get more say towards the end. */
export const MOLECULE_ENERGY_RISE = 30;

export const DEFAULT_LOSS: LossWeights = {
  energy: 30,
  energyRise: 1,
  forces: 1,
  stress: 0.1,
  netForce: 0,
  netTorque: 0,
  groups: {},
};

export const DEFAULT_TRAINING: Omit<TrainingSettings, 'model' | 'epochs'> = {
  loss: DEFAULT_LOSS,
  optimiser: DEFAULT_OPTIMISER,
  rate: 0.005,
  batch: 8,
  averaging: 0.05,
  clip: 10,
  validations: 40,
  patience: 0.3,
  bootstrap: 'poisson',
  seed: 1,
};
