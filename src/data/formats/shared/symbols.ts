import { atomicNumberOf, symbolOf } from '../../../elements.ts';
import { NearsightError, type Place } from '../../../errors.ts';
import { quoted, refusal } from '../../refuse.ts';

/**
 * Atomic number of a symbol that stands in a file or in `FormatOptions.elements`.
 * @throws NearsightError `unknown-element`, with the place
 */
export function elementAt(symbol: string, place: Place): number {
  try {
    return atomicNumberOf(symbol);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    throw refusal(error.code, `${quoted(symbol)} is not the symbol of an element`, error.hint ?? '', place);
  }
}

/** The elements among `numbers`: in the order that the user gave, which must name them all, else by atomic number. */
export function elementOrder(numbers: Iterable<number>, given: readonly string[] | undefined): number[] {
  const found = [...new Set(numbers)].sort((a, b) => a - b);
  if (given === undefined) return found;
  const order = given.map((symbol) => elementAt(symbol, { field: 'elements' }));
  const missing = found.find((z) => !order.includes(z));
  if (missing === undefined) return order;
  throw refusal(
    'missing-elements',
    `the structures hold ${symbolOf(missing)}, which is not among the elements ${given.join(', ')}`,
    'name every element once, in the order of the atom types',
    { field: 'elements' },
  );
}
