import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../tests/helpers/errors.ts';
import { createRandom } from '../../random.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure } from '../../structure/structure.ts';
import { BOHR, HARTREE } from '../../units.ts';
import type { Frame } from '../dataset.ts';
import { parseExtxyz } from '../extxyz/read.ts';
import type { WritableFrame } from '../extxyz/write.ts';
import type { FormatOptions } from './format.ts';
import { N2P2 } from './n2p2.ts';
import { expectReadOrRefused, expectSound } from './shared/testing.ts';

const path = 'input.data';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, options: FormatOptions = { units: 'atomic' }): Frame[] =>
  N2P2.read?.([{ path, bytes: bytesOf(text) }], options) ?? [];
const write = (frames: readonly WritableFrame[], options: FormatOptions = {}): string =>
  String(N2P2.write?.(frames, options)[0].content);

const WATER = `begin
comment config_type=liquid step=3
lattice 20.0 0.0 0.0
lattice 0.0 20.0 0.0
lattice 1.0 0.0 20.0
atom 1.0 1.0 1.0 O -0.8 0.0 0.1 0.2 0.3
atom 2.8 1.0 1.0 H 0.4 0.0 -0.1 0.0 0.0
atom 0.4 2.7 1.0 H 0.4 0.0 0.0 -0.2 -0.3
energy -76.5
charge 0.0
end
`;

describe('reading', () => {
  test('atomic units: bohr, Hartree, Hartree/bohr; charges in e', () => {
    const [frame] = read(WATER);
    expect([...frame.structure.cell.slice(6)]).toEqual([BOHR, 0, 20 * BOHR]);
    expect(frame.structure.positions[3]).toBe(2.8 * BOHR);
    expect(frame.structure.pbc).toEqual([true, true, true]);
    expect(frame.labels.energy).toBe(-76.5 * HARTREE);
    expect(frame.labels.forces?.[2]).toBe(0.3 * (HARTREE / BOHR));
    expect(frame.group).toBe('liquid');
    expect(frame.info).toEqual({ config_type: 'liquid', step: 3, charge: 0 });
    expect(frame.arrays).toEqual({
      initial_charges: { type: 'R', columns: 1, values: Float64Array.of(-0.8, 0.4, 0.4) },
    });
    expect([frame.line, frame.index]).toEqual([1, 0]);
  });

  test('without units the file is refused, with the ones that fit', () => {
    const refused = errorOf('missing-units', () => read(WATER, {}));
    expect(refused.hint).toContain('fit --units atomic');
    expect(refused.hint).toContain('1.86 times the sum of covalent radii if in Å, 0.98 times if in bohr');
    expect(refused.place).toEqual({ path, line: 1, frame: 0, field: 'units' });
    const angstrom = write([{ structure: crystal('rocksalt', ['Mg', 'O'], 4.21), labels: some(8) }], {
      units: 'metal',
    });
    const plain = angstrom.replace('units=metal', '');
    expect(errorOf('missing-units', () => read(plain, {})).hint).toContain('fit --units metal');
    const gas = 'begin\natom 0 0 0 He 0 0 0 0 1\natom 9 0 0 He 0 0 0 0 1\nend\n';
    expect(errorOf('missing-units', () => read(gas, {})).hint).toContain('do not tell');
    errorOf('unknown-units', () => read(WATER, { units: 'real' }));
  });

  test('structures without labels (all zero) have none, a single atom does', () => {
    const zero = 'begin\natom 0 0 0 Si 0 0 0 0 0\natom 4 0 0 Si 0 0 0 0 0\nenergy 0\nend\n';
    expect(read(zero)[0].labels).toEqual({});
    expect(read('begin\natom 0 0 0 Si 0 0 0 0 0\nenergy 0\nend\n')[0].labels).toEqual({
      energy: 0,
      forces: new Float64Array(3),
    });
    expect(read(zero.replace('energy 0', 'energy -1'))[0].labels.forces).toEqual(new Float64Array(6));
    // No energy at all is none, not zero.
    expect(read(WATER.replace('energy -76.5\n', ''))[0].labels.energy).toBeUndefined();
  });

  test('refusals name line, frame and field', () => {
    const place = (code: string, text: string): unknown => errorOf(code, () => read(text)).place;
    expect(place('bad-number', WATER.replace('0.4 2.7', '0.4 2,7'))).toEqual({ path, line: 8, frame: 0, field: 'y' });
    expect(place('wrong-column-count', WATER.replace(' O -0.8', ' O'))).toMatchObject({ line: 6 });
    expect(place('unknown-element', WATER.replace(' O -0.8', ' OW -0.8'))).toMatchObject({ field: 'element' });
    expect(place('bad-lattice', WATER.replace('lattice 0.0 20.0 0.0\n', ''))).toMatchObject({ line: 10 });
    expect(place('truncated-file', `${WATER}begin\n`)).toMatchObject({ frame: 1 });
    place('bad-keyword', WATER.replace('end', 'begin'));
    place('bad-keyword', `x\n${WATER}`);
    place('duplicate-key', WATER.replace('charge 0.0', 'energy 0.0'));
    place('not-finite', WATER.replace('-76.5', 'nan'));
    place('no-atoms', 'begin\nenergy 1\nend\n');
    place('empty-file', '\n');
    place('binary-file', 'begin\u0000');
  });
});

