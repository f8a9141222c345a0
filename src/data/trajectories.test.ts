import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from '../random.ts';
import { permuted, rattled, strained, supercell, translated } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import { createComponents, joinEqual } from './components.ts';
import type { Frame, InfoValue } from './dataset.ts';
import { runOf, sharedTrajectories, trajectoriesOf } from './trajectories.ts';

function frameOf(structure: Structure, group = 'md', info: Readonly<Record<string, InfoValue>> = {}): Frame {
  return { structure, labels: {}, group, info, arrays: {}, line: 1, index: 0 };
}

const silicon = supercell(crystal('diamond', ['Si'], 5.43), [2, 2, 2]);
const repeated = <T>(count: number, make: (k: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k));
/** A walk of every atom, Å per step. */
function walk(from: Structure, steps: number, step: number, random: Random): Structure[] {
  let now = from;
  return repeated(steps, () => {
    now = rattled(now, step, random);
    return now;
  });
}
const labels = (structures: readonly Structure[], group = 'md'): number[] =>
  Array.from(trajectoriesOf([structures.map((structure) => frameOf(structure, group))]));
const count = (numbers: readonly number[]): number => new Set(numbers).size;

test('components join, and are numbered by their first members', () => {
  const components = createComponents(6);
  expect(components.join(4, 1)).toBe(true);
  expect(components.join(1, 4)).toBe(false);
  joinEqual(components, ['a', null, 'b', null, null, 'b']);
  expect(Array.from(components.labels())).toEqual([0, 1, 2, 3, 1, 2]);
  expect([components.together(1, 4), components.together(0, 4)]).toEqual([true, false]);
});

describe('tags', () => {
  test.each([
    [{ traj_id: 7 }, 'traj_id=7'],
    [{ description: 'Snapshot 3 of 20 of AIMD at 300 K' }, 'description= of AIMD at 300 K'],
    [{ note: 'relaxed' }, ''],
    [{ frame: 3 }, ''],
  ])('%o is the run "%s"', (info, run) => {
    expect(runOf(frameOf(silicon, 'md', info))).toBe(run);
  });

  test('decide where both frames have one: same sites, but another run', () => {
    const random = createRandom(1);
    const tagged = (k: number): Frame =>
      frameOf(rattled(silicon, 0.1, random), 'md', { description: `Snapshot ${k} of 9 of AIMD at ${300 + (k % 2)} K` });
    const frames = Array.from({ length: 8 }, (_, k) => tagged(k));
    expect(Array.from(trajectoriesOf([frames]))).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    // A frame without a tag, at the same sites, could belong to either.
    expect(count(Array.from(trajectoriesOf([frames, [frameOf(rattled(silicon, 0.1, random))]])))).toBe(1);
  });

  test('are those of a group and a composition', () => {
    const copper = crystal('fcc', ['Cu'], 3.6);
    const frames = [silicon, copper].map((structure) => frameOf(structure, 'md', { run: 1 }));
    expect(Array.from(trajectoriesOf([frames, [frameOf(copper, 'other', { run: 1 })]]))).toEqual([0, 1, 2]);
  });
});

