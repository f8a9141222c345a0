import { expect, test } from 'vitest';
import { createRandom } from '../../../random.ts';
import { refusal } from '../../refuse.ts';
import { expectReadOrRefused, mutated } from './testing.ts';

const sample = new TextEncoder().encode(
  Array.from({ length: 40 }, (_, k) => `line ${k} ${k / 7} -1.5e-3 word é\n`).join(''),
);

test('the same seed breaks a file in the same way, and nearly always breaks it', () => {
  const first = Array.from({ length: 200 }, (_, k) => mutated(sample, createRandom(k)));
  const again = Array.from({ length: 200 }, (_, k) => mutated(sample, createRandom(k)));
  expect(again).toEqual(first);
  expect(first.filter((bytes) => Buffer.compare(bytes, sample) === 0).length).toBeLessThan(20);
  expect(new Set(first.map((bytes) => bytes.length)).size).toBeGreaterThan(50);
  expect(sample[0]).toBe('l'.charCodeAt(0));
});

test('what is not a refusal with path and hint does not pass', () => {
  const run = { count: 3, seed: 1 };
  const crash = (): never => {
    throw new TypeError('undefined is not a function');
  };
  expect(() => expectReadOrRefused(crash, sample, run)).toThrow(/undefined is not a function/);
  const noPath = (): never => {
    throw refusal('bad', 'it is bad', 'mend it', {});
  };
  expect(() => expectReadOrRefused(noPath, sample, run)).toThrow(/without path/);
  const slow = (): void => {
    const began = performance.now();
    while (performance.now() - began < 5);
  };
  expect(() => expectReadOrRefused(slow, sample, { ...run, milliseconds: 2 })).toThrow(/took/);
});

test('refusals are counted by code', () => {
  const outcome = expectReadOrRefused(
    ({ path, bytes }) => {
      if (bytes.length < sample.length) throw refusal('too-short', 'it is too short', 'append to it', { path });
      return [];
    },
    sample,
    { count: 100, seed: 2 },
  );
  expect(outcome.read).toBeGreaterThan(10);
  expect(outcome.read + (outcome.codes.get('too-short') ?? 0)).toBe(100);
});
