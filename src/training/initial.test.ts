import { describe, expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { randomSystem } from '../kernels/testing.ts';
import { solveSymmetric, symmetricEigen } from '../linear-algebra.ts';
import { foldedWeights } from '../model/model.ts';
import { createRandom } from '../random.ts';
import { fitReferenceEnergies, initialModel, whiteningFrom } from './initial.ts';

describe('reference energies', () => {
  test('are found exactly where compositions tell the elements apart', () => {
    const compositions = [Float64Array.of(1, 2), Float64Array.of(3, 1), Float64Array.of(2, 2)];
    const energies = compositions.map(([a, b]) => a * -100 + b * -7.5);
    const fit = fitReferenceEnergies(compositions, energies, 2);
    expect(fit[0]).toBeCloseTo(-100, 8);
    expect(fit[1]).toBeCloseTo(-7.5, 8);
  });
  test('of one compound are the smallest numbers that give its energy', () => {
    const fit = fitReferenceEnergies([Float64Array.of(1, 1), Float64Array.of(4, 4)], [-10, -40], 2);
    expect(fit[0]).toBeCloseTo(-5, 8);
    expect(fit[1]).toBeCloseTo(-5, 8);
  });
});

describe('linear algebra', () => {
  test('eigenvectors are orthonormal and diagonalise', () => {
    const random = createRandom(2);
    const n = 9;
    const A = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) A[i * n + j] = A[j * n + i] = random.normal();
    const { values, vectors } = symmetricEigen(A, n);
    for (let p = 0; p < n; p++) {
      for (let q = 0; q < n; q++) {
        let dot = 0;
        let form = 0;
        for (let i = 0; i < n; i++) {
          dot += vectors[i * n + p] * vectors[i * n + q];
          for (let j = 0; j < n; j++) form += vectors[i * n + p] * A[i * n + j] * vectors[j * n + q];
        }
        expect(dot).toBeCloseTo(p === q ? 1 : 0, 12);
        expect(form).toBeCloseTo(p === q ? values[p] : 0, 11);
      }
    }
  });
  test('a singular system is solved with the smallest x', () => {
    const x = solveSymmetric(Float64Array.of(1, 1, 1, 1), Float64Array.of(2, 2), 1e-10);
    expect(x[0]).toBeCloseTo(1, 10);
    expect(x[1]).toBeCloseTo(1, 10);
  });
});

describe('a model before its first step', () => {
  const shape = {
    species: 2,
    radial: 8,
    lmax: 3,
    order: 3,
    channels: 4,
    hidden: [8, 8],
    heads: 1,
    cutoff: 5,
    onset: 3.5,
  } as const;
  const random = createRandom(4);
  const systems = Array.from({ length: 20 }, () => randomSystem(shape, random, { atoms: 12, periodic: true }));
  const kernel = createReferenceKernel();

  test('whitened densities of each degree have a covariance of about one, and none above it', () => {
    const engine = kernel.load(shape, foldedWeights(start()));
    const P = whiteningFrom(
      shape,
      systems.map((s) => engine.densities(s)),
    );
    const nb = shape.radial;
    for (let l = 1; l <= 3; l++) {
      const covariance = new Float64Array(nb * nb);
      let count = 0;
      for (const system of systems) {
        const D = engine.densities(system);
        for (let row = 0; row < D.length; row += nb) {
          const lm = (row / nb) % 16;
          if (Math.floor(Math.sqrt(lm)) !== l || D.subarray(row, row + nb).every((x) => x === 0)) continue;
          count++;
          const w = Array.from({ length: nb }, (_, c) => {
            let sum = 0;
            for (let b = 0; b < nb; b++) sum += D[row + b] * P[(l * nb + b) * nb + c];
            return sum;
          });
          for (let b = 0; b < nb; b++) for (let c = 0; c < nb; c++) covariance[b * nb + c] += w[b] * w[c];
        }
      }
      const { values } = symmetricEigen(
        covariance.map((x) => x / count),
        nb,
      );
      expect(Math.max(...values)).toBeLessThanOrEqual(1);
      expect(Math.max(...values)).toBeGreaterThan(0.99);
    }
  });

  test('standardises its features on the data that it starts from', () => {
    const model = start();
    const engine = kernel.load(shape, foldedWeights(model));
    const F = model.statistics.mean.length;
    const all = systems.map((s) => engine.features(s));
    for (let f = 0; f < F; f++) {
      const values = all.flatMap((x) => Array.from({ length: x.length / F }, (_, i) => x[i * F + f]));
      const mean = values.reduce((p, q) => p + q, 0) / values.length;
      const deviation = Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / values.length);
      expect(model.statistics.mean[f]).toBeCloseTo(mean, 8);
      expect(model.statistics.deviation[f]).toBeCloseTo(deviation, 5);
    }
  });

  function start() {
    const from = { elements: [1, 8], shape, embedding: 4, referenceEnergies: new Float64Array(2), forceDeviation: 1 };
    return initialModel(kernel, systems, from, createRandom(1));
  }
});
