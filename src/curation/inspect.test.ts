import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dataset, Frame, Labels } from '../data/dataset.ts';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createRandom } from '../random.ts';
import { cellVolume } from '../structure/cell.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';
import { closestContacts } from './doctor/closest.ts';
import { fitComposition } from './doctor/composition-fit.ts';
import { checkStress, type StressCheck } from './doctor/energy-stress.ts';
import { fixDataset } from './doctor/fix.ts';
import { findPairs } from './doctor/work.ts';
import { type Inspection, inspectDataset } from './inspect.ts';

const frameOf = (structure: Structure, labels: Labels, more: Partial<Frame> = {}): Frame => ({
  structure,
  labels,
  group: '',
  info: {},
  arrays: {},
  line: 1,
  index: 0,
  ...more,
});
const inspected = (frames: readonly Frame[]): Inspection => inspectDataset({ frames, source: 'memory', sha256: '' });
const stressOf = (frames: readonly Frame[]): StressCheck =>
  checkStress(
    findPairs(
      frames,
      frames.map((_, index) => index),
      2.3,
    ),
  );
const codes = (frames: readonly Frame[]): string[] => inspected(frames).findings.map(({ code }) => code);

function readSi8(): Dataset {
  const path = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url);
  return { frames: parseExtxyz(readFileSync(path), 'si8-pbe.extxyz'), source: 'si8-pbe.extxyz', sha256: '' };
}

/** The frames with their stresses passed through `change`. */
const withStress = (frames: readonly Frame[], change: (stress: number, k: number) => number): Frame[] =>
  frames.map((frame) => ({
    ...frame,
    labels: { ...frame.labels, stress: frame.labels.stress?.map(change) } as Labels,
  }));

/** Methane-like molecules, all a little different, with labels that nothing is wrong with. */
function cleanFrames(count = 30): Frame[] {
  const random = createRandom(5);
  return Array.from({ length: count }, (_, k) => {
    const x = 1 + 0.1 * random.uniform();
    const f = 0.1 * random.normal();
    const g = 0.1 * random.normal();
    const structure = createStructure(['C', 'H', 'H'], [0, 0, 0, x, 0, 0, 0, 1 + 0.001 * k, 0]);
    return frameOf(structure, {
      energy: -10 + 0.01 * random.normal(),
      forces: Float64Array.of(-f, -g, 0, f, 0, 0, 0, g, 0),
    });
  });
}

describe('the silicon data that come with nearsight', () => {
  const { frames } = readSi8();
  const report = inspected(frames);

  test('are described as their README says', () => {
    expect(report).toMatchObject({ frames: 149, atoms: 1224, labelled: { energy: 149, forces: 149, stress: 149 } });
    expect(report.energyPerAtom?.min).toBeCloseTo(-107.081, 3);
    expect(report.energyPerAtom?.max).toBeCloseTo(-106.398, 3);
    expect(report.forces?.rms).toBeCloseTo(0.87, 2);
    expect(report.elements).toEqual([
      { symbol: 'Si', atoms: 1224, frames: 149, fraction: { min: 1, max: 1, mean: 1 } },
    ]);
    expect(report.groups.map(({ name }) => name)).toContain('liquid_16');
    expect(report.labelNames.energy).toEqual({ energy: 149 });
    expect(report.periodicDirections).toEqual([0, 0, 0, 149]);
    // −8 … +8 % strain of a cell with 5.469 Å
    expect(report.volumePerAtom?.min).toBeCloseTo(5.03148 ** 3 / 8, 6);
  });

  test('have energies and stresses that belong together, and nothing to complain of', () => {
    expect(report.findings).toEqual([]);
    expect(report.stressCheck).toMatchObject({ verdict: 'consistent' });
    expect(report.stressCheck.slope).toBeCloseTo(1, 2);
    expect(Math.abs((report.stressCheck.offset ?? 1) / GPA)).toBeLessThan(0.05);
  });

  test('with the sign of the stress reversed, or in GPa, or with a Pulay stress, are found out', () => {
    const reversed = inspected(withStress(frames, (s) => -s));
    expect(reversed.stressCheck).toMatchObject({ verdict: 'opposite' });
    expect(reversed.findings[0]).toMatchObject({ code: 'stress-sign', severity: 'error', frame: null });
    const scaled = inspected(withStress(frames, (s) => s / GPA));
    expect(scaled.findings[0]).toMatchObject({ code: 'stress-unit', severity: 'error' });
    expect(scaled.stressCheck.slope).toBeCloseTo(GPA, 4);
    const shifted = inspected(withStress(frames, (s, k) => s + (k % 4 === 0 ? 3 * GPA : 0)));
    expect(shifted.findings.map(({ code }) => code)).toEqual(['stress-offset']);
    expect((shifted.stressCheck.offset ?? 0) / GPA).toBeCloseTo(3, 1);
  });

  test('without similar cells nothing can be told', () => {
    expect(stressOf(frames.filter(({ group }) => group.startsWith('md_'))).verdict).toBe('cannot-tell');
    expect(stressOf([])).toMatchObject({ verdict: 'cannot-tell', pairs: 0, slope: null });
  });
});

