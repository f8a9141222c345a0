/** What a trust report says of scope, uncertainty and domain, and what a methods section is written from. */
import type { CalibrationMetrics } from '../uncertainty/calibration.ts';
import type { Decay } from '../validation/locality/decay.ts';

/** Smallest and largest value. */
export interface Span {
  readonly min: number;
  readonly max: number;
}

/** What the training data hold, and so what the potential has been shown. */
export interface ScopeReport {
  readonly frames: number;
  readonly atoms: number;
  /** Groups with their frames, the largest first. */
  readonly groups: readonly { readonly name: string; readonly frames: number }[];
  /** Frames that repeat in all directions without a gap, with a gap wider than atoms see, and without any repeat. */
  readonly kinds: { readonly bulk: number; readonly surface: number; readonly molecule: number };
  /** K, where names or comments of the frames give it. */
  readonly temperature?: Span;
  /** Å³/atom, of bulk frames. */
  readonly volumePerAtom?: Span;
  /** Of the frame with the lowest energy per atom, Å³/atom. */
  readonly restingVolume?: number;
  /** −tr σ/3, eV/Å³, positive in compression. */
  readonly pressure?: Span;
  /** Largest |F|, eV/Å. */
  readonly largestForce?: number;
  /** Shortest distance between two elements, Å. */
  readonly shortest: readonly { readonly pair: string; readonly distance: number }[];
}

/** What of the metrics a report shows; see `CalibrationMetrics`. */
export type ShownMetrics = Pick<
  CalibrationMetrics,
  'count' | 'miscalibrationArea' | 'sharpness' | 'spearman' | 'spearmanError' | 'coverage' | 'recallWorstTenth'
> & { /** Root mean square of the errors. */ readonly rmse?: number };

/** Measured on some frames: how large the errors are beside the stated uncertainties. */
export interface UncertaintyOn {
  readonly frames: number;
  /** Of labels within z σ, expected and observed shares, 0 … 1. */
  readonly reliability: readonly { readonly expected: number; readonly observed: number }[];
  readonly metrics: ShownMetrics;
}

export interface QuantityUncertainty {
  /** On the frames that the calibration was learned on. */
  readonly heldOut?: UncertaintyOn;
  /** On the frames of this report. */
  readonly given?: UncertaintyOn;
}

/** σ and error of single values, eV/Å. */
export interface UncertaintyScatter {
  readonly sigma: readonly number[];
  /** |prediction − reference|. */
  readonly error: readonly number[];
  /** How many there were before thinning. */
  readonly total: number;
  /** Ten equal parts, by σ: root mean squares of σ and error. */
  readonly bins: readonly { readonly sigma: number; readonly error: number }[];
}

/** How uncertain the potential says it is, and whether that is so. */
export interface UncertaintyReport {
  /** `spread of 4 heads`. */
  readonly estimator: string;
  readonly calibrated: boolean;
  /** Why it is not calibrated, or what else a reader must know. */
  readonly remark?: string;
  /** What the calibration was learned on. */
  readonly heldOut?: { readonly frames: number; readonly atoms: number; readonly how: string };
  readonly energy?: QuantityUncertainty;
  readonly forces?: QuantityUncertainty;
  readonly stress?: QuantityUncertainty;
  /** Of force components on the frames of this report. */
  readonly scatter?: UncertaintyScatter;
  /** Root mean squares over the frames of this report, eV/Å: what more data would cure, and what it would not. */
  readonly forceParts?: { readonly epistemic: number; readonly aleatoric: number };
}

/** Coordinates on a plane, dimensionless. */
export interface PlanePoints {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Where the frames of the report lie beside what the potential was trained on. */
export interface DomainReport {
  /** Distance beyond which an environment is called unknown, in σ of the training environments. */
  readonly limit?: number;
  readonly frames: number;
  readonly atoms: number;
  readonly framesOutside: number;
  readonly atomsOutside: number;
  /** The farthest first, in words. */
  readonly sentences: readonly string[];
  /** Two principal components of the environments. */
  readonly map?: {
    readonly training: PlanePoints;
    readonly inside: PlanePoints;
    readonly outside: PlanePoints;
    /** Shares of the variance. */
    readonly explained: readonly [number, number];
  };
}

/** How far atoms feel each other: in two crystals whose physics is known, by this potential, and in its data. */
export interface LocalityReport {
  /** Of the potential, Å. */
  readonly cutoff: number;
  /** Force on an atom when all that is farther away than a radius is displaced at random, by 0.1 Å in each direction. */
  readonly outside: readonly FeltFromOutside[];
  /** Held-out force error of linear models that see so far; absent where no frames were at hand for it. */
  readonly data?: {
    /** Å, and eV/Å. */
    readonly radius: readonly number[];
    readonly error: readonly number[];
    /** What was concluded. */
    readonly verdict: string;
  };
}

export interface FeltFromOutside {
  /** `metal (Na, screened Coulomb)`. */
  readonly name: string;
  readonly kind: 'insulator' | 'metal' | 'potential';
  /** Å, and σ_F of a component, eV/Å. */
  readonly radius: readonly number[];
  readonly sigma: readonly number[];
  /** Both laws as fitted; absent where too little is felt. */
  readonly decay?: Decay;
}

/** Facts for a methods section. What is not known is absent. */
export interface MethodFacts {
  readonly descriptor: 'density' | 'symmetry';
  /** Å. */
  readonly cutoff: number;
  readonly radial?: number;
  readonly lmax?: number;
  readonly bodyOrder?: number;
  readonly channels?: number;
  readonly hidden: readonly number[];
  readonly heads: number;
  /** Each head has learned from a bootstrap sample of its own of the training structures. */
  readonly bootstrapped?: boolean;
  /** Heads differ in their last layers only: those of one trained head, with what a bootstrap would have changed. */
  readonly sharedLayers?: boolean;
  readonly weights: number;
  readonly repulsion?: 'ZBL';
  readonly directForces?: true;
  readonly loss?: {
    readonly energy: number;
    readonly forces: number;
    readonly stress: number;
    readonly energyRise?: number;
  };
  readonly optimiser?: 'soap' | 'adam';
  readonly rate?: number;
  readonly batch?: number;
  readonly epochs: number;
  readonly keptEpoch?: number;
  readonly seed: number;
  readonly version: string;
  readonly training: number;
  readonly validation: number;
  readonly split: string;
  readonly sources: readonly { readonly source: string; readonly sha256: string; readonly frames: number }[];
  readonly levelOfTheory?: string;
}
