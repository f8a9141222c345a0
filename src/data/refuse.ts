import { NearsightError, type Place } from '../errors.ts';
import type { Frame } from './dataset.ts';

/** An error of a file: what is wrong, what to do, where. */
export function refusal(code: string, message: string, hint: string, place: Place): NearsightError {
  return new NearsightError(code, message, { hint, place });
}

/** `text`, short enough and printable enough to stand in a message. */
export function shortened(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return short.replace(/[\p{Cc}\p{Surrogate}]/gu, '\ufffd');
}

/** The same in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

const SPECIAL = /^[+-]?(?:nan|inf|infinity)$/i;
const ANY_DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$/;

/** The error for a word that should have been a finite number. */
export function badNumber(text: string, meaning: string, place: Place): NearsightError {
  if (SPECIAL.test(text) || ANY_DECIMAL.test(text)) {
    return refusal(
      'not-finite',
      `${meaning} is ${quoted(text)}, which is not a finite number`,
      'the calculation behind it failed or overflowed: repeat it, or remove this frame',
      place,
    );
  }
  return refusal(
    'bad-number',
    `${meaning} should be a number, found ${quoted(text)}`,
    text.startsWith('*')
      ? 'stars mean that a Fortran program found too little room for the number: write it with more digits'
      : 'write plain decimal numbers such as -1.25 or 3e-7, separated by blanks',
    place,
  );
}

/** Does something with a frame; what goes wrong with it is told with its place in the file. */
export function placed({ index, line }: Frame, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    const { code, message, hint, place } = error;
    throw new NearsightError(code, message, {
      ...(hint === undefined ? {} : { hint }),
      place: { ...place, frame: index, ...(line > 0 ? { line } : {}) },
      cause: error,
    });
  }
}
