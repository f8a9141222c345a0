import { expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createRandom } from '../random.ts';
import { rattled } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { potentialOf } from './load.ts';
import { decodeModel, encodeModel } from './model-file.ts';
import { requireGradient } from './potential.ts';
import { fileOf, randomModel } from './testing-model.ts';

const oxide = rattled(crystal('rocksalt', ['Mg', 'O'], 4.2), 0.1, createRandom(2));
const file = (direct: boolean) =>
  fileOf(randomModel([8, 12], createRandom(1), { sizes: { heads: 2, ...(direct && { directForces: true }) } }));

test('a potential with direct forces says that they are no gradient, also in a sum; others say nothing', () => {
  const kernel = createReferenceKernel();
  const [direct, gradient] = [true, false].map((kind) => potentialOf(file(kind), kernel));
  expect([direct.shortRange.conservative, direct.conservative]).toEqual([false, false]);
  expect([gradient.shortRange.conservative, gradient.conservative]).toEqual([undefined, undefined]);
  expect(() => requireGradient(direct, 'a phonon')).toThrowError(
    expect.objectContaining({ code: 'forces-no-gradient', message: expect.stringContaining('a phonon needs forces') }),
  );
  requireGradient(gradient, 'a phonon');
});

test('a model file keeps the force head to the last bit', () => {
  const kernel = createReferenceKernel();
  const read = decodeModel(encodeModel(file(true)), 'a.safetensors');
  const [before, after] = [file(true), read].map((model) => potentialOf(model, kernel).evaluate(oxide));
  expect(after).toEqual(before);
  // And it is not that of the gradient.
  const [net] = [0, 1, 2].map((a) => before.forces.reduce((sum, f, c) => (c % 3 === a ? sum + f : sum), 0));
  expect(Math.abs(net)).toBeGreaterThan(1e-3);
});
