/**
 * Splits that do not leak. Frames of one trajectory, or of one scan, are nearly the same structure: when they are
 * dealt out at random, the model is tested on what it has seen. So frames with a common origin stay together, as
 * far as the file tells the origin.
 */
import { NearsightError } from '../errors.ts';
import type { Random } from '../random.ts';
import type { Dataset, Frame } from './dataset.ts';
import { runOf } from './trajectories.ts';

/** What became of the frames of one group. */
export interface SplitGroup {
  readonly name: string;
  readonly frames: number;
  readonly heldOut: number;
  /**
   * Entire group, entire trajectories of it, entire sets of frames that belong together, blocks of neighbouring frames,
   * single frames drawn at random.
   */
  readonly how: 'whole' | 'trajectories' | 'components' | 'blocks' | 'random' | 'none';
}

/** Two sets of frames that have none in common: positions in `dataset.frames`, ascending. */
export interface Split {
  readonly train: Int32Array;
  /** For validation or for the test. */
  readonly heldOut: Int32Array;
  /** Frames in neither part: they stand between the two in a trajectory that had to be cut. Absent means none. */
  readonly gap?: Int32Array;
  /** In the order of the file. */
  readonly groups: readonly SplitGroup[];
  /** What was done and why, in plain words. */
  readonly description: string;
}

/** A group, the frames of which may be held out: indices in the order in which they were made. */
interface Group {
  readonly name: string;
  readonly frames: readonly number[];
  /** The same frames by trajectory; one entry where the file names no trajectories. */
  readonly runs: readonly (readonly number[])[];
}

interface Choice {
  readonly frames: readonly number[];
  readonly how: SplitGroup['how'];
}

/** So many whole groups (or trajectories) have to be held out for them to stand for the rest. */
const ENOUGH_GROUPS = 5;
const ENOUGH_RUNS = 2;
/** Blocks are about so long, but there are at most MOST_BLOCKS of them in a trajectory. */
const BLOCK = 10;
const MOST_BLOCKS = 10;

/**
 * Holds out about `fraction` of the frames, such that near relatives stay on one side:
 * - whole groups where there are many and none is large;
 * - else, in each group that is large enough to give a frame, whole trajectories where it has many that are told
 *   apart by the file, or contiguous blocks of the order in which the frames were made;
 * - of groups that are too small for that, whole ones where there are many, single frames where there are few.
 *
 * Single atoms stay in the training set: they fix the energies of the elements.
 * @param fraction of the frames to hold out, between 0 and 1
 * @throws NearsightError `bad-fraction`, `too-few-frames`
 */
export function splitByGroup(dataset: Pick<Dataset, 'frames'>, fraction: number, random: Random): Split {
  const { frames } = dataset;
  const movable = movableFrames(frames);
  const target = targetOf(movable.length, fraction);
  const groups = groupsOf(frames, movable);
  const choices = chooseFrames(groups, target, fraction, random);
  return splitOf(frames, movable, groups, choices);
}

/**
 * Holds out frames drawn at random. Its errors are too good wherever frames come from trajectories or scans.
 * @throws NearsightError `bad-fraction`, `too-few-frames`
 */
export function naiveSplit(dataset: Pick<Dataset, 'frames'>, fraction: number, random: Random): Split {
  const { frames } = dataset;
  const movable = movableFrames(frames);
  const target = targetOf(movable.length, fraction);
  const drawn = Array.from(random.permutation(movable.length).subarray(0, target), (k) => movable[k]);
  const groups = groupsOf(frames, movable);
  const chosen = new Set(drawn);
  const choices = groups.map(
    (group): Choice => ({ frames: group.frames.filter((index) => chosen.has(index)), how: 'random' }),
  );
  return splitOf(frames, movable, groups, choices);
}

/** The frames at `indices`; a subset keeps the source and the hash of the file that it comes from. */
export function selectFrames(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  return { ...dataset, frames: Array.from(indices, (index) => dataset.frames[index]) };
}

/** All frames but single atoms, unless there is nothing else. */
export function movableFrames(frames: readonly Frame[]): number[] {
  const indices = frames.map((_, index) => index);
  const movable = indices.filter((index) => frames[index].structure.numbers.length > 1);
  return movable.length > 0 ? movable : indices;
}

export function targetOf(frames: number, fraction: number): number {
  if (!(fraction > 0 && fraction < 1)) {
    throw new NearsightError('bad-fraction', `cannot hold out the fraction ${fraction} of the frames`, {
      hint: 'give a number between 0 and 1, such as 0.1',
    });
  }
  if (frames < 2) {
    throw new NearsightError('too-few-frames', `${frames === 1 ? 'one frame' : 'no frames'} cannot be split in two`, {
      hint: 'give at least two frames of more than one atom, or training and validation data of their own',
    });
  }
  return Math.min(frames - 1, Math.max(1, Math.round(fraction * frames)));
}

