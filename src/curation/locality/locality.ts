/**
 * How far must an atom see? From labelled forces alone: linear models that see spheres of growing radius are fitted to a
 * part of the frames and tested on the rest. Theory: docs/theory/locality.md.
 */
import type { Frame } from '../../data/dataset.ts';
import { NearsightError } from '../../errors.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { createRandom, type Random } from '../../random.ts';
import { cellHeights } from '../../structure/cell.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';
import { heldOutResiduals, type LocalitySample, sumOfSquares } from './errors-at.ts';
import { withFarPairs } from './far-pairs.ts';
import { saturationOf, TOLERANCE } from './saturation.ts';

export interface LocalityOptions {
  /**
   * Å, ascending. When absent from 1.25 nearest-neighbour distances to 8 Å in steps of 0.5 Å, or until three of them in
   * a row have brought nothing.
   */
  readonly radii?: readonly number[];
  /** Frames are thinned to about so many atoms; 4000 when absent. */
  readonly atoms?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
}

/** How far `localityFromData` has come: radii that are done. */
export interface LocalityProgress {
  readonly done: number;
  readonly total: number;
  /** Å, of the last one. */
  readonly radius: number;
}

/** What a model knows that sees a sphere of this radius. */
export interface RadiusError {
  /** Å. */
  readonly radius: number;
  /** Held-out force error, root mean square over components, and its standard error, eV/Å. */
  readonly error: number;
  readonly uncertainty: number;
  /**
   * What is left of forces when only the inside of the sphere is known, beyond what the best of these models leaves:
   * standard deviation of a component, eV/Å. A lower bound: what no such model learns it does not see.
   */
  readonly outside: number;
}

export interface DataLocality {
  readonly radii: readonly RadiusError[];
  /** The best of these models with pair forces on top, fitted to what it leaves: as far as it sees, and farther. */
  readonly far: readonly Omit<RadiusError, 'outside'>[];
  /** Smallest radius whose error is the lowest one to within 5 % or its standard error, Å. */
  readonly cutoff: number;
  /** Where it lies when other frames are drawn (bootstrap, 5 % and 95 %), Å. */
  readonly interval: readonly [number, number];
  /** False where the longest radii were still gaining: then `cutoff` is a lower bound. */
  readonly saturated: boolean;
  /** Whether pair forces from farther out bring more than 5 %, beyond chance. */
  readonly reaches: boolean;
  readonly lowest: number;
  readonly lowestAt: number;
  /** Root mean square of the labelled forces as they count here, eV/Å. */
  readonly force: number;
  readonly frames: number;
  readonly atoms: number;
  /** Half of the smallest distance between opposite faces of a cell, Å: farther out an atom sees images of what it has seen. */
  readonly halfCell: number | null;
  /** One sentence. */
  readonly verdict: string;
}

const STEP = 0.5;
const LONGEST = 8;
/** The first radius, in nearest-neighbour distances: a model that sees no neighbour at all says nothing. */
const FIRST = 1.25;
const MOST_ATOMS = 4000;
const FOLDS = 5;
const LEAST_FRAMES = 2 * FOLDS;
/** Features of a channel, and labels for each coefficient. */
const FEATURES = 8;
const LABELS_PER_COEFFICIENT = 15;
const CHANNELS = [32, 16, 8, 4];
const MOST_GROUPS = 4;
const RESAMPLED = 400;
/** Longer radii cost most. None is looked at after so many that brought nothing, 0.5 Å from each other. */
const IN_VAIN = 3;

/**
 * Force error of models against the radius of the sphere that they see, and the cutoff that follows.
 *
 * Frames with larger forces than usual (the median of their root mean squares) count less in proportion. Yields after
 * each radius.
 * @throws NearsightError `too-few-frames`, `bad-radii`, and what the rows of the linear model throw
 */
