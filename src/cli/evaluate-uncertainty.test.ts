import { expect, test } from 'vitest';
import { writeFrame } from '../data/index.ts';
import { createStructure } from '../structure/structure.ts';
import type { CalibrationMetrics, Caveats, UncertaintyAccount } from '../uncertainty/index.ts';
import { describeUncertainty, uncertaintyDocument, withUncertainty } from './evaluate-uncertainty.ts';

test('an element without training frames is infinitely far, which a file has no number for', () => {
  const frame = { structure: createStructure(['Ge'], [0, 0, 0]), info: {}, arrays: {} };
  const far = { atom: 0, element: 'Ge', distance: Number.POSITIVE_INFINITY, nearest: null, crowding: null };
  const written = (distance: number): string => {
    const farthest = { ...far, distance };
    const domain = { inside: false, limit: 2, outside: [farthest], farthest, centre: farthest, sentence: '' };
    const caveats: Caveats = { energyPerAtom: null, forces: null, domain };
    return [...writeFrame(withUncertainty(frame, caveats))].join('');
  };
  expect(written(4.5)).toContain('domain_distance=4.5');
  expect(written(Number.POSITIVE_INFINITY)).not.toContain('domain_distance');
});

test('where frames are outside the domain, coverage inside stands beside that of all', () => {
  const metrics = (observed: number): CalibrationMetrics =>
    ({
      count: 60,
      spearman: 0.5,
      spearmanError: 0.1,
      miscalibrationArea: 0.01,
      coverage: [{ stated: 0.9, observed }],
    }) as unknown as CalibrationMetrics;
  const parts = { total: 0.1, epistemic: 0.1, aleatoric: null, rest: 0 };
  const account = (framesOutside: number): UncertaintyAccount => ({
    ...{ calibrated: true, frames: 5, atoms: 20, energy: null, stress: null },
    forces: { metrics: metrics(0.613), inside: metrics(framesOutside === 0 ? 0.613 : 0.897), parts },
    domain: { limit: 2, framesOutside, atomsOutside: framesOutside, farthest: [] },
  });
  const text = describeUncertainty(account(2));
  expect(text).toMatch(/^forces .*61\.3 % +89\.7 %/m);
  expect(text).toContain('not meant for frames outside the training domain: 2 of 5');
  expect(uncertaintyDocument(account(2))).toMatchObject({
    forces: { coverage: { 0.9: 0.613 }, inside: { count: 60, coverage: { 0.9: 0.897 } } },
  });
  expect(describeUncertainty(account(0))).not.toMatch(/not meant|inside the/);
});
