import { expect, test } from 'vitest';
import { errorOf } from '../tests/helpers/errors.ts';
import {
  atomicNumberOf,
  covalentRadiusOf,
  HEAVIEST_ELEMENT,
  isElement,
  massOf,
  periodicPlaceOf,
  symbolOf,
} from './elements.ts';

test('symbols stand at their places in the periodic table', () => {
  const noble = { He: 2, Ne: 10, Ar: 18, Kr: 36, Xe: 54, Rn: 86, Og: 118 };
  for (const [symbol, z] of Object.entries(noble)) expect(atomicNumberOf(symbol)).toBe(z);
  expect(['H', 'C', 'Si', 'Fe', 'W', 'Au', 'U'].map(atomicNumberOf)).toEqual([1, 6, 14, 26, 74, 79, 92]);
  for (let z = 1; z <= HEAVIEST_ELEMENT; z++) expect(atomicNumberOf(symbolOf(z))).toBe(z);
});

test('masses and radii of well-known elements', () => {
  expect(['H', 'C', 'O', 'Si', 'Cu'].map((symbol) => massOf(atomicNumberOf(symbol)))).toEqual([
    1.008, 12.011, 15.999, 28.085, 63.546,
  ]);
  // Half the bond lengths of the solids: Si–Si 2.35 Å, C–C 1.54 Å, Cu–Cu 2.56 Å.
  expect(2 * covalentRadiusOf(14)).toBeCloseTo(2.35, 0);
  expect(2 * covalentRadiusOf(6)).toBeCloseTo(1.54, 1);
  expect(2 * covalentRadiusOf(29)).toBeCloseTo(2.56, 0);
});

test('mass over atomic number stays between that of hydrogen and that of neutron-rich nuclei', () => {
  for (let z = 2; z <= HEAVIEST_ELEMENT; z++) {
    expect(massOf(z) / z).toBeGreaterThan(1.9);
    expect(massOf(z) / z).toBeLessThan(2.62);
  }
});

test('what is no element is refused with a remedy', () => {
  expect(errorOf('unknown-element', () => atomicNumberOf('si')).hint).toContain('"Si"');
  expect(errorOf('unknown-element', () => atomicNumberOf('CL')).hint).toContain('"Cl"');
  expect(errorOf('unknown-element', () => atomicNumberOf('Xx')).message).toContain('"Xx"');
  errorOf('unknown-element', () => atomicNumberOf(''));
  for (const z of [0, -1, 119, 1.5, Number.NaN]) {
    expect(isElement(z)).toBe(false);
    errorOf('unknown-element', () => symbolOf(z));
    errorOf('unknown-element', () => massOf(z));
    errorOf('unknown-element', () => covalentRadiusOf(z));
  }
  expect(errorOf('no-covalent-radius', () => covalentRadiusOf(97)).message).toContain('Bk');
});

test('every element has a place of its own in the periodic table', () => {
  const place = (symbol: string) => periodicPlaceOf(atomicNumberOf(symbol));
  const known = { H: [1, 1], He: [1, 18], Li: [2, 1], B: [2, 13], Si: [3, 14], Sc: [4, 3], Zn: [4, 12], Ge: [4, 14] };
  const heavy = { Nb: [5, 5], Mo: [5, 6], La: [6, 3], Hf: [6, 4], Ta: [6, 5], W: [6, 6], Rn: [6, 18], Og: [7, 18] };
  for (const [symbol, [period, group]] of Object.entries({ ...known, ...heavy })) {
    expect(place(symbol)).toEqual({ period, group });
  }
  // The f elements stand between the groups 3 and 4.
  for (const symbol of ['Ce', 'Lu', 'U', 'Lr']) expect(Math.floor(place(symbol).group)).toBe(3);
  const all = new Set<string>();
  for (let z = 1; z <= HEAVIEST_ELEMENT; z++) all.add(JSON.stringify(periodicPlaceOf(z)));
  expect(all.size).toBe(HEAVIEST_ELEMENT);
});
