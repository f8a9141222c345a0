import { describe, expect, test } from 'vitest';
import { featureCount, weightLayout } from '../kernels/kernels.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { largestDifference, randomSystem } from '../kernels/testing.ts';
import { createRandom } from '../random.ts';
import { createFolding, type DensityModel, defaultEmbedding, parameterLayout } from './density-model.ts';
import { foldedWeights } from './model.ts';
import { randomModel } from './testing-model.ts';

const models: [string, DensityModel][] = [
  ['one species', randomModel([14], createRandom(1), { sizes: { order: 2 } })],
  ['three species, two heads, narrow embedding', randomModel([1, 6, 8], createRandom(2), { sizes: { heads: 2 } })],
  ['two species, lmax 3, wide embedding', randomModel([3, 8], createRandom(3), { sizes: { lmax: 3 }, embedding: 4 })],
  [
    'a direct force head, two species, two heads',
    randomModel([3, 8], createRandom(4), { sizes: { heads: 2, directForces: true } }),
  ],
];

describe.each(models)('%s', (_, model) => {
  const { shape, embedding, statistics, parameters } = model;
  const folding = createFolding(shape, embedding, statistics);

  test('blocks follow each other without gap, their matrices hold all of them', () => {
    let end = 0;
    for (const { offset, dimensions, matrices } of folding.layout.blocks) {
      const size = dimensions.reduce((p, q) => p * q, 1);
      expect(offset).toBe(end);
      if (matrices !== null) expect(matrices[0] * matrices[1] * matrices[2]).toBe(size);
      end += size;
    }
    expect(end).toBe(folding.layout.length);
  });

  test('species that a batch does not hold can be left out: all others get the same bits', () => {
    const { species: S } = shape;
    const held = S === 1 ? [0] : Array.from({ length: S - 1 }, (_one, s) => s + 1);
    const all = new Float64Array(folding.weights);
    const some = new Float64Array(folding.weights).fill(Number.NaN);
    folding.fold(parameters, all);
    folding.fold(parameters, some, held);
    // Weights of a species that is left out get no gradient.
    const random = createRandom(8);
    const at = weightLayout(shape);
    const perSpecies: [number, number][] = [[at.mix, (at.w1 - at.mix) / S]];
    for (const [offset, width] of [
      [at.b1, shape.hidden[0]],
      [at.b2, shape.hidden[1]],
      [at.b3, 1],
      ...(shape.directForces === true ? [[at.bF, shape.channels]] : []),
    ]) {
      for (let head = 0; head < shape.heads; head++) perSpecies.push([offset + head * S * width, width]);
    }
    const slopes = Float64Array.from({ length: at.length }, () => random.normal());
    for (let s = 0; s < S; s++) {
      if (held.includes(s)) continue;
      for (const [offset, width] of perSpecies) {
        const range = [offset + s * width, offset + (s + 1) * width] as const;
        slopes.fill(0, ...range);
        some.set(all.subarray(...range), range[0]);
      }
    }
    expect(some).toEqual(all);
    const [whole, part] = [new Float64Array(parameters.length), new Float64Array(parameters.length)];
    folding.unfold(parameters, slopes, whole);
    folding.unfold(parameters, slopes, part, held);
    // Adding zero, as `toBe` would not have it, may turn −0 into 0.
    expect(part.map((x) => x + 0)).toEqual(whole.map((x) => x + 0));
  });

  test('unfold is the transposed derivative of fold: every parameter of every block', () => {
    const random = createRandom(9);
    const length = weightLayout(shape).length;
    const direction = Float64Array.from({ length }, () => random.normal());
    const gradient = new Float64Array(parameters.length).fill(Number.NaN);
    folding.unfold(parameters, direction, gradient);

    const weights = new Float64Array(length);
    const along = (p: Float64Array): number => {
      folding.fold(p, weights);
      return weights.reduce((sum, w, i) => sum + w * direction[i], 0);
    };
    // Fold is a polynomial of second degree in any one parameter: central differences are exact but for rounding.
    const h = 1e-3;
    const numeric = parameters.map((value, i) => {
      const moved = parameters.slice();
      moved[i] = value + h;
      const up = along(moved);
      moved[i] = value - h;
      return (up - along(moved)) / (2 * h);
    });
    for (const { name, offset, dimensions } of folding.layout.blocks) {
      const range = [offset, offset + dimensions.reduce((p, q) => p * q, 1)] as const;
      const block = gradient.subarray(...range);
      expect(Math.max(...block.map(Math.abs)), name).toBeGreaterThan(1e-3);
      expect(largestDifference(block, numeric.subarray(...range)), name).toBeLessThan(1e-8);
    }
  });

  test('the kernel with folded weights computes the readout on standardised features', () => {
    const engine = createReferenceKernel().load(shape, foldedWeights(model));
    const system = randomSystem(shape, createRandom(5), { atoms: 4, periodic: true });
    const features = engine.features(system);
    for (let head = 0; head < shape.heads; head++) {
      const expected = Float64Array.from({ length: system.atoms }, (_, i) =>
        readoutOf(model, head, system.species[i], features.subarray(i * featureCount(shape))),
      );
      expect(largestDifference(engine.evaluate(system, head).energies, expected)).toBeLessThan(1e-11);
    }
    engine.close();
  });
});