function groupsOf(frames: readonly Frame[], movable: readonly number[]): Group[] {
  const byName = gathered(movable, (index) => frames[index].group);
  // Labels that occur once each are names of frames, not of groups.
  const named = byName.size === movable.length ? new Map([['', movable]]) : byName;
  return Array.from(named, ([name, members]) => {
    const runs = Array.from(gathered(members, (index) => runOf(frames[index])).values(), (run) => inOrder(frames, run));
    return { name, frames: runs.flat(), runs };
  });
}

function gathered(indices: readonly number[], nameOf: (index: number) => string): Map<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const index of indices) {
    const name = nameOf(index);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [index]);
    else group.push(index);
  }
  return groups;
}

const ORDER_KEYS: readonly string[] = ['frame', 'step', 'md_step', 'snapshot', 'time', 'Time'];

/** By the number that says when each frame was made, where all frames have one of their own; else as in the file. */
export function inOrder(frames: readonly Frame[], run: readonly number[]): number[] {
  for (const key of ORDER_KEYS) {
    const order = new Map(run.map((index) => [index, frames[index].info[key]]));
    const values = [...order.values()];
    if (!values.every((value) => typeof value === 'number') || new Set(values).size < run.length) continue;
    return run.toSorted((a, b) => Number(order.get(a)) - Number(order.get(b)));
  }
  return run.slice();
}

/** What each group gives, in the order of the groups. */
function chooseFrames(groups: readonly Group[], target: number, fraction: number, random: Random): Choice[] {
  const all = groups.map((_, k) => k);
  const largest = groups.reduce((most, group) => Math.max(most, group.frames.length), 0);
  if (fraction * groups.length >= ENOUGH_GROUPS && largest <= target / 2)
    return wholeGroups(groups, all, target, random);

  const small = all.filter((k) => fraction * groups[k].frames.length < 1);
  const choices: Choice[] = groups.map(() => ({ frames: [], how: 'none' }));
  let rest = all;
  let left = target;
  if (fraction * small.length >= ENOUGH_RUNS) {
    const share = Math.round(fraction * small.reduce((sum, k) => sum + groups[k].frames.length, 0));
    const whole = wholeGroups(groups, small, share, random);
    for (const k of small) {
      choices[k] = whole[k];
      left -= whole[k].frames.length;
    }
    rest = all.filter((k) => !small.includes(k));
  }
  const sizes = rest.map((k) => groups[k].frames.length);
  const quotas = apportion(sizes, Math.max(0, left), random);
  for (const [position, k] of rest.entries()) choices[k] = fromGroup(groups[k], quotas[position], fraction, random);
  return choices;
}

/** Of the groups `among`, so many whole ones that about `target` frames are held out. */
function wholeGroups(groups: readonly Group[], among: readonly number[], target: number, random: Random): Choice[] {
  const picked = new Set(
    pickWhole(
      among.map((k) => groups[k].frames.length),
      target,
      random,
    ).map((position) => among[position]),
  );
  return groups.map((group, k) =>
    picked.has(k) ? { frames: group.frames, how: 'whole' } : { frames: [], how: 'none' },
  );
}

/** Positions of the sizes that, drawn at random, come nearest to `target` together; never all of them. */
export function pickWhole(sizes: readonly number[], target: number, random: Random): number[] {
  const picked: number[] = [];
  let held = 0;
  for (const k of random.permutation(sizes.length)) {
    if (picked.length === sizes.length - 1) break;
    if (held + sizes[k] / 2 > target) continue;
    picked.push(k);
    held += sizes[k];
  }
  return picked;
}

/**
 * Shares of `target` in proportion to the sizes: whole numbers by the largest remainders, ties by lot. At least one
 * of each size is left over.
 */
export function apportion(sizes: readonly number[], target: number, random: Random): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const ideal = sizes.map((size) => (target * size) / total);
  const shares = ideal.map((share, k) => Math.min(sizes[k] - 1, Math.floor(share)));
  const order = Array.from(random.permutation(sizes.length)).sort((a, b) => (ideal[b] % 1) - (ideal[a] % 1));
  let left = target - shares.reduce((sum, share) => sum + share, 0);
  while (left > 0) {
    const before = left;
    for (const k of order) {
      if (left === 0 || shares[k] >= sizes[k] - 1) continue;
      shares[k]++;
      left--;
    }
    if (left === before) break;
  }
  return shares;
}

