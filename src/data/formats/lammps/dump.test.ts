import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { KCAL_PER_MOL } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import type { FormatOptions } from '../format.ts';
import { expectReadOrRefused, expectSound } from '../shared/testing.ts';
import { LAMMPS_DUMP } from './dump.ts';

const path = 'runs/melt.dump';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, options: FormatOptions = {}): Frame[] => {
  const frames = LAMMPS_DUMP.read?.([{ path, bytes: bytesOf(text) }], options) ?? [];
  expectSound(frames);
  return frames;
};

/** Box a = (4, 0, 0), b = (−1, 5, 0), c = (0.5, 0.25, 6) with its corner at (1, 2, 3). */
const BOX = 'ITEM: BOX BOUNDS xy xz yz pp pp ff\n0 5.5 -1\n2 7.25 0.5\n3 9 0.25\n';
const head = (step: number, units = 'ITEM: UNITS\nmetal\n'): string =>
  `${units}ITEM: TIMESTEP\n${step}\nITEM: NUMBER OF ATOMS\n2\n${BOX}`;
const DUMP = `${head(100)}ITEM: ATOMS id type element x y z fx fy fz vx vy vz q ix iy iz c_pe[1] mol
2 1 O 1.5 2 3 0.1 0.2 0.3 10 20 30 -1 0 0 1 -3.5 1
1 2 Si 1 2 3 -0.1 -0.2 -0.3 1 2 3 1 0 -1 0 -4.5 1
${head(200, '')}ITEM: ATOMS id type element xs ys zs
1 2 Si 0 0 0
2 1 O 0.5 0.25 1
`;

describe('reading', () => {
  test('atoms by id, the box from its bounds, columns in nearsight’s units', () => {
    const [frame] = read(DUMP);
    expect([...frame.structure.numbers]).toEqual([14, 8]);
    expect([...frame.structure.cell]).toEqual([4, 0, 0, -1, 5, 0, 0.5, 0.25, 6]);
    expect([...frame.structure.positions]).toEqual([1, 2, 3, 1.5, 2, 3]);
    expect(frame.structure.pbc).toEqual([true, true, false]);
    expect([...(frame.labels.forces ?? [])]).toEqual([-0.1, -0.2, -0.3, 0.1, 0.2, 0.3]);
    expect(frame.labels.energy).toBeUndefined();
    expect([frame.group, frame.info, frame.line, frame.index]).toEqual(['melt.dump', { step: 100 }, 3, 0]);
    const plain = Object.fromEntries(Object.entries(frame.arrays).map(([name, { values }]) => [name, [...values]]));
    expect(plain).toEqual({
      initial_charges: [1, -1],
      velocities: [1, 2, 3, 10, 20, 30].map((v) => v * 1e-3),
      image_flags: [0, -1, 0, 0, 0, 1],
      c_pe_1: [-4.5, -3.5],
      mol: [1, 1],
    });
  });

  test('scaled positions count from the corner of the box', () => {
    const [, second] = read(DUMP);
    expect([...second.structure.positions]).toEqual([1, 2, 3, 1 + 2 - 0.25 + 0.5, 2 + 1.25 + 0.25, 3 + 6]);
    expect(second.labels).toEqual({});
    expect(read(DUMP.replace('xs ys zs', 'xsu ysu zsu'))[1].structure).toEqual(second.structure);
    expect([...read(DUMP.replace('x y z', 'xu yu zu'))[0].structure.positions]).toEqual([1, 2, 3, 1.5, 2, 3]);
    errorOf('missing-positions', () => read(DUMP.replace('xs ys zs', 'xs ys za')));
  });

  test('units: forces need them, lengths are taken for Å', () => {
    const silent = DUMP.replace('ITEM: UNITS\nmetal\n', '');
    expect(errorOf('missing-units', () => read(silent)).hint).toContain('--units real');
    const real = read(silent, { units: 'real' })[0];
    expect(real.labels.forces?.[0]).toBe(-0.1 * KCAL_PER_MOL);
    expect(real.arrays.velocities.values[0]).toBe(1);
    expect(read(silent.replace('fx fy fz vx vy vz', 'a b c d e f'))[0].structure.cell[0]).toBe(4);
    errorOf('contradicting-units', () => read(DUMP, { units: 'real' }));
    errorOf('unknown-units', () => read(DUMP.replace('metal', 'lj')));
  });

  test('elements: told, in a column, by mass, or refused', () => {
    expect([...read(DUMP, { elements: ['S', 'Ge'] })[0].structure.numbers]).toEqual([32, 16]);
    const types = DUMP.replaceAll(' element ', ' ').replaceAll(' O ', ' ').replaceAll(' Si ', ' ');
    expect(errorOf('missing-elements', () => read(types)).hint).toContain('--elements');
    errorOf('missing-elements', () => read(types, { elements: ['S'] }));
    const masses = DUMP.replaceAll(' element ', ' mass ')
      .replaceAll(' O ', ' 15.9994 ')
      .replaceAll(' Si ', ' 28.0855 ');
    expect([...read(masses)[1].structure.numbers]).toEqual([14, 8]);
    errorOf('unknown-element', () => read(DUMP.replace(' Si ', ' Sx ')));
  });

  test('orthogonal and general triclinic boxes', () => {
    const box = (text: string): Frame => read(DUMP.replace(BOX, text))[0];
    expect([...box('ITEM: BOX BOUNDS pp ff pp\n-1 3\n0 5\n0 6.5\n').structure.cell]).toEqual([
      4, 0, 0, 0, 5, 0, 0, 0, 6.5,
    ]);
    const general = box('ITEM: BOX BOUNDS abc origin pp pp pp\n1 2 3 0\n0 4 0 0\n0.5 0 5 0\n');
    expect([...general.structure.cell]).toEqual([1, 2, 3, 0, 4, 0, 0.5, 0, 5]);
    expect(box('ITEM: BOX BOUNDS\n-1 3\n0 5\n0 6\n').structure.pbc).toEqual([true, true, true]);
  });

  test('refusals name the place', () => {
    const refused = (code: string, from: string | RegExp, to: string): unknown =>
      errorOf(code, () => read(DUMP.replace(from, to))).place;
    expect(refused('bad-number', '1.5 2 3', '1.5 ? 3')).toEqual({ path, line: 12, frame: 0, field: 'y' });
    refused('truncated-file', /2 1 O 0.5[\s\S]*/, '');
    refused('truncated-file', /\n1 2 Si 0[\s\S]*/, '');
    refused('truncated-file', 'OF ATOMS\n2', 'OF ATOMS\n900000000');
    refused('truncated-file', /ITEM: ATOMS id type element x y z[^I]*/, '');
    refused('bad-item', 'OF ATOMS\n2', 'OF ATOMS\n1');
    refused('bad-item', 'ITEM: TIMESTEP', 'ITEM: STEP');
    refused('bad-item', 'ITEM: TIMESTEP\n100\n', '');
    refused('bad-item', BOX, '');
    refused('bad-box', '3 9 0.25', '9 3 0.25');
    refused('bad-box', '3 9 0.25', '3 9');
    refused('bad-box', 'pp pp ff', 'pp pp');
    refused('duplicate-id', '\n2 1 O', '\n1 1 O');
    refused('wrong-column-count', '0.5 0.25 1\n', '0.5 0.25\n');
    errorOf('empty-file', () => read(''));
  });
});

