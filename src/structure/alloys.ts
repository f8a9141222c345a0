import { atomicNumberOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { Random } from '../random.ts';
import { copyStructure, type Structure } from './structure.ts';

/** Share of each element, by symbol; the shares sum to 1. */
export type Composition = Readonly<Record<string, number>>;

/**
 * Atoms of each element on `sites` places: the whole numbers that come nearest to the shares and sum to `sites`
 * (largest remainders first; among equal ones the element that is named first).
 * @throws NearsightError `bad-composition` (a share that is negative or no number, or shares that do not sum to 1)
 */
export function exactCounts(composition: Composition, sites: number): Map<string, number> {
  const shares = Object.entries(composition);
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (shares.length === 0 || !shares.every(([, share]) => share >= 0) || !(Math.abs(sum - 1) < 1e-6)) {
    const text = shares.map(([symbol, share]) => `${symbol}: ${share}`).join(', ');
    throw new NearsightError('bad-composition', `{ ${text} } is no composition: its shares sum to ${sum}`, {
      hint: 'give each element a share of at least 0, and let them sum to 1',
    });
  }
  const counts = new Map(shares.map(([symbol, share]) => [symbol, Math.floor(share * sites + 1e-9)]));
  const remainder = ([symbol, share]: [string, number]): number => share * sites - (counts.get(symbol) ?? 0);
  const order = [...shares].sort((p, q) =>
    Math.abs(remainder(p) - remainder(q)) < 1e-9 ? 0 : remainder(q) - remainder(p),
  );
  let missing = sites - [...counts.values()].reduce((total, count) => total + count, 0);
  for (const [symbol] of order) {
    if (missing-- <= 0) break;
    counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  }
  return counts;
}

/**
 * The structure with the elements of `composition` distributed at random over some of its atoms, in exact counts.
 * @param sites atoms that take part
 * @throws NearsightError `bad-composition`, `unknown-element`
 */
export function randomAlloy(
  structure: Structure,
  sites: readonly number[],
  composition: Composition,
  random: Random,
): Structure {
  const copy = copyStructure(structure);
  const order = random.permutation(sites.length);
  let at = 0;
  for (const [symbol, count] of exactCounts(composition, sites.length)) {
    const z = atomicNumberOf(symbol);
    for (let k = 0; k < count; k++) copy.numbers[sites[order[at++]]] = z;
  }
  return copy;
}
