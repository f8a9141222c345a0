import { expect, test } from 'vitest';
import { fileOf, randomModel } from '../model/testing-model.ts';
import type { TrainRunResult } from '../node/train-run.ts';
import { createRandom } from '../random.ts';
import { calibrateQuantity, encodeCalibration, type Residuals } from '../uncertainty/index.ts';
import { calibratedDocument, describeCalibrated } from './train-calibrated.ts';

const random = createRandom(1);
const fileWith = (heads: number) => fileOf(randomModel([14], random, { sizes: { heads } }));
/** One label a frame. */
const residuals = (frames: number): Residuals => {
  const raw = Float64Array.from({ length: frames }, () => 0.01 * Math.exp(0.5 * random.normal()));
  const errors = raw.map((u) => 2 * u * random.normal());
  const numbers = Int32Array.from(raw, (_, i) => i);
  return { errors, components: 1, frames: numbers, raw, noise: null, fixed: new Uint8Array(frames) };
};

test('a training says whether its model is calibrated, on how many frames, and what 90 % intervals hold', () => {
  const forces = calibrateQuantity(residuals(40), null, 5)!;
  const heldOut = { frames: 40, atoms: 320, groups: ['a'], how: 'by hand' };
  const law = { version: 1, estimator: 'heads', heldOut, energy: null, forces, stress: null } as const;
  const file = fileWith(4);
  const validation = { overall: { frames: 3 } } as unknown as TrainRunResult['validation'];
  const rest = { path: 'm.safetensors', validation };
  const calibrated = { ...rest, model: { ...file, calibration: encodeCalibration(law) } };
  const observed = forces.metrics.coverage.find(({ stated }) => stated === 0.9)!.observed;
  expect(describeCalibrated(calibrated)).toBe(
    `Uncertainties are calibrated on 40 held-out frames: 90 % intervals hold ${(100 * observed).toFixed(1)} % of the force components there`,
  );
  expect(calibratedDocument(calibrated)).toEqual({
    ...{ frames: 40, atoms: 320 },
    coverage_90: { energy: null, forces: observed, stress: null },
  });
  const few = { ...law, forces: { ...forces, metrics: { ...forces.metrics, coverage: [] } } };
  const vague = { ...rest, model: { ...file, calibration: encodeCalibration(few) } };
  expect(describeCalibrated(vague)).toMatch(/too few for 90 % intervals$/);
  expect(describeCalibrated({ ...rest, model: file })).toMatch(/not calibrated: 3 frames held out are too few/);
  expect(calibratedDocument({ ...rest, model: file })).toBeNull();
  expect(describeCalibrated({ ...rest, model: fileWith(1) })).toMatch(/one head/);
});
