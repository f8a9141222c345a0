import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cursor, formatReal, parseReal, readReal, readReals } from './decimal.ts';

const read = (text: string): number => readReal({ bytes: new TextEncoder().encode(`${text}\n`), at: 0 });

describe('readReals', () => {
  const cursorOf = (text: string): Cursor => ({ bytes: new TextEncoder().encode(text), at: 0 });

  test('reads as many as there is room for, and stands behind the last', () => {
    const cursor = cursorOf(' 1.5\t-2e3   .25 7\n');
    const out = new Float64Array(5).fill(9);
    expect(readReals(cursor, out, 1, 4)).toBe(4);
    expect([...out]).toEqual([9, 1.5, -2000, 0.25, 9]);
    expect(cursor.at).toBe(15);
  });

  test.each([
    ['1 2\n3', 2, 3],
    ['1 2 x3\n', 2, 4],
    ['1 2 3x\n', 2, 4],
    ['1 nan 3\n', 1, 2],
    ['1e999 2 3\n', 0, 0],
    ['\n', 0, 0],
  ])('%j: stops before what is no number, and stands on it', (text, count, at) => {
    const cursor = cursorOf(text);
    expect(readReals(cursor, new Float64Array(3), 0, 3)).toBe(count);
    expect(cursor.at).toBe(at);
  });

  test('numbers in a row are those that stand alone', () => {
    const finite = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(finite, (values) => {
        const out = new Float64Array(values.length);
        expect(readReals(cursorOf(`${values.join('  ')}\n`), out, 0, values.length)).toBe(values.length);
        expect([...out]).toEqual(values.map((value) => read(String(value))));
      }),
    );
  });
});

describe('readReal', () => {
  test('rounds as the language itself does, whatever the spelling', () => {
    const spellings: readonly ((x: number) => string)[] = [
      String,
      (x) => x.toExponential(),
      (x) => x.toExponential(16),
      (x) => x.toExponential(3).toUpperCase(),
      (x) => x.toPrecision(17),
      (x) => `+${Math.abs(x)}`,
      (x) => `${x.toExponential(18)}`,
    ];
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(finite, fc.constantFrom(...spellings), (x, spell) => {
        const expected = Number(spell(x));
        expect(read(spell(x))).toBe(Number.isFinite(expected) ? expected : Number.NaN);
      }),
      { numRuns: 5000 },
    );
  });

  test('rounds digit strings of any length correctly', () => {
    const digits = fc.stringMatching(/^[+-]?\d{0,25}\.\d{1,30}$/);
    fc.assert(
      fc.property(digits, (text) => {
        expect(read(text)).toBe(Number(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('halfway cases just above 2^53 go to the even neighbour', () => {
    expect(read('9007199254740993')).toBe(9007199254740992);
    expect(read('9007199254740993.0000000000000001')).toBe(9007199254740994);
    expect(read('-0.0')).toBe(-0);
    expect(read('1e-400')).toBe(0);
    expect(read('4.9e-324')).toBe(5e-324);
  });

  test("understands Fortran's D", () => {
    expect(read('1.5D-03')).toBe(0.0015);
    expect(read('-12345678901234567890d2')).toBe(Number('-12345678901234567890e2'));
  });

  test.each([
    '',
    '-',
    '.',
    'e5',
    '1e',
    '1e+',
    '1..2',
    '1.0x',
    'nan',
    'inf',
    '1e400',
    '0x10',
    '1_0',
    '1,0',
    '--1',
    '1-3',
  ])('refuses %j and stays where it was', (text) => {
    const cursor = { bytes: new TextEncoder().encode(`${text}\n`), at: 0 };
    expect(readReal(cursor)).toBeNaN();
    expect(cursor.at).toBe(0);
    expect(parseReal(text)).toBeNaN();
  });

  test('stops behind the number', () => {
    const cursor = { bytes: new TextEncoder().encode('-1.25\t7\n'), at: 0 };
    expect(readReal(cursor)).toBe(-1.25);
    expect(cursor.at).toBe(5);
  });
});

test('formatReal keeps every bit', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
      expect(read(formatReal(x))).toBe(x);
      expect(parseReal(formatReal(x))).toBe(x);
    }),
    { numRuns: 3000 },
  );
});