/** `count` frames of one group. */
function fromGroup(group: Group, count: number, fraction: number, random: Random): Choice {
  if (count === 0) return { frames: [], how: 'none' };
  const { runs } = group;
  const sizes = runs.map((run) => run.length);
  if (fraction * runs.length >= ENOUGH_RUNS) {
    const frames = pickWhole(sizes, count, random).flatMap((k) => runs[k]);
    if (frames.length > 0) return { frames, how: 'trajectories' };
  }
  // Trajectories of one frame each have no neighbours to keep together: then the group is one series.
  const series = sizes.some((size) => size > 1) && runs.length <= count ? runs : [group.frames];
  const counts = apportion(
    series.map((run) => run.length),
    count,
    random,
  );
  return { frames: series.flatMap((run, k) => blocksOf(run, counts[k], random)), how: 'blocks' };
}

/**
 * `count` of the frames in blocks of neighbours, spread evenly over the series but placed by chance. The ends of the
 * series are left alone where there is room: holding out the end of a scan would ask for extrapolation.
 */
export function blocksOf(series: readonly number[], count: number, random: Random): number[] {
  const blocks = Math.min(MOST_BLOCKS, Math.ceil(count / BLOCK));
  const end = count < series.length - 1 ? 1 : 0;
  const room = series.length - 2 * end;
  const frames: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const from = end + Math.floor((room * block) / blocks);
    const to = end + Math.floor((room * (block + 1)) / blocks);
    const length = Math.floor((count * (block + 1)) / blocks) - Math.floor((count * block) / blocks);
    const start = from + random.below(Math.max(1, to - from - length + 1));
    for (let k = start; k < start + length; k++) frames.push(series[k]);
  }
  return frames;
}

function splitOf(
  frames: readonly Frame[],
  movable: readonly number[],
  groups: readonly Group[],
  choices: readonly Choice[],
): Split {
  const chosen = new Set(choices.flatMap((choice) => choice.frames));
  const indices = frames.map((_, index) => index);
  const told = groups.map(
    (group, k): SplitGroup => ({
      name: group.name,
      frames: group.frames.length,
      heldOut: choices[k].frames.length,
      how: choices[k].frames.length === 0 ? 'none' : choices[k].how,
    }),
  );
  return {
    train: Int32Array.from(indices.filter((index) => !chosen.has(index))),
    heldOut: Int32Array.from(indices.filter((index) => chosen.has(index))),
    groups: told,
    description: describeSplit(told, frames.length, frames.length - movable.length),
  };
}

const REASONS: Readonly<Record<SplitGroup['how'], string>> = {
  whole: 'whole groups, so that none has frames on both sides',
  trajectories: 'whole trajectories, so that none has frames on both sides',
  components: 'whole trajectories, and twins together, so that none of them is on both sides',
  blocks: 'blocks of neighbouring frames, since neighbours are often nearly the same structure',
  random: 'frames drawn at random, whatever their neighbours: errors will look better than they are',
  none: '',
};
/** Groups that the description names. */
const NAMED = 12;

export function describeSplit(groups: readonly SplitGroup[], frames: number, singleAtoms: number): string {
  const held = groups.reduce((sum, group) => sum + group.heldOut, 0);
  const sentences = [`Held out ${held} of ${frames} frames (${((100 * held) / frames).toFixed(1)} %).`];
  for (const how of ['whole', 'trajectories', 'components', 'blocks', 'random'] as const) {
    const these = groups.filter((group) => group.how === how);
    if (these.length > 0) sentences.push(`As ${REASONS[how]}: ${listed(these)}.`);
  }
  const untouched = groups.filter((group) => group.how === 'none');
  if (untouched.length > 0) sentences.push(`All in the training set: ${namesOf(untouched)}.`);
  if (singleAtoms > 0) {
    sentences.push(`Single atoms (${singleAtoms}) stay in the training set: they fix the energies of the elements.`);
  }
  return sentences.join(' ');
}

function nameOf({ name }: SplitGroup): string {
  return name === '' ? 'frames without a group' : name;
}

function namesOf(groups: readonly SplitGroup[]): string {
  return groups.length > NAMED ? `${groups.length} groups` : groups.map(nameOf).join(', ');
}

function listed(groups: readonly SplitGroup[]): string {
  const named = groups.slice(0, NAMED).map((group) => `${nameOf(group)} ${group.heldOut} of ${group.frames}`);
  const others = groups.slice(NAMED);
  if (others.length === 0) return named.join(', ');
  const sum = (key: 'heldOut' | 'frames'): number => others.reduce((total, group) => total + group[key], 0);
  return `${named.join(', ')}, ${others.length} more groups ${sum('heldOut')} of ${sum('frames')}`;
}
