/** Learns the domain of a model from its training frames. */
import { agitatedCopies } from '../data/agitated.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { rowDistance } from '../kernels/nearest.ts';
import type { Attachment, ModelFile } from '../model/model-file.ts';
import { type EnginePotential, shortRangePotential } from '../model/short-range.ts';
import { createRandom } from '../random.ts';
import { triangularWhitening } from '../whitening.ts';
import type { SourcedFrame } from './domain.ts';
import { type Crowding, crowdingOf } from './domain-crowding.ts';
import { type EarlierDomain, NOTHING_BEFORE } from './domain-earlier.ts';
import { type DistanceQuantile, encodeDomain } from './domain-record.ts';
import { type DomainSpace, lengths, toNearest, whitened } from './domain-space.ts';
import { type Environments, environmentsOf, featureLength } from './environments.ts';
import { farthestPoints, quantileOf, shares, tailOf } from './thinning.ts';

/** Environments that are looked at, and numbers that these take; of more frames, some of each group. */
const MOST_ENVIRONMENTS = 12_000;
const MOST_FEATURES = 1.5 * 2 ** 20;
/** More environments of a species than this do not make a covariance better. */
const MOST_IN_COVARIANCE = 4096;
/** Numbers that the kept environments take, and environments that are kept, at most. */
const MOST_NUMBERS = 2 ** 17;
const MOST_KEPT = 1024;
/** With more species than this they share one whitening around their own means: each alone has too few environments. */
const MOST_FACTORS = 4;
/** Fewer held-out environments than this do not set a limit by themselves. */
const FEWEST_HELD_OUT = 100;
const QUANTILES: readonly number[] = [0.5, 0.9, 0.99, 0.999, 1];

/** Frames that a domain is learned from, and what is known from earlier trainings. */
export interface DomainSources {
  readonly train: readonly SourcedFrame[];
  readonly heldOut: readonly SourcedFrame[];
  /** See `earlierDomain`; nothing when absent. */
  readonly earlier?: EarlierDomain | undefined;
}

/** Both distances of some environments, σ. */
interface Distances {
  readonly nearest: number[];
  readonly mahalanobis: number[];
}

/**
 * Measures the domain of a model on its training frames; held-out ones set the limit. Null without training frames.
 * @throws NearsightError `unknown-species`, what `buildNeighbourList` throws
 */
export function measureDomain(
  file: Pick<ModelFile, 'model' | 'parts'>,
  kernel: Kernel,
  { train, heldOut, earlier = NOTHING_BEFORE }: DomainSources,
): Attachment | null {
  if (train.length === 0) return null;
  const potential = shortRangePotential(file.model, kernel);
  try {
    const budget = Math.min(MOST_ENVIRONMENTS, MOST_FEATURES / featureLength(potential));
    const seen = fairSample(train, budget);
    const asked = fairSample(heldOut, budget).map(({ frame }) => frame);
    const found = environmentsOf(
      potential,
      seen.map(({ frame }) => frame),
    );
    const { originals, copies } = agitatedCopies(
      seen.map(({ frame }) => frame),
      createRandom(1),
    );
    const agitated = { before: environmentsOf(potential, originals), after: environmentsOf(potential, copies) };
    const names = namesOf(seen);
    const { space, own } = spaceOf(potential, { found, agitated, origins: names.origins }, kernel);
    const like = environmentsOf(potential, asked);
    const known = distancesOf(like, space, kernel);
    const crowding = found.map((of, s): Crowding => crowdingOf(of, like[s].counts, FEWEST_HELD_OUT));
    const enough = known.nearest.length >= FEWEST_HELD_OUT;
    const among = (name: keyof Distances): number[] => (enough ? known[name] : [...known[name], ...own[name]]);
    const tails = { nearest: tailOf(among('nearest')), mahalanobis: tailOf(among('mahalanobis')) };
    return encodeDomain(
      {
        ...{ space, tails, crowding, sources: names.sources, groups: names.groups },
        frames: { train: seen.length, heldOut: asked.length },
        heldOut: { environments: known.nearest.length, quantiles: quantilesOf(known) },
        ...earlier,
      },
      file.model.elements,
    );
  } finally {
    potential.close();
  }
}

