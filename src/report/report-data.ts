import type { CheckCurve } from '../validation/check.ts';
import type { DomainReport, LocalityReport, MethodFacts, ScopeReport, UncertaintyReport } from './trust-data.ts';

/**
 * What a trust report says about one trained potential: plain records that survive `JSON.stringify`, no drawing.
 * Every part but the name, the elements and the date is optional: what is absent is not shown.
 *
 * Numbers are in the units of the library (eV, Å, eV/Å³, fs, K) unless the field's name says otherwise; they are
 * converted to meV/atom, meV/Å, GPa and ps where they are shown.
 */
export interface ReportData {
  /** Version of this layout. */
  readonly schema: 1;
  /** Name of the potential. */
  readonly name: string;
  /** Chemical symbols that it is defined for. */
  readonly elements: readonly string[];
  /** The day of the report, as it shall be printed: `2026-02-14`. The library has no clock. */
  readonly date: string;
  /** What wrote it: `nearsight 0.1.0`. */
  readonly generator?: string;
  /** One sentence. Composed from the checks and the held-out errors when absent. */
  readonly verdict?: string;
  readonly speed?: SpeedSummary;
  readonly data?: DataSummary;
  readonly learning?: LearningCurve;
  readonly errors?: ErrorReport;
  readonly parity?: Parity;
  readonly checks?: readonly CheckRow[];
  readonly properties?: PropertyReport;
  readonly dynamics?: DynamicsReport;
  readonly species?: SpeciesReport;
  readonly card?: ModelCard;
  /** What the potential is wanted for, in the words of whoever asked. */
  readonly purpose?: string;
  readonly scope?: ScopeReport;
  readonly uncertainty?: UncertaintyReport;
  readonly domain?: DomainReport;
  readonly locality?: LocalityReport;
  /** What the draft of a methods section is written from. */
  readonly method?: MethodFacts;
}

/** What an evaluation costs. */
export interface SpeedSummary {
  /** Energy, forces and stress of one atom, µs of wall-clock time. */
  readonly microsecondsPerAtom: number;
  /** Size of the structure that was timed. */
  readonly atoms?: number;
  readonly threads?: number;
  readonly machine?: string;
  /** Time of one electronic-structure calculation divided by ours, for the same atoms. */
  readonly timesFasterThanDft?: number;
  /** What "DFT" was: code, atoms, time, machine. */
  readonly dft?: string;
}

/** Where the labels come from and how they were divided. */
export interface DataSummary {
  /** Path, name or DOI. */
  readonly source: string;
  /** SHA-256 of the file, hex. */
  readonly sha256?: string;
  readonly frames: number;
  readonly atoms: number;
  /** Functional, code and settings behind the labels. */
  readonly levelOfTheory?: string;
  readonly licence?: string;
  readonly groups?: readonly GroupCount[];
  /** How training and held-out frames were kept apart, in words. */
  readonly split?: string;
  /** What the doctor found. An empty list says that it looked and found nothing. */
  readonly findings?: readonly Finding[];
}

/** Frames of one origin, and how many of them went where. */
export interface GroupCount {
  readonly name: string;
  readonly frames: number;
  readonly atoms: number;
  readonly train?: number;
  readonly validation?: number;
  readonly test?: number;
}

/** One remark on the data. */
export interface Finding {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  /** Number of the frame in its file, from 0. */
  readonly frame?: number;
}

/** The course of the training. */
export interface LearningCurve {
  readonly measure: 'MAE' | 'RMSE';
  readonly points: readonly LearningPoint[];
  /** Epoch whose parameters were kept. */
  readonly keptEpoch?: number;
}

/** Errors after one epoch. */
export interface LearningPoint {
  readonly epoch: number;
  /** Since the start of the training. */
  readonly seconds?: number;
  readonly learningRate?: number;
  readonly train?: LearningErrors;
  readonly validation?: LearningErrors;
}

/** Energy in eV/atom, forces in eV/Å, stress in eV/Å³. */
export interface LearningErrors {
  readonly energy?: number;
  readonly forces?: number;
  readonly stress?: number;
}

/** Predicted minus reference, over `count` numbers. */
export interface ErrorStatistics {
  /** Mean absolute error. */
  readonly mae: number;
  /** Root mean square error. */
  readonly rmse: number;
  /** Largest absolute error. */
  readonly max?: number;
  /** Energies, force components or stress components that were compared. */
  readonly count: number;
}

/** Errors over some frames or atoms. */
export interface ErrorRow {
  readonly name: string;
  readonly frames?: number;
  readonly atoms?: number;
  /** eV/atom. */
  readonly energy?: ErrorStatistics;
  /** eV/Å, per component. */
  readonly forces?: ErrorStatistics;
  /** eV/Å³, per component. */
  readonly stress?: ErrorStatistics;
}

/** Errors of each part of the split, and of the held-out frames in detail. */
export interface ErrorReport {
  readonly train?: ErrorRow;
  readonly validation?: ErrorRow;
  readonly test?: ErrorRow;
  /** Of the held-out frames that have no relatives in the training set, where some have. */
  readonly leakFree?: ErrorRow;
  /** How many of the held-out frames have relatives in the training data; absent where nobody looked. */
  readonly related?: { readonly frames: number; readonly of: number };
  /** Root mean square of the reference force components, eV/Å, on the held-out frames or else the training data: what the errors are small against. */
  readonly forceSize?: number;
  /** Of the held-out frames. */
  readonly groups?: readonly ErrorRow[];
  /** Of the held-out frames; forces on the atoms of one element. */
  readonly elements?: readonly ErrorRow[];
}

