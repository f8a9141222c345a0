import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { createStructure } from '../../../structure/structure.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import type { FormatOptions } from '../format.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { POSCAR, readPoscar, writePoscar } from './poscar.ts';

const read = (text: string, options?: FormatOptions) => {
  const [frame] = readPoscar({ path: 'POSCAR', bytes: new TextEncoder().encode(text) }, options);
  return frame;
};

/** Rutile-like numbers that show which factor went where. */
const text = ({ scale = '1.0', symbols = 'Ti O\n', mode = 'Direct', rows = ROWS, more = '' } = {}): string =>
  `a comment\n ${scale}\n 4 0 0\n 0 5 0\n 1 0 6\n${symbols}1 2\n${mode}\n${rows}\n${more}`;
const ROWS = '0 0 0\n0.5 0.5 0.5 O comment\n0.25 0.0 -0.5';

describe('reading', () => {
  test('fractional positions', () => {
    const { structure, labels, arrays } = read(text());
    expect([...structure.numbers]).toEqual([22, 8, 8]);
    expect([...structure.cell]).toEqual([4, 0, 0, 0, 5, 0, 1, 0, 6]);
    expect([...structure.positions]).toEqual([0, 0, 0, 2.5, 2.5, 3, 0.5, 0, -3]);
    expect(structure.pbc).toEqual([true, true, true]);
    expect([labels, arrays]).toEqual([{}, {}]);
  });

  test('a scale holds for the cell and for Cartesian positions', () => {
    const { structure } = read(text({ scale: '0.5', mode: 'cartesian', rows: '0 0 0\n1 2 3\n-1 -2 -3' }));
    expect([...structure.cell]).toEqual([2, 0, 0, 0, 2.5, 0, 0.5, 0, 3]);
    expect([...structure.positions]).toEqual([0, 0, 0, 0.5, 1, 1.5, -0.5, -1, -1.5]);
  });

  test('three scales hold for x, y and z', () => {
    const { structure } = read(text({ scale: '2 3 4 x y z', mode: 'K', rows: '0 0 0\n1 1 1\n2 2 2' }));
    expect([...structure.cell]).toEqual([8, 0, 0, 0, 15, 0, 2, 0, 24]);
    expect([...structure.positions]).toEqual([0, 0, 0, 2, 3, 4, 4, 6, 8]);
    expect([...read(text({ scale: '2 ! 3 4' })).structure.cell]).toEqual([8, 0, 0, 0, 10, 0, 2, 0, 12]);
  });

  test('a negative scale is a volume', () => {
    const { structure } = read(text({ scale: '-960', mode: 'Cartesian', rows: '0 0 0\n4 5 6\n1 1 1' }));
    expect(cellVolume(structure.cell)).toBeCloseTo(960, 9);
    expect(structure.positions[3]).toBeCloseTo(4 * 2, 12);
  });

  test('what may move, and velocities behind an empty line or behind those of the lattice', () => {
    const rows = '0 0 0 T F T\n0.5 0.5 0.5 .TRUE. .FALSE. F\n0 0 0.5 f t f';
    const velocities = '0.001 0 0\n0 -0.002 0\n0 0 3e-3\n';
    const lattice = `Lattice velocities and vectors\n 1\n${' 0 0 0\n'.repeat(6)}`;
    for (const more of [`\n${velocities}`, `${lattice}\n${velocities}\n 1\n 0.5\n`, `Cartesian\n${velocities}`]) {
      const { arrays } = read(text({ mode: 'Selective dynamics\nDirect', rows, more }));
      expect(arrays.move_mask).toEqual({
        type: 'L',
        columns: 3,
        values: [true, false, true, true, false, false, false, true, false],
      });
      expect([...(arrays.velocities.values as Float64Array)]).toEqual([0.001, 0, 0, 0, -0.002, 0, 0, 0, 3e-3]);
    }
    const direct = read(text({ more: `Direct\n${velocities}` }));
    expect(Object.keys(direct.arrays)).toEqual(['direct_velocities']);
    // VASP writes zeros behind each relaxation.
    expect(read(text({ more: '\n0 0 0\n0 0 0\n0 0 0\n' })).arrays).toEqual({});
    expect(read(text({ more: '\n\n\n' })).arrays).toEqual({});
  });

  test('names of potentials stand for elements; files of VASP 4 need them from the user', () => {
    expect([...read(text({ symbols: 'Ti_sv/0f3a O_s\n' })).structure.numbers]).toEqual([22, 8, 8]);
    expect([...read(text({ symbols: 'Ti O ! of the mineral\n' })).structure.numbers]).toEqual([22, 8, 8]);
    errorOf('unknown-types', () => read(text({ symbols: '' })));
    const { numbers } = read(text({ symbols: '' }), { elements: ['Zr', 'O'] }).structure;
    expect([...numbers]).toEqual([40, 8, 8]);
  });

  test.each<[string, Parameters<typeof text>[0], string, number | undefined]>([
    ['a scale of zero', { scale: '0' }, 'bad-scale', 2],
    ['three scales of which one is negative', { scale: '1 -1 1' }, 'bad-scale', 2],
    ['no scale', { scale: 'one' }, 'bad-number', 2],
    ['an unknown element', { symbols: 'Ti Xx\n' }, 'unknown-element', 7],
    ['more elements than counts', { symbols: 'Ti O H\n' }, 'wrong-count', 7],
    ['an unknown mode', { mode: '0.1 0.2 0.3' }, 'bad-header', 8],
    ['a position short', { rows: '0 0 0\n0 0 0.5' }, 'truncated-file', 10],
    ['two numbers', { rows: '0 0 0\n0 0\n0 0 0.5' }, 'wrong-count', 10],
    ['a word', { rows: '0 0 0\n0 0 0.5\n0 0 half' }, 'bad-number', 11],
    ['a position too many', { more: '0.1 0.1 0.1\n0.2 0.2 0.2\n' }, 'wrong-count', 12],
    ['a flag that is none', { mode: 'S\nD', rows: '0 0 0 1 1 1' }, 'bad-flag', 10],
  ])('refuses %s', (_, change, code, line) => {
    const { place } = errorOf(code, () => read(text(change)));
    expect(place).toMatchObject({ path: 'POSCAR', line });
  });

  test('refuses a flat cell', () => {
    for (const scale of ['1', '-100'])
      errorOf(scale === '1' ? 'singular-cell' : 'bad-scale', () => read(text({ scale }).replace(' 0 5 0', ' 8 0 0')));
  });
});

