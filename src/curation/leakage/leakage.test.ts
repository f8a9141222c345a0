import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Frame, parseExtxyz, selectFrames } from '../../data/index.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { createRandom } from '../../random.ts';
import {
  permuted,
  rattled,
  rotated,
  rotationMatrix,
  strained,
  supercell,
  translated,
  vacancy,
} from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';
import { firewallSplit } from './firewall.ts';
import { findLeakage, type Leakage } from './leakage.ts';

const kernel = await createSimdKernel();
const framesOf = (structures: readonly Structure[], group = ''): Frame[] =>
  structures.map((structure, index) => ({ structure, labels: {}, group, info: {}, arrays: {}, line: 1, index }));

async function result<T>(work: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}
const leakage = (train: readonly Frame[], test: readonly Frame[], by = kernel): Promise<Leakage> =>
  result(findLeakage({ frames: train }, { frames: test }, { kernel: by }));

/** Numbered anew, so that sites and order tell nothing. */
function disordered(seed: number, count: number, sigma = 0.12): Structure[] {
  const random = createRandom(seed);
  const cell = supercell(crystal('rocksalt', ['Na', 'Cl'], 5.6), [1, 1, 2]);
  return Array.from({ length: count }, () => permuted(rattled(cell, sigma, random), random.permutation(16)));
}

describe('copies', () => {
  const train = disordered(1, 60);
  const original = train[17];
  const turn = rotationMatrix([1, 2, 3], 0.7);
  const copies: [string, Structure][] = [
    ['the same', original],
    ['rotated', rotated(original, turn)],
    ['shifted and wrapped', translated(original, [3, -7, 20])],
    ['renumbered', permuted(original, createRandom(5).permutation(16))],
    ['mirrored', { ...original, positions: original.positions.map((x) => -x) }],
    ['repeated', supercell(original, [2, 1, 1])],
    ['moved by a thousandth of an Å', rattled(original, 0.0003, createRandom(6))],
  ];

  test.each(copies)('%s: a twin of its original', async (_, copy) => {
    const { flagged, threshold } = await leakage(framesOf(train), framesOf([copy]));
    expect(flagged).toHaveLength(1);
    expect(flagged[0]).toMatchObject({ frame: 0, nearest: 17, reason: 'twin', known: 1 });
    expect(flagged[0].distance).toBeLessThan(threshold.value);
  });

  test('relatives are not: other draws, moved by 0.1 Å, an atom less, strained, other elements', async () => {
    const moved = permuted(rattled(original, 0.06, createRandom(8)), createRandom(9).permutation(16));
    const others = [
      ...disordered(2, 30),
      moved,
      vacancy(original, 3),
      strained(original, [0.03, 0, 0, 0, 0, 0, 0, 0, 0]),
      { ...original, numbers: original.numbers.map((z) => 28 - z) },
      { ...original, numbers: original.numbers.map((z) => (z === 17 ? 35 : z)) },
    ];
    const found = await leakage(framesOf(train), framesOf(others));
    expect(found.flagged).toEqual([]);
    expect(found.distances[34]).toBe(Number.POSITIVE_INFINITY);
    expect(found.nearest[34]).toBe(-1);
    expect(found.elements.map(({ symbol }) => symbol)).toEqual(['Na', 'Cl']);
  });

  test('the reference kernel finds the same', async () => {
    const test = framesOf([copies[1][1], ...disordered(2, 3)]);
    const few = framesOf(train.slice(0, 24));
    const [fast, slow] = [await leakage(few, test), await leakage(few, test, createReferenceKernel())];
    expect(fast.flagged.map(({ frame, nearest, reason }) => [frame, nearest, reason])).toEqual([[0, 17, 'twin']]);
    expect(slow.flagged.map(({ frame, nearest, reason }) => [frame, nearest, reason])).toEqual([[0, 17, 'twin']]);
    expect(fast.threshold.value / slow.threshold.value).toBeCloseTo(1, 3);
    for (let k = 1; k < 4; k++) expect(fast.distances[k] / slow.distances[k]).toBeCloseTo(1, 4);
  });
});

test('strained cells that symmetry makes equal are twins, other strains are not', async () => {
  const fcc = supercell(crystal('fcc', ['Ni'], 3.5), [2, 2, 2]);
  const strain = (axis: number, by: number): Structure =>
    strained(
      fcc,
      Float64Array.from({ length: 9 }, (_, c) => (c === 4 * axis ? by : 0)),
    );
  const train = framesOf([-4, -3, -2, -1, 1, 2, 3, 4].map((percent) => strain(0, 0.01 * percent)));
  const test = framesOf([strain(1, 0.02), strain(2, -0.03), strain(1, 0.025), strain(2, -0.01)]);
  const { flagged, threshold } = await leakage(train, test);
  expect(flagged.map(({ frame, nearest }) => [frame, nearest])).toEqual([
    [0, 5],
    [1, 1],
    [3, 3],
  ]);
  expect(Math.max(...flagged.map(({ distance }) => distance))).toBeLessThan(0.1 * threshold.value);
});

test('frames of a trajectory that the training set has seen are flagged as such', async () => {
  const random = createRandom(12);
  const cell = supercell(crystal('fcc', ['Cu'], 3.6), [2, 2, 2]);
  const run = framesOf(
    Array.from({ length: 12 }, () => rattled(cell, 0.12, random)),
    'md',
  );
  const apart = framesOf(disordered(3, 2), 'md').map((frame) => ({
    ...frame,
    structure: { ...frame.structure, numbers: frame.structure.numbers.map(() => 29) },
  }));
  const { flagged, fraction } = await leakage(run.slice(0, 9), [...run.slice(9), ...apart]);
  expect(flagged.map(({ frame, reason }) => [frame, reason])).toEqual([
    [0, 'trajectory'],
    [1, 'trajectory'],
    [2, 'trajectory'],
  ]);
  expect(fraction).toBe(0.6);
});