export async function* localityFromData(
  frames: readonly Frame[],
  kernel: Kernel,
  options: LocalityOptions = {},
): AsyncGenerator<LocalityProgress, DataLocality> {
  const { seed = 1, atoms = MOST_ATOMS, signal } = options;
  const sample = sampleOf(frames, atoms, seed);
  const radii = options.radii ?? radiiFor(sample.frames);
  checkRadii(radii);
  const squares: Float64Array[] = [];
  let best: Best | null = null;
  for (const radius of radii) {
    const residuals = await heldOutResiduals(sample, radius, kernel, signal);
    squares.push(Float64Array.from(residuals, sumOfSquares));
    const total = weightedSum(sample, squares[squares.length - 1]);
    if (best === null || total < best.total) best = { residuals, total, radius };
    yield { done: squares.length, total: radii.length, radius };
    if (options.radii === undefined && isInVain(sample, squares)) break;
  }
  const looked = radii.slice(0, squares.length);
  return conclude(sample, looked, { squares, far: farErrors(sample, best!.residuals, best!.radius) });
}

interface Best {
  readonly radius: number;
  readonly residuals: Float64Array[];
  readonly total: number;
}

/** Å, beyond the best radius of the invariants; pairs within it show what better radial functions would bring. */
const FAR = [0, 2, 4, 6, 8];

/** Radii up to which pair forces are added to the best model, and squared errors of the frames. */
function farErrors(sample: LocalitySample, residuals: readonly Float64Array[], best: number): FarErrors {
  const radii = FAR.map((more) => best + more);
  return { radii, squares: withFarPairs(sample, residuals, radii) };
}

interface FarErrors {
  readonly radii: readonly number[];
  readonly squares: readonly Float64Array[];
}

const weightedSum = ({ weights }: LocalitySample, squares: Float64Array): number =>
  squares.reduce((sum, s, k) => sum + weights[k] * s, 0);

function isInVain(sample: LocalitySample, squares: readonly Float64Array[]): boolean {
  const totals = squares.map((own) => weightedSum(sample, own));
  return totals.length - 1 - totals.indexOf(Math.min(...totals)) >= IN_VAIN;
}

function checkRadii(radii: readonly number[]): void {
  const isAscending = radii.every((radius, k) => radius > (radii[k - 1] ?? 0) && Number.isFinite(radius));
  if (radii.length >= 3 && isAscending) return;
  throw new NearsightError('bad-radii', `[${radii.join(', ')}] are no radii to compare`, {
    hint: 'give at least three lengths in Å, ascending',
  });
}

function sampleOf(all: readonly Frame[], atoms: number, seed: number): LocalitySample {
  const labelled = all.filter(({ labels, structure }) => labels.forces !== undefined && structure.numbers.length > 1);
  const total = labelled.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const stride = Math.max(1, total / atoms);
  const frames = labelled.filter((_, k) => Math.floor(k / stride) !== Math.floor((k - 1) / stride));
  if (frames.length < LEAST_FRAMES) {
    throw new NearsightError('too-few-frames', `${frames.length} frames with forces are too few to hold some out`, {
      hint: `give at least ${LEAST_FRAMES} frames with forces on two atoms or more`,
    });
  }
  const sizes = frames.map(({ labels }) => sizeOf(labels.forces!));
  const usual = Math.max([...sizes].sort((p, q) => p - q)[Math.floor(sizes.length / 2)], 1e-6);
  const used = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const species = Math.min(
    new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)])).size,
    MOST_GROUPS,
  );
  const bearable = (3 * used) / (LABELS_PER_COEFFICIENT * FEATURES * species);
  return {
    ...{ frames, seed, fold: foldsOf(frames), folds: FOLDS },
    weights: Float64Array.from(sizes, (size) => 1 / Math.max(size, usual) ** 2),
    channels: CHANNELS.find((channels) => channels <= bearable) ?? CHANNELS[CHANNELS.length - 1],
  };
}

const sizeOf = (forces: Float64Array): number => Math.sqrt(forces.reduce((sum, f) => sum + f * f, 0) / forces.length);

