/** A few atoms alone in space: what the curves of `validation/curves/ are made of. */
import type { Structure } from '../../structure/structure.ts';
import type { CheckContext } from '../check.ts';

/** Models of more elements are asked for those of the structures only. */
const MOST_ELEMENTS = 6;

/** The elements that curves are drawn for: those of the potential, or where they are many, of the structures. */
export function elementsOf({ potential, structures }: CheckContext): readonly number[] {
  if (potential.elements.length <= MOST_ELEMENTS) return potential.elements;
  const present = new Set(structures.flatMap(({ numbers }) => [...numbers]));
  return [...present].slice(0, MOST_ELEMENTS);
}

/** Every pair of elements once. */
export function pairsOf(context: CheckContext): (readonly [number, number])[] {
  const elements = elementsOf(context);
  return elements.flatMap((a, k) => elements.slice(k).map((b) => [a, b] as const));
}

/** Every centre with every pair of ends. */
export function triplesOf(context: CheckContext): (readonly [end: number, centre: number, end: number])[] {
  return elementsOf(context).flatMap((centre) => pairsOf(context).map(([a, b]) => [a, centre, b] as const));
}

/** Two atoms so far apart, Å. */
export function pairOf(a: number, b: number, distance: number): Structure {
  return cluster([a, b], [0, 0, 0, distance, 0, 0]);
}

/** Bonds of a centre to two ends, Å, at an angle, radian. */
export interface Bonds {
  readonly first: number;
  readonly second: number;
  readonly angle: number;
}

/** Three atoms: an end, the centre, the other end. */
export function tripleOf(
  [a, centre, b]: readonly [number, number, number],
  { first, second, angle }: Bonds,
): Structure {
  return cluster([a, centre, b], [first, 0, 0, 0, 0, 0, second * Math.cos(angle), second * Math.sin(angle), 0]);
}

function cluster(numbers: readonly number[], positions: readonly number[]): Structure {
  return {
    numbers: Int32Array.from(numbers),
    positions: Float64Array.from(positions),
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };
}
