/** What the training environments are like, and how far from them an atom is. */
import type { Frame } from '../data/dataset.ts';
import type { Kernel } from '../kernels/kernels.ts';
import type { LoadedPotential } from '../model/load.ts';
import type { Attachment, ModelFile } from '../model/model-file.ts';
import type { NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/** A training frame, and the file that it is from (a name without folders). */
export interface SourcedFrame {
  readonly frame: Frame;
  readonly source: string;
}

/** Where an environment comes from. */
export interface Origin {
  readonly source: string;
  readonly frame: number;
  readonly group: string;
}

/** How new one atom's environment is. */
export interface Novelty {
  readonly atom: number;
  /** Chemical symbol. */
  readonly element: string;
  /** In σ of the training environments of its element: beyond `Domain.limit` it is outside. */
  readonly distance: number;
  /** The training frame with the nearest environment. */
  readonly nearest: Origin | null;
}

/** What the domain says of one structure. */
export interface DomainVerdict {
  readonly inside: boolean;
  /** Atoms outside, the farthest first. */
  readonly outside: readonly Novelty[];
  /** The farthest atom, outside or not. */
  readonly farthest: Novelty;
  /** All of it in words, for a person. */
  readonly sentence: string;
}

/** The training domain of a model, ready to be asked. */
export interface Domain {
  /** Distance beyond which an environment is called unknown, σ; set on frames that were held out. */
  readonly limit: number;
  /** Distance of each atom, σ, [N]. */
  distances(structure: Structure, neighbours?: NeighbourList): Float64Array;
  verdict(structure: Structure, neighbours?: NeighbourList): DomainVerdict;
}

/** Measures the domain of a model on its training frames; held-out ones set the limit. */
export function measureDomain(
  _file: Pick<ModelFile, 'model' | 'parts'>,
  _kernel: Kernel,
  _frames: { readonly train: readonly SourcedFrame[]; readonly heldOut: readonly SourcedFrame[] },
): Attachment | null {
  return null;
}

/** The domain that a model file knows; null where it knows none. */
export function openDomain(_attachment: Attachment | null, _potential: LoadedPotential): Domain | null {
  return null;
}
