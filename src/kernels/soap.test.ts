import { describe, expect, test } from 'vitest';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import type { DensityKernelModel, Kernel, MatrixPlace } from './kernels.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel } from './simd/kernel.ts';
import { randomShape, randomWeights } from './testing.ts';

const places: readonly MatrixPlace[] = [
  { offset: 0, rows: 8, columns: 4 },
  { offset: 40, rows: 12, columns: 16 },
  // too long for an eigenbasis on one side
  { offset: 240, rows: 260, columns: 4 },
  // no multiples of 4
  { offset: 1280, rows: 10, columns: 7 },
];
const LENGTH = 1280 + 10 * 7;
const settings = { beta1: 0.9, beta2: 0.95, refresh: 3 };

function open(kernel: Kernel): DensityKernelModel {
  const random = createRandom(1);
  const shape = randomShape(random);
  return kernel.load(shape, randomWeights(shape, random));
}

const kernels: readonly [string, () => Promise<Kernel>][] = [
  ['reference', async () => createReferenceKernel()],
  ['simd', () => createSimdKernel({ guards: true })],
];

describe.each(kernels)('SOAP in the %s kernel', (_, create) => {
  test('descends a badly scaled quadratic where Adam in the original basis would crawl', async () => {
    const model = open(await create());
    const soap = model.soap([places[1]], settings);
    const random = createRandom(3);
    // f(X) = ½ Σ λ_i μ_j (UᵀXV)²: Kronecker-factored, condition 1e4
    const { rows, columns } = places[1];
    const turn = (n: number): number[][] => {
      const Q = Array.from({ length: n }, () => Array.from({ length: n }, () => random.normal()));
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < i; k++) {
          const dot = Q[i].reduce((s, x, c) => s + x * Q[k][c], 0);
          Q[i] = Q[i].map((x, c) => x - dot * Q[k][c]);
        }
        const norm = Math.hypot(...Q[i]);
        Q[i] = Q[i].map((x) => x / norm);
      }
      return Q;
    };
    const U = turn(rows);
    const V = turn(columns);
    const gradientOf = (X: Float64Array): { value: number; gradient: Float64Array } => {
      let value = 0;
      const gradient = new Float64Array(LENGTH);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const weight = 100 ** (-i / (rows - 1)) * 100 ** (-j / (columns - 1));
          let y = 0;
          for (let r = 0; r < rows; r++)
            for (let c = 0; c < columns; c++) y += U[i][r] * X[40 + r * columns + c] * V[j][c];
          value += 0.5 * weight * y * y;
          for (let r = 0; r < rows; r++)
            for (let c = 0; c < columns; c++) gradient[40 + r * columns + c] += weight * y * U[i][r] * V[j][c];
        }
      }
      return { value, gradient };
    };
    const X = new Float64Array(LENGTH).map(() => random.normal());
    const start = gradientOf(X).value;
    const out = new Float64Array(LENGTH);
    for (let step = 0; step < 400; step++) {
      soap.direction(gradientOf(X).gradient, out);
      const rate = 0.05 * (1 - step / 400);
      for (let i = 40; i < 232; i++) X[i] -= rate * out[i];
    }
    expect(gradientOf(X).value).toBeLessThan(1e-4 * start);
    model.close();
  });

  test('goes on after save and restore as if nothing had happened', async () => {
    const kernel = await create();
    const [one, two] = [open(kernel), open(kernel)];
    const a = one.soap(places, settings);
    const random = createRandom(5);
    const out = new Float64Array(LENGTH);
    const gradients = Array.from({ length: 9 }, () => new Float64Array(LENGTH).map(() => random.normal()));
    for (const g of gradients.slice(0, 5)) a.direction(g, out);
    const b = two.soap(places, settings);
    b.restore(a.save());
    const other = new Float64Array(LENGTH);
    for (const g of gradients.slice(5)) {
      a.direction(g, out);
      b.direction(g, other);
      expect(other).toEqual(out);
    }
    one.close();
    two.close();
  });
});

test('a matrix with a very long side needs no square of it', async () => {
  // As many symmetry functions as 33 elements have, by pairs.
  const [rows, columns] = [12_000, 4];
  const random = createRandom(8);
  const gradient = Float64Array.from({ length: rows * columns }, () => random.normal());
  const [reference, simd] = [createReferenceKernel(), await createSimdKernel({ guards: true })].map((kernel) => {
    const model = open(kernel);
    const out = new Float64Array(rows * columns);
    const soap = model.soap([{ offset: 0, rows, columns }], settings);
    for (let step = 0; step < 2; step++) soap.direction(gradient, out);
    model.close();
    return out;
  });
  const dot = (p: Float64Array, q: Float64Array): number => p.reduce((s, x, i) => s + x * q[i], 0);
  expect(dot(reference, simd) / Math.sqrt(dot(reference, reference) * dot(simd, simd))).toBeGreaterThan(0.999);
});

test('the kernels agree, and so does any number of threads', async () => {
  const models = [
    open(createReferenceKernel()),
    open(await createSimdKernel({ guards: true })),
    open(await createEngine(3)),
  ];
  const optimisers = models.map((m) => m.soap(places, settings));
  const random = createRandom(9);
  // A gradient whose covariance keeps its shape, as in training: then the eigenbases are well defined.
  const scale = new Float64Array(LENGTH).map((_, i) => 0.1 + (i % 7));
  for (let step = 0; step < 12; step++) {
    const gradient = scale.map((s) => s * random.normal());
    const [reference, simd, threaded] = optimisers.map((o) => {
      const out = new Float64Array(LENGTH);
      o.direction(gradient, out);
      return out;
    });
    expect(threaded).toEqual(simd);
    if (step === 0) expect(simd.every((x) => x === 0)).toBe(true);
    // Where the factors have (nearly) equal or no eigenvalues yet, the bases of the two precisions part: the
    // direction as a whole must agree, not each digit.
    const dot = (p: Float64Array, q: Float64Array): number => p.reduce((s, x, i) => s + x * q[i], 0);
    if (step > 0)
      expect(dot(reference, simd) / Math.sqrt(dot(reference, reference) * dot(simd, simd))).toBeGreaterThan(0.97);
  }
  for (const m of models) m.close();
});
