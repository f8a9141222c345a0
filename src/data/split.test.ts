import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import type { Frame, InfoValue } from './dataset.ts';
import { parseExtxyz } from './extxyz/read.ts';
import { naiveSplit, type Split, selectFrames, splitByGroup } from './split.ts';

function frameOf(group: string, info: Readonly<Record<string, InfoValue>> = {}, atoms = 2): Frame {
  const structure = {
    numbers: new Int32Array(atoms).fill(14),
    positions: Float64Array.from({ length: 3 * atoms }, (_, k) => k),
    cell: new Float64Array(9),
    pbc: [false, false, false] as const,
  };
  return { structure, labels: { energy: 0 }, group, info, arrays: {}, line: 1, index: 0 };
}

const repeated = (count: number, make: (k: number) => Frame): Frame[] =>
  Array.from({ length: count }, (_, k) => make(k));

function split(frames: readonly Frame[], fraction: number, seed = 1): Split {
  return splitByGroup({ frames }, fraction, createRandom(seed));
}

/** How many held-out frames have their next neighbour in the file in the training set, or the other way round. */
function borders({ heldOut }: Split, frames: number): number {
  const held = new Set(heldOut);
  let count = 0;
  for (let index = 1; index < frames; index++) if (held.has(index) !== held.has(index - 1)) count++;
  return count;
}

