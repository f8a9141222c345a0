import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choleskyFactor, choleskySolve, solveLower, solveSymmetric } from './linear-algebra.ts';
import { createRandom } from './random.ts';

/** M Mᵀ of a random n × rank matrix: symmetric, positive semi-definite. */
function gram(n: number, rank: number, seed: number): Float64Array {
  const random = createRandom(seed);
  const M = Float64Array.from({ length: n * rank }, () => random.normal());
  const A = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) for (let k = 0; k < rank; k++) A[i * n + j] += M[i * rank + k] * M[j * rank + k];
  }
  return A;
}

const largest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));

describe('Cholesky factor', () => {
  test('L Lᵀ is the matrix again, and what lies above its diagonal is not read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer(), (n, seed) => {
        const A = gram(n, n + 3, seed);
        const lower = A.map((value, k) => (k % n > Math.floor(k / n) ? Number.NaN : value));
        const L = choleskyFactor(lower, n)!;
        const back = A.map((value, k) => {
          let sum = 0;
          for (let q = 0; q < n; q++) sum += L[Math.floor(k / n) * n + q] * L[(k % n) * n + q];
          return sum - value;
        });
        expect(largest(back)).toBeLessThan(1e-13 * largest(A) * n);
      }),
      { numRuns: 30 },
    );
  });

  test('solutions agree with those by eigenvectors, and solve the equations', () => {
    const n = 12;
    const A = gram(n, n + 4, 5);
    const b = Float64Array.from({ length: n }, (_, i) => Math.sin(i));
    const L = choleskyFactor(A, n)!;
    const x = choleskySolve(L, n, b);
    const other = solveSymmetric(A, b, 1e-14);
    expect(largest(x.map((value, i) => value - other[i]))).toBeLessThan(1e-10 * largest(other));
    // xᵀA⁻¹x as a squared length: what leverages are computed from.
    const y = b.slice();
    solveLower(L, n, y);
    const form = b.reduce((sum, value, i) => sum + value * x[i], 0);
    expect(y.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(form, 10);
  });

  test('null for matrices that are singular, not positive, or not numbers', () => {
    expect(choleskyFactor(gram(6, 3, 1), 6)).toBeNull();
    expect(choleskyFactor(Float64Array.of(1, 0, 2, 1), 2)).toBeNull();
    expect(choleskyFactor(Float64Array.of(Number.NaN), 1)).toBeNull();
    expect(choleskyFactor(Float64Array.of(0), 1)).toBeNull();
  });
});
