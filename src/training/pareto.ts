/**
 * Choosing between several objectives, all of them errors: the smaller the better, none of them negative. A point is a
 * list of objectives in a fixed order; see docs/theory/pareto.md.
 */
import { NearsightError } from '../errors.ts';

/** Objectives of one candidate, each in its own unit. */
export type Objectives = readonly number[];

/** Whether `a` is nowhere worse than `b`, and better somewhere. */
export function dominates(a: Objectives, b: Objectives): boolean {
  return a.every((x, k) => x <= b[k]) && a.some((x, k) => x < b[k]);
}

/** Indices of the points that no other point dominates, ascending. Of equal points all are named. */
export function nonDominated(points: readonly Objectives[]): number[] {
  checkPoints(points);
  return [...points.keys()].filter((i) => !points.some((other) => dominates(other, points[i])));
}

/**
 * Volume of what the points dominate inside the box from zero to `reference`, as a share of this box: 0 where no point
 * is better than the reference in everything, 1 for errors of zero. Exact, for any number of objectives: by slices
 * along the last one (While et al. 2006, doi:10.1109/TEVC.2005.851275); the measure is that of Zitzler & Thiele 1999
 * (doi:10.1109/4235.797969).
 * @param reference the worst that still counts, in the units of the points
 */
export function hypervolume(points: readonly Objectives[], reference: Objectives): number {
  checkPoints([...points, reference]);
  if (reference.some((r) => r === 0)) {
    throw new NearsightError('bad-reference', `the reference point ${reference.join(', ')} encloses nothing`, {
      hint: 'give each objective a reference above zero',
    });
  }
  const shares = points.map((point) => point.map((x, k) => x / reference[k]));
  return volumeBelowOne(shares, reference.length);
}

/** Volume of the union of the boxes from each point to (1, …, 1), over the first `dimensions` coordinates. */
function volumeBelowOne(points: readonly Objectives[], dimensions: number): number {
  const inside = points.filter((point) => point.slice(0, dimensions).every((x) => x < 1));
  if (inside.length === 0) return 0;
  const last = dimensions - 1;
  if (last === 0) return 1 - Math.min(...inside.map((point) => point[0]));
  const sorted = [...inside].sort((a, b) => a[last] - b[last]);
  return sorted.reduce((sum, point, k) => {
    const top = sorted[k + 1]?.[last] ?? 1;
    return top > point[last] ? sum + (top - point[last]) * volumeBelowOne(sorted.slice(0, k + 1), last) : sum;
  }, 0);
}

/**
 * The index of the knee: the non-dominated point with the smallest sum of its logarithmic objectives, each scaled to 0
 * at the best and 1 at the worst of the non-dominated points. With two objectives this is the point that lies farthest
 * from the line through the two extremes, on the side of small errors (Das 1999, doi:10.1007/BF01195985). The first
 * one of equals.
 * @throws NearsightError `no-points`
 */
export function kneeOf(points: readonly Objectives[]): number {
  const front = nonDominated(points);
  if (front.length === 0) throw new NearsightError('no-points', 'no point to choose a knee from');
  const logs = front.map((i) => points[i].map((x) => Math.log(Math.max(x, Number.MIN_VALUE))));
  const sums = logs.map((point) =>
    point.reduce((sum, x, k) => {
      const column = logs.map((other) => other[k]);
      const [best, worst] = [Math.min(...column), Math.max(...column)];
      return worst > best ? sum + (x - best) / (worst - best) : sum;
    }, 0),
  );
  return front[sums.indexOf(Math.min(...sums))];
}

/** What a user needs: one objective as low as it gets, others at most so large. */
export interface Need {
  /** Which objective. */
  readonly lowest: number;
  /** The largest that each objective may be, in its own unit; null where it does not matter. */
  readonly limits: readonly (number | null)[];
}

/**
 * The index of the point that meets a need best, null where none keeps the limits. It is always a non-dominated one:
 * of points that are equal in the objective that counts, one that no other of them dominates; the first of those.
 */
export function chooseByNeed(points: readonly Objectives[], { lowest, limits }: Need): number | null {
  const front = nonDominated(points);
  const allowed = front.filter((i) => limits.every((limit, k) => limit === null || points[i][k] <= limit));
  if (allowed.length === 0) return null;
  return allowed.reduce((best, i) => (points[i][lowest] < points[best][lowest] ? i : best));
}

function checkPoints(points: readonly Objectives[]): void {
  for (const [i, point] of points.entries()) {
    if (point.length !== points[0].length) {
      const message = `point ${i} has ${point.length} objectives, point 0 has ${points[0].length}`;
      throw new NearsightError('bad-objectives', message, { hint: 'give each point all objectives, in one order' });
    }
    const bad = point.findIndex((x) => !(x >= 0 && x < Number.POSITIVE_INFINITY));
    if (bad >= 0) {
      throw new NearsightError('bad-objectives', `objective ${bad} of point ${i} is ${point[bad]}`, {
        hint: 'objectives are errors: finite and not negative',
      });
    }
  }
}