describe('sites', () => {
  test('a solid is one trajectory, wrapped, drifting, shuffled and spread over two files', () => {
    const random = createRandom(2);
    const snapshots = repeated(20, () => {
      const moved = translated(rattled(silicon, 0.15, random), [random.uniform(), 3 * random.uniform(), 0]);
      const shift = moved.positions.map((_, c) => silicon.cell[4 * (c % 3)] * (random.below(3) - 1));
      return { ...moved, positions: moved.positions.map((x, c) => x + shift[c]) };
    });
    const [one, two] = [snapshots.slice(0, 12), snapshots.slice(12)].map((part) => part.map((s) => frameOf(s)));
    expect(count(Array.from(trajectoriesOf([one, two])))).toBe(1);
  });

  test('frames of the same solid are unrelated when the atoms are numbered otherwise', () => {
    const random = createRandom(3);
    expect(count(labels(repeated(10, () => permuted(rattled(silicon, 0.1, random), random.permutation(64)))))).toBe(10);
  });

  test('what two sets share is counted', () => {
    const random = createRandom(13);
    const solid = repeated(9, () => frameOf(rattled(silicon, 0.1, random)));
    const other = repeated(4, () => frameOf(permuted(rattled(silicon, 0.1, random), random.permutation(64))));
    expect(sharedTrajectories(solid.slice(0, 6), [...solid.slice(6), ...other])).toBe(3);
    expect(sharedTrajectories(other, solid)).toBe(0);
  });

  test('frames of other groups are unrelated', () => {
    const random = createRandom(4);
    const frames = ['a', 'b', 'a', 'b'].map((group) => frameOf(rattled(silicon, 0.1, random), group));
    expect(Array.from(trajectoriesOf([frames]))).toEqual([0, 1, 0, 1]);
  });

  test('a strain scan is no trajectory, dynamics at constant pressure are one', () => {
    const scan = repeated(15, (k) => strained(silicon, [0.01 * (k - 7), 0, 0, 0, 0, 0, 0, 0, 0]));
    expect(count(labels(scan))).toBe(15);
    const random = createRandom(5);
    const breathing = repeated(15, () =>
      rattled(
        strained(
          silicon,
          Float64Array.from({ length: 9 }, (_, c) => (c % 4 === 0 ? 0.004 * random.normal() : 0)),
        ),
        0.12,
        random,
      ),
    );
    expect(count(labels(breathing))).toBe(1);
  });

  test('a liquid is followed from frame to frame, and lost where its atoms forget their sites', () => {
    const random = createRandom(6);
    const flow = walk(silicon, 40, 0.6, random);
    expect(count(labels(flow))).toBe(1);
    const ends = [flow[0], ...walk(flow[39], 400, 0.6, random).slice(-1)];
    expect(count(labels(ends))).toBe(2);
    const gas = repeated(30, () => ({ ...silicon, positions: silicon.positions.map(() => 11 * random.uniform()) }));
    expect(count(labels(gas))).toBe(30);
  });

  test('nothing can be said of one or two atoms in a cell', () => {
    const random = createRandom(7);
    const lithium = crystal('bcc', ['Li'], 3.4);
    expect(count(labels(repeated(10, () => rattled(lithium, 0.1, random))))).toBe(10);
  });

  test('thousands of frames are compared with few others each, and still found', () => {
    const random = createRandom(8);
    const cells = [silicon, strained(silicon, [0.05, 0, 0, 0, 0.05, 0, 0, 0, 0.05])];
    // Two runs, in cells of their own, in turn: 2,000 frames.
    const found = labels(repeated(2000, (k) => rattled(cells[k % 2], 0.05, random)));
    expect(count(found)).toBe(2);
  });
});

describe('molecules', () => {
  const chain = Float64Array.from({ length: 36 }, (_, c) => (c % 3 === 0 ? 0.5 * c : 2 * Math.sin(c)));
  const molecule: Structure = {
    numbers: new Int32Array(12).fill(6),
    positions: chain,
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };

  test('neighbours in a file are one trajectory when they change little', () => {
    const random = createRandom(9);
    const run = walk(molecule, 60, 0.02, random);
    expect(count(labels(run))).toBe(1);
    const order = random.permutation(60);
    expect(count(labels(Array.from(order, (k) => run[k])))).toBeGreaterThan(40);
  });

  test('independent frames are unrelated, though bonds keep the atoms in place, and files have borders', () => {
    const random = createRandom(10);
    const frames = repeated(60, () => rattled(molecule, 0.05, random)).map((structure) => frameOf(structure));
    expect(count(Array.from(trajectoriesOf([frames])))).toBe(60);
    const run = walk(molecule, 60, 0.02, random).map((structure) => frameOf(structure));
    expect(count(Array.from(trajectoriesOf([run.slice(0, 30), run.slice(30)])))).toBe(2);
  });
});
