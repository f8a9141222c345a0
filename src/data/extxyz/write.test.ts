import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AtomArray, Frame, InfoValue } from '../dataset.ts';
import { parseExtxyz } from './read.ts';
import { type WritableFrame, writeExtxyz } from './write.ts';

const written = (...frames: WritableFrame[]): string => [...writeExtxyz(frames)].join('');
const readBack = (...frames: WritableFrame[]): Frame[] => parseExtxyz(written(...frames), 'written.xyz');
/** What has to survive: everything but the place in the file and the names of the sources. */
const essence = ({ structure, labels, group, info, arrays }: Frame): object => ({
  structure,
  labels,
  group,
  info,
  arrays,
});

const real = fc.double({ noNaN: true, noDefaultInfinity: true });
const reals = (length: number): fc.Arbitrary<Float64Array> =>
  fc.array(real, { minLength: length, maxLength: length }).map((values) => Float64Array.from(values));
const modest = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    ' ',
    '5',
    'T',
    'nan',
    '1 2',
    'a\nb',
    '\\',
    '"',
    "'",
    '[1, 2]',
    '_JSON 5',
    '_JSON [',
    'a=b',
    '\ud800',
  ),
);
const scalar = fc.oneof(real, fc.integer(), fc.boolean(), anyText);
const infoValue: fc.Arbitrary<InfoValue> = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }), fc.array(real));
const key = fc
  .string({ minLength: 1 })
  .filter((text) => !/[\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}]/u.test(text) && !LABEL_LIKE.test(text));
/** Names that are read as something else than info. */
const LABEL_LIKE =
  /energy|force|stress|virial|lattice|pbc|properties|^(config_\w+|group|structure_type|configuration_type|system(_name)?|dataset|label)$/i;

function atomArray(atoms: number): fc.Arbitrary<AtomArray> {
  return fc.integer({ min: 1, max: 3 }).chain((columns): fc.Arbitrary<AtomArray> => {
    const size = { minLength: atoms * columns, maxLength: atoms * columns };
    const word = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .map((text) => text.replace(/[\s\p{Cc}\p{Surrogate}]/gu, '_'));
    const int = fc.oneof(fc.integer(), fc.maxSafeInteger());
    return fc.oneof(
      fc.array(fc.double(), size).map((v): AtomArray => ({ type: 'R', columns, values: Float64Array.from(v) })),
      fc.array(int, size).map((v): AtomArray => {
        const small = Int32Array.from(v);
        const values = v.every((value, k) => small[k] === value) ? small : Float64Array.from(v);
        return { type: 'I', columns, values };
      }),
      fc.array(word, size).map((values): AtomArray => ({ type: 'S', columns, values })),
      fc.array(fc.boolean(), size).map((values): AtomArray => ({ type: 'L', columns, values })),
    );
  });
}

const frame: fc.Arbitrary<WritableFrame> = fc.integer({ min: 1, max: 5 }).chain((atoms) =>
  fc.record({
    structure: fc.record({
      numbers: fc
        .array(fc.integer({ min: 1, max: 118 }), { minLength: atoms, maxLength: atoms })
        .map((z) => Int32Array.from(z)),
      positions: reals(3 * atoms),
      cell: fc
        .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 })
        .map((v) => Float64Array.from(v, (x, k) => x + (k % 4 === 0 ? 5 : 0))),
      pbc: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    }),
    labels: fc.record(
      {
        energy: real,
        forces: reals(3 * atoms),
        stress: fc.array(modest, { minLength: 6, maxLength: 6 }).map(symmetric),
      },
      { requiredKeys: [] },
    ),
    group: anyText,
    info: fc.dictionary(key, infoValue, { maxKeys: 5 }),
    arrays: fc
      .dictionary(fc.stringMatching(/^[A-Za-z_][\w.-]{2,8}$/), atomArray(atoms), { maxKeys: 3 })
      .map((arrays) =>
        Object.fromEntries(
          Object.entries(arrays).filter(([name]) => !/^(pos|species|numbers|symbols)|force/i.test(name)),
        ),
      ),
  }),
);

