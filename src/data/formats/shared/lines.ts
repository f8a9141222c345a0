import type { Place } from '../../../errors.ts';
import { refusal } from '../../refuse.ts';
import type { InputFile } from '../format.ts';

/** The lines of a text, one after another. */
export interface Lines {
  readonly path: string;
  /** Number of the line that `next` gave last, from 1; 0 before the first. */
  number: number;
  /** The next line without its end, or null behind the last. */
  next(): string | null;
  /** The line that `next` would give. */
  peek(): string | null;
  /** Where the last line stood. */
  place(field?: string, frame?: number): Place;
}

/** Bytes that are turned into text at a time, so that a large file is never text as a whole. */
const PIECE = 1 << 20;
/** Longer lines are no text. */
const LONGEST_LINE = 16 << 20;
const NEWLINE = 10;

/**
 * Lines of a file in UTF-8 (Latin-1 passes: what is not UTF-8 is replaced), whatever their ends.
 * @throws NearsightError `binary-file`, `line-too-long`
 */
export function linesOf({ path, bytes }: InputFile): Lines {
  if (bytes.subarray(0, 4096).includes(0)) {
    throw refusal('binary-file', 'this is a binary file, not text', 'give the text file that the program wrote', {
      path,
    });
  }
  const decoder = new TextDecoder();
  let at = 0;
  let waiting: string[] = [];
  let index = 0;
  const refill = (): boolean => {
    if (at >= bytes.length) return false;
    let end = Math.min(bytes.length, at + PIECE);
    if (end < bytes.length) {
      const last = bytes.lastIndexOf(NEWLINE, end - 1);
      if (last >= at) end = last + 1;
      else {
        const after = bytes.indexOf(NEWLINE, end);
        end = after < 0 ? bytes.length : after + 1;
      }
    }
    if (end - at > PIECE + LONGEST_LINE) {
      throw refusal('line-too-long', `the line is ${end - at} bytes long`, 'is this a text file of this format?', {
        path,
        line: lines.number + 1,
      });
    }
    waiting = decoder.decode(bytes.subarray(at, end)).split('\n');
    if (bytes[end - 1] === NEWLINE) waiting.pop();
    index = 0;
    at = end;
    return true;
  };
  const current = (): string | null => {
    if (index >= waiting.length && !refill()) return null;
    const line = waiting[index];
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  };
  const lines: Lines = {
    path,
    number: 0,
    next() {
      const line = current();
      if (line === null) return null;
      index++;
      lines.number++;
      return line;
    },
    peek: current,
    place: (field, frame) => ({ path, line: lines.number, field, frame }),
  };
  return lines;
}

/** Words of a line: what blanks separate. */
export function wordsOf(line: string): string[] {
  const trimmed = line.trim();
  return trimmed === '' ? [] : trimmed.split(/\s+/);
}
