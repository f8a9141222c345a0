import type { Place } from '../../errors.ts';
import type { InfoValue } from '../dataset.ts';
import { formatReal, parseReal } from '../decimal.ts';
import { quoted, refusal } from '../refuse.ts';

/** A field of what stands at a place. Spelt out, since this is done for every value and spreading is slow. */
export function fieldOf({ path, line, frame }: Place, field: string): Place {
  return { path, line, frame, field };
}

/** What stands behind `key=`, without its quotes; `T` for a key that stands alone. */
export type CommentEntries = Map<string, string>;

/**
 * The `key=value` pairs of a comment line, as text. Values may be bare words, quoted ("…" or '…', in which
 * \" \' and \\ stand for the character) or bracketed ([…] or {…}, kept with their brackets); a key alone means true.
 * A line without any `=` is free text and becomes the entry `comment`.
 * @throws NearsightError `bad-comment` (open quote or bracket), `duplicate-key` (two different values)
 */
export function parseComment(line: string, place: Place): CommentEntries {
  const entries: CommentEntries = new Map();
  const text = line.trim();
  if (!text.includes('=')) {
    if (text !== '') entries.set('comment', text);
    return entries;
  }
  let at = 0;
  while (at < text.length) {
    const key = readKey(text, at);
    at = skipBlank(text, key.end);
    let value = 'T';
    if (text[at] === '=' && key.text !== '') {
      const read = readValue(text, at + 1, fieldOf(place, key.text));
      value = read.text;
      at = skipBlank(text, read.end);
    }
    const before = entries.get(key.text);
    if (before !== undefined && before !== value) {
      throw refusal(
        'duplicate-key',
        `the key occurs twice, as ${quoted(before)} and as ${quoted(value)}`,
        'remove one of the two',
        { ...place, field: key.text },
      );
    }
    entries.set(key.text, value);
  }
  return entries;
}

const EQUALS = 61;

interface Word {
  readonly text: string;
  /** Index of what follows. */
  readonly end: number;
}

function isBlank(text: string, at: number): boolean {
  return text.charCodeAt(at) <= 32;
}

function skipBlank(text: string, at: number): number {
  while (at < text.length && isBlank(text, at)) at++;
  return at;
}

function readKey(text: string, start: number): Word {
  if (text[start] === '"' || text[start] === "'") {
    const word = readQuoted(text, start);
    if (word !== null) return word;
  }
  let end = start + 1;
  while (end < text.length && text.charCodeAt(end) !== EQUALS && !isBlank(text, end)) end++;
  return { text: text.slice(start, end), end };
}

function readValue(text: string, behindSign: number, place: Place): Word {
  const start = skipBlank(text, behindSign);
  const first = text[start];
  if (first === '"' || first === "'") {
    const word = readQuoted(text, start);
    if (word === null) throw openEnded(first, text.slice(start), place);
    if (word.end < text.length && !isBlank(text, word.end)) {
      throw refusal(
        'bad-comment',
        `the value goes on behind its closing quote: ${quoted(text.slice(start, word.end + 8))}`,
        'put a blank behind the closing quote, or \\" for a quote inside a value',
        place,
      );
    }
    return word;
  }
  let end = first === '[' || first === '{' ? closingBracket(text, start, place) : start;
  while (end < text.length && !isBlank(text, end)) end++;
  // In `label= energy=-5.0` the label is empty: a blank must not make it swallow the next pair.
  if (start > behindSign && end > start && /^[A-Za-z_]\w*=/.test(text.slice(start, Math.min(end, start + 64)))) {
    return { text: '', end: start };
  }
  return { text: text.slice(start, end), end };
}

/** Null when the quote stays open. */
function readQuoted(text: string, start: number): Word | null {
  const quote = text[start];
  let value = '';
  let from = start + 1;
  const end = text.indexOf(quote, from);
  if (end < 0) return null;
  // What is mostly the case: nothing is escaped.
  const simple = text.slice(from, end);
  if (!simple.includes('\\')) return { text: simple, end: end + 1 };
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    if (c === quote) return { text: value + text.slice(from, at), end: at + 1 };
    if (c !== '\\') continue;
    const next = text[at + 1];
    if (next === '"' || next === "'" || next === '\\') {
      // Any other backslash is kept: Windows paths and TeX are commoner than escapes.
      value += text.slice(from, at) + next;
      from = at + 2;
    }
    at++;
  }
  return null;
}

/** Index behind the bracket that closes the one at `start`; brackets inside quotes do not count. */
function closingBracket(text: string, start: number, place: Place): number {
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const c = text[at];
    if (c === '\\') at++;
    else if (quote !== '') quote = c === quote ? '' : quote;
    else if (c === '"') quote = c;
    else if (c === '[' || c === '{') depth++;
    else if ((c === ']' || c === '}') && --depth === 0) return at + 1;
  }
  throw openEnded(text[start], text.slice(start), place);
}