function some(atoms: number): { energy: number; forces: Float64Array } {
  const random = createRandom(atoms);
  return { energy: -random.uniform() * 1e4, forces: Float64Array.from({ length: 3 * atoms }, () => random.normal()) };
}

describe('writing', () => {
  const [frame] = read(WATER);
  const bare = ({ structure, labels, group, info, arrays }: WritableFrame): unknown => ({
    structure,
    labels,
    group,
    info,
    arrays,
  });

  test('read, written, read: the same bits in both units', () => {
    const frames = read(WATER + WATER.replaceAll('1.0', '1.0371234567').replaceAll('0.3', '0.31234567890123'));
    const text = write(frames, { units: 'atomic' });
    // The comment says the units, so that nobody needs to say them again.
    expect(read(text, {}).map(bare)).toEqual(frames.map(bare));
    expect(text).toContain('atom 1 1 1 O -0.8 0.0 0.1 0.2 0.3\n');
    expect(text).toContain('energy -76.5\n');
    const metal = write(frames, { units: 'metal' });
    expect(read(metal, {}).map(bare)).toEqual(frames.map(bare));
    errorOf('contradicting-units', () => read(text, { units: 'metal' }));
  });

  test('group, comment, stress, info and charges are kept; a molecule has no lattice', () => {
    const molecule: WritableFrame = {
      structure: createStructure(['C', 'O'], [0, 0, 0, 0.1, 0.2, 1.13]),
      labels: some(2),
      group: 'a "group" = odd',
      info: { charge: 1, comment: 'made by hand\nE = -5, step 7', list: [1, 2.5], ok: true },
      arrays: { energies: { type: 'R', columns: 1, values: Float64Array.of(-1.25, 3) } },
    };
    const stressed: WritableFrame = {
      structure: crystal('diamond', ['Si'], 5.43),
      labels: { ...some(8), stress: Float64Array.of(1, 0.6, 0.5, 0.6, 2, 0.4, 0.5, 0.4, 1 / 3) },
      group: 'strained',
      info: { charge: 0 },
      arrays: {},
    };
    const text = write([molecule, stressed], { units: 'metal' });
    expect(text.split('end\n')[0]).not.toContain('lattice');
    const back = read(text, {});
    expect(bare(back[0])).toEqual({ ...molecule, info: { ...molecule.info, config_type: molecule.group } });
    expect(bare(back[1])).toEqual({ ...stressed, info: { charge: 0, config_type: 'strained' } });
  });

  test('numbers that no product gives come back to the last place', () => {
    const random = createRandom(8);
    const structure = crystal('diamond', ['Si'], 5.43);
    const positions = Float64Array.from({ length: 24 }, () => random.normal() * 10);
    const [back] = read(write([{ structure: { ...structure, positions }, labels: some(8) }], { units: 'atomic' }), {});
    for (const [c, x] of positions.entries()) {
      expect(Math.abs(back.structure.positions[c] - x)).toBeLessThanOrEqual(2 ** -52 * Math.abs(x));
    }
  });

  test('nothing is made up', () => {
    const units = { units: 'metal' } as const;
    expect(errorOf('missing-units', () => write([frame])).hint).toContain('--to-units metal');
    errorOf('unwritable-missing-forces', () => write([{ ...frame, labels: { energy: 1 } }], units));
    errorOf('unwritable-missing-energy', () => write([{ ...frame, labels: { forces: some(3).forces } }], units));
    const slab = { ...frame, structure: { ...frame.structure, pbc: [true, true, false] as const } };
    expect(errorOf('unwritable-boundary', () => write([frame, slab], units)).place.frame).toBe(1);
  });
});

