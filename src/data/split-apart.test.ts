import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import type { Frame } from './dataset.ts';
import type { Split } from './split.ts';
import { splitApart } from './split-apart.ts';

function frameOf(group: string, atoms = 2): Frame {
  const structure = {
    numbers: new Int32Array(atoms).fill(14),
    positions: Float64Array.from({ length: 3 * atoms }, (_, k) => k),
    cell: new Float64Array(9),
    pbc: [false, false, false] as const,
  };
  return { structure, labels: {}, group, info: {}, arrays: {}, line: 1, index: 0 };
}

/** Frames given as [group, component], repeated. */
function split(list: readonly (readonly [string, number, number?])[], fraction: number, seed = 1): Split {
  const frames = list.map(([group, , atoms]) => frameOf(group, atoms));
  const components = Int32Array.from(list, ([, component]) => component);
  return splitApart({ frames }, components, fraction, createRandom(seed));
}

const times = <T>(n: number, make: (k: number) => T): T[] => Array.from({ length: n }, (_, k) => make(k));

test('no component is on both sides, unless it is cut, and every frame is somewhere', () => {
  const list = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 12 })), {
    minLength: 2,
    maxLength: 120,
  });
  fc.assert(
    fc.property(list, fc.double({ min: 0.02, max: 0.8, noNaN: true }), fc.integer(), (frames, fraction, seed) => {
      const { train, heldOut, gap, groups } = split(frames, fraction, seed);
      const all = [...train, ...heldOut, ...(gap ?? [])].sort((p, q) => p - q);
      expect(all).toEqual(frames.map((_, k) => k));
      expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0);
      expect(groups.reduce((sum, group) => sum + group.heldOut, 0)).toBe(heldOut.length);
      if (gap !== undefined) return;
      const trained = new Set(Array.from(train, (k) => frames[k][1]));
      expect(Array.from(heldOut).filter((k) => trained.has(frames[k][1]))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test('each group gives its share in small components', () => {
  const list = [
    ...times(100, (k) => ['md', Math.floor(k / 5)] as const),
    ...times(50, (k) => ['scan', 100 + k] as const),
  ];
  const { groups } = split(list, 0.1);
  expect(groups).toEqual([
    { name: 'md', frames: 100, heldOut: 10, how: 'components' },
    { name: 'scan', frames: 50, heldOut: 5, how: 'components' },
  ]);
});

test('a group whose trajectories are too long stays in the training set, and that is said', () => {
  const list = [...times(80, (k) => ['md', k < 40 ? 0 : 1] as const), ...times(50, (k) => ['scan', 100 + k] as const)];
  const { groups, description, gap } = split(list, 0.1);
  expect(groups.map(({ heldOut }) => heldOut)).toEqual([0, 5]);
  expect(description).toContain('Trajectories of md are longer than');
  expect(gap).toBeUndefined();
});

test('many groups of one component each are held out whole', () => {
  const { heldOut, train } = split(
    times(200, (k) => [`material ${Math.floor(k / 4)}`, Math.floor(k / 4)] as const),
    0.1,
  );
  expect(heldOut).toHaveLength(20);
  expect(train).toHaveLength(180);
});

test('a component with a single atom stays in the training set', () => {
  const list = [['atom', 0, 1], ...times(9, (k) => ['md', k < 4 ? 0 : k] as const)] as [string, number, number?][];
  for (let seed = 0; seed < 20; seed++) {
    expect(Array.from(split(list, 0.5, seed).heldOut).every((index) => index > 4)).toBe(true);
  }
});

test('a single trajectory is cut in blocks, with a gap on either side', () => {
  const { train, heldOut, gap, description } = split(
    times(300, () => ['md', 0] as const),
    0.1,
  );
  expect(heldOut).toHaveLength(30);
  expect(train.length + heldOut.length + gap!.length).toBe(300);
  for (const held of heldOut) for (const trained of train) expect(Math.abs(held - trained)).toBeGreaterThan(6);
  expect(description).toContain('share their trajectory with the training set');
});
