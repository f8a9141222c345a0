import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitPolynomial, inverse, type Matrix, solve, symmetricEigenvalues } from './linear.ts';

const entry = fc.double({ min: -10, max: 10, noNaN: true });
const square = fc.array(fc.array(entry, { minLength: 6, maxLength: 6 }), { minLength: 6, maxLength: 6 });
const times = (a: Matrix, b: Matrix): number[][] =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
const determinant = (m: Matrix): number =>
  m.length === 1
    ? m[0][0]
    : m[0].reduce((sum, v, j) => {
        const minor = m.slice(1).map((row) => row.filter((_, k) => k !== j));
        return sum + (j % 2 === 0 ? 1 : -1) * v * determinant(minor);
      }, 0);

test('A · A⁻¹ = 1, for matrices that are not near singular', () => {
  fc.assert(
    fc.property(square, (a) => {
      const dominant = a.map((row, i) => row.map((v, j) => v + (i === j ? 80 : 0)));
      times(dominant, inverse(dominant)).forEach((row, i) => {
        row.forEach((v, j) => {
          expect(Math.abs(v - (i === j ? 1 : 0))).toBeLessThan(1e-13);
        });
      });
    }),
    { numRuns: 50, seed: 1 },
  );
});

test('pivots where the first element is zero', () => {
  expect(
    solve(
      [
        [0, 2],
        [3, 0],
      ],
      [[4], [6]],
    ),
  ).toEqual([[2], [2]]);
});

test('eigenvalues keep trace and determinant, and those of a known matrix', () => {
  const known = symmetricEigenvalues([
    [2, 1, 0],
    [1, 2, 1],
    [0, 1, 2],
  ]);
  [2 - Math.SQRT2, 2, 2 + Math.SQRT2].forEach((value, k) => {
    expect(known[k]).toBeCloseTo(value, 13);
  });
  fc.assert(
    fc.property(square, (a) => {
      const symmetric = a.map((row, i) => row.map((v, j) => v + a[j][i]));
      const values = symmetricEigenvalues(symmetric);
      const sum = values.reduce((total, v) => total + v, 0);
      const product = values.reduce((total, v) => total * v, 1);
      expect(sum).toBeCloseTo(
        symmetric.reduce((total, row, i) => total + row[i], 0),
        9,
      );
      const size = Math.max(1, ...values.map(Math.abs)) ** 6;
      expect(Math.abs(product - determinant(symmetric)) / size).toBeLessThan(1e-12);
    }),
    { numRuns: 50, seed: 2 },
  );
});

test('a polynomial is fitted exactly', () => {
  const x = [-1, -0.6, -0.1, 0.3, 0.8, 1];
  fitPolynomial(
    x,
    x.map((v) => 3 - 2 * v + 0.5 * v ** 3),
    3,
  ).forEach((c, k) => {
    expect(c).toBeCloseTo([3, -2, 0, 0.5][k], 12);
  });
});
