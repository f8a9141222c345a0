/** Pairs of reference and prediction in bounded memory, however many there are. */

export interface Pairs {
  readonly reference: readonly number[];
  readonly predicted: readonly number[];
  /** How many pairs there were before thinning. */
  readonly total: number;
}

/** Takes pairs one by one. What it keeps depends on nothing but the pairs and their order. */
export interface PairSample {
  add(reference: number, predicted: number): void;
  /** What was kept, in the order in which it came. */
  pairs(): Pairs;
}

interface NumberedPair {
  readonly number: number;
  readonly reference: number;
  readonly predicted: number;
}

/** Outliers that are kept whatever else is thinned out. */
const OUTLIERS = 200;

const errorOf = (pair: NumberedPair): number => Math.abs(pair.predicted - pair.reference);

/**
 * Keeps every pair up to `maximum` of them; beyond that every second, every fourth … of all, and the 200 with the
 * largest errors, so that a plot never hides how bad it gets.
 */
export function createPairSample(maximum: number): PairSample {
  let kept: NumberedPair[] = [];
  const outliers: NumberedPair[] = [];
  let stride = 1;
  let total = 0;
  return {
    add(reference, predicted) {
      const pair = { number: total++, reference, predicted };
      keepLargest(outliers, OUTLIERS, pair, errorOf);
      if (pair.number % stride !== 0) return;
      kept.push(pair);
      while (kept.length > maximum && kept.length > 1) {
        stride *= 2;
        kept = kept.filter(({ number }) => number % stride === 0);
      }
    },
    pairs() {
      const both = [...kept, ...outliers.filter(({ number }) => number % stride !== 0)];
      both.sort((a, b) => a.number - b.number);
      return { reference: both.map((p) => p.reference), predicted: both.map((p) => p.predicted), total };
    },
  };
}

/** Keeps the `count` items of largest size that were ever offered, largest first; of equals, the earlier ones. */
export function keepLargest<T>(items: T[], count: number, item: T, size: (item: T) => number): void {
  const own = size(item);
  if (items.length >= count && (count === 0 || size(items[count - 1]) >= own)) return;
  let at = items.length;
  while (at > 0 && size(items[at - 1]) < own) at--;
  items.splice(at, 0, item);
  if (items.length > count) items.pop();
}