function symmetric([xx, yy, zz, yz, xz, xy]: number[]): Float64Array {
  return Float64Array.of(xx, xy, xz, xy, yy, yz, xz, yz, zz);
}

describe('writing and reading', () => {
  test('gives every number back bit for bit, and every entry and array as it was', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 3 }), (frames) => {
        const first = readBack(...frames);
        expect(first).toHaveLength(frames.length);
        for (const [k, { structure, labels, group, info, arrays }] of frames.entries()) {
          const expected = { ...info, ...(group === '' ? {} : { config_type: group }) };
          expect(essence(first[k])).toEqual({ structure, labels, group, info: expected, arrays });
        }
        expect(readBack(...first).map(essence)).toEqual(first.map(essence));
      }),
      { numRuns: 300 },
    );
  });

  test('does not change what a file says', () => {
    const text = [
      '2',
      'Lattice="4 0 0 0 5 0 0 0 6" Properties=species:S:1:pos:R:3:force:R:3:q:R:1 E0=-0.5 label=007 uid=12345678901234567890 x="_JSON [[1], 2]" list="1 2.5" flag path="C:\\\\a b" free_energy=-1.125 virial="120 0 0 0 120 0 0 0 12" pbc="T T F"',
      'Si 0.1 -0 1e-7 1 2 3 nan',
      'O 0.30000000000000004 2 3 -1 -2 -3 1',
    ].join('\n');
    const [first] = parseExtxyz(text, 'first');
    const [again] = readBack(first);
    expect(essence(again)).toEqual(essence(first));
    expect(again.names).toEqual({ energy: 'energy', forces: 'forces', stress: 'stress', group: 'label' });
    expect(again.labels.energy).toBe(-1.125);
    expect(again.labels.stress?.[0]).toBe(-1);
    expect(again.group).toBe('007');
    expect(again.info.uid).toBe('12345678901234567890');
  });

  test('a group that was changed wins over what the file said', () => {
    const [first] = parseExtxyz('1\nlabel=CC x=1\nSi 0 0 0\n', 'first');
    expect(readBack({ ...first, group: 'new' })[0]).toMatchObject({ group: 'new', info: { label: 'CC' } });
    const [typed] = parseExtxyz('1\nconfig_type=CC x=1\nSi 0 0 0\n', 'first');
    expect(readBack({ ...typed, group: 'new' })[0]).toMatchObject({ group: 'new', info: { config_type: 'new', x: 1 } });
  });
});

describe('what cannot be written is refused', () => {
  const structure = {
    numbers: Int32Array.of(14),
    positions: Float64Array.of(0, 0, 0),
    cell: new Float64Array(9),
    pbc: [false, false, false] as const,
  };
  const column = (values: AtomArray['values'], type: AtomArray['type'] = 'S', columns = 1): WritableFrame => ({
    structure,
    arrays: { a: { type, columns, values } },
  });
  test.each<[string, string, WritableFrame]>([
    ['an energy that is not finite', 'not-finite', { structure, labels: { energy: Number.NaN } }],
    ['forces of another length', 'wrong-length', { structure, labels: { forces: new Float64Array(6) } }],
    [
      'positions that are not finite',
      'not-finite',
      { structure: { ...structure, positions: Float64Array.of(0, 0, 1 / 0) } },
    ],
    ['info that is not finite', 'unwritable-info', { structure, info: { a: Number.NaN } }],
    ['a key with a line end', 'unwritable-info', { structure, info: { 'a\nb': 1 } }],
    ['text with blanks in a column', 'unwritable-array', column(['a b'])],
    ['empty text in a column', 'unwritable-array', column([''])],
    ['an array of another length', 'unwritable-array', column(new Float64Array(2), 'R')],
    ['an array without columns', 'unwritable-array', column([], 'L', 0)],
    [
      'an array name with a colon',
      'unwritable-array',
      { structure, arrays: { 'a:b': { type: 'L', columns: 1, values: [true] } } },
    ],
  ])('%s', (_, code, frame) => {
    expect(() => written(frame)).toThrowError(
      expect.objectContaining({ code, place: expect.objectContaining({ frame: 0 }) }),
    );
  });
});
