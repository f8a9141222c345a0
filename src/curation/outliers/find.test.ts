import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../data/dataset.ts';
import { parseExtxyz } from '../../data/extxyz/read.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { SILICON_LATTICE, stillingerWeber } from '../../model/testing.ts';
import { createRandom } from '../../random.ts';
import { rattled, strained } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure } from '../../structure/structure.ts';
import { type AnalysisOptions, analyseOutliers, describeOutlier } from './analyse.ts';
import type { OutlierAnalysis } from './find.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await createSimdKernel();
});

async function analysed(frames: readonly Frame[], options: AnalysisOptions = {}): Promise<OutlierAnalysis> {
  const work = analyseOutliers(frames, kernel, options);
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

const frameOf = (structure: Frame['structure'], labels: Frame['labels'], index: number): Frame => {
  return { structure, labels, group: '', info: {}, arrays: {}, line: 0, index };
};

/** Rattled, strained silicon crystals with the labels of Stillinger and Weber. */
function silicon(count: number): Frame[] {
  const potential = stillingerWeber();
  const random = createRandom(4);
  return Array.from({ length: count }, (_, k) => {
    const strain = Float64Array.from({ length: 9 }, (_, c) => (c % 4 === 0 ? 0.02 * random.normal() : 0));
    const structure = rattled(
      strained(crystal('diamond', ['Si'], SILICON_LATTICE), strain),
      0.02 + 0.02 * (k % 5),
      random,
    );
    const { energy, forces } = potential.evaluate(structure);
    return frameOf(structure, { energy, forces }, k);
  });
}

/** One wrong label of each kind: frame 5 has the forces of another, 17 an energy off by 0.3 eV/atom, 33 a force × 10. */
function spoilt(frames: readonly Frame[], at = { forces: 5, energy: 17, atom: 33, donor: 44, which: 3 }): Frame[] {
  const set = [...frames];
  const change = (k: number, labels: Frame['labels']): void => {
    set[k] = { ...set[k], labels: { ...set[k].labels, ...labels } };
  };
  change(at.forces, { forces: frames[at.donor].labels.forces! });
  change(at.energy, { energy: frames[at.energy].labels.energy! - 0.3 * frames[at.energy].structure.numbers.length });
  const inAtom = (c: number): boolean => Math.floor(c / 3) === at.which;
  change(at.atom, { forces: frames[at.atom].labels.forces!.map((f, c) => (inAtom(c) ? 10 * f : f)) });
  return set;
}

const verdicts = ({ outliers }: OutlierAnalysis) =>
  outliers.map(({ frame, kind, atom }) => ({ frame, kind, atom })).sort((a, b) => a.frame - b.frame);

describe('outliers among labels of a known potential', () => {
  const frames = silicon(60);

  test('a clean set has none', async () => {
    const { outliers, alone, energies, forces, atoms } = await analysed(frames);
    expect(outliers).toEqual([]);
    expect(alone).toEqual([]);
    for (const found of [...energies, ...forces]) expect(found!.cook).toBeLessThan(found!.threshold);
    expect(atoms.map(({ length }) => length)).toEqual(frames.map(() => 8));
  });

  test('each wrong label is named, with what it should be', async () => {
    const set = spoilt(frames);
    const analysis = await analysed(set);
    expect(verdicts(analysis)).toEqual([
      { frame: 5, kind: 'forces', atom: undefined },
      { frame: 17, kind: 'energy', atom: undefined },
      { frame: 33, kind: 'atom', atom: 3 },
    ]);
    for (const outlier of analysis.outliers) {
      expect(outlier.cook).toBeGreaterThan(outlier.threshold);
      expect(outlier.residual).toBeGreaterThan(outlier.limit);
      const truth = frames[outlier.frame].labels;
      if (outlier.kind === 'energy') expect(outlier.expected![0]).toBeCloseTo(truth.energy!, 0);
      if (outlier.kind === 'atom') {
        const size = Math.hypot(...outlier.label!);
        outlier.expected!.forEach((f, c) => {
          expect(Math.abs(f - truth.forces![9 + c])).toBeLessThan(0.1 * size);
        });
      }
      expect(describeOutlier(outlier, set[outlier.frame])).toMatch(/other labels say/);
    }
  });

  test('rows that do not fit into memory are computed again, and nothing changes', async () => {
    const set = spoilt(frames).slice(0, 24);
    expect(await analysed(set, { memory: 0 })).toEqual(await analysed(set));
  });

  test('frames without energies, forces or both are no evidence and no outliers', async () => {
    const set = spoilt(frames).map((frame, k) => {
      const { energy, forces } = frame.labels;
      if (k % 7 === 1) return { ...frame, labels: { energy: energy! } };
      if (k % 7 === 2) return { ...frame, labels: { forces: forces! } };
      return k % 7 === 6 ? { ...frame, labels: {} } : frame;
    });
    const analysis = await analysed(set);
    expect(verdicts(analysis).map(({ frame }) => frame)).toEqual([5, 17, 33]);
    expect(analysis.energies[2]).toBeNull();
    expect(analysis.forces[1]).toBeNull();
    expect([analysis.energies[6], analysis.forces[6]]).toEqual([null, null]);
  });

  test('labels that a linear model follows exactly: whatever is beyond noise stands out', async () => {
    // No forces and all energies the same: the fit has nothing to explain, and rounding is all that is usual.
    const flat = frames.map((frame) => {
      const { structure } = frame;
      return {
        ...frame,
        labels: { energy: -4 * structure.numbers.length, forces: new Float64Array(structure.positions.length) },
      };
    });
    expect((await analysed(flat)).outliers).toEqual([]);
    flat[7] = { ...flat[7], labels: { ...flat[7].labels, energy: flat[7].labels.energy + 0.4 } };
    expect(verdicts(await analysed(flat))).toEqual([{ frame: 7, kind: 'energy', atom: undefined }]);
  });

  test('too few labels for a fit are refused', async () => {
    const few = expect.objectContaining({ code: 'too-few-labels' });
    await expect(analysed(frames.slice(0, 15))).rejects.toEqual(few);
    await expect(
      analysed(frames.map((frame) => ({ ...frame, labels: { energy: frame.labels.energy! } }))),
    ).rejects.toEqual(few);
    await expect(analysed([])).rejects.toEqual(few);
  });

  test('a frame that nothing can be computed of is named', async () => {
    const { structure, labels } = frames[30];
    const positions = structure.positions.slice();
    positions.set(positions.subarray(0, 3), 9);
    const set = frames.map((frame, k) => (k === 30 ? frameOf({ ...structure, positions }, labels, k) : frame));
    await expect(analysed(set)).rejects.toMatchObject({ code: 'coinciding-atoms', place: { frame: 30 } });
  });

  test('stops when the signal fires', async () => {
    await expect(analysed(frames, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    // A signal that a timer fires gets through while the work goes on.
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 0);
    await expect(analysed(frames, { signal: controller.signal })).rejects.toThrow(/abort/i);
  });
});

test('a set of two elements, of which one is in a single frame', async () => {
  const frames = silicon(60);
  const odd = { ...frames[0].structure, numbers: frames[0].structure.numbers.slice() };
  odd.numbers[2] = 6;
  const set = spoilt([...frames, frameOf(odd, frames[0].labels, 60)]);
  const analysis = await analysed(set);
  expect(analysis.alone).toEqual([60]);
  expect(verdicts(analysis).map(({ frame }) => frame)).toEqual(expect.arrayContaining([5, 17, 33]));
});

test('isolated atoms are nobody’s outliers, and are named as judged by nobody', async () => {
  const frames = silicon(60);
  const atom = createStructure(['Si'], [0, 0, 0]);
  const set = spoilt([...frames, frameOf(atom, { energy: -3, forces: new Float64Array(3) }, 60)]);
  const analysis = await analysed(set);
  expect(analysis.alone).toEqual([60]);
  expect(verdicts(analysis).map(({ frame }) => frame)).toEqual([5, 17, 33]);
});

const mlearn = new URL('../../../../shared/data/mlearn/Si_train.extxyz.gz', import.meta.url);
test.skipIf(!existsSync(mlearn))(
  'mlearn Si (skipped without ../shared/data): every third frame, three labels wrong',
  async () => {
    const all = (await parseExtxyz(gunzipSync(readFileSync(mlearn)), 'Si')).filter((_, k) => k % 3 === 0);
    // Frames 5 and 40 are of dynamics with a vacancy and without, 45 of a melt.
    const set = spoilt(all, { forces: 40, energy: 5, atom: 45, donor: 48, which: 7 });
    const analysis = await analysed(set);
    expect(verdicts(analysis)).toEqual([
      { frame: 5, kind: 'energy', atom: undefined },
      { frame: 40, kind: 'forces', atom: undefined },
      { frame: 45, kind: 'atom', atom: 7 },
    ]);
  },
);
