import { NearsightError } from './errors.ts';

/** Symbols in the order of the atomic number; index 0 is Z = 1. */
const SYMBOLS: readonly string[] = [
  'H He',
  'Li Be B C N O F Ne',
  'Na Mg Al Si P S Cl Ar',
  'K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr',
  'Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe',
  'Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn',
  'Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og',
].flatMap((period) => period.split(' '));

/**
 * Standard atomic weights, u: the abridged and, where IUPAC gives an interval, conventional values
 * (Prohaska et al. 2022, doi:10.1515/pac-2019-0603). Whole numbers are the mass numbers of the longest-lived
 * isotope of an element that has no standard atomic weight.
 */
const MASSES: readonly number[] = [
  1.008, 4.0026, 6.94, 9.0122, 10.81, 12.011, 14.007, 15.999, 18.998, 20.18, 22.99, 24.305, 26.982, 28.085, 30.974,
  32.06, 35.45, 39.95, 39.098, 40.078, 44.956, 47.867, 50.942, 51.996, 54.938, 55.845, 58.933, 58.693, 63.546, 65.38,
  69.723, 72.63, 74.922, 78.971, 79.904, 83.798, 85.468, 87.62, 88.906, 91.224, 92.906, 95.95, 97, 101.07, 102.91,
  106.42, 107.87, 112.41, 114.82, 118.71, 121.76, 127.6, 126.9, 131.29, 132.91, 137.33, 138.91, 140.12, 140.91, 144.24,
  145, 150.36, 151.96, 157.25, 158.93, 162.5, 164.93, 167.26, 168.93, 173.05, 174.97, 178.49, 180.95, 183.84, 186.21,
  190.23, 192.22, 195.08, 196.97, 200.59, 204.38, 207.2, 208.98, 209, 210, 222, 223, 226, 227, 232.04, 231.04, 238.03,
  237, 244, 243, 247, 247, 251, 252, 257, 258, 259, 262, 267, 268, 269, 270, 269, 277, 281, 282, 285, 286, 290, 290,
  293, 294, 294,
];

/**
 * Covalent radii, Å, for Z = 1 … 96 (Cordero et al. 2008, doi:10.1039/b801115j); sp³ carbon, and the low-spin
 * values of Mn, Fe and Co.
 */
const COVALENT_RADII: readonly number[] = [
  0.31, 0.28, 1.28, 0.96, 0.84, 0.76, 0.71, 0.66, 0.57, 0.58, 1.66, 1.41, 1.21, 1.11, 1.07, 1.05, 1.02, 1.06, 2.03,
  1.76, 1.7, 1.6, 1.53, 1.39, 1.39, 1.32, 1.26, 1.24, 1.32, 1.22, 1.22, 1.2, 1.19, 1.2, 1.2, 1.16, 2.2, 1.95, 1.9, 1.75,
  1.64, 1.54, 1.47, 1.46, 1.42, 1.39, 1.45, 1.44, 1.42, 1.39, 1.39, 1.38, 1.39, 1.4, 2.44, 2.15, 2.07, 2.04, 2.03, 2.01,
  1.99, 1.98, 1.98, 1.96, 1.94, 1.92, 1.92, 1.89, 1.9, 1.87, 1.87, 1.75, 1.7, 1.62, 1.51, 1.44, 1.41, 1.36, 1.36, 1.32,
  1.45, 1.46, 1.48, 1.4, 1.5, 1.5, 2.6, 2.21, 2.15, 2.06, 2.0, 1.96, 1.9, 1.87, 1.8, 1.69,
];

const NUMBERS: ReadonlyMap<string, number> = new Map(SYMBOLS.map((symbol, index) => [symbol, index + 1]));

/** Highest atomic number known here: 118, oganesson. */
export const HEAVIEST_ELEMENT: number = SYMBOLS.length;

/** Whether `z` is the atomic number of an element: an integer from 1 to 118. */
export function isElement(z: number): boolean {
  return Number.isInteger(z) && z >= 1 && z <= HEAVIEST_ELEMENT;
}

/**
 * Symbol of the element with atomic number `z`: 14 → 'Si'.
 * @throws NearsightError `unknown-element`
 */
export function symbolOf(z: number): string {
  return SYMBOLS[indexOf(z)];
}

/**
 * Atomic number of an element symbol, case and all: 'Si' → 14.
 * @throws NearsightError `unknown-element`
 */
export function atomicNumberOf(symbol: string): number {
  const z = NUMBERS.get(symbol);
  if (z !== undefined) return z;
  const meant = SYMBOLS.find((known) => known.toLowerCase() === symbol.trim().toLowerCase());
  throw new NearsightError('unknown-element', `"${symbol}" is not the symbol of an element`, {
    hint:
      meant === undefined
        ? 'write chemical symbols such as H, Si or Cl, without labels, numbers or charges'
        : `did you mean "${meant}"? Upper and lower case matter`,
  });
}

/**
 * Standard atomic mass, u; for elements without stable isotopes the mass number of the longest-lived one.
 * @throws NearsightError `unknown-element`
 */
export function massOf(z: number): number {
  return MASSES[indexOf(z)];
}

/**
 * Covalent radius, Å (Cordero et al. 2008).
 * @throws NearsightError `unknown-element`; `no-covalent-radius` for Z > 96, which the source does not cover
 */
export function covalentRadiusOf(z: number): number {
  const index = indexOf(z);
  if (index >= COVALENT_RADII.length) {
    throw new NearsightError('no-covalent-radius', `no covalent radius is known for ${SYMBOLS[index]} (Z = ${z})`, {
      hint: 'covalent radii reach from hydrogen (Z = 1) to curium (Z = 96)',
    });
  }
  return COVALENT_RADII[index];
}

/** Atomic numbers of the noble gases, at which the periods end. */
const PERIOD_ENDS: readonly number[] = [2, 10, 18, 36, 54, 86, 118];

/**
 * Where an element stands in the periodic table: its period, and its group from 1 to 18. The f elements, lanthanum to
 * lutetium and actinium to lawrencium, stand one after the other between the groups 3 and 4.
 * @throws NearsightError `unknown-element`
 */
export function periodicPlaceOf(z: number): { readonly period: number; readonly group: number } {
  indexOf(z);
  const period = PERIOD_ENDS.findIndex((end) => z <= end) + 1;
  const length = PERIOD_ENDS[period - 1] - (PERIOD_ENDS[period - 2] ?? 0);
  const fromEnd = PERIOD_ENDS[period - 1] - z;
  const number = length - fromEnd;
  // The s elements count from the front, those of p and d from the back.
  if (number <= 2 && z !== 2) return { period, group: number };
  if (length < 32 || fromEnd < 15) return { period, group: 18 - fromEnd };
  return { period, group: 3 + (number - 3) / 15 };
}

function indexOf(z: number): number {
  if (isElement(z)) return z - 1;
  throw new NearsightError('unknown-element', `no element has the atomic number ${z}`, {
    hint: `atomic numbers are integers from 1 (H) to ${HEAVIEST_ELEMENT} (Og)`,
  });
}