/** Each group is cut into contiguous parts: neighbours in a trajectory are held out together. */
function foldsOf(frames: readonly Frame[]): Int32Array {
  const groups = new Map<string, number[]>();
  for (const [k, { group }] of frames.entries()) groups.set(group, [...(groups.get(group) ?? []), k]);
  const fold = new Int32Array(frames.length);
  let start = 0;
  for (const own of groups.values()) {
    // Groups of few frames must not all end in the same part.
    for (const [place, k] of own.entries()) fold[k] = (start + Math.floor((place * FOLDS) / own.length)) % FOLDS;
    start++;
  }
  return fold;
}

function radiiFor(frames: readonly Frame[]): number[] {
  const first = Math.ceil((FIRST * nearestNeighbours(frames)) / STEP) * STEP;
  const count = Math.max(3, Math.round((LONGEST - first) / STEP) + 1);
  return Array.from({ length: count }, (_, k) => first + k * STEP);
}

/** Median distance to the nearest neighbour, Å. */
function nearestNeighbours(frames: readonly Frame[]): number {
  const found = frames.flatMap(({ structure }) => {
    for (let reach = 3; reach <= LONGEST; reach += 2.5) {
      const nearest = nearestIn(structure, reach);
      if (nearest.length > 0) return nearest;
    }
    return [];
  });
  return found.sort((p, q) => p - q)[Math.floor(found.length / 2)] ?? LONGEST / 2;
}

function nearestIn(structure: Structure, reach: number): number[] {
  const list = buildNeighbourList(structure, reach);
  const sites = sitePositions(list, structure);
  const nearest: number[] = [];
  for (let i = 0; i < structure.numbers.length; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const s = 3 * list.neighbours[p];
      const vector = [0, 1, 2].map((a) => sites[s + a] - sites[3 * i + a]);
      least = Math.min(least, Math.hypot(...vector));
    }
    if (Number.isFinite(least)) nearest.push(least);
  }
  return nearest;
}

/** Errors at all radii, from the frames drawn. */
function curveOf(sample: LocalitySample, squares: readonly Float64Array[], drawn: Int32Array) {
  const { frames, weights } = sample;
  let components = 0;
  for (const k of drawn) components += weights[k] * frames[k].labels.forces!.length;
  const means = squares.map((own) => {
    let sum = 0;
    for (const k of drawn) sum += weights[k] * own[k];
    return sum / components;
  });
  const best = means.indexOf(Math.min(...means));
  const spread = (residual: (k: number) => number): number => {
    let sum = 0;
    for (const k of drawn) sum += residual(k) ** 2;
    return Math.sqrt(sum) / components;
  };
  const errors = means.map(Math.sqrt);
  const share = (k: number, mean: number): number => weights[k] * frames[k].labels.forces!.length * mean;
  return {
    errors,
    // Of a root mean square: half the relative error of the mean square.
    own: means.map((mean, r) => spread((k) => weights[k] * squares[r][k] - share(k, mean)) / (2 * errors[r])),
    // Frames that are hard for one radius are hard for all: the difference is known better than either.
    difference: means.map(
      (mean, r) =>
        spread((k) => weights[k] * (squares[r][k] - squares[best][k]) - share(k, mean - means[best])) / (2 * errors[r]),
    ),
  };
}

function conclude(
  sample: LocalitySample,
  radii: readonly number[],
  { squares, far }: { readonly squares: readonly Float64Array[]; readonly far: FarErrors },
): DataLocality {
  const { frames, weights, seed } = sample;
  const everyone = Int32Array.from(frames, (_, k) => k);
  const { errors, own, difference } = curveOf(sample, squares, everyone);
  const found = saturationOf({ radii, errors, uncertainty: difference });
  const labels = frames.map(({ labels }) => labels.forces!.reduce((sum, f) => sum + f * f, 0));
  const force = curveOf(sample, [Float64Array.from(labels)], everyone).errors[0];
  const { lowest, lowestAt } = found;
  const farther = curveOf(sample, far.squares, everyone);
  const [near] = farther.errors;
  // The uncertainty of the first one is that of its difference to the best.
  const gain = near - Math.min(...farther.errors);
  const beyondChance = gain > Math.max(TOLERANCE * near, 2 * farther.difference[0]);
  const reaches = beyondChance && lowestAt < NEWS * usualWidth(frames);
  const saturated = found.saturated && !reaches;
  const interval = resampled(sample, radii, squares, createRandom(seed));
  const atoms = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const result = {
    ...{ cutoff: found.radius, interval, saturated, reaches, lowest, lowestAt, force },
    radii: radii.map((radius, k) => ({
      ...{ radius, error: errors[k], uncertainty: own[k] },
      outside: Math.sqrt(Math.max(0, errors[k] ** 2 - lowest ** 2)),
    })),
    far: far.radii.map((radius, k) => ({ radius, error: farther.errors[k], uncertainty: farther.own[k] })),
    ...{ frames: weights.length, atoms, halfCell: halfCellOf(frames) },
  };
  return { ...result, verdict: verdictOn(result) };
}