/**
 * Frames with about as many environments as are looked at, evenly spread: from each group its share, and of a group from
 * the frames that have the same rarest element. An element of few frames would be missed otherwise, and then unknown.
 */
function fairSample(frames: readonly SourcedFrame[], budget: number): SourcedFrame[] {
  const rarest = rarestElement(frames);
  const groups = new Map<string, SourcedFrame[]>();
  for (const one of frames) {
    const name = `${one.source}\n${one.frame.group}\n${rarest(one)}`;
    const list = groups.get(name);
    if (list === undefined) groups.set(name, [one]);
    else list.push(one);
  }
  const lists = [...groups.values()];
  const atomsOf = (list: readonly SourcedFrame[]): number =>
    list.reduce((sum, { frame }) => sum + frame.structure.numbers.length, 0);
  const budgets = shares(lists.map(atomsOf), Math.floor(budget));
  const chosen = lists.flatMap((list, k) => {
    const step = atomsOf(list) / Math.max(1, budgets[k]);
    return list.filter((_, n) => Math.floor(n / step) !== Math.floor((n - 1) / step));
  });
  return chosen;
}

/** Of a frame, the element that the fewest frames have. */
function rarestElement(frames: readonly SourcedFrame[]): (one: SourcedFrame) => number {
  const elementsOf = ({ frame }: SourcedFrame): number[] => [...new Set(frame.structure.numbers)];
  const counts = new Map<number, number>();
  for (const one of frames) for (const z of elementsOf(one)) counts.set(z, (counts.get(z) ?? 0) + 1);
  return (one) => elementsOf(one).sort((a, b) => counts.get(a)! - counts.get(b)! || a - b)[0];
}

/** The names that origins of environments point to: [source, frame, group] of each frame. */
function namesOf(frames: readonly SourcedFrame[]): {
  readonly sources: readonly string[];
  readonly groups: readonly string[];
  readonly origins: readonly (readonly [number, number, number])[];
} {
  const sources = [...new Set(frames.map(({ source }) => source))];
  const groups = [...new Set(frames.map(({ frame }) => frame.group))];
  const origins = frames.map(
    ({ frame, source }) => [sources.indexOf(source), frame.index, groups.indexOf(frame.group)] as const,
  );
  return { sources, groups, origins };
}

interface Material {
  readonly found: readonly Environments[];
  readonly agitated: { readonly before: readonly Environments[]; readonly after: readonly Environments[] };
  readonly origins: readonly (readonly [number, number, number])[];
}

/** The space, and the distances of its own environments to those of other frames. */
function spaceOf(
  potential: EnginePotential,
  { found, agitated, origins }: Material,
  kernel: Kernel,
): { readonly space: DomainSpace; readonly own: Distances } {
  const dimension = featureLength(potential);
  const { mean, factors } = whiteningOf(found, agitated.after, dimension);
  const environments = found.map(({ frame }) => frame.length);
  const wanted = shares(environments, Math.min(MOST_KEPT, Math.floor(MOST_NUMBERS / dimension)));
  const frames: Int32Array[] = [];
  const placed = found.map(({ rows }, s) => whitened(rows, s, { dimension, mean, factors }));
  const kept = found.map(({ frame }, s) => {
    const points = placed[s];
    const chosen = farthestPoints(points, dimension, wanted[s]);
    frames.push(Int32Array.from(chosen, (i) => frame[i]));
    const some = new Float32Array(chosen.length * dimension);
    for (const [k, i] of chosen.entries()) some.set(points.subarray(i * dimension, (i + 1) * dimension), k * dimension);
    return { points: some, origin: Int32Array.from(Array.from(chosen).flatMap((i) => [...origins[frame[i]]])) };
  });
  const ones = found.map(() => 1);
  const bare = { dimension, mean, factors, kept, environments, units: { nearest: ones, mahalanobis: ones } };
  const own: Distances = { nearest: [], mahalanobis: [] };
  const units = found.map(({ frame }, s) => {
    const points = placed[s];
    const exclude = { queries: frame, points: frames[s] };
    const nearest = toNearest(points, s, bare, { nearest: kernel.nearest, exclude }).distances.filter(Number.isFinite);
    const mahalanobis = lengths(points, dimension);
    // Whatever the training frames are: what moving all atoms by 0.02 Å does is at most 1 σ.
    const least = agitation(agitated.before[s], agitated.after[s], s, bare);
    const unit = {
      nearest: Math.max(rootMeanSquare(nearest), least) || 1,
      mahalanobis: Math.max(rootMeanSquare(mahalanobis), least) || 1,
    };
    for (const d of nearest) own.nearest.push(d / unit.nearest);
    for (const d of mahalanobis) own.mahalanobis.push(d / unit.mahalanobis);
    return unit;
  });
  const both = { nearest: units.map((u) => u.nearest), mahalanobis: units.map((u) => u.mahalanobis) };
  return { space: { ...bare, units: both }, own };
}

