import { describe, expect, test } from 'vitest';
import { choleskyFactor, choleskySolve } from '../linear-algebra.ts';
import { createRandom, type Random } from '../random.ts';
import {
  fitVariances,
  minusLogPosterior,
  placesOf,
  type Residuals,
  type VarianceProblem,
  type Witness,
} from './variance-fit.ts';

const unseen = (groups: number): Witness => ({
  variances: new Float64Array(groups),
  squares: new Int32Array(groups),
});

interface Row {
  readonly square: number;
  readonly spread?: number;
  readonly species?: number;
  readonly group?: number;
  readonly frame: number;
  readonly heldOut: boolean;
  readonly features?: readonly number[];
}

function residualsOf(components: number, rows: readonly Row[]): Residuals {
  return {
    components,
    squares: Float64Array.from(rows, (row) => row.square),
    spreads: Float64Array.from(rows, (row) => row.spread ?? 0),
    species: Int32Array.from(rows, (row) => row.species ?? 0),
    groups: Int32Array.from(rows, (row) => row.group ?? 0),
    frames: Int32Array.from(rows, (row) => row.frame),
    heldOut: Uint8Array.from(rows, (row) => (row.heldOut ? 1 : 0)),
    features: Float64Array.from(rows.flatMap((row) => row.features ?? [1])),
  };
}

const meanSquare = (random: Random, deviation: number, components = 3): number => {
  let sum = 0;
  for (let c = 0; c < components; c++) sum += (deviation * random.normal()) ** 2 / components;
  return sum;
};

test('the gradient is the derivative of the posterior', () => {
  const random = createRandom(1);
  const rows = Array.from(
    { length: 40 },
    (_, i): Row => ({
      ...{ square: meanSquare(random, 0.3), spread: 0.05 * random.uniform(), frame: i >> 1 },
      ...{ species: i % 2, group: i % 3, heldOut: i % 5 === 0, features: [1, random.normal(), random.normal()] },
    }),
  );
  const problem: VarianceProblem = {
    residuals: residualsOf(3, rows),
    witness: { variances: Float64Array.of(0.04, 0, 0.01), squares: Int32Array.of(12, 0, 30) },
    ...{ species: 2, dispersion: 1.7, level: -2, weights: Float64Array.from(rows, () => 0.5 + random.uniform()) },
  };
  const { P, white } = placesOf(problem);
  const theta = Float64Array.from({ length: P }, () => 0.5 * random.normal() - 0.5);
  const out = { gradient: new Float64Array(P), curvature: new Float64Array(P * P) };
  minusLogPosterior(problem, theta, out);
  // Truncation h²/6 · third derivative (some 10²) ≲ 1e-8; rounding 1e-16 · 10² / h ≲ 1e-9.
  const h = 1e-5;
  for (let k = 0; k < P; k++) {
    const at = (shift: number): number =>
      minusLogPosterior(
        problem,
        theta.map((x, l) => (l === k ? x + shift : x)),
      );
    expect(out.gradient[k], `parameter ${k}`).toBeCloseTo((at(h) - at(-h)) / (2 * h), 5);
  }
  expect(out.gradient[white + 1], 'a group without a witness has no white noise').toBe(0);
});