/**
 * Two atoms and their images on springs of zero length: E = ½ k Σ |d|², with d_n = s_n · C for fixed fractional s_n
 * apart from the moving atom; F and σ follow by hand.
 */
function springs(cell: Float64Array, s: readonly number[]): Frame {
  const k = 0.7;
  const forces = new Float64Array(6);
  const stress = new Float64Array(9);
  let energy = 0;
  const volume = cellVolume(cell);
  for (const [a, b, c] of [
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 1, 0],
  ]) {
    const f = [s[0] - a, s[1] - b, s[2] - c];
    const d = [0, 1, 2].map((x) => f[0] * cell[x] + f[1] * cell[3 + x] + f[2] * cell[6 + x]);
    for (let x = 0; x < 3; x++) {
      energy += 0.5 * k * d[x] ** 2;
      forces[3 + x] -= k * d[x];
      forces[x] += k * d[x];
      for (let y = 0; y < 3; y++) stress[3 * x + y] += (k * d[x] * d[y]) / volume;
    }
  }
  const position = [0, 1, 2].map((x) => s[0] * cell[x] + s[1] * cell[3 + x] + s[2] * cell[6 + x]);
  return frameOf(createStructure(['Cu', 'Cu'], [0, 0, 0, ...position], cell), { energy, forces, stress });
}

test('stress and forces together account for the energy when cell and atoms move at once', () => {
  const random = createRandom(11);
  const cell = Float64Array.of(4, 0.3, 0, 0, 4.5, 0.2, -0.4, 0, 5);
  const s = [0.45, 0.55, 0.4];
  const frames = [springs(cell, s)];
  for (let step = 0; step < 20; step++) {
    const next = cell.map((value) => value + 0.05 * random.normal());
    frames.push(
      springs(
        next,
        s.map((value) => value + 0.004 * random.normal()),
      ),
    );
  }
  const check = stressOf(frames);
  expect(check.pairs).toBeGreaterThan(10);
  expect(check.verdict).toBe('consistent');
  expect(check.slope).toBeCloseTo(1, 2);
  // Without the work of the forces it would not come out.
  const forceless = frames.map((frame) => ({ ...frame, labels: { ...frame.labels, forces: new Float64Array(6) } }));
  expect(stressOf(forceless).slopeError ?? 0).toBeGreaterThan(3 * (check.slopeError ?? 0));
});

