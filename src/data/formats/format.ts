/**
 * The contract between a file format and everything else. A reader settles units and signs on its way in: what it gives
 * back is in Å, eV, eV/Å and eV/Å³ (stress positive in tension), and each reader's first comment says what its source
 * has. Readers and writers see bytes, never a file system.
 */
import type { NearsightError } from '../../errors.ts';
import type { Frame, Labels } from '../dataset.ts';
import type { WritableFrame } from '../extxyz/write.ts';

/** A file, unpacked. */
export interface InputFile {
  /** As it is named in errors; its last part counts as the name of the file. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A file to be written. */
export interface OutputFile {
  /** Below the path that the user named; '' for a format of one file. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Characters that one string surely holds; V8 ends at 2²⁹. */
const LONGEST_STRING = 2 ** 28;

/** The content of a file of these pieces: a string, or bytes where no string is long enough. */
export function joined(pieces: readonly string[], longest: number = LONGEST_STRING): string | Uint8Array {
  if (pieces.reduce((sum, { length }) => sum + length, 0) <= longest) return pieces.join('');
  const encoder = new TextEncoder();
  const encoded = pieces.map((piece) => encoder.encode(piece));
  const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of encoded) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What a file does not say and the user may have to. Absent means "not said", never a default. */
export interface FormatOptions {
  /** Elements of the atom types 1, 2, … of files that number them. */
  readonly elements?: readonly string[];
  /** Units of files that do not name theirs: LAMMPS styles, or the two customs of n2p2 files. */
  readonly units?: 'metal' | 'real' | 'electron' | 'atomic' | 'si';
  /** Calculations that did not converge: refused unless they are to be skipped, which leaves gaps in `Frame.index`. */
  readonly unconverged?: 'refuse' | 'skip';
  /** Is told of each frame that is skipped, also of those at the end of a file, where no gap shows. */
  readonly onSkip?: (why: NearsightError) => void;
}

/** Refuses a frame that must not become a label: throws `why`, unless the user asked to skip such frames. */
export function refuseOrSkip(why: NearsightError, options: FormatOptions): void {
  if (options.unconverged !== 'skip') throw why;
  options.onSkip?.(why);
}

/** One format. `read` or `write` is absent where nearsight does only the other. */
export interface Format {
  /** As in `--from` and `--to`. */
  readonly name: string;
  /** As in a help text: "VASP OUTCAR". */
  readonly title: string;
  /** Usual names of such files (the last part of the path, without .gz). */
  readonly names: RegExp;
  /** Whether the first 64 KiB of a file are unmistakably in this format. */
  recognises?(head: string): boolean;
  /**
   * Which files of the same folder belong to it (names relative to the folder of `main`); for a format that is a
   * folder, `main` is its path with no bytes and the listing goes to all depths.
   */
  companions?(main: InputFile, listing: readonly string[]): readonly string[];
  /** True for formats that are a folder rather than a file. */
  readonly folder?: boolean;
  /** Labels that a written file has room for; none when absent, as in files of bare structures. */
  readonly labels?: readonly (keyof Labels)[];
  /**
   * All frames, in the order of the file. The first file is the one that was named, the others its companions.
   * @throws NearsightError with path, line, frame and field
   */
  read?(files: readonly InputFile[], options: FormatOptions): Frame[];
  /**
   * The frames as files of this format.
   * @throws NearsightError `unwritable-…` for what the format has no place for and that must not be lost in silence
   */
  write?(frames: readonly WritableFrame[], options: FormatOptions): OutputFile[];
}