test('the expected curvature is the mean of products of scores', () => {
  // One residual of known variance, many draws: E[g gᵀ] is the Fisher information.
  const random = createRandom(2);
  const theta = Float64Array.of(-1.3, 0, 0, 0, Math.log(0.5));
  const at = (square: number): VarianceProblem => ({
    residuals: residualsOf(3, [{ square, spread: 0.4, frame: 0, heldOut: false }]),
    ...{ witness: unseen(1), species: 1, dispersion: 1, weights: Float64Array.of(1), level: -1.3 },
  });
  const empty = { gradient: new Float64Array(5), curvature: new Float64Array(25) };
  minusLogPosterior(at(1), theta, empty);
  const A = Math.exp(-1.3);
  const variance = (A * A) / (A + 0.25 * 0.4);
  const products = new Float64Array(2);
  const draws = 40_000;
  for (let k = 0; k < draws; k++) {
    const out = { gradient: new Float64Array(5), curvature: new Float64Array(25) };
    minusLogPosterior(at(meanSquare(random, Math.sqrt(variance))), theta, out);
    // The prior pulls log s at −log 2; the other parameters stand at the centres of theirs.
    products[0] += out.gradient[0] ** 2 / draws;
    products[1] += (out.gradient[4] - theta[4]) ** 2 / draws;
  }
  // Priors have curvatures of 1/9 and 1. Sampling error: √(2·4/40000) ≈ 1.5 %.
  expect(products[0] / (empty.curvature[0] - 1 / 9)).toBeCloseTo(1, 1);
  expect(products[1] / (empty.curvature[24] - 1)).toBeCloseTo(1, 1);
});

/** Least squares on n rows of p random numbers: residuals, and leverages as the squared spread. */
function regression(options: { n: number; p: number; test: number; sigma: number; seed: number }): Row[] {
  const { n, p, test: held, sigma, seed } = options;
  const random = createRandom(seed);
  const draw = (): Float64Array => Float64Array.from({ length: p }, () => random.normal());
  const X = Array.from({ length: n }, draw);
  const y = X.map((x) => x[0] + sigma * random.normal());
  const gram = new Float64Array(p * p);
  const moment = new Float64Array(p);
  for (const [i, x] of X.entries()) {
    for (let k = 0; k < p; k++) {
      moment[k] += x[k] * y[i];
      for (let l = 0; l < p; l++) gram[k * p + l] += x[k] * x[l];
    }
  }
  const L = choleskyFactor(gram, p)!;
  const w = choleskySolve(L, p, moment);
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, z, k) => sum + z * b[k], 0);
  const row = (x: Float64Array, label: number, frame: number, heldOut: boolean): Row => ({
    ...{ square: (label - dot(w, x)) ** 2, frame, heldOut },
    spread: sigma ** 2 * dot(x, choleskySolve(L, p, x)),
  });
  return [
    ...X.map((x, i) => row(x, y[i], i, false)),
    ...Array.from({ length: held }, (_, i) => {
      const x = draw();
      return row(x, x[0] + sigma * random.normal(), n + i, true);
    }),
  ];
}

describe('linear regression, where the truth is known', () => {
  // Residuals have the variance σ²(1 − h) in the training and σ²(1 + h) outside; h is p/n on average.
  test.each([
    [400, 20, 0.95],
    [400, 120, 0.9],
    // 1/(1 + h) stands for 1 − h: too much where more than half of the labels' freedom is used up.
    [300, 180, 0.8],
  ])('noise of %d labels for %d coefficients', (n, p, least) => {
    const found = [1, 2, 3, 4].map((seed) => {
      const rows = regression({ n, p, test: 40, sigma: 0.3, seed });
      const model = fitVariances(residualsOf(1, rows), unseen(1), 1);
      const inside = rows.filter(({ heldOut }) => !heldOut).reduce((sum, { square }) => sum + square / n, 0);
      const sigma = Math.exp((model.coefficients[0] + model.species[0] + model.groups[0]) / 2);
      return { sigma, naive: Math.sqrt(inside) };
    });
    const mean = (of: (one: (typeof found)[number]) => number): number =>
      found.reduce((sum, one) => sum + of(one) / found.length, 0);
    expect(mean(({ sigma }) => sigma) / 0.3).toBeGreaterThan(least);
    expect(mean(({ sigma }) => sigma) / 0.3).toBeLessThan(1.05);
    // What taking the training residuals at their word would say.
    expect(mean(({ naive }) => naive) / 0.3).toBeCloseTo(Math.sqrt(1 - p / n), 1);
  });
});

