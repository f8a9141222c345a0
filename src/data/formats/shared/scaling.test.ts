import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BOHR, HARTREE, KCAL_PER_MOL } from '../../../units.ts';
import { unscaled } from './scaling.ts';

const normal = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
const factors = fc.constantFrom(BOHR, HARTREE, HARTREE / BOHR, KCAL_PER_MOL, 1e-3, 1e10, 1, -1 / 163.7);

test('what was read as a number times a unit is written so that it is read as the same bits', () => {
  fc.assert(
    fc.property(normal, factors, (number, factor) => {
      const value = number * factor;
      expect(unscaled(value, factor) * factor).toBe(value);
    }),
    { numRuns: 2000 },
  );
});

test('decimals of a file come back as they were', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), factors, (digits, factor) => {
      const number = digits / 1e6;
      expect(unscaled(number * factor, factor)).toBe(number);
    }),
    { numRuns: 2000 },
  );
});

test('any other value moves by one unit in the last place at most', () => {
  fc.assert(
    fc.property(normal, factors, (value, factor) => {
      expect(Math.abs(unscaled(value, factor) * factor - value)).toBeLessThanOrEqual(2 ** -52 * value);
    }),
    { numRuns: 2000 },
  );
});
