/** Splits that keep together what is known to belong together. */
import type { Random } from '../random.ts';
import type { Dataset, Frame } from './dataset.ts';
import {
  apportion,
  blocksOf,
  describeSplit,
  inOrder,
  movableFrames,
  pickWhole,
  type Split,
  type SplitGroup,
  targetOf,
} from './split.ts';

/** Frames that stay together. */
interface Unit {
  readonly frames: readonly number[];
  /** The group that most of them belong to. */
  readonly group: string;
  /** Whether it has a frame that must stay in the training set. */
  readonly fixed: boolean;
}

/** Frames to either side of a held-out block that are left out of both parts: a share of the series, at least one. */
const GAP_SHARE = 0.02;

/**
 * Holds out about `fraction` of the frames, whole components only, each group giving its share as far as its components
 * are small enough; at least one component of each group stays in the training set. A component that is more than twice
 * as long as what its group should give is never held out: such groups are all in the training set, and the description
 * says so. Where there is no other way, in a data set that is one long trajectory, that one is cut in blocks, with a gap
 * of frames that go into neither part.
 * @param components number of the component of each frame
 * @throws NearsightError `bad-fraction`, `too-few-frames`
 */
export function splitApart(
  { frames }: Pick<Dataset, 'frames'>,
  components: Int32Array,
  fraction: number,
  random: Random,
): Split {
  const movable = movableFrames(frames);
  const target = targetOf(movable.length, fraction);
  const units = unitsOf(frames, components, new Set(movable));
  const strata = strataOf(units);
  const sizes = strata.map((members) => members.reduce((sum, unit) => sum + unit.frames.length, 0));
  const quotas = apportion(sizes, target, random);
  const held = strata.flatMap((members, k) => chosenFrom(members, quotas[k], random));
  if (held.length === 0) return cutLongest(frames, units, { movable: movable.length, target, random });
  const chosen = new Set(held.flatMap((unit) => unit.frames));
  const without = strata.filter((members, k) => quotas[k] > 0 && !members.some((unit) => held.includes(unit)));
  const tooLong = [...new Set(without.flatMap((members) => members.map(({ group }) => group)))];
  const groups = countGroups(frames, movable, { chosen, how: 'components' });
  return {
    train: positions(frames, (index) => !chosen.has(index)),
    heldOut: positions(frames, (index) => chosen.has(index)),
    groups,
    description: [
      describeSplit(groups, frames.length, frames.length - movable.length),
      ...(tooLong.length === 0 ? [] : [longSentence(tooLong)]),
    ].join(' '),
  };
}

function unitsOf(frames: readonly Frame[], components: Int32Array, movable: ReadonlySet<number>): Unit[] {
  const members = new Map<number, number[]>();
  for (let index = 0; index < frames.length; index++) {
    const known = members.get(components[index]);
    if (known === undefined) members.set(components[index], [index]);
    else known.push(index);
  }
  return Array.from(members.values(), (indices) => ({
    frames: indices,
    group: commonest(indices.map((index) => frames[index].group)),
    fixed: indices.some((index) => !movable.has(index)),
  }));
}

/** The components of each group; groups of a single component form one stratum together. */
function strataOf(units: readonly Unit[]): Unit[][] {
  const byGroup = new Map<string, Unit[]>();
  for (const unit of units) {
    const known = byGroup.get(unit.group);
    if (known === undefined) byGroup.set(unit.group, [unit]);
    else known.push(unit);
  }
  const strata = [...byGroup.values()];
  const single = strata.filter((members) => members.length === 1);
  return [...strata.filter((members) => members.length > 1), ...(single.length === 0 ? [] : [single.flat()])];
}

function commonest(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

function chosenFrom(members: readonly Unit[], quota: number, random: Random): Unit[] {
  const free = members.filter(({ fixed }) => !fixed);
  if (quota === 0 || free.length === 0) return [];
  const sizes = free.map((unit) => unit.frames.length);
  return pickWhole(sizes, quota, random).map((k) => free[k]);
}

/** Blocks of the longest component, and what stands beside them in neither part. */
function cutLongest(
  frames: readonly Frame[],
  units: readonly Unit[],
  { movable, target, random }: { readonly movable: number; readonly target: number; readonly random: Random },
): Split {
  const longest = units
    .filter(({ fixed }) => !fixed)
    .reduce<Unit | null>(
      (most, unit) => (most === null || unit.frames.length > most.frames.length ? unit : most),
      null,
    );
  const series = inOrder(frames, longest?.frames ?? []);
  const chosen = new Set(series.length < 2 ? [] : blocksOf(series, Math.min(target, series.length - 1), random));
  const gap = gapAround(series, chosen);
  const all = frames.map((_, index) => index);
  const groups = countGroups(frames, all, { chosen, how: 'blocks' });
  return {
    train: positions(frames, (index) => !chosen.has(index) && !gap.has(index)),
    heldOut: positions(frames, (index) => chosen.has(index)),
    gap: positions(frames, (index) => gap.has(index)),
    groups,
    description: [
      describeSplit(groups, frames.length, frames.length - movable),
      `There is nothing that could be held out whole: the ${series.length} frames of the longest trajectory had to be`,
      `cut. ${gap.size} frames beside the blocks are in neither part; what remains is that the held-out frames share`,
      'their trajectory with the training set, so that their errors are those of interpolation within it.',
    ].join(' '),
  };
}

/** Frames near the held-out ones; none where nothing would be left to train on. */
function gapAround(series: readonly number[], chosen: ReadonlySet<number>): Set<number> {
  const reach = Math.max(1, Math.round(GAP_SHARE * series.length));
  const gap = new Set<number>();
  for (const [k, index] of series.entries()) {
    if (chosen.has(index)) continue;
    const around = series.slice(Math.max(0, k - reach), k + reach + 1);
    if (around.some((other) => chosen.has(other))) gap.add(index);
  }
  return gap.size + chosen.size < series.length ? gap : new Set();
}

function countGroups(
  frames: readonly Frame[],
  among: readonly number[],
  { chosen, how }: { readonly chosen: ReadonlySet<number>; readonly how: SplitGroup['how'] },
): SplitGroup[] {
  const groups = new Map<string, { frames: number; heldOut: number }>();
  for (const index of among) {
    const { group } = frames[index];
    const counts = groups.get(group) ?? { frames: 0, heldOut: 0 };
    counts.frames++;
    if (chosen.has(index)) counts.heldOut++;
    groups.set(group, counts);
  }
  return Array.from(groups, ([name, counts]) => ({ name, ...counts, how: counts.heldOut === 0 ? 'none' : how }));
}

const positions = (frames: readonly Frame[], keep: (index: number) => boolean): Int32Array =>
  Int32Array.from(frames.keys()).filter((index) => keep(index));

const longSentence = (names: readonly string[]): string =>
  `Trajectories of ${names.map((name) => (name === '' ? 'frames without a group' : name)).join(', ')} are longer than ` +
  'twice what the group should give; hold out a larger share, or name a file of its own.';
