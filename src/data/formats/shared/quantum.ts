/** What the readers of quantum chemistry codes share. */
import { atomicNumberOf } from '../../../elements.ts';
import { NearsightError, type Place } from '../../../errors.ts';
import { BOHR, HARTREE } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { FormatOptions, InputFile } from '../format.ts';
import { type Lines, linesOf } from './lines.ts';
import { numberOf } from './values.ts';

/** 1 Hartree/Bohr in eV/Å. */
export const HARTREE_PER_BOHR: number = HARTREE / BOHR;
/** 1 Hartree/Bohr³ in eV/Å³. */
export const HARTREE_PER_BOHR3: number = HARTREE / BOHR ** 3;

/**
 * Three numbers that stand one after another in `words`, times `factor`.
 * @throws NearsightError `bad-number`, `not-finite`
 */
export function vectorOf(words: readonly string[], meaning: string, place: Place, factor = 1): number[] {
  return [0, 1, 2].map((axis) => numberOf(words[axis] ?? '', meaning, place) * factor);
}

/** Lines that were written to their end: the last one of a program that was stopped may have lost digits. */
export function finishedLinesOf({ path, bytes }: InputFile): Lines {
  return linesOf({ path, bytes: bytes.subarray(0, bytes.lastIndexOf(10) + 1) });
}

/**
 * Runs `read` and says whether it came to its end: a file that ends within a block is refused, unless unfinished frames
 * are to be skipped.
 * @throws NearsightError what `read` throws
 */
export function readToEnd(options: FormatOptions, read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    const cut = error instanceof NearsightError && error.code === 'truncated-file';
    if (cut && options.unconverged === 'skip') return false;
    throw error;
  }
}

/** The next line of a block that has to be complete. @throws NearsightError `truncated-file` */
export function lineOf(lines: Lines, meaning: string): string {
  const line = lines.next();
  if (line !== null) return line;
  throw refusal(
    'truncated-file',
    `the file ends within ${meaning}`,
    'the program was stopped, or the copy is incomplete: ask for unconverged frames to be skipped to take those before',
    lines.place(),
  );
}

/** Of a calculation whose electrons did not converge. */
export function unconverged(place: Place): NearsightError {
  return refusal(
    'unconverged',
    'the self-consistent cycle of this frame did not converge, so its energy and forces are not labels',
    'repeat it with more iterations or other mixing, or ask for unconverged frames to be skipped',
    place,
  );
}

/** Of a file that is read to its end without any label. */
export function noFrames(place: Place, what: string): NearsightError {
  return refusal(
    'no-frames',
    `no ${what} in this file`,
    'the calculation stopped before its first energy, or it is not the main output: look at its end',
    place,
  );
}

/** Capital first, the rest small. */
function spelled(letters: string): string {
  return letters.slice(0, 1).toUpperCase() + letters.slice(1).toLowerCase();
}

/** Atomic number, or undefined for what is no symbol of an element. */
export function elementFrom(letters: string): number | undefined {
  try {
    return atomicNumberOf(spelled(letters));
  } catch {
    return undefined;
  }
}

/**
 * Atomic number of a label such as `Si`, `si1`, `Fe_up` or `C-h`: the letters before the first other sign. `pseudo` is
 * what the pseudopotential says of itself, where that is known: it decides over labels that are no element (`D`,
 * `Feu`) and must not contradict the others.
 * @throws NearsightError `unknown-species`, `ambiguous-species`
 */
export function elementOfLabel(label: string, pseudo: string | undefined, place: Place): number {
  const byLabel = elementFrom(/^[A-Za-z]*/.exec(label)?.[0] ?? '');
  const byPseudo = pseudo === undefined ? undefined : elementFrom(pseudo);
  if (byLabel !== undefined && byPseudo !== undefined && byLabel !== byPseudo) {
    throw refusal(
      'ambiguous-species',
      `the species ${quoted(label)} has a pseudopotential of ${pseudo}`,
      'name species by their element, as in Si, Si1 or Fe_up, and rename them in this file',
      place,
    );
  }
  const number = byPseudo ?? byLabel;
  if (number !== undefined) return number;
  throw refusal(
    'unknown-species',
    `the species ${quoted(label)} begins with no symbol of an element`,
    'name species by their element, as in Si, Si1 or Fe_up, and rename them in this file',
    place,
  );
}

/** What to do at a line that contains `marker`. */
export type Handler<State> = readonly [marker: string, handle: (state: State, line: string) => void];

/** What the reader of an output that holds frame after frame remembers, whatever the program. */
export interface Reading {
  readonly lines: Lines;
  readonly options: FormatOptions;
  readonly frames: Frame[];
  /** Frames so far, those that were skipped included. */
  count: number;
}

/** A reading that has not begun. */
export function startReading(file: InputFile, options: FormatOptions): Reading {
  return { lines: finishedLinesOf(file), options, frames: [], count: 0 };
}

/** The line that was read last, in the frame that is being read. */
export function placeIn({ lines, count }: Reading, field?: string): Place {
  return lines.place(field, count);
}

/**
 * All frames of an output: every line goes to its handler, and `finish` takes the last frame, unless it was cut off and
 * unfinished frames are skipped.
 * @param label what a file without any frame lacks
 * @throws NearsightError `no-frames`, and what the handlers throw
 */
export function readFramesOf<State extends Reading>(
  state: State,
  handlers: readonly Handler<State>[],
  finish: (state: State) => void,
  label: string,
): Frame[] {
  if (readToEnd(state.options, () => followMarkers(state, handlers))) finish(state);
  else state.count++;
  if (state.count === 0) throw noFrames(state.lines.place(), label);
  return state.frames;
}

/** Reads a text to its end; at each line the first handler whose marker it contains is called. */
export function followMarkers<State extends { readonly lines: Lines }>(
  state: State,
  handlers: readonly Handler<State>[],
): void {
  for (let line = state.lines.next(); line !== null; line = state.lines.next()) {
    for (const [marker, handle] of handlers) {
      if (!line.includes(marker)) continue;
      handle(state, line);
      break;
    }
  }
}