describe('findings', () => {
  test('there are none in clean data', () => {
    expect(inspected(cleanFrames()).findings).toEqual([]);
  });

  /** Clean frames, of which number 3 is changed. */
  const spoilt = (change: (frame: Frame) => Partial<Frame>): Frame[] =>
    cleanFrames().map((frame, k) => (k === 3 ? { ...frame, ...change(frame) } : frame));

  test.each<[string, string, (frame: Frame) => Partial<Frame>]>([
    ['unusable-frame', 'error', ({ labels }) => ({ labels: { ...labels, energy: Number.NaN } })],
    ['unusable-frame', 'error', ({ labels }) => ({ labels: { ...labels, forces: new Float64Array(3) } })],
    [
      'unusable-frame',
      'error',
      ({ structure }) => ({ structure: { ...structure, positions: new Float64Array(9).fill(Number.NaN) } }),
    ],
    ['missing-energy', 'warning', ({ labels: { forces } }) => ({ labels: { forces: forces ?? new Float64Array(9) } })],
    ['missing-forces', 'warning', () => ({ labels: { energy: -10 } })],
    ['zero-label', 'warning', ({ labels }) => ({ labels: { ...labels, stress: new Float64Array(9) } })],
    ['other-energy', 'warning', () => ({ info: { free_energy: -10.5 } })],
    ['other-energy', 'note', ({ labels }) => ({ info: { free_energy: (labels.energy ?? 0) + 1e-4 } })],
    ['net-force', 'warning', ({ labels }) => ({ labels: { ...labels, forces: new Float64Array(9).fill(0.01) } })],
    [
      'net-force',
      'note',
      ({ labels }) => ({ labels: { ...labels, forces: Float64Array.of(3e-4, 0, 0, 0, 1e-9, 0, 0, 0, 1e-9) } }),
    ],
    [
      'huge-force',
      'warning',
      ({ labels }) => ({ labels: { ...labels, forces: Float64Array.of(150, 0, -0.1, -150, 0, 0, 0, 0, 0.1) } }),
    ],
    ['energy-outlier', 'warning', ({ labels }) => ({ labels: { ...labels, energy: -25 } })],
    [
      'impossible-distance',
      'warning',
      ({ structure }) => ({ structure: { ...structure, positions: Float64Array.of(0, 0, 0, 0.4, 0, 0, 0, 1, 0) } }),
    ],
  ])('%s (%s)', (code, severity, change) => {
    const { findings } = inspected(spoilt(change));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ code, severity, frame: 3, frames: [3] });
    expect(findings[0].message.length).toBeGreaterThan(10);
    expect(findings[0].hint.length).toBeGreaterThan(10);
  });

  test('frames that repeat, with the same energy and with another one', () => {
    const frames = cleanFrames();
    const near = { ...frames[2].structure, positions: frames[2].structure.positions.map((x) => x + 1e-7) };
    const copies = [...frames, { ...frames[2], structure: near }];
    expect(inspected(copies).findings).toMatchObject([{ code: 'duplicate-frames', frames: [2, 30] }]);
    const conflicting = [...frames, { ...frames[2], labels: { ...frames[2].labels, energy: -9.9 } }];
    expect(inspected(conflicting).findings).toMatchObject([
      { code: 'conflicting-duplicates', severity: 'error', frame: 2, frames: [2, 30] },
    ]);
    const forces = frames[2].labels.forces?.map((force) => 0.1 - force);
    const pushed = [...frames, { ...frames[2], labels: { ...frames[2].labels, forces } } as Frame];
    expect(inspected(pushed).findings.map(({ code }) => code)).toContain('conflicting-duplicates');
  });

  test('of copies the one with the most labels is kept', () => {
    const frames = cleanFrames();
    const { energy } = frames[2].labels;
    const copies = [{ ...frames[2], labels: { energy: energy ?? 0 } }, ...frames, frames[2]];
    const dataset = { frames: copies, source: 'memory', sha256: '' };
    const { dataset: mended, applied } = fixDataset(dataset, inspectDataset(dataset));
    expect(applied).toMatchObject([{ codes: ['duplicate-frames'], frames: [0, 31] }]);
    expect(mended.frames).toEqual(frames);
  });

  test('an energy of zero is the truth among relative energies only', () => {
    const frames = cleanFrames();
    const lowest = Math.min(...frames.map(({ labels }) => labels.energy ?? 0));
    const relative = frames.map(({ labels, ...frame }) => ({
      ...frame,
      labels: { ...labels, energy: (labels.energy ?? 0) - lowest },
    }));
    expect(inspected(relative).findings.map(({ code }) => code)).not.toContain('zero-label');
    const absent = frames.map((frame, k) => (k === 3 ? { ...frame, labels: { ...frame.labels, energy: 0 } } : frame));
    const zero = inspected(absent).findings.find(({ code }) => code === 'zero-label');
    expect(zero).toMatchObject({ frames: [3], fixable: true });
  });

  test('broken frames do not hide the others', () => {
    const broken = { ...cleanFrames()[0].structure, positions: new Float64Array(9).fill(Number.NaN) };
    const frames = [...cleanFrames(), ...cleanFrames(3).map((frame) => ({ ...frame, structure: broken }))];
    const report = inspected(frames);
    expect(report.findings).toMatchObject([{ code: 'unusable-frame', frames: [30, 31, 32] }]);
    expect(report).toMatchObject({ frames: 33, energyPerAtom: inspected(cleanFrames()).energyPerAtom });
  });

  test('labels under different names', () => {
    const frames = cleanFrames().map((frame, k) => ({ ...frame, names: { energy: k < 20 ? 'energy' : 'dft_energy' } }));
    expect(inspected(frames).findings).toMatchObject([{ code: 'mixed-label-names', frames: [0, 20] }]);
  });

  test('all labels missing is an error', () => {
    const frames = cleanFrames().map((frame) => ({ ...frame, labels: {} }));
    expect(inspected(frames).findings.map(({ code, severity }) => [code, severity])).toEqual([
      ['missing-energy', 'error'],
      ['missing-forces', 'warning'],
    ]);
  });

  test('single atoms need no forces, and their energies are no outliers', () => {
    const atom = frameOf(createStructure(['C'], [0, 0, 0]), { energy: -1000 });
    expect(codes([...cleanFrames(), atom])).toEqual([]);
  });

  test('a report of nothing is a report', () => {
    expect(inspected([])).toMatchObject({ frames: 0, atoms: 0, energyPerAtom: null, forces: null, findings: [] });
    expect(JSON.parse(JSON.stringify(inspected(cleanFrames())))).toEqual(inspected(cleanFrames()));
  });
});