function resampled(
  sample: LocalitySample,
  radii: readonly number[],
  squares: readonly Float64Array[],
  random: Random,
): [number, number] {
  const n = sample.frames.length;
  const found = Array.from({ length: RESAMPLED }, () => {
    const drawn = Int32Array.from({ length: n }, () => random.below(n));
    const { errors, difference } = curveOf(sample, squares, drawn);
    return saturationOf({ radii, errors, uncertainty: difference }).radius;
  }).sort((p, q) => p - q);
  return [found[Math.floor(0.05 * RESAMPLED)], found[Math.ceil(0.95 * RESAMPLED) - 1]];
}

/** Spheres wider than this share of the cell see little but images of what they have seen: farther pairs are no news. */
const NEWS = 0.75;

/** Median over the frames of the smallest distance between opposite faces of the cell, Å; infinite for molecules. */
function usualWidth(frames: readonly Frame[]): number {
  const widths = frames.map((frame) => 2 * (halfCellOf([frame]) ?? Number.POSITIVE_INFINITY)).sort((p, q) => p - q);
  return widths[Math.floor(widths.length / 2)];
}

function halfCellOf(frames: readonly Frame[]): number | null {
  const heights = frames.flatMap(({ structure: { cell, pbc } }) =>
    pbc.some((repeats) => repeats) ? Array.from(cellHeights(cell)).filter((_, k) => pbc[k]) : [],
  );
  return heights.length === 0
    ? null
    : heights.reduce((least, height) => Math.min(least, height), Number.POSITIVE_INFINITY) / 2;
}

function verdictOn(found: Omit<DataLocality, 'verdict'>): string {
  const { cutoff, interval, saturated, reaches, lowest, lowestAt, halfCell, far } = found;
  const images =
    halfCell !== null && halfCell < cutoff
      ? ` The smallest cell is ${(2 * halfCell).toFixed(1)} Å wide: beyond half of that, images repeat what was seen before.`
      : '';
  const milli = `${(1000 * lowest).toFixed(0)} meV/Å`;
  const best = far.reduce((least, one) => (one.error < least.error ? one : least));
  if (reaches) {
    return (
      `Not saturated: pair forces up to ${far[0].radius} Å leave ${(1000 * far[0].error).toFixed(0)} meV/Å, those up to ` +
      `${best.radius} Å leave ${(1000 * best.error).toFixed(0)}. An atom must see at least ${cutoff} Å, and feels what is far ` +
      `beyond: charges, something else of long range, or what these models can't learn.${images}`
    );
  }
  if (!saturated) {
    return (
      `Not saturated: the longest radii are still gaining (${milli} at ${lowestAt} Å). An atom must see at least ${cutoff} Å; ` +
      `what it feels from beyond is long-ranged, or the frames do not tell.${images}`
    );
  }
  const [least, most] = interval;
  const sure =
    least === most ? 'also when other frames are drawn' : `${least} to ${most} Å when other frames are drawn`;
  return (
    `An atom needs to see ${cutoff} Å (${sure}): longer radii ` +
    `lower the held-out force error, ${milli} at best, by no more than 5 % or its standard error.${images}`
  );
}
