/** JSON as it may stand in a file from a stranger: one meaning, no surprises. */
import { NearsightError } from '../errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Objects and lists inside each other, at most. */
const DEEPEST = 64;

/**
 * `JSON.parse` that also refuses what it would silently accept: an object with the same key twice (which one counts
 * is anybody's guess), a key `__proto__`, and nesting that could exhaust the stack of whoever walks over the result.
 * @param refuse throws; gets the end of a sentence that starts with the name of the text
 */
export function parseJson(text: string, refuse: (what: string) => never): unknown {
  checkNesting(text, refuse);
  try {
    return JSON.parse(text);
  } catch {
    return refuse('is not valid JSON');
  }
}

/** Text out of a file, short and plain enough to stand in a message on a terminal. */
export function printable(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, '\ufffd');
}

/** A value out of a file as JSON for a message; "nothing" where there was none. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return printable(typeof value === 'number' ? String(value) : JSON.stringify(value));
}

/** Sound for valid JSON; says nothing about other text, which `JSON.parse` refuses afterwards. */
function checkNesting(text: string, refuse: (what: string) => never): void {
  // Keys seen so far in each open object; null for an open list.
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '{' || c === '[') {
      if (open.push(c === '{' ? new Set() : null) > DEEPEST) refuse(`is nested more than ${DEEPEST} levels deep`);
    } else if (c === '}' || c === ']') {
      open.pop();
    } else if (c === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) addKey(open.at(-1), text.slice(at, end), refuse);
      at = end - 1;
    }
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}

function isFollowedByColon(text: string, at: number): boolean {
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}

function addKey(keys: Set<string> | null | undefined, quoted: string, refuse: (what: string) => never): void {
  if (keys === null || keys === undefined) return;
  const key = unquoted(quoted);
  if (key === '__proto__') refuse('has a key "__proto__"');
  if (keys.has(key)) refuse(`has the key ${shown(key)} twice`);
  keys.add(key);
}

function unquoted(text: string): string {
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/**
 * A copy of a plain record as JSON, keys in ascending order, so that equal records become equal text. Keys without a
 * value are left out, as `JSON.stringify` does; what JSON has no word for is refused.
 * @throws NearsightError `not-json` for NaN, infinities, functions, typed arrays and other objects with a class
 */
export function jsonOf(value: unknown, name = 'value'): Json {
  return copyOf(value, name, 0);
}

/** `jsonOf` of a record: what a model file stores of settings. */
export function jsonObjectOf(value: object, name = 'value'): JsonObject {
  const copy = jsonOf(value, name);
  if (copy === null || typeof copy !== 'object' || isList(copy)) return refuseJson(name, 'a list');
  return copy;
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

function copyOf(value: unknown, name: string, depth: number): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  // JSON.stringify would drop the sign of −0 later, unseen.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : refuseJson(name, String(value));
  if (typeof value !== 'object') return refuseJson(name, typeof value);
  if (depth >= DEEPEST) return refuseJson(name, `nested more than ${DEEPEST} levels deep`);
  if (isList(value)) return value.map((item, i) => copyOf(item, `${name}[${i}]`, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return refuseJson(name, 'an object with a class');
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]): [string, Json] => [key, copyOf(item, `${name}.${key}`, depth + 1)]);
  return Object.fromEntries(entries);
}

function refuseJson(name: string, what: string): never {
  throw new NearsightError('not-json', `${name} is ${what}, which a file can't hold as JSON`, {
    hint: 'use numbers that are finite, strings, booleans, null, and lists and plain records of them',
  });
}