/** e of one atom as docs/theory/potential.md has it: standardised features, biases from the embedding, energy scale. */
function readoutOf(
  { shape, embedding, statistics, parameters: p }: DensityModel,
  head: number,
  z: number,
  raw: Float64Array,
) {
  const { at } = parameterLayout(shape, embedding);
  const F = featureCount(shape);
  const [H1, H2] = shape.hidden;
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  const sum = (n: number, term: (k: number) => number): number =>
    Array.from({ length: n }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
  const e = (n: number): number => p[at.embedding + z * embedding + n];
  const bias = (c: number, B: number, width: number, h: number): number =>
    p[c + head * width + h] + sum(embedding, (n) => e(n) * p[B + (head * embedding + n) * width + h]);
  const x = Array.from({ length: F }, (_, f) => (raw[f] - statistics.mean[f]) / statistics.deviation[f]);
  const h1 = Array.from({ length: H1 }, (_, h) =>
    silu(sum(F, (f) => x[f] * p[at.w1 + (head * F + f) * H1 + h]) + bias(at.c1, at.B1, H1, h)),
  );
  const h2 = Array.from({ length: H2 }, (_, h) =>
    silu(sum(H1, (g) => h1[g] * p[at.w2 + (head * H1 + g) * H2 + h]) + bias(at.c2, at.B2, H2, h)),
  );
  const out = sum(H2, (h) => h2[h] * p[at.w3 + head * H2 + h]) + sum(F, (f) => x[f] * p[at.skip + head * F + f]);
  return statistics.scale * (out + bias(at.c3, at.B3, 1, 0));
}

test('the mixing of two elements with the same vector is the same: the model knows nothing else of them', () => {
  const model = randomModel([1, 6, 8], createRandom(4));
  const { at } = parameterLayout(model.shape, model.embedding);
  model.parameters.copyWithin(at.embedding + 4, at.embedding, at.embedding + 2);
  const weights = foldedWeights(model);
  const { radial, lmax, channels } = model.shape;
  const size = (lmax + 1) * radial * channels;
  expect(weights.slice(2 * size, 3 * size)).toEqual(weights.slice(0, size));
  expect(weights.slice(size, 2 * size)).not.toEqual(weights.slice(0, size));
});

test('parameters of the wrong length are refused', () => {
  const model = randomModel([14], createRandom(1));
  expect(() => foldedWeights({ ...model, parameters: model.parameters.slice(1) })).toThrow(/parameters; its shape/);
});

test('the default embedding is wide enough for free coefficients, and at most 8', () => {
  expect([1, 2, 3, 4, 5, 20].map(defaultEmbedding)).toEqual([2, 4, 6, 8, 8, 8]);
});
