/** How noisy the labels are: what more data of the same kind would not cure. */
import type { Frame } from '../data/dataset.ts';
import type { LoadedPotential } from '../model/load.ts';
import type { Attachment } from '../model/model-file.ts';
import type { NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/** Standard deviations of the noise of labels. */
export interface LabelNoise {
  /** Of the energy per atom, eV/atom. */
  readonly energy: number;
  /** Of each force component, by atom, eV/Å, [N]. */
  readonly forces: Float64Array;
  /** Of each stress component, eV/Å³. */
  readonly stress: number;
}

/** The noise that a model has learned, ready to be asked. */
export interface Noise {
  /** Groups that it knows by name. */
  readonly groups: readonly string[];
  /** Of labels of this structure, were it computed like the frames of `group`; of all of them without one. */
  of(structure: Structure, options?: { readonly group?: string; readonly neighbours?: NeighbourList }): LabelNoise;
}

/** Learns the noise of labels from what a trained potential leaves of them; null where there is too little to learn from. */
export function fitNoise(
  _potential: LoadedPotential,
  _frames: { readonly train: readonly Frame[]; readonly heldOut: readonly Frame[] },
  _options: { readonly seed: number },
): Attachment | null {
  return null;
}

/** The noise that a model file knows; null where it knows none. */
export function openNoise(_attachment: Attachment | null, _potential: LoadedPotential): Noise | null {
  return null;
}