/** Of each species, or of all of them around their own means; agitated copies count among the environments. */
function whiteningOf(
  found: readonly Environments[],
  agitated: readonly Environments[],
  F: number,
): Pick<DomainSpace, 'mean' | 'factors'> {
  const all = found.map(({ rows }, s) => {
    const n = rows.length / F;
    const step = Math.ceil(n / MOST_IN_COVARIANCE);
    const some = new Float32Array(Math.ceil(n / Math.max(1, step)) * F + agitated[s].rows.length);
    for (let i = 0, to = 0; i < n; i += step, to += F) some.set(rows.subarray(i * F, (i + 1) * F), to);
    some.set(agitated[s].rows, some.length - agitated[s].rows.length);
    return some;
  });
  const mean = new Float64Array(found.length * F);
  if (found.length <= MOST_FACTORS) {
    const factors = all.map((rows, s) => {
      if (rows.length === 0) return identity(F);
      const whitening = triangularWhitening(rows, F);
      mean.set(whitening.mean, s * F);
      return rounded(whitening.L);
    });
    return { mean, factors };
  }
  for (const [s, rows] of all.entries()) {
    const n = rows.length / F;
    for (let at = 0; at < rows.length; at++) mean[s * F + (at % F)] += rows[at] / n;
    for (let at = 0; at < rows.length; at++) rows[at] -= mean[s * F + (at % F)];
  }
  const together = new Float32Array(all.reduce((sum, rows) => sum + rows.length, 0));
  let at = 0;
  for (const rows of all) {
    together.set(rows, at);
    at += rows.length;
  }
  return { mean, factors: [rounded(triangularWhitening(together, F).L)] };
}

/** To what the file will hold. */
const rounded = (L: Float64Array): Float64Array => L.map(Math.fround);

function identity(F: number): Float64Array {
  return Float64Array.from({ length: F * F }, (_, at) => (at % (F + 1) === 0 ? 1 : 0));
}

/** Median whitened distance between environments and their agitated copies. */
function agitation(before: Environments, after: Environments, species: number, space: DomainSpace): number {
  const { dimension } = space;
  const [a, b] = [before, after].map(({ rows }) => whitened(rows, species, space));
  const moved = Array.from(before.frame, (_, i) => rowDistance(a, i, b, i, dimension));
  return moved.length === 0 ? 0 : quantileOf(moved, 0.5);
}

function distancesOf(set: readonly Environments[], space: DomainSpace, kernel: Kernel): Distances {
  const out: Distances = { nearest: [], mahalanobis: [] };
  for (const [s, { rows }] of set.entries()) {
    if (rows.length === 0 || space.environments[s] === 0) continue;
    const points = whitened(rows, s, space);
    const { distances } = toNearest(points, s, space, { nearest: kernel.nearest });
    for (const d of distances) out.nearest.push(d);
    for (const length of lengths(points, space.dimension)) out.mahalanobis.push(length / space.units.mahalanobis[s]);
  }
  return out;
}

function quantilesOf({ nearest, mahalanobis }: Distances): DistanceQuantile[] {
  if (nearest.length === 0) return [];
  return QUANTILES.map((share) => ({
    share,
    nearest: quantileOf(nearest, share),
    mahalanobis: quantileOf(mahalanobis, share),
  }));
}

function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return values.length === 0 ? 0 : Math.sqrt(sum / values.length);
}
