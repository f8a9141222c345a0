/**
 * Practice 9: many cheap numbers and a few good ones.
 *
 * The bond of a diatomic molecule, known at 60 distances from a cheap method (noise of 40 meV, and a bias that grows with
 * the distance) and at 4 from an expensive one (2 meV). Four fits of the same polynomial in exp(−r): the good points
 * alone; all points alike; all points weighted by 1/variance; and weighted, with the bias of the cheap method as two
 * unknowns of its own.
 *
 *   node scripts/run.mjs examples/practices/09-weighted-least-squares.ts [FOLDER]
 *
 * Look at: weights alone do not cure a bias; a fit that knows of it beats the good points alone by far.
 * Try: ten good points. Then a cheap method without bias. `nearsight fidelity` does this with real levels of theory,
 * and finds the variances by itself.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, figure } from 'nearsight';

const truth = (r: number): number => 4.5 * ((1 - Math.exp(-1.9 * (r - 1.1))) ** 2 - 1);
const bias = (r: number): number => 0.15 + 0.25 * (r - 1.5);
const random = createRandom(4);
const cheap = Array.from({ length: 60 }, (_, k) => 0.9 + (1.6 * k) / 59).map((r) => ({
  ...{ r, isCheap: true, sigma: 0.04 },
  energy: truth(r) + bias(r) + 0.04 * random.normal(),
}));
const good = [1.0, 1.25, 1.6, 2.3].map((r) => ({
  ...{ r, isCheap: false, sigma: 0.002 },
  energy: truth(r) + 0.002 * random.normal(),
}));

type Point = (typeof cheap)[number];
const ORDER = 6;
const row = (r: number): number[] => Array.from({ length: ORDER }, (_, k) => Math.exp(-k * (r - 1)));

/** Coefficients of the weighted fit: (XᵀWX + tiny) c = XᵀWy by Gaussian elimination. */
function solve(points: readonly Point[], weight: (p: Point) => number, columns: (p: Point) => number[]): number[] {
  const P = columns(points[0]).length;
  const A = Array.from({ length: P }, () => new Float64Array(P + 1));
  for (const p of points) {
    const x = columns(p);
    for (let a = 0; a < P; a++) {
      for (let b = 0; b < P; b++) A[a][b] += weight(p) * x[a] * x[b];
      A[a][P] += weight(p) * x[a] * p.energy;
    }
  }
  for (let a = 0; a < P; a++) A[a][a] *= 1 + 1e-10;
  for (let a = 0; a < P; a++) {
    for (let b = 0; b < P; b++) {
      if (b === a) continue;
      const factor = A[b][a] / A[a][a];
      for (let c = a; c <= P; c++) A[b][c] -= factor * A[a][c];
    }
  }
  return A.map((line, a) => line[P] / line[a]);
}

const plain = ({ r }: Point): number[] => row(r);
const biased = ({ r, isCheap }: Point): number[] => [...row(r), ...(isCheap ? [1, r] : [0, 0])];
const precise = ({ sigma }: Point): number => 1 / sigma ** 2;
const fits = {
  'good points alone': solve(good, precise, plain),
  'all alike': solve([...cheap, ...good], () => 1, plain),
  weighted: solve([...cheap, ...good], precise, plain),
  'weighted, bias fitted': solve([...cheap, ...good], precise, biased),
};
const grid = Array.from({ length: 81 }, (_, k) => 0.9 + 0.02 * k);
const series = Object.entries(fits).map(([name, c]) => {
  const error = grid.map((r) => 1000 * (row(r).reduce((sum, x, k) => sum + c[k] * x, 0) - truth(r)));
  const rms = Math.sqrt(error.reduce((sum, e) => sum + e * e, 0) / error.length);
  console.log(`${name.padEnd(22)} error ${rms.toFixed(1).padStart(6)} meV`);
  return { name, x: grid, y: error, mark: 'line' as const };
});

const folder = process.argv[2] ?? 'runs/practices';
mkdirSync(folder, { recursive: true });
const svg = figure({
  title: 'Four fits to two levels of theory',
  x: { label: 'bond length, Å' },
  y: { label: 'error of the energy, meV' },
  series,
});
writeFileSync(join(folder, '09-weighted-least-squares.svg'), svg);