test('sets without frames are refused, and the search can be stopped', async () => {
  await expect(leakage([], framesOf(disordered(1, 1)))).rejects.toMatchObject({ code: 'no-frames' });
  const signal = AbortSignal.abort();
  const frames = framesOf(disordered(1, 3));
  await expect(result(findLeakage({ frames }, { frames }, { kernel, signal }))).rejects.toThrow('aborted');
});

test('the firewall keeps twins and trajectories together, and nothing leaks', async () => {
  const random = createRandom(20);
  const originals = disordered(4, 40);
  const twins = originals.slice(0, 15).map((s) => rotated(translated(s, [1, 2, 3]), rotationMatrix([0, 1, 1], 1)));
  const cell = supercell(crystal('rocksalt', ['Na', 'Cl'], 5.6), [2, 2, 1]);
  const run = Array.from({ length: 6 }, () => rattled(cell, 0.12, random));
  const frames = [...framesOf([...originals, ...twins], 'draws'), ...framesOf(run, 'md')];
  for (let seed = 0; seed < 3; seed++) {
    const split = await result(firewallSplit({ frames }, 0.2, { kernel, random: createRandom(seed) }));
    expect(split.heldOut.length).toBeGreaterThan(5);
    const held = new Set(split.heldOut);
    for (let k = 0; k < 15; k++) expect(held.has(k)).toBe(held.has(40 + k));
    for (let k = 56; k < 61; k++) expect(held.has(k)).toBe(held.has(55));
    const parts = [split.train, split.heldOut].map((part) => Array.from(part, (k) => frames[k]));
    expect((await leakage(parts[0], parts[1])).flagged).toEqual([]);
  }
});

test.each([
  [0, 5, 'bad-fraction'],
  [0.1, 1, 'too-few-frames'],
  [0.1, 0, 'too-few-frames'],
])('a firewall for the fraction %d of %d frames is refused: %s', async (fraction, count, code) => {
  const frames = framesOf(disordered(1, count));
  const random = createRandom(1);
  await expect(result(firewallSplit({ frames }, fraction, { kernel, random }))).rejects.toMatchObject({ code });
});

const MLEARN = new URL('../../../../shared/data/mlearn/', import.meta.url);
const present = existsSync(MLEARN);
if (!present) console.warn('../shared/data/mlearn is absent: leakage of real data sets is NOT tested');

function mlearn(name: string): Frame[] {
  return parseExtxyz(gunzipSync(readFileSync(new URL(`${name}.extxyz.gz`, MLEARN))), name);
}

/** Distances shorter than 5 Å of all atoms, sorted, in thousandths of an Å: equal for symmetry-equivalent cells. */
function distancesOf({ structure }: Frame): number[] {
  const list = buildNeighbourList(structure, 5);
  const sites = sitePositions(list, structure);
  const found: number[] = [];
  for (let i = 0; i < structure.numbers.length; i++) {
    for (const s of list.neighbours.subarray(list.first[i], list.first[i + 1])) {
      found.push(Math.hypot(...[0, 1, 2].map((k) => sites[3 * s + k] - sites[3 * i + k])));
    }
  }
  return found.sort((p, q) => p - q);
}

/** Same number of atoms, same energy and same distances: what a twin is, told without any descriptor. */
function sameByDistances(a: Frame, b: Frame): boolean {
  const atoms = a.structure.numbers.length;
  if (b.structure.numbers.length !== atoms) return false;
  if (Math.abs(a.labels.energy! - b.labels.energy!) > 1e-5 * atoms) return false;
  const [p, q] = [distancesOf(a), distancesOf(b)];
  return p.length === q.length && p.every((r, k) => Math.abs(r - q[k]) < 1e-4);
}

describe.skipIf(!present).each([
  ['Si', 3, 17],
  ['Li', 3, 24],
])('mlearn %s', (element, twins, dynamics) => {
  // The body of a skipped suite still runs.
  const train = present ? mlearn(`${element}_train`) : [];
  const test_ = present ? mlearn(`${element}_test`) : [];

  test(`all ${twins} symmetry-equivalent cells are found, and all ${dynamics} frames of seen trajectories`, async () => {
    const { flagged } = await leakage(train, test_);
    const known = test_.flatMap((frame, k) => (train.some((other) => sameByDistances(frame, other)) ? [k] : []));
    expect(known).toHaveLength(twins);
    expect(flagged.filter(({ reason }) => reason === 'twin').map(({ frame }) => frame)).toEqual(known);
    const moving = test_.flatMap(({ group }, k) => (group === 'AIMD-NVT' || group === 'Vacancy' ? [k] : []));
    expect(moving).toHaveLength(dynamics);
    expect(flagged.filter(({ reason }) => reason === 'trajectory').map(({ frame }) => frame)).toEqual(moving);
  });

  test('behind the firewall nothing leaks', async () => {
    const dataset = { frames: train, source: '', sha256: '' };
    const { train: kept, heldOut } = await result(firewallSplit(dataset, 0.1, { kernel, random: createRandom(1) }));
    const parts = [kept, heldOut].map((part) => selectFrames(dataset, part).frames);
    expect(parts[1].length).toBeGreaterThan(0.05 * train.length);
    expect((await leakage(parts[0], parts[1])).flagged).toEqual([]);
  });
});
