import { NearsightError } from '../errors.ts';
import { toCartesian } from './cell.ts';
import { createStructure, type Structure } from './structure.ts';

/** Crystal structures that `crystal` builds. */
export type Prototype =
  | 'sc'
  | 'bcc'
  | 'fcc'
  | 'diamond'
  | 'hcp'
  | 'graphite'
  | 'cscl'
  | 'rocksalt'
  | 'zincblende'
  | 'fluorite';

interface Recipe {
  readonly hexagonal: boolean;
  /** c/a where the geometry fixes it. */
  readonly ratio?: number;
  /** Fractional coordinates of the atoms of each species. */
  readonly basis: readonly (readonly number[])[];
}

const FCC = [0, 0, 0, 0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0];
const moved = (basis: readonly number[], by: number): number[] => basis.map((f) => (f + by) % 1);

/** Conventional cells. */
const RECIPES: Readonly<Record<Prototype, Recipe>> = {
  sc: { hexagonal: false, basis: [[0, 0, 0]] },
  bcc: { hexagonal: false, basis: [[0, 0, 0, 0.5, 0.5, 0.5]] },
  fcc: { hexagonal: false, basis: [FCC] },
  diamond: { hexagonal: false, basis: [[...FCC, ...moved(FCC, 0.25)]] },
  hcp: { hexagonal: true, ratio: Math.sqrt(8 / 3), basis: [[1 / 3, 2 / 3, 0.25, 2 / 3, 1 / 3, 0.75]] },
  graphite: {
    hexagonal: true,
    basis: [[0, 0, 0.25, 0, 0, 0.75, 1 / 3, 2 / 3, 0.25, 2 / 3, 1 / 3, 0.75]],
  },
  cscl: {
    hexagonal: false,
    basis: [
      [0, 0, 0],
      [0.5, 0.5, 0.5],
    ],
  },
  rocksalt: { hexagonal: false, basis: [FCC, moved(FCC, 0.5)] },
  zincblende: { hexagonal: false, basis: [FCC, moved(FCC, 0.25)] },
  fluorite: { hexagonal: false, basis: [FCC, [...moved(FCC, 0.25), ...moved(FCC, 0.75)]] },
};

/**
 * A perfect crystal in its conventional cell: cubic, or hexagonal with a along x and 120° between a and b.
 * `crystal('diamond', ['Si'], 5.43)`, `crystal('rocksalt', ['Na', 'Cl'], 5.64)`.
 * @param elements symbols; for two species the first one sits at the origin
 * @param a lattice constant, Å
 * @param c second lattice constant of the hexagonal ones, Å; for hcp a · √(8/3) when absent
 * @throws NearsightError `bad-crystal`, `unknown-element`
 */
export function crystal(prototype: Prototype, elements: readonly string[], a: number, c?: number): Structure {
  const recipe = RECIPES[prototype];
  if (recipe === undefined) {
    throw badCrystal(`no crystal structure is called "${prototype}"`, `known are ${Object.keys(RECIPES).join(', ')}`);
  }
  if (elements.length !== recipe.basis.length) {
    const count = recipe.basis.length;
    throw badCrystal(
      `${prototype} takes ${count} element${count === 1 ? '' : 's'}, found ${elements.length}`,
      'give one symbol for each kind of site',
    );
  }
  const height = recipe.hexagonal ? (c ?? (recipe.ratio ?? Number.NaN) * a) : a;
  if (!(a > 0 && a < Number.POSITIVE_INFINITY && height > 0 && height < Number.POSITIVE_INFINITY)) {
    throw badCrystal(`${prototype} cannot have the lattice constants a = ${a}, c = ${c}`, 'give positive lengths in Å');
  }
  const cell = recipe.hexagonal
    ? [a, 0, 0, -a / 2, (Math.sqrt(3) / 2) * a, 0, 0, 0, height]
    : [a, 0, 0, 0, a, 0, 0, 0, a];
  const fractional = recipe.basis.flat();
  const symbols = recipe.basis.flatMap((basis, s) => Array.from({ length: basis.length / 3 }, () => elements[s]));
  return createStructure(symbols, toCartesian(fractional, Float64Array.from(cell)), cell);
}

function badCrystal(message: string, hint: string): NearsightError {
  return new NearsightError('bad-crystal', message, { hint });
}
