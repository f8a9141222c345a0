import { expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { solveLower } from '../linear-algebra.ts';
import { shortRangePotential } from '../model/short-range.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { rattled } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import { triangularWhitening } from '../whitening.ts';
import { lastLayerEstimator, lastLayerOf } from './last-layer.ts';

const kernel = createReferenceKernel();
const model = randomModel([14, 32], createRandom(3), { sizes: { heads: 2, cutoff: 4, onset: 2.5 } });
const layer = lastLayerOf(model)!;
const potential = shortRangePotential(model, kernel);
const random = createRandom(1);
const perfect = crystal('zincblende', ['Si', 'Ge'], 5.5);
const frames = Array.from(
  { length: 30 },
  (_, index): Frame => ({
    structure: rattled(perfect, 0.15, random),
    ...{ labels: {}, group: '', info: {}, arrays: {}, line: 1, index },
  }),
);
const arriving = (structure: Structure): Float64Array => {
  const system = potential.system(structure);
  return layer.arrive(potential.engine.features(system), system.species.subarray(0, system.atoms));
};

test('energies are linear in what arrives at the last layer', () => {
  const { structure } = frames[0];
  const phi = arriving(structure);
  const { energies } = potential.engine.evaluate(potential.system(structure));
  const { species } = potential.system(structure);
  for (const [i, e] of energies.entries()) {
    let sum = layer.bias[species[i]];
    for (let d = 0; d < layer.dimension; d++) sum += layer.weights[d] * phi[i * layer.dimension + d];
    expect(sum).toBeCloseTo(e, 10);
  }
});

test('drawn models spread as the covariance of the last layer says', () => {
  const D = layer.dimension;
  const rows = Float32Array.from(frames.flatMap(({ structure }) => Array.from(arriving(structure))));
  const { L } = triangularWhitening(rows, D);
  const { structure } = frames[1];
  const at = (c: number, shift: number): Float64Array => {
    const phi = arriving({ ...structure, positions: structure.positions.map((x, k) => (k === c ? x + shift : x)) });
    const sum = new Float64Array(D);
    for (let k = 0; k < phi.length; k++) sum[k % D] += phi[k];
    return sum;
  };
  // σ² of force c: g C⁻¹ g, g = −∂(Σ φ)/∂r_c.
  let expected = 0;
  for (let c = 0; c < structure.positions.length; c++) {
    const [ahead, behind] = [at(c, 1e-4), at(c, -1e-4)];
    const g = ahead.map((value, d) => (behind[d] - value) / 2e-4);
    solveLower(L, D, g);
    expected += g.reduce((sum, z) => sum + z * z, 0);
  }
  const estimator = lastLayerEstimator(fileOf(model), kernel, frames)!;
  const { forces } = estimator.estimate(structure);
  const found = forces.reduce((sum, f) => sum + 3 * f * f, 0);
  // The sum over atoms of squares of 16 draws: some tens of per cent of noise.
  expect(found / expected).toBeGreaterThan(0.6);
  expect(found / expected).toBeLessThan(1.6);
});

test('a hot crystal is less certain than the training frames', () => {
  const estimator = lastLayerEstimator(fileOf(model), kernel, frames)!;
  const known = estimator.estimate(frames[2].structure);
  const hot = rattled(perfect, 0.4, createRandom(9));
  const unknown = estimator.estimate(hot);
  expect(unknown.energy).toBeGreaterThan(2 * known.energy);
  expect(Math.max(...unknown.forces)).toBeGreaterThan(2 * Math.max(...known.forces));
  expect(unknown.stress).toBeGreaterThan(known.stress!);
  const [a, b] = [estimator.atoms(hot), estimator.atoms(frames[2].structure)];
  expect(Math.max(...a)).toBeGreaterThan(2 * Math.max(...b));
  expect(estimator.estimate({ ...hot, pbc: [true, true, false] }).stress).toBeNull();
  estimator.close();
});

test('a direct force head has no forces that follow from its energies', () => {
  const direct = randomModel([14, 32], createRandom(3), { sizes: { directForces: true } });
  expect(lastLayerEstimator(fileOf(direct), kernel, frames)).toBeNull();
  expect(lastLayerEstimator(fileOf(model), kernel, [])).toBeNull();
});
