/**
 * How many neighbours atoms have, and how many those of the training had. Whitened features do not tell what is sparser
 * than the training data: few neighbours make all invariants small. Formulas: docs/theory/domain.md.
 */
import { type NeighbourList, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';

/** Numbers of neighbours that the training environments of one species have. */
export interface Crowding {
  /** From … to, ascending; between two of them, and below and above all, is nothing like the training. */
  readonly ranges: readonly (readonly [number, number])[];
  /** How far beyond a range is still inside, in ln(1 + n). */
  readonly margin: number;
}

/** A number of neighbours that no training environment has. */
export interface Strangeness {
  /** Neighbours, each weighted by its nearness. */
  readonly count: number;
  /** Training environments have at most, or at least, so many; null where none has less, or more. */
  readonly below: number | null;
  readonly above: number | null;
}

/** In ln(1 + n): 5 % of the neighbours are never strange, 25 % always are, whatever the held-out frames are like. */
const LEAST_MARGIN = 0.05;
const MOST_MARGIN = 0.25;
/** A hole between two numbers of neighbours that is narrower, in ln(1 + n), is crossed by interpolation, as in a scan. */
const LEAST_HOLE = 0.5;
/** Held-out frames are few: others like them go farther. */
const SAFETY = 2;

/** Neighbours of each atom, n_i = Σ_j (1 − r_ij²/r_c²)², [N]. @param list reaches at least as far as the cutoff, Å */
export function neighbourCounts(structure: Structure, list: NeighbourList, cutoff: number): Float64Array {
  const sites = sitePositions(list, structure);
  const counts = new Float64Array(structure.numbers.length);
  for (let i = 0; i < counts.length; i++) {
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const s = list.neighbours[p];
      const x = sites[3 * s] - sites[3 * i];
      const y = sites[3 * s + 1] - sites[3 * i + 1];
      const z = sites[3 * s + 2] - sites[3 * i + 2];
      const rest = 1 - (x * x + y * y + z * z) / (cutoff * cutoff);
      if (rest > 0) counts[i] += rest * rest;
    }
  }
  return counts;
}

/** Environments of one species: neighbours of each, and the frame that it is in, [n]. */
interface Counted {
  readonly counts: ArrayLike<number>;
  readonly frame: ArrayLike<number>;
}

/**
 * Learns the numbers of neighbours of one species. Held-out environments say how far others like the training go.
 * @param fewest held-out environments; where there are less, training environments without their own frame count as well
 */
export function crowdingOf(train: Counted, heldOut: ArrayLike<number>, fewest: number): Crowding {
  const order = Array.from({ length: train.counts.length }, (_, i) => i).sort(
    (i, j) => train.counts[i] - train.counts[j],
  );
  const sorted = order.map((i) => train.counts[i]);
  const points = sorted.map((n): [number, number] => [n, n]);
  let largest = 0;
  for (let i = 0; i < heldOut.length; i++) largest = Math.max(largest, gapTo(points, heldOut[i]));
  if (heldOut.length < fewest) {
    largest = Math.max(
      largest,
      ownGap(
        sorted,
        order.map((i) => train.frame[i]),
      ),
    );
  }
  const margin = Math.min(MOST_MARGIN, Math.max(LEAST_MARGIN, SAFETY * largest));
  const ranges: [number, number][] = [];
  for (const n of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && Math.log1p(n) - Math.log1p(last[1]) <= LEAST_HOLE) last[1] = n;
    else ranges.push([n, n]);
  }
  return { ranges, margin };
}

/** The largest gap between an environment and those of other frames, in ln(1 + n). */
function ownGap(sorted: readonly number[], frame: readonly number[]): number {
  const n = sorted.length;
  const gaps = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  for (const step of [1, -1]) {
    // The last environment of another frame than the one before.
    let other = -1;
    for (let k = 1, i = step > 0 ? 1 : n - 2; k < n; k++, i += step) {
      if (frame[i - step] !== frame[i]) other = i - step;
      if (other >= 0) gaps[i] = Math.min(gaps[i], Math.abs(Math.log1p(sorted[i]) - Math.log1p(sorted[other])));
    }
  }
  return gaps.reduce((most, gap) => (Number.isFinite(gap) ? Math.max(most, gap) : most), 0);
}

/** Distance to the nearest of the ranges in ln(1 + n); 0 within one. */
function gapTo(ranges: readonly (readonly [number, number])[], count: number): number {
  // The first range that does not end before the count: its start, or the end of the one before, is the nearest.
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle][1] < count) low = middle + 1;
    else high = middle;
  }
  const y = Math.log1p(count);
  const below = low > 0 ? y - Math.log1p(ranges[low - 1][1]) : Number.POSITIVE_INFINITY;
  const above = low < ranges.length ? Math.log1p(ranges[low][0]) - y : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(below, above));
}

/** How far beyond the training a number of neighbours is, in margins: above 1 is strange. 0 where nothing is known. */
export function strangenessOf(crowding: Crowding | undefined, count: number): number {
  if (crowding === undefined || crowding.ranges.length === 0) return 0;
  return gapTo(crowding.ranges, count) / crowding.margin;
}

/** What is strange about a number of neighbours; null where nothing is. */
export function strangeCount(crowding: Crowding | undefined, count: number): Strangeness | null {
  if (crowding === undefined || strangenessOf(crowding, count) <= 1) return null;
  const { ranges } = crowding;
  const below = ranges.findLast(([, to]) => to < count)?.[1] ?? null;
  const above = ranges.find(([from]) => from > count)?.[0] ?? null;
  return { count, below, above };
}