test('5,000 broken files', () => {
  const outcome = expectReadOrRefused(
    ({ bytes }) => N2P2.read?.([{ path, bytes }], { units: 'atomic' }),
    bytesOf(WATER + write(read(WATER), { units: 'atomic' })),
    { count: 4500, seed: 2, path },
  );
  expect(outcome.read).toBeGreaterThan(300);
  expect(outcome.codes.size).toBeGreaterThan(9);
  // Without units, so that the search for plausible ones sees broken structures too.
  expectReadOrRefused(({ bytes }) => N2P2.read?.([{ path, bytes }], {}), bytesOf(WATER), { count: 500, seed: 3, path });
});

const shared = new URL('../../../../shared/data/n2p2/', import.meta.url);
describe.skipIf(!existsSync(shared))('n2p2 examples (skipped without ../shared/data)', () => {
  const load = (name: string): Uint8Array => new Uint8Array(gunzipSync(readFileSync(new URL(name, shared))));
  test.each([
    ['native/AlAuMgO_4G.input.data.gz', 'AuMgO-Al_4G_train18.extxyz.gz', 'atomic', 18],
    ['native/Carbon_chain_4G.input.data.gz', 'Carbon_chain_4G_train128.extxyz.gz', 'atomic', 128],
    ['native/Cu2S_PBE.input.data.gz', 'Cu2S_PBE_train20.extxyz.gz', 'metal', 20],
    ['native/H2O_RPBE-D3.input.data.gz', 'H2O_RPBE-D3_train20.extxyz.gz', 'atomic', 20],
  ] as const)('%s equals its conversion, number by number', (native, converted, units, count) => {
    const bytes = load(native);
    expect(N2P2.recognises?.(new TextDecoder().decode(bytes.subarray(0, 65536)))).toBe(true);
    const hint = errorOf('missing-units', () => N2P2.read?.([{ path, bytes }], {})).hint;
    expect(hint).toContain(`fit --units ${units}`);
    const frames = N2P2.read?.([{ path, bytes }], { units }) ?? [];
    const expected = parseExtxyz(load(converted), converted);
    expectSound(frames);
    expect([frames.length, expected.length]).toEqual([count, count]);
    for (const [k, frame] of frames.entries()) {
      const other = expected[k];
      expect(frame.structure.numbers).toEqual(other.structure.numbers);
      expect(frame.structure.pbc).toEqual(other.structure.pbc);
      expect(Math.abs((frame.labels.energy ?? 0) / (other.labels.energy ?? 1) - 1)).toBeLessThan(1e-11);
      expect(frame.info.charge ?? 'none').toBe(other.info.charge ?? 'none');
      expect(Object.keys(frame.arrays)).toEqual(Object.keys(other.arrays));
      const pairs = [
        [frame.structure.positions, other.structure.positions],
        [frame.structure.cell, other.structure.cell],
        [frame.labels.forces ?? [], other.labels.forces ?? []],
        [frame.arrays.initial_charges?.values ?? [], other.arrays.initial_charges?.values ?? []],
      ] as [ArrayLike<number>, ArrayLike<number>][];
      // The conversion was written with eight decimals.
      for (const [a, b] of pairs) {
        expect(a.length).toBe(b.length);
        expect(Math.max(0, ...Array.from(a, (x, c) => Math.abs(x - b[c])))).toBeLessThan(6e-9);
      }
    }
    const again = read(write(frames, { units }), {});
    expect(again.map(({ structure, labels }) => ({ structure, labels }))).toEqual(
      frames.map(({ structure, labels }) => ({ structure, labels })),
    );
  });

  test('a structure to be predicted has no labels', () => {
    const bytes = new Uint8Array(readFileSync(new URL('trained/H2O_RPBE-D3/input.data', shared)));
    expect(N2P2.read?.([{ path, bytes }], { units: 'atomic' })[0].labels).toEqual({});
  });
});