describe('writing', () => {
  const structure = createStructure(
    ['O', 'O', 'Ti', 'O'],
    Float64Array.from({ length: 12 }, (_, k) => k / 7),
    [...[4.1, 0, 0], ...[0, 5, 0], ...[1e-7, -0.3, 6]],
  );

  test('keeps the order of the atoms: an element that comes again is named again', () => {
    const { path, content } = writePoscar([{ structure, labels: { energy: -1 } }]);
    expect(path).toBe('');
    expect(String(content).split('\n').slice(0, 8)).toEqual([
      'O3 Ti1',
      '1.0',
      '4.1 0.0 0.0',
      '0.0 5 0.0',
      '1e-7 -0.3 6',
      'O Ti O',
      '2 1 1',
      'Cartesian',
    ]);
    expect(POSCAR.labels).toBeUndefined();
  });

  test('and reading again give every number back bit for bit', () => {
    const real = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const triple = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        triple(real),
        triple(fc.double({ min: 1e-3, max: 1, noNaN: true })),
        fc.option(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 })),
        fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { minLength: 9, maxLength: 9 }),
        (positions, velocities, free, tilt) => {
          const cell = Float64Array.from(tilt, (value, k) => value + (k % 4 === 0 ? 5 : 0));
          const frame: WritableFrame = {
            structure: { ...structure, positions: Float64Array.from(positions), cell },
            arrays: {
              velocities: { type: 'R', columns: 3, values: Float64Array.from(velocities) },
              ...(free === null ? {} : { move_mask: { type: 'L', columns: 3, values: free } }),
            },
          };
          const again = read(String(writePoscar([frame]).content));
          expect(again.structure).toEqual(frame.structure);
          expect(again.arrays).toEqual(frame.arrays);
        },
      ),
      { numRuns: 200, seed: 5 },
    );
  });

  test('refuses what a POSCAR has no room for', () => {
    const frame: WritableFrame = { structure };
    errorOf('one-frame-only', () => writePoscar([]));
    errorOf('one-frame-only', () => writePoscar([frame, frame]));
    errorOf('unwritable-pbc', () => writePoscar([{ structure: { ...structure, pbc: [true, true, false] } }]));
    errorOf('unwritable-pbc', () => writePoscar([{ structure: createStructure(['H'], [0, 0, 0]) }]));
    for (const values of [new Float64Array(4), Float64Array.from({ length: 12 }, () => Number.NaN)]) {
      errorOf('unwritable-array', () =>
        writePoscar([{ structure, arrays: { velocities: { type: 'R', columns: 3, values } } }]),
      );
    }
  });

  test('one flag per atom holds for its three coordinates', () => {
    const arrays = { move_mask: { type: 'L' as const, columns: 1, values: [true, false, true, true] } };
    const { values } = read(String(writePoscar([{ structure, arrays }]).content)).arrays.move_mask;
    expect(values).toEqual([true, true, true, false, false, false, true, true, true, true, true, true]);
  });
});

test('broken files are read or refused', () => {
  const rows = '0 0 0 T F T\n0.5 0.5 0.5 F F F\n0 0 0.5 f t f';
  const sample = text({ scale: '-120', mode: 'Selective\nCartesian', rows, more: '\n1 2 3\n4 5 6\n7 8 9\n' });
  const bytes = new TextEncoder().encode(sample);
  const outcome = expectReadOrRefused((file) => readPoscar(file), bytes, { count: 5000, seed: 13 });
  expect(outcome.read).toBeGreaterThan(200);
  expect(outcome.codes.size).toBeGreaterThan(8);
});
