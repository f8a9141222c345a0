import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { createRandom } from '../../../random.ts';
import { rattled } from '../../../structure/builders.ts';
import { crystal } from '../../../structure/crystals.ts';
import { determinant3 } from '../../../structure/matrix3.ts';
import { createStructure, type Structure } from '../../../structure/structure.ts';
import { BOHR } from '../../../units.ts';
import type { AtomArray, Frame } from '../../dataset.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import type { FormatOptions } from '../format.ts';
import { expectReadOrRefused, expectSound } from '../shared/testing.ts';
import { LAMMPS_DATA } from './data.ts';
import { elementsOfMass } from './units.ts';

const path = 'data.box';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, options: FormatOptions = {}): Frame => {
  const frames = LAMMPS_DATA.read?.([{ path, bytes: bytesOf(text) }], options) ?? [];
  expectSound(frames);
  return frames[0];
};
const write = (frame: WritableFrame, options: FormatOptions = {}): string =>
  String(LAMMPS_DATA.write?.([frame], options)[0].content);

const QUARTZ = `LAMMPS data file via write_data, version 29 Aug 2024, timestep = 7, units = metal

3 atoms
2 atom types
1 bonds
1 bond types

-1 3.5 xlo xhi
0.5 5.5 ylo yhi
0 6 zlo zhi
-2.25 0.5 0.25 xy xz yz

Masses

1 28.0855
2 15.9994  # OW

Pair Coeffs # lj/cut

1 0.1 3
2 0.2 3

Atoms # full

7 1 2 -1 1.5 2.5 3.5 0 -1 2
2 1 1 2 0.5 0.5 0.5 0 0 0
9 2 2 -1 -0.5 4 1 1 0 0

Velocities

2 1 2 3
9 4 5 6
7 7 8 9

Bonds

1 1 2 7
`;

