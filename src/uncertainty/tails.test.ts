import { expect, it } from 'vitest';
import { findPython, runPython } from '../../tests/helpers/python.ts';
import { halfWidth, logDensity, logGamma, probabilityWithin, rankedScore } from './tails.ts';

const NUS = [2.2, 3, 4.5, 10, 80, Number.POSITIVE_INFINITY];

it('has unit variance, whatever the tails', () => {
  for (const nu of [5, 8, 30, Number.POSITIVE_INFINITY]) {
    let mass = 0;
    let variance = 0;
    const step = 0.01;
    for (let z = -400; z <= 400; z += step) {
      const p = step * Math.exp(logDensity(z, nu));
      mass += p;
      variance += p * z * z;
    }
    expect(mass).toBeCloseTo(1, 6);
    expect(variance).toBeCloseTo(1, nu < 6 ? 3 : 5);
  }
});

it('knows closed forms: ν = 3, 4, and the normal distribution', () => {
  expect(probabilityWithin(1.959963984540054, Number.POSITIVE_INFINITY)).toBeCloseTo(0.95, 12);
  expect(probabilityWithin(4, Number.POSITIVE_INFINITY)).toBeCloseTo(0.9999366575163338, 13);
  // t with 4 degrees of freedom: F(t) = 1/2 + (3/8)(t/√(1+t²/4))(1 − t²/(12(1+t²/4))).
  const t = 1.7;
  const s = 1 + (t * t) / 4;
  const within = 2 * (3 / 8) * (t / Math.sqrt(s)) * (1 - (t * t) / (12 * s));
  expect(probabilityWithin(t / Math.SQRT2, 4)).toBeCloseTo(within, 12);
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13);
  expect(logGamma(7)).toBeCloseTo(Math.log(720), 13);
});

it('half widths invert probabilities, and t becomes the normal distribution', () => {
  for (const nu of NUS) {
    for (const p of [0.1, 0.5, 0.9, 0.95, 0.999]) expect(probabilityWithin(halfWidth(p, nu), nu)).toBeCloseTo(p, 11);
  }
  expect(halfWidth(0.9, 5e4)).toBeCloseTo(halfWidth(0.9, Number.POSITIVE_INFINITY), 3);
  expect(rankedScore(0.7, 5e4)).toBeCloseTo(rankedScore(0.7, Number.POSITIVE_INFINITY), 3);
});

it('the ranked score is what its integral says', () => {
  for (const nu of NUS) {
    for (const z of [0, 0.4, -1.3, 3]) {
      let sum = 0;
      const step = 0.004;
      for (let x = -100 + step / 2; x < 100; x += step) {
        const cdf = 0.5 * (1 + Math.sign(x) * probabilityWithin(Math.abs(x), nu));
        sum += step * (cdf - (x >= z ? 1 : 0)) ** 2;
      }
      expect(rankedScore(z, nu)).toBeCloseTo(sum, 3);
    }
  }
});

const python = findPython(['scipy.stats', 'json']);
it.skipIf(python === undefined)('agrees with scipy', () => {
  const cases = NUS.filter(Number.isFinite).flatMap((nu) => [0.05, 0.8, 2.5, 9].map((z) => ({ nu, z })));
  const script = `
import json, sys
from scipy.stats import t
out = []
for c in json.load(sys.stdin):
    s = ((c['nu'] - 2) / c['nu']) ** 0.5
    out.append([2 * t.cdf(c['z'] / s, c['nu']) - 1, t.logpdf(c['z'], c['nu'], scale=s)])
print(json.dumps(out))`;
  const theirs = runPython(python!, script, cases) as [number, number][];
  for (const [k, { nu, z }] of cases.entries()) {
    expect(probabilityWithin(z, nu)).toBeCloseTo(theirs[k][0], 11);
    expect(logDensity(z, nu)).toBeCloseTo(theirs[k][1], 10);
  }
});
