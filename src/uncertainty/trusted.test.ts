import { describe, expect, it } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { potentialOf } from '../model/load.ts';
import type { ModelFile } from '../model/model-file.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import { openAccount } from './account.ts';
import { type CalibrationMetrics, calibrate, intervalFactor } from './calibration.ts';
import { encodeCalibration } from './calibration-file.ts';
import type { Domain, DomainVerdict } from './domain.ts';
import { committeeJudge, judgeFrames } from './residuals.ts';
import { openUncertainty } from './trusted.ts';

const random = createRandom(8);
const kernel = createReferenceKernel();
const ELEMENTS = [14];
const potentialFor = (heads: number) => {
  const file: ModelFile = fileOf(randomModel(ELEMENTS, random, { sizes: { heads } }));
  return { file, potential: potentialOf(file, kernel) };
};

/** Silicon off its lattice sites, labelled with what the mean of the model says, wrong by 0.1 eV/Å or so. */
function frameOf(potential: ReturnType<typeof potentialFor>['potential']) {
  const perfect = crystal('diamond', ['Si'], 5.43);
  const structure = { ...perfect, positions: perfect.positions.map((x) => x + 0.1 * random.normal()) };
  const { energy, forces } = potential.evaluate(structure);
  const labels = { energy: energy + 0.01 * random.normal(), forces: forces.map((f) => f + 0.1 * random.normal()) };
  return { structure, labels, group: '', info: {}, arrays: {}, line: 0, index: 0 };
}

describe('a calibrated model', async () => {
  const { file, potential } = potentialFor(3);
  const judge = committeeJudge(potential, 'heads');
  const frames = Array.from({ length: 12 }, () => frameOf(potential));
  const heldOut = await judgeFrames(judge, frames);
  const about = { frames: 12, atoms: 96, groups: [''], how: 'by hand' };
  const calibration = calibrate('heads', { heldOut, train: null }, about)!;
  const calibrated = { ...file, calibration: encodeCalibration(calibration) };
  const uncertainty = openUncertainty(calibrated, potential)!;

  it('gives the mean of its heads, parts that add up, and intervals in which the labels are', () => {
    const account = openAccount(uncertainty);
    for (const frame of frames) {
      const { mean, forces, energyPerAtom, stress, domain } = uncertainty.of(frame.structure);
      expect(account.add(frame).forces!.total).toEqual(forces!.total);
      expect(mean.energy).toBeCloseTo(potential.evaluate(frame.structure).energy, 9);
      expect(stress).toBeNull();
      expect(domain).toBeNull();
      for (let i = 0; i < 8; i++) {
        expect(forces!.total[i]).toBeCloseTo(Math.hypot(forces!.epistemic[i], forces!.rest), 12);
        expect(forces!.interval90![i]).toBeCloseTo(intervalFactor(calibration.forces!, 0.9)! * forces!.total[i], 12);
        const vector = forces!.vectors!.subarray(3 * i, 3 * i + 3);
        const square = vector.reduce((sum, v) => sum + v * v, 0);
        expect(Math.sqrt(square / 3)).toBeCloseTo(forces!.epistemic[i], 12);
      }
      expect(energyPerAtom!.total).toBeGreaterThan(0);
      expect(uncertainty.forces(frame.structure)).toEqual(forces!.total);
    }
    const { forces, energy, atoms, calibrated } = account.account();
    expect([atoms, calibrated]).toEqual([96, true]);
    // Errors of 0.1 eV/Å that have nothing to do with the spread: σ is that, mostly floor.
    expect(forces!.parts.total).toBeCloseTo(0.1, 1.5);
    expect(forces!.metrics!.coverage.find(({ stated }) => stated === 0.9)!.observed).toBeCloseTo(0.9, 1);
    expect(energy!.metrics!.count).toBe(12);
  });

  it('keeps account of frames inside the domain on their own: intervals are meant for these', () => {
    // Frames outside are ten times as wrong.
    const wild = frames.map((frame) => ({
      ...frame,
      labels: { ...frame.labels, forces: frame.labels.forces.map((f) => f + random.normal()) },
    }));
    const strange = new Set<Structure>(wild.map(({ structure }) => structure));
    const farthest = { atom: 0, element: 'Si', distance: 9, nearest: null, crowding: null };
    const domain = { limit: 2 } as Domain;
    const account = (given: typeof frames) => {
      const accountant = openAccount(knowing, domain);
      for (const frame of given) accountant.add(frame);
      return accountant.account().forces!;
    };
    const knowing: typeof uncertainty = {
      ...uncertainty,
      domain,
      of: (structure, options) => {
        const inside = !strange.has(structure);
        const places = { outside: inside ? [] : [farthest], farthest, centre: farthest };
        const verdict: DomainVerdict = { inside, limit: 2, ...places, sentence: '' };
        return { ...uncertainty.of(structure, options), domain: verdict };
      },
    };
    const held = (metrics: CalibrationMetrics | null) =>
      metrics?.coverage.find(({ stated }) => stated === 0.9)?.observed;
    const copies = frames.map((frame) => ({ ...frame, structure: { ...frame.structure } }));
    const mixed = account([...copies, ...wild]);
    expect(mixed.inside).toEqual(account(copies).metrics);
    expect(mixed.metrics!.count).toBe(2 * mixed.inside!.count);
    expect(held(mixed.metrics)!).toBeLessThan(held(mixed.inside)! - 0.2);
    expect(account(copies).inside).toEqual(account(copies).metrics);
    expect(account(wild).inside).toBeNull();
    // Where the domain is not known nobody can say which frames are inside.
    const blind = openAccount(uncertainty);
    for (const frame of frames) blind.add(frame);
    expect(blind.account().forces!.inside).toBeNull();
  });

  it('says nothing where it was not calibrated, and refuses a calibration that is not for it', () => {
    expect(openUncertainty(file, potential)).toBeNull();
    const one = potentialFor(1);
    expect(() => openUncertainty({ ...one.file, calibration: calibrated.calibration }, one.potential)).toThrow(
      NearsightError,
    );
    const nonsense = { ...file, calibration: { ...calibrated.calibration, forces: { floor: 1 } } };
    expect(() => openUncertainty(nonsense, potential)).toThrow(/makes no sense/);
  });
});
