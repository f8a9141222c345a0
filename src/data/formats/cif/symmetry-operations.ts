/** Symmetry operations as CIF writes them: `-x+1/2, y, z-0.25`, or a Hall symbol that generates them. */

import type { Place } from '../../../errors.ts';
import { quoted, refusal } from '../../refuse.ts';

/** r → rotation · r + translation, in fractional coordinates; rotation [9] by rows, translation in [0, 1). */
export interface Operation {
  readonly rotation: readonly number[];
  readonly translation: readonly number[];
}

export const IDENTITY: Operation = { rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], translation: [0, 0, 0] };

/** More operations has no space group in its conventional cell. */
const MOST_OPERATIONS = 192;
/** Translations of space groups are multiples of this; what is written as 0.3333 means a third. */
const TWENTY_FOURTH = 1 / 24;
const WRITTEN_DIGITS = 2e-3;

const wrapped = (x: number): number => {
  const fraction = x - Math.floor(x);
  const steps = Math.round(fraction / TWENTY_FOURTH);
  const near = Math.abs(fraction - steps * TWENTY_FOURTH) < WRITTEN_DIGITS ? steps / 24 : fraction;
  return near >= 1 ? 0 : near;
};

/**
 * An operation from its three coordinates.
 * @throws NearsightError `bad-symmetry`
 */
export function parseOperation(text: string, place: Place): Operation {
  const parts = text.replace(/\s+/g, '').toLowerCase().split(',');
  const rows = parts.length === 3 ? parts.map(parseCoordinate) : [null];
  const whole = rows.flatMap((row) => (row === null ? [] : [row]));
  const rotation = whole.flatMap((row) => row.slice(0, 3));
  if (whole.length !== 3 || Math.abs(determinant(rotation)) !== 1) {
    const hint = 'write it like -x+1/2,y,z+0.25';
    throw refusal('bad-symmetry', `${quoted(text)} is not a symmetry operation`, hint, place);
  }
  return { rotation, translation: whole.map((row) => wrapped(row[3])) };
}

/** Coefficients of x, y and z, and the constant; null for what is no such sum. */
function parseCoordinate(text: string): [number, number, number, number] | null {
  const sum: [number, number, number, number] = [0, 0, 0, 0];
  const term = /([+-]?)(?:([xyz])|(\d+)\/(\d+)|(\d*\.?\d+|\d+\.))/y;
  if (text === '' || text.length > 100) return null;
  while (term.lastIndex < text.length) {
    const start = term.lastIndex;
    const match = term.exec(text);
    if (match === null || (start > 0 && match[1] === '')) return null;
    const [, sign, axis, above, below, decimal] = match;
    const value =
      (sign === '-' ? -1 : 1) * (above === undefined ? Number(decimal ?? 1) : Number(above) / Number(below));
    if (axis === undefined) sum[3] += value;
    else sum['xyz'.indexOf(axis)] += value;
  }
  return sum.every(Number.isFinite) && sum.slice(0, 3).every((c) => Math.abs(c) <= 1) ? sum : null;
}

