/**
 * The syntax of CIF 1.1 (Hall, Allen & Brown 1991, doi:10.1107/S010876739101067X; International Tables G, 2.2): data
 * blocks of items and loops. Says nothing of what they mean.
 */
import type { Place } from '../../../errors.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { InputFile } from '../format.ts';
import { type Lines, linesOf } from '../shared/lines.ts';
import { numberOf } from '../shared/values.ts';

/** One value, where it stands, and whether it was quoted: an unquoted `?` is unknown, an unquoted `.` inapplicable. */
export interface CifValue {
  readonly text: string;
  readonly quoted: boolean;
  readonly line: number;
}

/** Items and columns of loops by tag: in lower case, with the `.` of newer dictionaries as `_`. */
export interface CifBlock {
  /** What stands behind `data_`. */
  readonly name: string;
  readonly line: number;
  readonly items: ReadonlyMap<string, CifValue>;
  readonly columns: ReadonlyMap<string, readonly CifValue[]>;
}

/**
 * All data blocks of a file.
 * @throws NearsightError `bad-cif`, `duplicate-key`, `binary-file`, `line-too-long`
 */
export function parseCif(file: InputFile): CifBlock[] {
  const lines = linesOf(file);
  const blocks: Building[] = [];
  const tokens = tokensOf(lines);
  let token = tokens.next();
  while (!token.done) {
    const { kind, text, line } = token.value;
    const block = blocks[blocks.length - 1];
    if (kind === 'block') {
      blocks.push({ name: text, line, items: new Map(), columns: new Map() });
      token = tokens.next();
    } else if (block === undefined) {
      throw bad(`${quoted(text)} stands before the first data_ line`, { path: file.path, line });
    } else if (kind === 'loop') {
      token = readLoop(tokens, block, { path: file.path, line });
    } else if (kind === 'tag') {
      const value = tokens.next();
      const place = { path: file.path, line, field: text };
      if (value.done || value.value.kind !== 'value') throw bad('the item has no value', place);
      checkNew(block, text, place);
      block.items.set(text, value.value);
      token = tokens.next();
    } else throw bad(`the value ${quoted(text)} belongs to no item`, { path: file.path, line });
  }
  return blocks;
}

interface Building extends CifBlock {
  readonly items: Map<string, CifValue>;
  readonly columns: Map<string, CifValue[]>;
}

interface Token extends CifValue {
  readonly kind: 'block' | 'loop' | 'tag' | 'value';
}

type Tokens = Generator<Token, void, undefined>;

function readLoop(tokens: Tokens, block: Building, place: Place): IteratorResult<Token, void> {
  let token = tokens.next();
  const columns: CifValue[][] = [];
  for (; !token.done && token.value.kind === 'tag'; token = tokens.next()) {
    const { text, line } = token.value;
    checkNew(block, text, { ...place, line, field: text });
    const column: CifValue[] = [];
    block.columns.set(text, column);
    columns.push(column);
  }
  if (columns.length === 0) throw bad('the loop has no columns', place);
  let count = 0;
  for (; !token.done && token.value.kind === 'value'; token = tokens.next()) {
    columns[count++ % columns.length].push(token.value);
  }
  if (count % columns.length === 0) return token;
  throw bad(`the loop has ${columns.length} columns but ${count} values`, place);
}

function checkNew(block: Building, tag: string, place: Place): void {
  if (!block.items.has(tag) && !block.columns.has(tag)) return;
  throw refusal('duplicate-key', 'the item occurs twice in its data block', 'remove one of the two', place);
}

function bad(message: string, place: Place): Error {
  return refusal(
    'bad-cif',
    message,
    'the file is damaged, or no CIF: write it again with the program it is from',
    place,
  );
}

/** The words of a file, one after another; comments are passed over. */
function* tokensOf(lines: Lines): Tokens {
  for (let line = lines.next(); line !== null; line = lines.next()) {
    if (line.startsWith(';')) {
      const start = lines.number;
      yield { kind: 'value', text: readTextField(lines, line.slice(1)), quoted: true, line: start };
      // What follows the closing semicolon is rare, and no place for a second text field.
      continue;
    }
    yield* wordsOfLine(lines.number === 1 ? line.replace(/^\ufeff/, '') : line, lines);
  }
}

function* wordsOfLine(line: string, lines: Lines): Tokens {
  // A quote ends where a blank follows it, so that 'a dog's life' is one value.
  const word = /\s*(?:#.*|'(.*?)'(?=\s|$)|"(.*?)"(?=\s|$)|(\S+))/y;
  while (word.lastIndex < line.length) {
    const match = word.exec(line);
    if (match === null) return;
    const [, single, double, bare] = match;
    const number = lines.number;
    if (bare === undefined) {
      const text = single ?? double;
      if (text !== undefined) yield { kind: 'value', text, quoted: true, line: number };
    } else yield bareWord(bare, lines);
  }
}

function bareWord(text: string, lines: Lines): Token {
  const line = lines.number;
  if (text.startsWith('_')) {
    return { kind: 'tag', text: text.toLowerCase().replace('.', '_'), quoted: false, line };
  }
  if (text.startsWith("'") || text.startsWith('"'))
    throw bad(`the quote in ${quoted(text)} never closes`, lines.place());
  const lower = text.toLowerCase();
  if (lower.startsWith('data_')) return { kind: 'block', text: text.slice(5), quoted: false, line };
  if (lower === 'loop_') return { kind: 'loop', text, quoted: false, line };
  if (lower.startsWith('save_') || lower === 'global_' || lower === 'stop_') {
    throw bad(`${quoted(text)} belongs into dictionaries and is not understood`, lines.place());
  }
  return { kind: 'value', text, quoted: false, line };
}

function readTextField(lines: Lines, first: string): string {
  const start = lines.place();
  const parts = [first];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    if (line.startsWith(';')) return parts.join('\n').trim();
    parts.push(line);
  }
  throw bad('the text that begins with ; never ends', start);
}

/** The value, or null for what is unknown (`?`), inapplicable (`.`) or not there. */
export function known(value: CifValue | undefined): string | null {
  if (value === undefined || (!value.quoted && (value.text === '?' || value.text === '.'))) return null;
  return value.text.trim();
}

/**
 * A number, without the standard uncertainty in parentheses that may follow it: `5.4310(2)`.
 * @throws NearsightError `bad-number`, `not-finite`
 */
export function cifNumber(value: CifValue, meaning: string, place: Place): number {
  return numberOf(value.text.trim().replace(/\(\d+\)$/, ''), meaning, { ...place, line: value.line });
}
