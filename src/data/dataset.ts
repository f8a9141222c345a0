import type { Structure } from '../structure/structure.ts';

/** Reference values of one structure. Absent means "not labelled", never zero. */
export interface Labels {
  /** Total energy as labelled, eV. */
  readonly energy?: number;
  /** eV/Å, [3N]. */
  readonly forces?: Float64Array;
  /** σ = (1/V) ∂E/∂ε, eV/Å³, [9], symmetric, positive in tension (the sign that ASE uses). */
  readonly stress?: Float64Array;
}

/** A value of a comment line that nearsight does not use and hands through unchanged. */
export type InfoValue = string | number | boolean | readonly (string | number | boolean)[];

/** A column (or several) of per-atom data that nearsight does not use and hands through unchanged. */
export interface AtomArray {
  /** Extended XYZ type letter: S(tring), R(eal), I(nteger), L(ogical). */
  readonly type: 'S' | 'R' | 'I' | 'L';
  readonly columns: number;
  /** Row-major, [N · columns]. */
  readonly values: readonly string[] | Float64Array | Int32Array | readonly boolean[];
}

/** The names under which a file had what nearsight read as labels and group; absent where it had none. */
export interface LabelSources {
  readonly energy?: string;
  readonly forces?: string;
  readonly stress?: string;
  readonly group?: string;
}

/** One structure of a file, with its labels and whatever else the file said of it. */
export interface Frame {
  readonly structure: Structure;
  readonly labels: Labels;
  /** Where it comes from (`config_type` and its sisters); '' when the file does not say. */
  readonly group: string;
  readonly info: Readonly<Record<string, InfoValue>>;
  readonly arrays: Readonly<Record<string, AtomArray>>;
  /** Which of several possible names the labels were read from, when the frame comes from a file. */
  readonly names?: LabelSources;
  /** Line of the file on which the frame starts, from 1, and its number in the file, from 0. */
  readonly line: number;
  readonly index: number;
}

/** Frames with a common origin. */
export interface Dataset {
  readonly frames: readonly Frame[];
  /** Path or name. */
  readonly source: string;
  /** SHA-256 of the bytes that were read (after decompression), hex; '' when made in memory. */
  readonly sha256: string;
  /** Name of the format that it was read from; absent when made in memory. */
  readonly format?: string;
  /** Frames of the source that were left out because the user asked for that; none when absent. */
  readonly skipped?: number;
}
