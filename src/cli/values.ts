/** What users type, as numbers in the units of the library. Each parser throws what commander prints as wrong usage. */
import { InvalidArgumentError } from 'commander';
import { atomicNumberOf, symbolOf } from '../elements.ts';

/** Femtoseconds. */
const TIMES: Readonly<Record<string, number>> = { fs: 1, ps: 1e3, ns: 1e6, us: 1e9, µs: 1e9 };
/** Seconds. */
const DURATIONS: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, min: 60, m: 60, h: 3600 };

/** A number and what is written behind it. */
function split(text: string): [number, string] {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-zµ]*)$/i.exec(text.trim());
  return match === null ? [Number.NaN, ''] : [Number(match[1]), match[2]];
}

function withUnit(text: string, units: Readonly<Record<string, number>>, example: string): number {
  const [value, unit] = split(text);
  const factor = Object.hasOwn(units, unit) ? units[unit] : Number.NaN;
  const result = value * factor;
  if (Number.isFinite(result) && result >= 0) return result;
  const names = Object.keys(units)
    .filter((name) => name !== '')
    .join(', ');
  const missing = unit === '' && Number.isFinite(value) ? 'a unit is missing; ' : '';
  throw new InvalidArgumentError(`${missing}write it like ${example} (units: ${names}).`);
}

/** Simulated time in fs: `500fs`, `10ps`, `1.5ns`. */
export const parseTime = (text: string): number => withUnit(text, TIMES, '10ps');

/** A timestep in fs; a bare number is in fs already. */
export const parseTimestep = (text: string): number => positive(withUnit(text, { '': 1, ...TIMES }, '0.5fs'), text);

/** Time that passes while one waits, in s: `60s`, `10min`, `2h`. */
export const parseDuration = (text: string): number => positive(withUnit(text, DURATIONS, '60s or 10min'), text);

/** K. */
export const parseTemperature = (text: string): number => withUnit(text, { '': 1, K: 1 }, '300 or 300K');

/** GPa, positive in compression. */
export function parsePressure(text: string): number {
  const [value, unit] = split(text);
  if (Number.isFinite(value) && (unit === '' || unit === 'GPa')) return value;
  throw new InvalidArgumentError('write it like 5 or 5GPa; tension is negative.');
}

/** A number above zero, without unit. */
export const parsePositive = (text: string): number => positive(split(text)[1] === '' ? split(text)[0] : 0, text);

/** A share: between 0 and 1, without the ends. */
export function parseFraction(text: string): number {
  const value = parsePositive(text);
  if (value < 1) return value;
  throw new InvalidArgumentError('it must be between 0 and 1.');
}

/** 1, 2, 3 … */
export function parseCount(text: string): number {
  const value = parseWhole(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('it must be at least 1.');
}

/** 0, 1, 2 … */
export function parseWhole(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('it must be a whole number.');
}

/** A seed: any whole number that fits into 32 bits, which is all that the generator uses. */
export function parseSeed(text: string): number {
  const value = parseWhole(text);
  if (value < 2 ** 32) return value;
  throw new InvalidArgumentError('it must be below 4294967296.');
}

/** `4` or `4x4x2`. */
export function parseSupercell(text: string): [number, number, number] {
  const parts = text.split(/[x×,]/).map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
  const [a, b = a, c = a] = parts;
  if ((parts.length === 1 || parts.length === 3) && parts.every((n) => n >= 1 && n <= 1000)) return [a, b, c];
  throw new InvalidArgumentError('write it like 4x4x4.');
}

function positive(value: number, text: string): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError(`"${text}" is not a number above zero.`);
}

/** Symbols of elements: `Si,O`. */
export function parseElements(text: string): string[] {
  return text.split(',').map((part) => {
    const symbol = part.trim();
    try {
      return symbolOf(atomicNumberOf(symbol));
    } catch {
      throw new InvalidArgumentError(`"${symbol}" is not the symbol of an element; write them like Si,O.`);
    }
  });
}

/** Names, with commas between them: `embedding,w1`. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgumentError('write names with commas between them.');
}