function openEnded(opening: string, text: string, place: Place): Error {
  return refusal(
    'bad-comment',
    `the value opens with ${opening} and never closes: ${quoted(text)}`,
    'close it on the same line',
    place,
  );
}

const INTEGER = /^[+-]?\d+$/;
const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ['T', true],
  ['F', false],
  ['True', true],
  ['False', false],
  ['true', true],
  ['false', false],
]);

/** T, True, true or F, False, false; undefined for any other word. */
export function parseTruth(text: string): boolean | undefined {
  return TRUTHS.get(text);
}

/** A number where nothing is lost by taking it for one: integers beyond 2⁵³ (long identifiers) stay text. */
function faithfulNumber(text: string): number | undefined {
  const value = parseReal(text);
  if (Number.isNaN(value) || (INTEGER.test(text) && !Number.isSafeInteger(value))) return undefined;
  return value;
}

function allOf<T>(words: readonly string[], parse: (word: string) => T | undefined): T[] | undefined {
  const values: T[] = [];
  for (const word of words) {
    const value = parse(word);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/**
 * A comment entry as number, truth value, array of either, or text. `_JSON …` (what ASE writes for anything else)
 * is understood where it holds a plain value or a flat list; deeper JSON stays text.
 */
export function infoValue(text: string): InfoValue {
  if (text.startsWith('_JSON ')) return fromJson(text) ?? text;
  // What is mostly the case, told by the first letter: neither numbers nor truth values.
  if (/^[^\s\d+\-.TFtf]/.test(text)) return text;
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return text;
  const values = allOf(words, faithfulNumber) ?? allOf(words, parseTruth);
  if (values === undefined) return text;
  return values.length === 1 ? values[0] : values;
}

function fromJson(text: string): InfoValue | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(6));
  } catch {
    return undefined;
  }
  if (isScalar(value)) return value;
  return Array.isArray(value) && value.every(isScalar) ? value : undefined;
}

function isScalar(value: unknown): value is string | number | boolean {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

/** A comment entry that is text whatever it looks like: the group 007 is not the number 7. */
export function textValue(text: string): string {
  return text.startsWith('_JSON ') ? String(infoValue(text)) : text;
}

/** `key=text`, such that `textValue` gives the same text again. */
export function formatText(key: string, text: string): string {
  const plain = isPlain(text) && textValue(text) === text;
  return `${inQuotes(key)}=${inQuotes(plain ? text : `_JSON ${jsonScalar(text)}`)}`;
}

/** Characters that no reader of extended XYZ takes for anything but part of a word. */
const BARE = /^[\w.+\-:/@%]+$/;
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/u;
const UNPRINTABLES = new RegExp(UNPRINTABLE, 'gu');

/**
 * `key=value`, such that `infoValue` gives the same value again.
 * @throws NearsightError `unwritable-info` for keys with control characters and values that are not finite
 */
export function formatEntry(key: string, value: InfoValue, place: Place): string {
  if (key === '' || UNPRINTABLE.test(key)) {
    throw refusal('unwritable-info', `${quoted(key)} cannot be a key of a comment line`, 'rename it', place);
  }
  const plain = Array.isArray(value) ? value.map(plainScalar).join(' ') : plainScalar(value as string);
  if (isPlain(plain) && same(infoValue(plain), value)) return `${inQuotes(key)}=${inQuotes(plain)}`;
  const json = `_JSON ${Array.isArray(value) ? `[${value.map(jsonScalar).join(', ')}]` : jsonScalar(value as string)}`;
  if (!same(infoValue(json), value)) {
    throw refusal('unwritable-info', `${quoted(plain)} is not a finite number`, 'remove the entry or mend its value', {
      ...place,
      field: key,
    });
  }
  return `${inQuotes(key)}=${inQuotes(json)}`;
}

/** Text that can stand in the line as it is. An empty value does not count: ASE takes the next pair for its text. */
function isPlain(text: string): boolean {
  return text.trim() !== '' && !UNPRINTABLE.test(text);
}

function plainScalar(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'T' : 'F';
  if (typeof value === 'string') return value;
  return value === 0 && !Object.is(value, -0) ? '0' : formatReal(value);
}

function jsonScalar(value: string | number | boolean): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return plainScalar(value);
  return JSON.stringify(value).replace(UNPRINTABLES, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function inQuotes(text: string): string {
  return BARE.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function same(a: InfoValue, b: InfoValue): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((value, k) => Object.is(value, b[k]));
}