describe('reading', () => {
  test('atoms in the order of their ids, elements by mass, the box without its corner', () => {
    const { structure, arrays, labels } = read(QUARTZ);
    expect([...structure.numbers]).toEqual([14, 8, 8]);
    expect([...structure.cell]).toEqual([4.5, 0, 0, -2.25, 5, 0, 0.5, 0.25, 6]);
    expect([...structure.positions]).toEqual([0.5, 0.5, 0.5, 1.5, 2.5, 3.5, -0.5, 4, 1]);
    expect(structure.pbc).toEqual([true, true, true]);
    expect(labels).toEqual({});
    const plain = Object.fromEntries(Object.entries(arrays).map(([name, { values }]) => [name, [...values]]));
    expect(plain).toEqual({
      initial_charges: [2, -1, -1],
      molecule: [1, 1, 2],
      image_flags: [0, 0, 0, 0, -1, 2, 1, 0, 0],
      velocities: [1, 2, 3, 7, 8, 9, 4, 5, 6].map((v) => v * 1e-3),
    });
  });

  test('general triclinic boxes, type labels, styles by their columns', () => {
    const text = `title\n\n2 atoms\n2 atom types\n1 2 3 avec\n0 4 0 bvec\n0.5 0 5 cvec\n0 0 0 abc origin
Atom Type Labels\n\n1 Si\n2 C\nMasses\n\nSi 28.085\nC 12.011\nAtoms\n\n1 Si 0 0 0\n2 C 1 1 1\n`;
    const { structure } = read(text);
    expect([...structure.cell]).toEqual([1, 2, 3, 0, 4, 0, 0.5, 0, 5]);
    expect([...structure.numbers]).toEqual([14, 6]);
    const rows = (row: string): string => text.replace('1 Si 0 0 0\n2 C 1 1 1', `${row}\n${row.replace('1', '2')}`);
    expect(read(rows('1 1 0.5 0 0 0')).arrays.initial_charges.values[0]).toBe(0.5);
    expect(read(rows('1 7 1 0 0 0')).arrays.molecule.values[0]).toBe(7);
    expect(read(rows('1 7 2 0.5 0 0 0 1 1 1')).arrays.initial_charges.values[0]).toBe(0.5);
    // Molecule 1 and type 2, or type 1 and charge +2?
    expect(errorOf('unknown-atom-style', () => read(rows('1 1 2 0 0 0'))).message).toContain('charge or molecular');
    errorOf('unknown-atom-style', () => read(rows('1 1 1.5 2.5 0 0 0')));
    const sphere = errorOf('unknown-atom-style', () => read(text.replace('Atoms\n', 'Atoms # sphere\n')));
    expect(sphere.message).toContain('sphere');
  });

  test('cross terms of CHARMM force fields are passed over', () => {
    const counted = QUARTZ.replace('3 atoms', '3 atoms\n1 crossterms');
    expect(counted).not.toBe(QUARTZ);
    expect(read(`${counted}\nCMAP\n\n1 1 1 2 3 1 2\n`).structure).toEqual(read(QUARTZ).structure);
  });

  test('elements: told, by label, by mass, or refused with the candidates', () => {
    const masses = (rows: string): string => QUARTZ.replace(/1 28\.0855\n2 15\.9994 {2}# OW/, rows);
    expect([...read(QUARTZ, { elements: ['Ge', 'S'] }).structure.numbers]).toEqual([32, 16, 16]);
    errorOf('missing-elements', () => read(QUARTZ, { elements: ['Si'] }));
    expect([...read(masses('1 47.9 # Ti\n2 2 # H')).structure.numbers]).toEqual([22, 1, 1]);
    expect(read(masses('1 2.014 # H\n2 16')).structure.numbers[0]).toBe(1);
    expect(errorOf('missing-elements', () => read(masses('1 300\n2 16'))).message).toContain(
      '300 u, is that of no element',
    );
    expect(errorOf('ambiguous-element', () => read(masses('1 40.01\n2 16'))).message).toContain('Ar or Ca');
    const contradiction = errorOf('ambiguous-element', () => read(masses('1 12.011 # Ca\n2 16')));
    expect(contradiction.message).toContain('called Ca, but has the mass of C');
    expect(elementsOfMass(58.7)).toEqual([28]);
    const without = QUARTZ.replace(/Masses[\s\S]*?Pair/, 'Pair');
    expect(errorOf('missing-elements', () => read(without)).hint).toContain('--elements');
  });

  test('units: told by the first line, by the user, or needed for velocities', () => {
    const silent = QUARTZ.replace(', units = metal', '');
    errorOf('missing-units', () => read(silent));
    expect(read(silent, { units: 'real' }).arrays.velocities.values[0]).toBe(1);
    expect(read(silent.replace(/Velocities[\s\S]*/, '')).structure.cell[0]).toBe(4.5);
    expect(read(silent, { units: 'electron' }).structure.cell[8]).toBe(6 * BOHR);
    errorOf('contradicting-units', () => read(QUARTZ, { units: 'real' }));
    errorOf('unknown-units', () => read(QUARTZ.replace('metal', 'lj')));
    errorOf('unknown-units', () => read(silent, { units: 'atomic' }));
  });

  test('refusals name the place', () => {
    const refused = (code: string, from: string | RegExp, to: string): unknown =>
      errorOf(code, () => read(QUARTZ.replace(from, to))).place;
    expect(refused('bad-number', '1.5 2.5 3.5', '1.5 x 3.5')).toEqual({
      path,
      line: 25,
      field: 'Atoms',
      frame: undefined,
    });
    refused('wrong-atom-count', '3 atoms', '4 atoms');
    refused('wrong-atom-count', '9 2 2 -1 -0.5 4 1 1 0 0\n', '');
    refused('bad-box', '0 6 zlo zhi\n', '');
    refused('bad-box', '0 6 zlo', '7 6 zlo');
    refused('duplicate-id', '9 2 2', '7 2 2');
    refused('bad-count', '9 2 2', '9 2 3');
    refused('bad-section', 'Velocities', 'Velocity');
    refused('bad-header', '1 bonds', '1 bands');
    refused('bad-header', '2 atom types\n', '');
    refused('duplicate-key', '1 bonds', '3 atoms');
    refused('missing-velocity', '9 4 5 6\n', '');
    refused('wrong-column-count', '9 4 5 6\n', '9 4 5\n');
    refused('no-atoms', /Atoms # full[\s\S]*/, 'Atoms # full\n');
  });
});

const column = (columns: number, values: Float64Array | Int32Array): AtomArray => ({
  type: values instanceof Int32Array ? 'I' : 'R',
  columns,
  values,
});

/** All distances between atoms and their images nearby, sorted: what no rotation changes. */
function distances({ positions, cell }: Structure): number[] {
  const found: number[] = [];
  for (let i = 0; i < positions.length; i += 3) {
    for (let j = 0; j < positions.length; j += 3) {
      for (let n = 0; n < 27; n++) {
        const shift = [Math.floor(n / 9) - 1, (Math.floor(n / 3) % 3) - 1, (n % 3) - 1];
        const [x, y, z] = [0, 1, 2].map(
          (c) =>
            positions[j + c] - positions[i + c] + shift[0] * cell[c] + shift[1] * cell[3 + c] + shift[2] * cell[6 + c],
        );
        found.push(Math.hypot(x, y, z));
      }
    }
  }
  return found.sort((a, b) => a - b);
}

describe('writing', () => {
  const bare = ({ structure, arrays }: WritableFrame): unknown => ({ structure, arrays });

  test.each(['metal', 'real', 'electron', 'si'] as const)('read, written, read: the same bits (%s)', (units) => {
    const silent = QUARTZ.replace(', units = metal', '').replace('28.0855', '28 # Si').replace('# OW', '# O');
    const frame = read(silent, { units });
    const text = write(frame, { units });
    expect(bare(read(text))).toEqual(bare(frame));
    expect(text.split('\n')[0]).toBe(`LAMMPS data file by nearsight, units = ${units}`);
  });

  test('a box of LAMMPS is not touched, its boundaries are kept', () => {
    const structure = { ...read(QUARTZ).structure, pbc: [true, false, true] as const };
    const text = write({ structure });
    expect(text).toContain('0.0 4.5 xlo xhi\n0.0 5 ylo yhi\n0.0 6 zlo zhi\n-2.25 0.5 0.25 xy xz yz\n');
    expect(text).toContain('boundary = p s p');
    expect(text).toContain('1 15.999 # O\n2 28.085 # Si\n');
    expect(read(text).structure).toEqual(structure);
    expect(write({ structure }, { elements: ['Si', 'C', 'O'] })).toContain('3 atom types');
  });

  test.each([
    ['right-handed', [0.3, 4, 0.1, -1, 0.2, 5, 4.5, 0.6, -0.2]],
    ['left-handed', [4, 0.3, 0.1, 0.2, -1, 5, 0.6, 4.5, -0.2]],
    ['diagonal, but negative', [-4, 0, 0, 0, 5, 0, 0, 0, 6]],
  ])('any other cell is turned, with all that points somewhere (%s)', (_, cell) => {
    const random = createRandom(3);
    const positions = Float64Array.from({ length: 12 }, () => 3 * random.normal());
    const velocities = Float64Array.from({ length: 12 }, () => random.normal());
    const structure = createStructure(['Si', 'O', 'O', 'H'], positions, cell);
    const images = Int32Array.from({ length: 12 }, (__, k) => (k % 5) - 2);
    const arrays = { velocities: column(3, velocities), image_flags: column(3, images) };
    const back = read(write({ structure, arrays }));
    const c = back.structure.cell;
    expect([c[1], c[2], c[5]]).toEqual([0, 0, 0]);
    expect(determinant3(c)).toBeCloseTo(Math.abs(determinant3(cell)), 10);
    const order = [3, 1, 2, 0];
    expect([...back.structure.numbers]).toEqual([14, 8, 8, 1]);
    expect(order).toHaveLength(4);
    const [before, after] = [distances(structure), distances(back.structure)];
    for (const [k, d] of before.entries()) expect(after[k]).toBeCloseTo(d, 10);
    // Velocities turn with the positions, and image flags still lead to the same unwrapped places.
    const unwrapped = ({ structure: s, arrays: a }: WritableFrame): Float64Array =>
      s.positions.map((x, k) => {
        const flags = a?.image_flags.values ?? [];
        const at = k - (k % 3);
        return x + [0, 1, 2].reduce((sum, d) => sum + Number(flags[at + d]) * s.cell[3 * d + (k % 3)], 0);
      });
    const angles = (frame: WritableFrame): number[] => {
      const r = unwrapped(frame);
      const v = frame.arrays?.velocities.values as Float64Array;
      return [0, 1, 2, 3].flatMap((i) =>
        [0, 1, 2, 3].map((j) => [0, 1, 2].reduce((sum, d) => sum + v[3 * i + d] * (r[3 * j + d] - r[d]), 0)),
      );
    };
    const [was, is] = [angles({ structure, arrays }), angles(back)];
    for (const [k, product] of was.entries()) expect(is[k]).toBeCloseTo(product, 9);
  });

  test('what a data file cannot hold is refused', () => {
    errorOf('unwritable-boundary', () => write({ structure: createStructure(['He'], [0, 0, 0]) }));
    const silicon = { structure: crystal('diamond', ['Si'], 5.43) };
    errorOf('unwritable-frames', () => LAMMPS_DATA.write?.([silicon, silicon], {}));
    errorOf('unwritable-frames', () => LAMMPS_DATA.write?.([], {}));
    errorOf('missing-elements', () => write(silicon, { elements: ['Ge'] }));
    errorOf('unknown-units', () => write(silicon, { units: 'atomic' }));
  });

  test('a rattled crystal comes back bit for bit', () => {
    const structure = rattled(crystal('rocksalt', ['Mg', 'O'], 4.21), 0.1, createRandom(1));
    expect(read(write({ structure })).structure).toEqual(structure);
  });
});

test('5,000 broken files', () => {
  const outcome = expectReadOrRefused(({ bytes }) => LAMMPS_DATA.read?.([{ path, bytes }], {}), bytesOf(QUARTZ), {
    count: 5000,
    seed: 6,
    path,
  });
  expect(outcome.read).toBeGreaterThan(300);
  expect(outcome.codes.size).toBeGreaterThan(12);
});