test('variances that depend on a feature, on the species and on the group', () => {
  const random = createRandom(5);
  const rows = Array.from({ length: 6000 }, (_, i): Row => {
    const [species, group, x] = [i % 2, (i >> 1) % 2, random.normal()];
    const deviation = 0.1 * Math.exp(0.3 * x) * [1, 2][species] * [1, 1.5][group];
    return {
      square: meanSquare(random, deviation),
      frame: i / 10,
      species,
      group,
      heldOut: i % 3 === 0,
      features: [1, x],
    };
  });
  const model = fitVariances(residualsOf(3, rows), unseen(2), 2);
  const { coefficients, species, groups } = model;
  const sigma = (z: number, g: number): number => Math.exp((coefficients[0] + species[z] + groups[g]) / 2);
  expect(coefficients[1] / 2).toBeCloseTo(0.3, 1);
  for (const z of [0, 1])
    for (const g of [0, 1]) expect(sigma(z, g) / (0.1 * [1, 2][z] * [1, 1.5][g])).toBeCloseTo(1, 1);
  expect(model.dispersion).toBeLessThan(1.5);
});

test('frames whose errors go together count for less', () => {
  const random = createRandom(6);
  const rows = Array.from({ length: 60 }, (_, frame) => {
    const deviation = 0.1 * Math.exp(0.5 * random.normal());
    return Array.from(
      { length: 50 },
      (): Row => ({ square: meanSquare(random, deviation), frame, heldOut: frame % 4 === 0 }),
    );
  }).flat();
  // log V of a frame scatters by 1; each frame would tell it to √(2/150).
  expect(fitVariances(residualsOf(3, rows), unseen(1), 1).dispersion).toBeGreaterThan(20);
});

test('white noise that the labels show is told from misfit; without a witness it is all misfit', () => {
  const random = createRandom(7);
  const rows = Array.from({ length: 3000 }, (_, i): Row => {
    const group = i % 2;
    const deviation = Math.hypot(0.06, group === 1 ? 0.02 : 0);
    return { square: meanSquare(random, deviation), group, frame: i / 50, heldOut: i % 5 === 0 };
  });
  const witness = { variances: Float64Array.of(0, 0.02 ** 2), squares: Int32Array.of(0, 150) };
  const seen = fitVariances(residualsOf(3, rows), witness, 1);
  expect(Math.sqrt(seen.white[1])).toBeCloseTo(0.02, 3);
  expect(seen.white[0]).toBe(0);
  expect(Math.abs(seen.groups[0] - seen.groups[1])).toBeLessThan(0.1);
  const blind = fitVariances(residualsOf(3, rows), unseen(2), 1);
  expect(blind.white[1]).toBe(0);
  const ratio = Math.exp(blind.groups[1] - blind.groups[0]);
  expect(ratio).toBeCloseTo((0.06 ** 2 + 0.02 ** 2) / 0.06 ** 2, 1);
});

test('a group of which little is known is like the others, and one of which much is known is like itself', () => {
  const random = createRandom(8);
  const rows = (group: number, count: number, deviation: number, first: number): Row[] =>
    Array.from({ length: count }, (_, i) => ({
      square: deviation ** 2 * (0.9 + 0.2 * random.uniform()),
      group,
      frame: first + i,
      heldOut: i % 2 === 0,
    }));
  const all = [...rows(0, 200, 0.1, 0), ...rows(1, 200, 0.1, 200), ...rows(2, 1, 0.3, 400), ...rows(3, 100, 0.3, 401)];
  const { coefficients, species, groups } = fitVariances(residualsOf(1, all), unseen(4), 1);
  const sigma = Array.from(groups, (gamma) => Math.exp((coefficients[0] + species[0] + gamma) / 2));
  expect(sigma[0]).toBeCloseTo(0.1, 2);
  expect(sigma[3]).toBeCloseTo(0.3, 1);
  expect(sigma[2]).toBeGreaterThan(0.1);
  expect(sigma[2]).toBeLessThan(0.25);
});