/** Predicted against reference values. */
export interface Parity {
  /** eV/atom. */
  readonly energy?: ParityPanel;
  /** eV/Å. */
  readonly forces?: ParityPanel;
  /** eV/Å³. */
  readonly stress?: ParityPanel;
}

export interface ParityPanel {
  readonly train?: ParitySet;
  readonly test?: ParitySet;
}

/** Pairs of numbers as `paritySet` makes them. */
export interface ParitySet {
  readonly reference: readonly number[];
  readonly predicted: readonly number[];
  /** How many pairs there were before thinning. */
  readonly total: number;
  /** |predicted − reference| that 0 %, 1 %, … 100 % of all pairs do not exceed, [101]. */
  readonly quantiles: readonly number[];
}

/** One question put to the potential and what came of it. */
export interface CheckRow {
  readonly id: string;
  readonly question: string;
  /** Absent when the check was skipped. */
  readonly value?: number;
  readonly limit?: number;
  /** How a value that passes compares with the limit; `≤` when absent. */
  readonly comparison?: '≤' | '≥';
  readonly unit: string;
  readonly verdict: 'pass' | 'fail' | 'skipped';
  readonly reason?: string;
  /** Checks of one kind stand together: `symmetry`. */
  readonly group?: string;
  readonly limitReason?: string;
  readonly source?: string;
  /** What the value was read from, for a figure. */
  readonly curves?: readonly CheckCurve[];
}

/** Properties of the material, against the reference method where it gave them. */
export interface PropertyReport {
  /** What the reference column is: `PBE, same settings as the labels`. */
  readonly reference?: string;
  readonly table?: readonly PropertyRow[];
  readonly energyVolume?: EnergyVolume;
  readonly stressStrain?: readonly StressStrain[];
}

/** One property, in the unit that it names. */
export interface PropertyRow {
  /** `Lattice constant a0`. */
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** One standard deviation. */
  readonly uncertainty?: number;
  readonly reference?: number;
  readonly experiment?: number;
}

/** Volume in Å³/atom and energy in eV/atom, both [n]. */
export interface VolumeCurve {
  readonly volume: readonly number[];
  readonly energy: readonly number[];
}

export interface EnergyVolume {
  readonly potential: VolumeCurve;
  readonly reference?: VolumeCurve;
  /** Reference points that the potential was not trained on. */
  readonly heldOut?: VolumeCurve;
}

/** Strain (dimensionless) and stress in eV/Å³, positive in tension, both [n]. */
export interface StrainCurve {
  readonly strain: readonly number[];
  readonly stress: readonly number[];
}

export interface StressStrain {
  /** Which strain and which component: `uniaxial, σxx`. */
  readonly name: string;
  readonly potential: StrainCurve;
  readonly reference?: StrainCurve;
  /** Reference points that the potential was not trained on. */
  readonly heldOut?: StrainCurve;
}

/** A run of molecular dynamics with the potential. */
export interface DynamicsReport {
  readonly ensemble: string;
  readonly atoms: number;
  /** fs. */
  readonly timestep: number;
  /** K; the one that was asked for. */
  readonly temperature?: number;
  /** fs, [n]. */
  readonly time: readonly number[];
  /** Potential plus kinetic energy, eV, [n]. */
  readonly totalEnergy?: readonly number[];
  /** What the integrator should conserve (with its thermostat), eV, [n]. */
  readonly conservedEnergy?: readonly number[];
  /** K, [n]. */
  readonly temperatures?: readonly number[];
  /** Slope of the conserved energy, meV/atom/ps. */
  readonly driftMeVPerAtomPerPs?: number;
  readonly rdf?: RadialDistribution;
}

/** g(r), dimensionless, against r in Å. */
export interface RadialDistribution {
  readonly distance: readonly number[];
  readonly potential: readonly number[];
  /** On the same distances. */
  readonly reference?: readonly number[];
}

/** What the model has learned of its elements: the more alike it treats two of them, the nearer they are. */
export interface SpeciesReport {
  /** Chemical symbols, [n]. */
  readonly symbols: readonly string[];
  /** Blocks and groups of the periodic table, [n]; they give the colours. */
  readonly families: readonly ElementFamily[];
  /** Coordinates of the map, dimensionless, [n]; the distance of two elements is 1 in the root mean square. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Share of the squared distances that each coordinate holds. */
  readonly explained: readonly [number, number];
  /** What was compared: `as neighbours and as centres`. */
  readonly compared: string;
  /** Training began from vectors that follow the periodic table: what of it shows was not all learned. */
  readonly startedFromTable?: boolean;
  /** The most similar other elements of each, nearest first, [n]. */
  readonly nearest?: readonly (readonly string[])[];
  /** Elements of the same group among the neighbours of each; absent where no group has two. */
  readonly groups?: {
    readonly pairs: number;
    readonly meanRank: number;
    /** The mean rank of names given at random. */
    readonly chance: number;
    /** Share of random namings with as low a rank. */
    readonly probability: number;
  };
}

export type ElementFamily = 'alkali' | 'earth' | 'dmetal' | 'fmetal' | 'pblock' | 'nonmetal';

/** What else somebody needs who wants to use or repeat it. */
export interface ModelCard {
  /** Number of weights that were fitted. */
  readonly weights?: number;
  readonly cutoff?: number;
  /** SHA-256 of the model file, hex. */
  readonly sha256?: string;
  readonly seed?: number;
  readonly hyperparameters?: Readonly<Record<string, string | number | boolean>>;
  readonly training?: Readonly<Record<string, string | number | boolean>>;
  readonly versions?: Readonly<Record<string, string>>;
  /** What it is for, and what it was not made or tested for. */
  readonly intendedUse?: string;
  readonly notFor?: readonly string[];
  readonly licence?: string;
  readonly citation?: string;
  /** The command line that makes it again. */
  readonly command?: string;
}
