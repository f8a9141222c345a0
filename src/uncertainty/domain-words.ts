/** What is said of the training domain, in sentences. */
import type { Novelty, Origin } from './domain.ts';

/** Atoms that a sentence names, at most. */
const NAMED = 3;

const sigma = (distance: number): string =>
  Number.isFinite(distance) ? `${distance.toPrecision(distance < 100 ? 2 : 3)} σ` : 'infinitely far';

const atomOf = ({ element, atom }: Novelty): string => `${element} atom ${atom}`;

function nearestOf(nearest: Origin | null): string {
  if (nearest === null) return 'no such atom in the training frames';
  const { source, frame, group } = nearest;
  return `nearest training frame ${frame}${source === '' ? '' : ` of ${source}`}${group === '' ? '' : ` (${group})`}`;
}

function strangeOf({ element, crowding }: Novelty): string {
  if (crowding === null) return '';
  const { count, below, above } = crowding;
  const known = [
    ...(below === null ? [] : [below === 0 ? 'none' : `at most ${below.toPrecision(2)}`]),
    ...(above === null ? [] : [`at least ${above.toPrecision(2)}`]),
  ].join(' or ');
  const own = count === 0 ? 'no neighbours' : `${count.toPrecision(2)} neighbours (weighted by nearness)`;
  return `; ${own} where ${element} atoms of the training have ${known}`;
}

const FORGETS = ' (of its last training: what this model saw before that is not known here)';

/** All of a verdict in one sentence. @param outside the farthest first */
export function sentenceOf(
  { outside, farthest, centre }: { outside: readonly Novelty[]; farthest: Novelty; centre: Novelty },
  { limit, atoms, forgets }: { readonly limit: number; readonly atoms: number; readonly forgets: boolean },
): string {
  if (outside.length === 0) {
    return `inside the training domain: farthest ${atomOf(farthest)}, ${sigma(farthest.distance)} from training (limit ${sigma(limit)})`;
  }
  const last = forgets ? FORGETS : '';
  const first = `${atomOf(centre)}: environment ${sigma(centre.distance)} from training (limit ${sigma(limit)})${strangeOf(centre)}; ${nearestOf(centre.nearest)}`;
  const others = outside.filter(({ atom }) => atom !== centre.atom);
  if (others.length === 0) return `outside the training domain: ${first}${last}`;
  const named = others.slice(0, NAMED - 1).map((one) => `${atomOf(one)} (${sigma(one.distance)})`);
  const rest = others.length > named.length ? ` and ${others.length - named.length} more` : '';
  // The atom that makes all others strange may look familiar itself: an atom on the wrong site sees what others see.
  return `outside the training domain: ${outside.length} of ${atoms} atoms, in the middle of them ${first}; also ${named.join(', ')}${rest}${last}`;
}
