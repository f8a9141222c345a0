/** Few that stand for many: shares of a budget, points that cover others, and the tail of a distribution. */

/** Shares of `budget` for parts of these sizes: the same for all, or all of a part that has less. Whole numbers. */
export function shares(sizes: readonly number[], budget: number): number[] {
  const order = Array.from(sizes.keys()).sort((a, b) => sizes[a] - sizes[b]);
  const out = sizes.map(() => 0);
  let left = budget;
  for (const [k, part] of order.entries()) {
    // Every part that has something gets something.
    out[part] = Math.min(sizes[part], Math.max(1, Math.floor(left / (order.length - k))));
    left -= out[part];
  }
  return out;
}

/**
 * Indices of at most `count` of the points, [n][F], that cover them all: the one nearest to zero, then always the point
 * that is farthest from those chosen (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5). Fewer where points coincide.
 */
export function farthestPoints(points: Float32Array, dimension: number, count: number): Int32Array {
  const n = points.length / dimension;
  const chosen: number[] = [];
  const square = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  let next = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    let length = 0;
    for (let at = i * dimension; at < (i + 1) * dimension; at++) length += points[at] * points[at];
    if (length < smallest) {
      smallest = length;
      next = i;
    }
  }
  while (chosen.length < Math.min(count, n) && square[next] > 0) {
    chosen.push(next);
    const from = next * dimension;
    let farthest = -1;
    for (let i = 0; i < n; i++) {
      if (square[i] > 0)
        square[i] = Math.min(square[i], squareBelow(points, i * dimension, from, dimension, square[i]));
      if (square[i] > farthest) {
        farthest = square[i];
        next = i;
      }
    }
  }
  return Int32Array.from(chosen);
}

/** Squared distance of two points; anything not below `bound` where it reaches that. */
function squareBelow(points: Float32Array, a: number, b: number, dimension: number, bound: number): number {
  let sum = 0;
  for (let f = 0; f < dimension && sum < bound; ) {
    for (const end = Math.min(dimension, f + 16); f < end; f++) {
      const d = points[a + f] - points[b + f];
      sum += d * d;
    }
  }
  return sum;
}

/** The value that the share `share` of the values does not exceed. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Share of the values that make up the tail, and how many these are at least. */
const TAIL = 0.05;
const FEWEST_IN_TAIL = 20;

/** How rare large values are: beyond `from` lies the share `share`, on average by `excess`. */
export interface Tail {
  readonly from: number;
  readonly share: number;
  readonly excess: number;
  /** The largest of them. */
  readonly largest: number;
}

/** The tail of some values: beyond their 95 % quantile, where they are many. Fewer than two have none. */
export function tailOf(values: readonly number[]): Tail {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  if (n < 2) {
    const [only = 0] = sorted;
    return { from: only, share: 1, excess: 0, largest: only };
  }
  const k = Math.min(n - 1, Math.max(FEWEST_IN_TAIL, Math.round(TAIL * n)));
  const from = sorted[n - k - 1];
  let excess = 0;
  for (let i = n - k; i < n; i++) excess += (sorted[i] - from) / k;
  return { from, share: k / n, excess, largest: sorted[n - 1] };
}

/** Structures like the held-out ones that are beyond their limit by chance. */
const FALSE_ALARMS = 0.01;
/** σ: nearer than that is never outside, however alike the held-out frames are. */
const LEAST_LIMIT = 2;

/**
 * The limit for the farthest of `atoms` environments: among so many like the held-out ones, one is beyond it in a
 * hundred such structures, so that large structures are not outside because they are large. The excess x over the start
 * u of the tail is taken to be exponential, P = p exp(−x/b) (Pickands 1975, doi:10.1214/aos/1176343003, with shape 0):
 *   limit(N) = u + b ln(N p / 0.01),
 * and at least the largest distance that was found.
 */
export function limitFor({ from, share, excess, largest }: Tail, atoms: number): number {
  return Math.max(LEAST_LIMIT, largest, from + excess * Math.log(Math.max(1, (atoms * share) / FALSE_ALARMS)));
}
