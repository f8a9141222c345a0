/** A place in a block of bytes that ends with a line end, so that scanning always stops. */
export interface Cursor {
  bytes: Uint8Array;
  at: number;
}

const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const SPACE = 32;
const NEWLINE = 10;

/** Powers of ten that doubles hold exactly. */
const POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
/** Every integer below is a double. */
const EXACT = 2 ** 53;

/** Moves over blanks (spaces, tabs, carriage returns, other control characters), but not over the line end. */
export function skipBlanks(cursor: Cursor): void {
  const { bytes } = cursor;
  let at = cursor.at;
  while (bytes[at] <= SPACE && bytes[at] !== NEWLINE) at++;
  cursor.at = at;
}

/** Moves over everything up to the next blank or line end. */
export function skipToken(cursor: Cursor): void {
  const { bytes } = cursor;
  let at = cursor.at;
  while (bytes[at] > SPACE) at++;
  cursor.at = at;
}

/** Where a number that is read alone is put. */
const SINGLE = new Float64Array(1);

/**
 * The decimal number that starts here, rounded to the nearest double, and moves behind it. Fortran's `1.0D-3` is
 * understood. NaN, with the cursor left where it was, when what stands here is no finite decimal number.
 */
export function readReal(cursor: Cursor): number {
  if (cursor.bytes[cursor.at] <= SPACE) return Number.NaN;
  return readReals(cursor, SINGLE, 0, 1) === 1 ? SINGLE[0] : Number.NaN;
}

/**
 * The decimal numbers that follow on this line, with blanks before each, into `out` from `from` up to `to`. Returns the
 * index behind the last one that was read: less than `to` where something else stands, and there the cursor is left.
 *
 * Up to 2⁵³ and 10^±22 mantissa and power of ten are both exact, so that one multiplication or division rounds
 * correctly (Clinger 1990, doi:10.1145/93548.93557); whatever is longer goes through `Number`.
 */
export function readReals(cursor: Cursor, out: Float64Array, from: number, to: number): number {
  const { bytes } = cursor;
  let at = cursor.at;
  for (let index = from; index < to; index++) {
    let c = bytes[at];
    while (c <= SPACE && c !== NEWLINE) c = bytes[++at];
    const start = at;
    cursor.at = start;
    const negative = c === MINUS;
    if (negative || c === PLUS) c = bytes[++at];

    let mantissa = 0;
    let digits = 0;
    // For the codes of the digits, and for no others, code XOR 48 is below 10.
    for (let d = c ^ 48; d < 10; d = c ^ 48) {
      mantissa = 10 * mantissa + d;
      digits++;
      c = bytes[++at];
    }
    let power = 0;
    if (c === POINT) {
      const point = at;
      c = bytes[++at];
      for (let d = c ^ 48; d < 10; d = c ^ 48) {
        mantissa = 10 * mantissa + d;
        c = bytes[++at];
      }
      power = point + 1 - at;
      digits -= power;
    }
    if (digits === 0) return index;
    if ((c | 32) === 101 || (c | 32) === 100) {
      c = bytes[++at];
      const down = c === MINUS;
      if (down || c === PLUS) c = bytes[++at];
      if ((c ^ 48) >= 10) return index;
      let exponent = 0;
      for (let d = c ^ 48; d < 10; d = c ^ 48) {
        if (exponent < 100_000) exponent = 10 * exponent + d;
        c = bytes[++at];
      }
      power += down ? -exponent : exponent;
    }
    if (c > SPACE) return index;

    let value: number;
    if (mantissa < EXACT && power >= -22 && power <= 22) {
      value = power < 0 ? mantissa / POWERS[-power] : mantissa * POWERS[power];
    } else {
      value = Math.abs(Number(asciiBetween(bytes, start, at).replace(/[dD]/, 'e')));
      if (value === Number.POSITIVE_INFINITY) return index;
    }
    out[index] = negative ? -value : value;
  }
  cursor.at = at;
  return to;
}

/** Whether text is a finite decimal number as `readReal` understands it, spelt as other programs spell it (no D). */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The finite number that `text` spells, or NaN. */
export function parseReal(text: string): number {
  if (!DECIMAL.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** The shortest text that reads back as the same double, signed zero included. */
export function formatReal(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  return String(value);
}

function asciiBetween(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let k = from; k < to; k++) text += String.fromCharCode(bytes[k]);
  return text;
}
