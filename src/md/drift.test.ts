import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { conservedDrift } from './drift.ts';

const line = (slope: number, noise: number): { time: number; conservedEnergy: number }[] => {
  const random = createRandom(1);
  return Array.from({ length: 400 }, (_, k) => ({
    time: 1000 + 5 * k,
    conservedEnergy: -280 + slope * 5 * k + noise * random.normal(),
  }));
};

test('a known slope, with its error bar', () => {
  // 3 meV/atom/ps of 64 atoms are 3e-6·64 eV/fs.
  const exact = conservedDrift(line(3e-6 * 64, 0), 64);
  expect(exact.drift_meV_per_atom_per_ps).toBeCloseTo(3, 6);
  expect(exact.largest_jump_meV_per_atom).toBeCloseTo(3 * 5e-3, 6);
  const noisy = conservedDrift(line(3e-6 * 64, 0.01), 64);
  // σ/√(Σ(t − t̄)²) = 0.01 eV/√(400·(2000 fs)²/12) → 0.0135 meV/atom/ps.
  expect(noisy.uncertainty_meV_per_atom_per_ps).toBeCloseTo(0.0135, 3);
  expect(Math.abs(noisy.drift_meV_per_atom_per_ps - 3)).toBeLessThan(4 * noisy.uncertainty_meV_per_atom_per_ps);
});

test('one jump is found', () => {
  const samples = line(0, 0);
  for (const sample of samples.slice(200)) sample.conservedEnergy += 0.64;
  expect(conservedDrift(samples, 64).largest_jump_meV_per_atom).toBeCloseTo(10, 9);
});

test('two samples make no drift', () => {
  expect(() => conservedDrift(line(0, 0).slice(0, 2), 64)).toThrow(/from 2 samples/);
});