function determinant(m: readonly number[]): number {
  const [a, b, c, d, e, f, g, h, i] = m;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** first, then second. */
function product(second: Operation, first: Operation): Operation {
  const rotation = new Array<number>(9).fill(0);
  const translation = [...second.translation];
  for (let r = 0; r < 3; r++) {
    for (let k = 0; k < 3; k++) {
      for (let c = 0; c < 3; c++) rotation[3 * r + c] += second.rotation[3 * r + k] * first.rotation[3 * k + c];
      translation[r] += second.rotation[3 * r + k] * first.translation[k];
    }
  }
  return { rotation, translation: translation.map(wrapped) };
}

/** One number for each operation: its nine entries −1, 0, 1 and three translations in thousandths; −1 for other entries. */
function keyOf({ rotation, translation }: Operation): number {
  let key = 0;
  for (const entry of rotation) {
    if (Math.abs(entry) > 1) return -1;
    key = 3 * key + entry + 1;
  }
  for (const t of translation) key = 1000 * key + (Math.round(t * 1000) % 1000);
  return key;
}

/** Whether every product of two operations is one of them: only then do they make up a crystal. */
export function isGroup(operations: readonly Operation[]): boolean {
  const keys = new Set(operations.map(keyOf));
  return (
    keys.size === operations.length && operations.every((a) => operations.every((b) => keys.has(keyOf(product(a, b)))))
  );
}

/** All products of the generators; null when they are more than a space group has. */
function generated(generators: readonly Operation[]): Operation[] | null {
  const found = new Map([[keyOf(IDENTITY), IDENTITY]]);
  const waiting: Operation[] = [IDENTITY];
  for (let operation = waiting.shift(); operation !== undefined; operation = waiting.shift()) {
    for (const generator of generators) {
      const next = product(generator, operation);
      const key = keyOf(next);
      if (found.has(key)) continue;
      if (key < 0 || found.size === MOST_OPERATIONS) return null;
      found.set(key, next);
      waiting.push(next);
    }
  }
  return [...found.values()];
}

/** Translations of the lattice symbols of Hall. */
const LATTICES: Readonly<Record<string, readonly (readonly number[])[]>> = {
  P: [],
  A: [[0, 1 / 2, 1 / 2]],
  B: [[1 / 2, 0, 1 / 2]],
  C: [[1 / 2, 1 / 2, 0]],
  I: [[1 / 2, 1 / 2, 1 / 2]],
  R: [[2 / 3, 1 / 3, 1 / 3]],
  S: [[1 / 3, 1 / 3, 2 / 3]],
  T: [[1 / 3, 2 / 3, 1 / 3]],
  F: [
    [0, 1 / 2, 1 / 2],
    [1 / 2, 0, 1 / 2],
  ],
};

/** Translations that letters stand for. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  a: [1 / 2, 0, 0],
  b: [0, 1 / 2, 0],
  c: [0, 0, 1 / 2],
  n: [1 / 2, 1 / 2, 1 / 2],
  u: [1 / 4, 0, 0],
  v: [0, 1 / 4, 0],
  w: [0, 0, 1 / 4],
  d: [1 / 4, 1 / 4, 1 / 4],
};

/** Rotations about c; 2' is about a − b, 2" about a + b, 3* about a + b + c. */
const ABOUT_C: Readonly<Record<string, readonly number[]>> = {
  '1': [1, 0, 0, 0, 1, 0, 0, 0, 1],
  '2': [-1, 0, 0, 0, -1, 0, 0, 0, 1],
  '3': [0, -1, 0, 1, -1, 0, 0, 0, 1],
  '4': [0, -1, 0, 1, 0, 0, 0, 0, 1],
  '6': [1, -1, 0, 1, 0, 0, 0, 0, 1],
  "2'": [0, -1, 0, -1, 0, 0, 0, 0, -1],
  '2"': [0, 1, 0, 1, 0, 0, 0, 0, -1],
  '3*': [0, 0, 1, 1, 0, 0, 0, 1, 0],
};

/** A rotation about c as the same about `axis`: the axes are renamed in a circle. */
function about(axis: number, rotation: readonly number[]): number[] {
  const turned = new Array<number>(9);
  const rename = (k: number): number => (k + axis + 1) % 3;
  for (let r = 0; r < 3; r++) for (let c = 0; c < 3; c++) turned[3 * rename(r) + rename(c)] = rotation[3 * r + c];
  return turned;
}

/** What a matrix symbol needs to know of those before it. */
interface Before {
  readonly count: number;
  /** Order of the rotation before, and its axis: 0, 1, 2 for a, b, c. */
  readonly order: string;
  readonly axis: number;
}

function matrixSymbol(symbol: string, before: Before): { operation: Operation; after: Before } | null {
  const parts = /^(-?)([12346])([1-5]?)([xyz]?)(['"=*]?)([1-5]?)([abcnuvwd]*)$/.exec(symbol);
  if (parts === null) return null;
  const [, improper, order, screw, named, diagonal, screwBehind, letters] = parts;
  let mark = diagonal.replace('=', '"');
  let axis = named === '' ? 2 : 'xyz'.indexOf(named);
  if (named === '' && mark === '') {
    if (before.count === 1 && order === '2') {
      if (before.order === '2' || before.order === '4') axis = 0;
      else if (before.order === '3' || before.order === '6') mark = "'";
    } else if (before.count >= 1 && order === '3') mark = '*';
  }
  // The diagonals ' and " are those of the plane across the axis before.
  if (named === '' && (mark === "'" || mark === '"')) axis = before.count === 0 ? 2 : before.axis;
  const base = ABOUT_C[order + mark];
  if (base === undefined) return null;
  const proper = mark === '*' ? [...base] : about(axis, base);
  const rotation = improper === '-' ? proper.map((c) => (c === 0 ? 0 : -c)) : proper;
  const translation = [0, 0, 0];
  const steps = Number(screw || screwBehind || 0);
  if (steps > 0) {
    if (mark !== '' || steps >= Number(order)) return null;
    translation[axis] += steps / Number(order);
  }
  for (const letter of letters) {
    for (let k = 0; k < 3; k++) translation[k] += LETTERS[letter][k];
  }
  const after = { count: before.count + 1, order, axis: mark === '' ? axis : before.axis };
  return { operation: { rotation, translation: translation.map(wrapped) }, after };
}

/**
 * The operations that a Hall symbol generates (Hall 1981, doi:10.1107/S0567739481001228; International Tables B, 1.4),
 * with the change of origin `(x y z)` in twelfths where it has one; null for what is no such symbol.
 */
export function hallOperations(symbol: string): Operation[] | null {
  const match = /^\s*(-?)([PABCIRSTF])\s+([^()]*?)\s*(?:\(\s*(-?\d+)\s+(-?\d+)\s+(-?\d+)\s*\))?\s*$/i.exec(symbol);
  if (match === null || symbol.length > 100) return null;
  const [, inversion, lattice, matrices, ...shift] = match;
  const rotation = IDENTITY.rotation;
  const generators: Operation[] = LATTICES[lattice.toUpperCase()].map((translation) => ({ rotation, translation }));
  if (inversion !== '') generators.push({ rotation: rotation.map((c) => (c === 0 ? 0 : -c)), translation: [0, 0, 0] });
  let before: Before = { count: 0, order: '', axis: 2 };
  for (const word of matrices.split(/\s+/)) {
    const read = matrixSymbol(word.toLowerCase(), before);
    if (read === null) return null;
    generators.push(read.operation);
    before = read.after;
  }
  const origin = shift.map((twelfths) => Number(twelfths ?? 0) / 12);
  return generated(generators.map((generator) => shifted(generator, origin)));
}

/** The operation seen from an origin at −`origin`: t + v − R v. */
function shifted({ rotation, translation }: Operation, origin: readonly number[]): Operation {
  const moved = translation.map((t, r) => {
    let sum = t + origin[r];
    for (let c = 0; c < 3; c++) sum -= rotation[3 * r + c] * origin[c];
    return wrapped(sum);
  });
  return { rotation, translation: moved };
}