test('5,000 broken files', () => {
  const outcome = expectReadOrRefused(({ bytes }) => LAMMPS_DUMP.read?.([{ path, bytes }], {}), bytesOf(DUMP), {
    count: 5000,
    seed: 7,
    path,
  });
  expect(outcome.read).toBeGreaterThan(200);
  expect(outcome.codes.size).toBeGreaterThan(12);
});

const samples = new URL('../../../../../shared/data/samples/', import.meta.url);
test.skipIf(!existsSync(samples))(
  'a dump in the wild (skipped without ../shared/data) has the cell that ASE finds',
  () => {
    const bytes = new Uint8Array(readFileSync(new URL('lammps/traj.dump', samples)));
    expect(LAMMPS_DUMP.recognises?.(new TextDecoder().decode(bytes))).toBe(true);
    const frames = LAMMPS_DUMP.read?.([{ path: 'traj.dump', bytes }], { elements: ['Fe', 'N'] }) ?? [];
    const manifest = JSON.parse(readFileSync(new URL('MANIFEST.json', samples), 'utf8')) as {
      file: string;
      ase_reference?: { frames: number; natoms: number; first: { cellpar: number[] }; last: { cellpar: number[] } };
    }[];
    const ase = manifest.find(({ file }) => file === 'lammps/traj.dump')?.ase_reference;
    expect([frames.length, frames[0].structure.numbers.length]).toEqual([ase?.frames, ase?.natoms]);
    expect([...frames[0].structure.numbers].filter((z) => z === 26)).toHaveLength(16);
    for (const [frame, expected] of [
      [frames[0], ase?.first],
      [frames[1], ase?.last],
    ] as const) {
      for (const [k, value] of cellParameters(frame.structure.cell).entries()) {
        expect(Math.abs(value - (expected?.cellpar[k] ?? 0))).toBeLessThan(1e-6);
      }
    }
    expect(frames[0].arrays.c_spin_1.values[0]).toBe(1.54706291);
  },
);

/** Lengths a b c, Å, and angles α β γ, degrees. */
function cellParameters(cell: Float64Array): number[] {
  const rows = [0, 3, 6].map((k) => [...cell.subarray(k, k + 3)]);
  const length = (v: readonly number[]): number => Math.hypot(...v);
  const angle = (u: readonly number[], v: readonly number[]): number =>
    (Math.acos(u.reduce((sum, x, k) => sum + x * v[k], 0) / length(u) / length(v)) * 180) / Math.PI;
  const [a, b, c] = rows;
  return [length(a), length(b), length(c), angle(b, c), angle(a, c), angle(a, b)];
}