describe('closestContacts', () => {
  test('finds what a search over all images finds', () => {
    const coordinate = fc.double({ min: -9, max: 9, noNaN: true });
    const edge = fc.double({ min: 2.5, max: 7, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(coordinate, coordinate, coordinate), { minLength: 1, maxLength: 4 }),
        fc.tuple(edge, edge, edge),
        fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
        (places, [a, b, c], pbc) => {
          const structure = createStructure(
            places.map(() => 'Si'),
            places.flat(),
            [a, 0.3, 0, 0, b, 0.2, 0.5, 0, c],
            pbc,
          );
          const shortest = bruteForce(structure);
          const found = closestContacts(structure)?.nearest.distance ?? Number.POSITIVE_INFINITY;
          if (shortest <= 12) expect(found).toBeCloseTo(shortest, 9);
          else expect(found).toBe(Number.POSITIVE_INFINITY);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('judges distances by the elements', () => {
    const structure = createStructure(['Cs', 'Cs', 'H', 'H'], [0, 0, 0, 2, 0, 0, 9, 0, 0, 9.7, 0, 0]);
    const contacts = closestContacts(structure);
    expect(contacts?.nearest).toMatchObject({ atoms: [2, 3], ratio: expect.closeTo(0.7 / 0.62, 6) });
    expect(contacts?.tightest).toMatchObject({ atoms: [0, 1], ratio: expect.closeTo(2 / 4.88, 6) });
    expect(closestContacts(createStructure(['H'], [0, 0, 0]))).toBeNull();
  });
});

/** Shortest distance over all images that can matter for cells of at least 2.5 Å and atoms within ±9 Å. */
function bruteForce({ positions, cell, pbc }: Structure): number {
  let shortest = Number.POSITIVE_INFINITY;
  const n = positions.length / 3;
  const range = (repeats: boolean): number[] => (repeats ? Array.from({ length: 19 }, (_, k) => k - 9) : [0]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (const a of range(pbc[0])) {
        for (const b of range(pbc[1])) {
          for (const c of range(pbc[2])) {
            if (i === j && a === 0 && b === 0 && c === 0) continue;
            const d = [0, 1, 2].map(
              (x) => positions[3 * j + x] - positions[3 * i + x] + a * cell[x] + b * cell[3 + x] + c * cell[6 + x],
            );
            shortest = Math.min(shortest, Math.hypot(d[0], d[1], d[2]));
          }
        }
      }
    }
  }
  return shortest;
}

describe('fitComposition', () => {
  const molecule = (symbols: string[], energy: number): Frame =>
    frameOf(
      createStructure(
        symbols,
        symbols.flatMap((_, k) => [k, 0, 0]),
      ),
      { energy },
    );

  test('explains sums of atomic energies exactly, and leaves an outlier outside', () => {
    const frames = Array.from({ length: 20 }, (_, k) => {
      const symbols = [...Array<string>(1 + (k % 4)).fill('C'), ...Array<string>(2 + (k % 3)).fill('H')];
      const carbon = symbols.filter((symbol) => symbol === 'C').length;
      return molecule(symbols, -1000 * carbon - 13 * (symbols.length - carbon) + (k === 7 ? 50 : 0.001 * Math.sin(k)));
    });
    const fit = fitComposition(frames);
    expect(fit?.spread).toBeLessThan(2e-3);
    expect((fit?.residuals[7] ?? 0) * frames[7].structure.numbers.length).toBeCloseTo(50, 1);
  });

  test('copes with a composition that never changes', () => {
    const frames = Array.from({ length: 12 }, (_, k) => molecule(['O', 'H', 'H'], -470 + 0.01 * k));
    const fit = fitComposition(frames);
    expect(fit?.residuals[11]).toBeCloseTo((0.01 * 5.5) / 3, 6);
  });

  test('needs some frames', () => {
    expect(fitComposition([molecule(['O', 'H'], -1)])).toBeNull();
  });
});

const mlearn = new URL('../../../shared/data/mlearn/', import.meta.url);
describe.skipIf(!existsSync(mlearn))('mlearn (skipped without ../shared/data), against the table of its README', () => {
  const report = (name: string): Inspection =>
    inspected(parseExtxyz(gunzipSync(readFileSync(new URL(`${name}.extxyz.gz`, mlearn))), name));

  test.each([
    ['Si_train', 214, 12, 96, -5.425, -4.567, 1.83],
    ['Mo_train', 194, 2, 54, -10.85, -9.408, 1.88],
    ['Ni_train', 263, 6, 108, -5.781, -5.139, 1.8],
  ])('%s', (name, frames, fewest, most, low, high, distance) => {
    const { atomsPerFrame, energyPerAtom, shortest, stressCheck, findings, ...rest } = report(name);
    expect(rest.frames).toBe(frames);
    expect([atomsPerFrame?.min, atomsPerFrame?.max]).toEqual([fewest, most]);
    expect(energyPerAtom?.min).toBeCloseTo(low, 3);
    expect(energyPerAtom?.max).toBeCloseTo(high, 3);
    expect(shortest?.distance).toBeCloseTo(distance, 2);
    expect(stressCheck.verdict).toBe('consistent');
    // The known trap: Ni has a Pulay stress of about 3 GPa.
    expect(findings.map(({ code }) => code)).toEqual(name === 'Ni_train' ? ['stress-offset'] : []);
  });
});
