import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { NearsightError } from '../../../errors.ts';
import { createRandom } from '../../../random.ts';
import { crystal } from '../../../structure/crystals.ts';
import { createStructure, type Structure } from '../../../structure/structure.ts';
import type { Frame } from '../../dataset.ts';
import { parseExtxyz } from '../../extxyz/read.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import type { FormatOptions, InputFile, OutputFile } from '../format.ts';
import { expectReadOrRefused, expectSound } from '../shared/testing.ts';
import { DEEPMD } from './deepmd.ts';
import { readNpy, writeNpy } from './npy.ts';

const ROOT = 'data/set';
const main: InputFile = { path: ROOT, bytes: new Uint8Array(0) };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The folder of these files as it would be found again. */
function folder(files: readonly OutputFile[]): InputFile[] {
  const byName = new Map(files.map(({ path, content }) => [path, content]));
  return (DEEPMD.companions?.(main, [...byName.keys(), 'README', 'set.000/fparam.npy']) ?? []).map((name) => {
    const content = byName.get(name) ?? '';
    return { path: `${ROOT}/${name}`, bytes: typeof content === 'string' ? bytesOf(content) : content };
  });
}

const read = (files: readonly OutputFile[], options: FormatOptions = {}): Frame[] =>
  DEEPMD.read?.([main, ...folder(files)], options) ?? [];
const write = (frames: readonly WritableFrame[], options: FormatOptions = {}): OutputFile[] =>
  DEEPMD.write?.(frames, options) ?? [];

/** Without what a reader adds. */
const bare = ({ structure, labels, group }: WritableFrame): unknown => ({ structure, labels, group });

const random = createRandom(5);
function labelled(
  structure: Structure,
  group: string,
  parts: readonly ('energy' | 'forces' | 'stress')[],
): WritableFrame {
  const atoms = structure.numbers.length;
  const six = Array.from({ length: 6 }, () => random.normal() / 7);
  const labels = {
    ...(parts.includes('energy') ? { energy: random.normal() * 100 } : {}),
    ...(parts.includes('forces') ? { forces: Float64Array.from({ length: 3 * atoms }, () => random.normal()) } : {}),
    ...(parts.includes('stress')
      ? { stress: Float64Array.of(six[0], six[5], six[4], six[5], six[1], six[3], six[4], six[3], six[2]) }
      : {}),
  };
  return { structure, labels, group };
}

const cell = [5.1, 0, 0.3, -0.4, 6.2, 0.1, 1 / 3, 0, 7.3];
const water = (): Structure =>
  createStructure(
    ['O', 'H', 'H'],
    Float64Array.from({ length: 9 }, () => random.normal()),
    cell,
  );
const shuffled = (): Structure =>
  createStructure(
    ['H', 'O', 'H'],
    Float64Array.from({ length: 9 }, () => random.normal()),
    cell,
  );
const molecule = (): Structure => createStructure(['C', 'O'], [0, 0, 0, 0, 0.1, 1.13]);