test('every frame is on exactly one side, neither side is empty, and the seed decides', () => {
  const someFrame = fc
    .record({
      group: fc.constantFrom('', 'a', 'b', 'c'),
      run: fc.integer({ min: 0, max: 5 }),
      atoms: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ group, run, atoms }) => frameOf(group, run === 0 ? {} : { traj_id: run }, atoms));
  const manyGroups = fc.array(
    fc.integer({ min: 0, max: 80 }).map((k) => frameOf(`g${k}`)),
    { minLength: 2, maxLength: 200 },
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.array(someFrame, { minLength: 4, maxLength: 120 }), manyGroups),
      fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      fc.integer(),
      (frames, fraction, seed) => {
        fc.pre(frames.filter((frame) => frame.structure.numbers.length > 1).length > 1);
        for (const by of [splitByGroup, naiveSplit]) {
          const { train, heldOut, groups } = by({ frames }, fraction, createRandom(seed));
          expect([...train, ...heldOut].sort((a, b) => a - b)).toEqual(frames.map((_, k) => k));
          expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0);
          expect([...heldOut].every((index) => frames[index].structure.numbers.length > 1)).toBe(true);
          expect(groups.reduce((sum, group) => sum + group.heldOut, 0)).toBe(heldOut.length);
          expect(by({ frames }, fraction, createRandom(seed)).heldOut).toEqual(heldOut);
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe('what stays together', () => {
  test('one trajectory gives a few blocks, where a naive split has borders everywhere', () => {
    const frames = repeated(1000, () => frameOf('md'));
    const blocks = split(frames, 0.1);
    expect(blocks.heldOut).toHaveLength(100);
    expect(borders(blocks, 1000)).toBeLessThanOrEqual(20);
    const naive = naiveSplit({ frames }, 0.1, createRandom(1));
    expect(naive.heldOut).toHaveLength(100);
    expect(borders(naive, 1000)).toBeGreaterThan(150);
    expect(naive.description).toContain('at random');
    // Spread over the whole trajectory: each fifth has its share.
    for (let fifth = 0; fifth < 5; fifth++) {
      const share = blocks.heldOut.filter((index) => Math.floor(index / 200) === fifth).length;
      expect(share).toBeGreaterThan(5);
    }
  });

  test('neighbours are found by their frame number where the file is shuffled', () => {
    const order = createRandom(3).permutation(200);
    const frames = repeated(200, (k) => frameOf('md', { frame: order[k] }));
    const times = Array.from(split(frames, 0.05).heldOut, (index) => order[index]).sort((a, b) => a - b);
    expect(times).toHaveLength(10);
    expect(times[9] - times[0]).toBe(9);
  });

  test('many groups are held out whole', () => {
    const frames = repeated(300, (k) => frameOf(`material ${k % 100}`));
    const result = split(frames, 0.1);
    expect(result.heldOut).toHaveLength(30);
    expect(result.groups.filter(({ how }) => how === 'whole').every((group) => group.heldOut === 3)).toBe(true);
    expect(result.description).toContain('whole groups');
  });

  test('many trajectories of a group are held out whole', () => {
    const frames = repeated(400, (k) => frameOf(k < 200 ? 'a' : 'b', { traj_id: `t${Math.floor(k / 5)}` }));
    const { heldOut, groups } = split(frames, 0.1);
    expect(heldOut).toHaveLength(40);
    expect(groups.map(({ how, heldOut: held }) => [how, held])).toEqual([
      ['trajectories', 20],
      ['trajectories', 20],
    ]);
    const held = new Set(Array.from(heldOut, (index) => frames[index].info.traj_id));
    expect(held.size).toBe(8);
  });

  test('few large groups each give their share, beside many small ones that are held out whole', () => {
    const frames = [
      ...repeated(100, () => frameOf('large')),
      ...repeated(60, () => frameOf('medium')),
      ...repeated(90, (k) => frameOf(`small ${Math.floor(k / 3)}`)),
    ];
    const { groups, heldOut } = split(frames, 0.1);
    const held = (name: string): number => groups.find((group) => group.name === name)?.heldOut ?? -1;
    expect(held('large')).toBe(10);
    expect(held('medium')).toBe(6);
    expect(heldOut).toHaveLength(25);
    expect(groups.filter(({ name, how }) => name.startsWith('small') && how === 'whole')).toHaveLength(3);
  });

  test('a name that each frame has for itself is no group', () => {
    const result = split(
      repeated(100, (k) => frameOf(`structure ${k}`)),
      0.1,
    );
    expect(result.groups).toHaveLength(1);
    expect(borders(result, 100)).toBe(2);
  });

  test('single atoms are never held out', () => {
    const frames = [...repeated(5, () => frameOf('atom', {}, 1)), ...repeated(5, () => frameOf('bulk'))];
    const { heldOut, description } = split(frames, 0.5);
    expect(heldOut.every((index) => index >= 5)).toBe(true);
    expect(description).toContain('Single atoms (5)');
  });

  test('the ends of a scan stay in the training set', () => {
    for (let seed = 0; seed < 30; seed++) {
      const { heldOut } = split(
        repeated(17, () => frameOf('scan')),
        0.2,
        seed,
      );
      expect(heldOut).toHaveLength(3);
      expect(heldOut[0]).toBeGreaterThan(0);
      expect(heldOut[2]).toBeLessThan(16);
      expect(heldOut[2] - heldOut[0]).toBe(2);
    }
  });
});

test('selectFrames keeps frames, order and source', () => {
  const frames = repeated(4, (k) => frameOf(String(k)));
  const part = selectFrames({ frames, source: 'file', sha256: 'abc' }, Int32Array.of(2, 0));
  expect(part).toEqual({ frames: [frames[2], frames[0]], source: 'file', sha256: 'abc' });
});

test.each([
  [0, 10, 'bad-fraction'],
  [1, 10, 'bad-fraction'],
  [Number.NaN, 10, 'bad-fraction'],
  [0.1, 1, 'too-few-frames'],
  [0.1, 0, 'too-few-frames'],
])('fraction %d of %d frames is refused: %s', (fraction, count, code) => {
  const frames = repeated(count, () => frameOf(''));
  for (const by of [splitByGroup, naiveSplit]) {
    expect(() => by({ frames }, fraction, createRandom(1))).toThrowError(expect.objectContaining({ code }));
  }
});

test('the silicon data that come with nearsight: every large group is represented', () => {
  const path = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url);
  const frames = parseExtxyz(readFileSync(path), 'si8-pbe.extxyz');
  expect(frames).toHaveLength(149);
  for (let seed = 0; seed < 5; seed++) {
    const { groups, heldOut } = split(frames, 0.1, seed);
    expect(groups).toHaveLength(13);
    expect(heldOut).toHaveLength(15);
    for (const group of groups) {
      if (group.frames >= 15) expect(group.heldOut).toBeGreaterThan(0);
      expect(group.heldOut).toBeLessThanOrEqual(Math.ceil(0.2 * group.frames));
    }
  }
});

const mlearn = new URL('../../../shared/data/mlearn/Si_train.extxyz.gz', import.meta.url);
test.skipIf(!existsSync(mlearn))('mlearn Si (skipped without ../shared/data): blocks of each trajectory', () => {
  const frames = parseExtxyz(gunzipSync(readFileSync(mlearn)), 'Si_train.extxyz');
  const { heldOut, groups } = split(frames, 0.1);
  expect(groups.map(({ name }) => name)).toEqual(['Vacancy', 'Surface', 'AIMD-NVT', 'Elastic']);
  expect(groups.map((group) => group.heldOut)).toEqual([6, 1, 9, 5]);
  const temperatures = new Set(
    Array.from(heldOut, (index) => String(frames[index].info.description))
      .filter((text) => text.includes('AIMD NVT simulation for'))
      .map((text) => text.split(' at ')[1]),
  );
  expect(temperatures).toEqual(new Set(['300 K', '843 K', '1518 K', '2530 K', '3374 K']));
  expect(borders({ heldOut } as Split, frames.length)).toBeLessThanOrEqual(2 * 9);
});
