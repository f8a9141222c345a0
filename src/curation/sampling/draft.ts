/** What a plan makes of a structure, on its way from a part of the plan to a structure that is ready to be labelled. */
import type { InfoValue } from '../../data/dataset.ts';
import type { NearsightError } from '../../errors.ts';
import type { Potential } from '../../model/potential.ts';
import type { Random } from '../../random.ts';
import type { Structure } from '../../structure/structure.ts';
import type { SymmetryFinder } from '../../structure/symmetry.ts';

/** A structure, and what is worth knowing of how it was made. */
export interface Variant {
  readonly structure: Structure;
  readonly info?: Readonly<Record<string, InfoValue>>;
}

/** Something to be made: `make` may be called again for another draw where chance is involved. */
export interface Draft {
  /** Word of the group: `shear-yz`; '' adds none. */
  readonly tag: string;
  readonly random?: boolean;
  make(): Variant;
}

/** What could not be made at all. */
export interface Failure {
  readonly tag: string;
  readonly error: NearsightError;
}

/** How far long work has come: `md at 600 K, frame 3 of 20`. */
export interface Note {
  readonly note: string;
}

export interface MakerTools {
  readonly symmetry: SymmetryFinder;
  /** Of this part on this structure alone. */
  readonly random: Random;
  /** Name of this part and of the structure that it is given, the same for no other pair. */
  readonly origin: string;
  readonly potential: Potential | undefined;
  readonly signal: AbortSignal | undefined;
}

export type Made = Draft | Failure | Note;

/** A structure that is ready to be labelled. */
export interface Sample {
  readonly structure: Structure;
  /** What was done to it: `hydrostatic+rattle`. */
  readonly group: string;
  /** `id`, `plan`, `seed`, and the settings that it was made with. */
  readonly info: Readonly<Record<string, InfoValue>>;
}