describe('write and read', () => {
  test('every number comes back; what differs in kind goes into systems of its own', () => {
    const all = ['energy', 'forces', 'stress'] as const;
    const frames = [
      labelled(molecule(), '..', ['energy', 'forces']),
      labelled(molecule(), 'é#1', []),
      labelled(water(), 'AIMD 300 K/a', all),
      labelled(water(), 'AIMD 300 K/a', all),
      labelled(shuffled(), 'AIMD 300 K/a', all),
      labelled(water(), 'AIMD 300 K/a', ['energy']),
      labelled(molecule(), 'E', []),
      labelled(molecule(), 'e', []),
    ];
    const files = write(frames);
    const systems = [...new Set(files.map(({ path }) => path.split('/')[0]))];
    expect(systems).toEqual([
      '%2E%2E',
      '%C3%A9%231',
      'AIMD%20300%20K%2Fa',
      'AIMD%20300%20K%2Fa#2',
      'AIMD%20300%20K%2Fa#3',
      'E',
      'e#2',
    ]);
    const back = read(files);
    expectSound(back);
    expect(back).toHaveLength(frames.length);
    // Not every double is some virial divided by the volume: the first stress may move by one unit in its last place.
    for (const [k, { labels }] of frames.entries()) {
      for (const [c, component] of (back[k].labels.stress ?? []).entries()) {
        const given = labels?.stress?.[c] ?? Number.NaN;
        expect(Math.abs(component - given)).toBeLessThanOrEqual(2 ** -52 * Math.abs(given));
      }
    }
    const unstressed = ({ structure, labels, group }: WritableFrame): unknown =>
      bare({ structure, labels: { ...labels, stress: undefined }, group });
    expect(back.map(unstressed)).toEqual(frames.map(unstressed));
    expect(back.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // Read once more: not a bit changes, whatever was read.
    const again = read(write(back));
    expect(again.map(bare)).toEqual(back.map(bare));
    // One type map for all of them.
    const maps = files.filter(({ path }) => path.endsWith('type_map.raw')).map(({ content }) => content);
    expect(new Set(maps)).toEqual(new Set(['H\nC\nO\n']));
    expect(files.some(({ path }) => path === 'E/nopbc')).toBe(true);
    expect(files.some(({ path }) => /^(E|e#2)\/.*(box|energy|force|virial)/.test(path))).toBe(false);
  });

  test('without a group a folder is called by its formula; the order of the elements can be given', () => {
    const files = write([{ structure: water(), labels: {} }], { elements: ['O', 'Si', 'H'] });
    expect(files[0]).toEqual({ path: 'OH2/type.raw', content: '0\n2\n2\n' });
    errorOf('missing-elements', () => write([{ structure: water() }], { elements: ['O'] }));
  });

  test('the virial is −V σ: positive where the stress is compressive', () => {
    const structure = crystal('fcc', ['Cu'], 4);
    const pressed = Float64Array.of(-0.01, 0, 0, 0, -0.01, 0, 0, 0, -0.01);
    const files = write([{ structure, labels: { stress: pressed } }]);
    const virial = files.find(({ path }) => path.endsWith('virial.npy'))?.content as Uint8Array;
    const volume = 4 ** 3;
    expect(readNpy({ path: '', bytes: virial }).values[4]).toBeCloseTo(
      (0.01 * volume * structure.numbers.length) / 4,
      12,
    );
  });

  test('two atoms 3 Å apart that pull each other with 0.5 eV/Å have the virial Σ r ⊗ F = −1.5 eV, dE/dε = +1.5 eV', () => {
    const structure = createStructure(['Si', 'Si'], [1, 0, 0, 4, 0, 0], [8, 0, 0, 0, 8, 0, 0, 0, 8]);
    const labels = {
      forces: Float64Array.of(0.5, 0, 0, -0.5, 0, 0),
      stress: Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0),
    };
    const files = write([{ structure, labels }]).map((file) =>
      file.path.endsWith('virial.npy')
        ? { ...file, content: writeNpy(Float64Array.of(1 * 0.5 + 4 * -0.5, 0, 0, 0, 0, 0, 0, 0, 0), [1, 9]) }
        : file,
    );
    expect(read(files)[0].labels.stress?.[0]).toBeCloseTo(1.5 / 512, 15);
  });

  test('a slab is refused, since DeePMD repeats all directions or none', () => {
    const slab = { ...water(), pbc: [true, true, false] as const };
    expect(errorOf('unwritable-boundary', () => write([{ structure: slab }])).place.frame).toBe(0);
  });
});

describe('reading', () => {
  const f4 = (values: readonly number[], width: number): Uint8Array =>
    writeNpy(Float32Array.from(values), [values.length / width, width]);
  const base: OutputFile[] = [
    { path: 'type.raw', content: '0 1\n' },
    { path: 'type_map.raw', content: 'Si C\n' },
    { path: 'set.000/coord.npy', content: f4([0, 0, 0, 1, 2, 3], 6) },
    { path: 'set.000/box.npy', content: f4([4, 0, 0, 0, 4, 0, 0, 0, 4], 9) },
    { path: 'set.001/coord.npy', content: f4([0, 0, 1, 1, 2, 3], 6) },
    { path: 'set.001/box.npy', content: f4([4, 0, 0, 0, 4, 0, 0, 0, 4], 9) },
    { path: 'set.001/energy.npy', content: f4([-7.5], 1) },
  ];
  const without = (name: string): OutputFile[] => base.filter(({ path }) => path !== name);
  const instead = (path: string, content: string | Uint8Array): OutputFile[] => [...without(path), { path, content }];

  test('the folder itself may be the system; sets may differ in their labels', () => {
    const frames = read(base);
    expect(frames.map(({ group, labels }) => [group, labels])).toEqual([
      ['set', {}],
      ['set', { energy: -7.5 }],
    ]);
    expect([...frames[0].structure.numbers]).toEqual([14, 6]);
    expect(frames[1].names).toEqual({ energy: 'energy.npy' });
  });

  test('mixed types: each frame has its own elements, and −1 is no atom', () => {
    const files = instead('set.000/coord.npy', f4([0, 0, 0, 1, 2, 3, 0, 0, 0, 1, 1, 1], 6)).filter(
      ({ path }) => !path.startsWith('set.001') && path !== 'set.000/box.npy',
    );
    files.push(
      { path: 'nopbc', content: '' },
      { path: 'set.000/force.npy', content: f4([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 6) },
      { path: 'set.000/real_atom_types.npy', content: writeNpy(BigInt64Array.of(1n, 1n, -1n, 0n), [2, 2]) },
    );
    const [first, second] = read(files);
    expect([...first.structure.numbers]).toEqual([6, 6]);
    expect([...second.structure.numbers]).toEqual([14]);
    expect([...second.structure.positions]).toEqual([1, 1, 1]);
    expect([...(second.labels.forces ?? [])]).toEqual([10, 11, 12]);
    expect(second.structure.pbc).toEqual([false, false, false]);
  });

  test('types without symbols need the user', () => {
    const files = without('type_map.raw');
    expect(errorOf('missing-elements', () => read(files)).hint).toContain('--elements');
    expect([...read(files, { elements: ['O', 'H'] })[0].structure.numbers]).toEqual([8, 1]);
    errorOf('unknown-element', () => read(files, { elements: ['O'] }));
    errorOf('unknown-element', () => read(files, { elements: ['O', 'Hx'] }));
  });

  test('what is missing or of another size is refused', () => {
    errorOf('missing-file', () => read(without('type.raw')));
    errorOf('missing-file', () => read(without('set.001/coord.npy')));
    errorOf('missing-file', () => read(without('set.000/box.npy')));
    errorOf('empty-folder', () => read([]));
    errorOf('bad-count', () => read(instead('type.raw', '0 x')));
    const short = errorOf('wrong-length', () => read(instead('type.raw', '0 1 1')));
    expect(short.place.path).toBe('data/set/set.000/coord.npy');
    errorOf('wrong-length', () => read(instead('set.001/energy.npy', f4([1, 2], 1))));
    errorOf('wrong-length', () => read(instead('set.001/box.npy', f4([4, 0, 0, 0, 4, 0], 6))));
    errorOf('bad-label', () => read(instead('set.001/energy.npy', f4([Number.NaN], 1))));
    errorOf('not-finite', () => read(instead('set.001/coord.npy', f4([0, 0, 1, 1, 2, Number.NaN], 6))));
    errorOf('singular-cell', () => read(instead('set.001/box.npy', f4([4, 0, 0, 4, 0, 0, 0, 0, 4], 9))));
    const skew = f4([1, 2, 3, 9, 1, 1, 1, 1, 1], 9);
    errorOf('asymmetric-tensor', () => read([...base, { path: 'set.000/virial.npy', content: skew }]));
    const open = [...base.filter(({ path }) => !path.endsWith('box.npy')), { path: 'nopbc', content: '' }];
    errorOf('virial-without-cell', () => read([...open, { path: 'set.000/virial.npy', content: skew }]));
  });

  test('5,000 broken systems', () => {
    const files = folder([
      ...base,
      { path: 'set.000/virial.npy', content: f4([1, 0, 0, 0, 1, 0, 0, 0, 1], 9) },
      { path: 'set.001/force.npy', content: f4([1, 2, 3, 4, 5, 6], 6) },
      { path: 'set.001/real_atom_types.npy', content: writeNpy(Int32Array.of(0, -1), [1, 2]) },
    ]);
    let reads = 0;
    for (const [k, file] of files.entries()) {
      const broken = (sample: InputFile): Frame[] => {
        try {
          return DEEPMD.read?.([main, ...files.filter((other) => other !== file), sample], {}) ?? [];
        } catch (error) {
          // Whichever file is blamed, it is one of the system.
          if (!(error instanceof NearsightError) || !error.place.path?.startsWith(ROOT)) throw error;
          throw new NearsightError(error.code, error.message, {
            hint: error.hint ?? '',
            place: { ...error.place, path: file.path },
          });
        }
      };
      const count = Math.ceil(5000 / files.length);
      reads += expectReadOrRefused(broken, file.bytes, { count, seed: k, path: file.path }).read;
    }
    expect(reads).toBeGreaterThan(300);
    expect(reads).toBeLessThan(2500);
  });
});

const shared = new URL('../../../../../shared/data/deepmd_water/', import.meta.url);
describe.skipIf(!existsSync(shared))('DeePMD-kit water (skipped without ../shared/data)', () => {
  const path = fileURLToPath(new URL('native/data_0', shared));
  const listing = existsSync(shared) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];
  const files = (DEEPMD.companions?.({ path, bytes: new Uint8Array(0) }, listing) ?? []).map((name) => ({
    path: `${path}/${name}`,
    bytes: new Uint8Array(readFileSync(`${path}/${name}`)),
  }));

  test('equals its conversion to extended XYZ, number by number', () => {
    expect(files).toHaveLength(6);
    const frames = DEEPMD.read?.(files, {}) ?? [];
    expect(frames).toHaveLength(10);
    const text = gunzipSync(readFileSync(fileURLToPath(new URL('train.extxyz.gz', shared))));
    const converted = parseExtxyz(new Uint8Array(text), 'train.extxyz').slice(0, 5);
    for (const [k, expected] of converted.entries()) {
      const frame = frames[2 * k];
      expect(frame.group).toBe('data_0');
      expect(frame.structure.numbers).toEqual(expected.structure.numbers);
      expect(Math.abs((frame.labels.energy ?? 0) - (expected.labels.energy ?? 1))).toBeLessThan(1e-6);
      const pairs = [
        [frame.structure.positions, expected.structure.positions],
        [frame.structure.cell, expected.structure.cell],
        [frame.labels.forces ?? [], expected.labels.forces ?? []],
      ];
      // Eight decimals in the one, single precision in both.
      for (const [a, b] of pairs) expect(Math.max(...Array.from(a, (x, c) => Math.abs(x - b[c])))).toBeLessThan(1e-8);
    }
    const written = write(frames);
    expect(read(written).map(bare)).toEqual(frames.map(bare));
  });
});
