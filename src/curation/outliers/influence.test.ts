import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import {
  addBlock,
  applyRows,
  type Block,
  emptyEquations,
  type LinearFit,
  solveEquations,
} from '../../training/linear/linear-fit.ts';
import { blockInfluence, whitened } from './influence.ts';

const P = 6;

/** Least squares with a known block: rows 0 … m−1 are to be deleted. */
function problem(m: number, rest: number, seed: number): { block: Block; others: Block } {
  const random = createRandom(seed);
  const rowsOf = (n: number): Block => ({
    rows: Float64Array.from({ length: n * P }, () => random.normal()),
    targets: Float64Array.from({ length: n }, () => random.normal()),
    weight: 2,
  });
  return { block: rowsOf(m), others: rowsOf(rest) };
}

function fitOf(...blocks: Block[]): LinearFit {
  const equations = emptyEquations(P);
  for (const block of blocks) addBlock(equations, block);
  return solveEquations(equations, 0);
}

const residuals = ({ rows, targets }: Block, { coefficients }: LinearFit): Float64Array => {
  const predicted = applyRows(rows, coefficients);
  return targets.map((y, k) => y - predicted[k]);
};

const range = (m: number): number[] => Array.from({ length: m }, (_, k) => k);

describe('influence of a block', () => {
  test('is what a fit without it says: residuals, and the shift of all fitted values', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer(), (m, seed) => {
        const { block, others } = problem(m, 20, seed);
        const [all, without] = [fitOf(block, others), fitOf(others)];
        const { rows, targets } = block;
        const found = blockInfluence(whitened(rows, targets, all, 2), range(m), true)!;
        const u = residuals(block, without);
        for (let k = 0; k < m; k++) expect(found.deleted[k] / Math.SQRT2).toBeCloseTo(u[k], 9);
        let shift = 0;
        for (const part of [block, others]) {
          const [a, b] = [all, without].map((fit) => applyRows(part.rows, fit.coefficients));
          a.forEach((value, k) => {
            shift += 2 * (value - b[k]) ** 2;
          });
        }
        expect(found.shift / shift).toBeCloseTo(1, 8);
        // What the sum of squares loses when the block goes.
        expect(found.discrepancy / (all.squares - without.squares)).toBeCloseTo(1, 8);
      }),
      { numRuns: 40 },
    );
  });

  test('is the same number whether the fit has seen the block or not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer(), (m, seed) => {
        const { block, others } = problem(m, 20, seed);
        const { rows, targets } = block;
        const inside = blockInfluence(whitened(rows, targets, fitOf(block, others), 2), range(m), true)!;
        const outside = blockInfluence(whitened(rows, targets, fitOf(others), 2), range(m), false)!;
        expect(outside.discrepancy / inside.discrepancy).toBeCloseTo(1, 8);
        expect(outside.shift / inside.shift).toBeCloseTo(1, 8);
        for (let k = 0; k < m; k++) expect(outside.deleted[k]).toBeCloseTo(inside.deleted[k], 8);
      }),
      { numRuns: 40 },
    );
  });

  test('for one row it is Cook’s textbook formula e² h / (1 − h)²', () => {
    const { block, others } = problem(1, 15, 3);
    const white = whitened(block.rows, block.targets, fitOf(block, others), 2);
    const h = white.Z.reduce((sum, z) => sum + z * z, 0);
    const e = white.r[0];
    const found = blockInfluence(white, [0], true)!;
    expect(found.shift).toBeCloseTo((e * e * h) / (1 - h) ** 2, 10);
    expect(found.discrepancy).toBeCloseTo((e * e) / (1 - h), 10);
  });

  test('leverages of all rows sum to the number of coefficients', () => {
    const { block, others } = problem(7, 15, 8);
    const fit = fitOf(block, others);
    let sum = 0;
    for (const { rows, targets } of [block, others]) {
      for (const z of whitened(rows, targets, fit, 2).Z) sum += z * z;
    }
    expect(sum).toBeCloseTo(P, 9);
    expect(fit.effective).toBeCloseTo(P, 9);
  });

  test('a block that nobody else has a say in is not judged', () => {
    const { block, others } = problem(1, 15, 4);
    for (let k = 0; k < others.targets.length; k++) (others.rows as Float64Array)[k * P + 2] = 0;
    expect(blockInfluence(whitened(block.rows, block.targets, fitOf(block, others), 2), [0], true)).toBeNull();
  });
});
