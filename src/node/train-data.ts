/** The frames of a training: read, of one level of theory each, and the validation set apart. */
import { basename } from 'node:path';
import type { Dataset, Frame } from '../data/dataset.ts';
import { splitByGroup } from '../data/split.ts';
import { sharedTrajectories } from '../data/trajectories.ts';
import { NearsightError } from '../errors.ts';
import { createRandom } from '../random.ts';
import { LEVEL_KEYS } from '../training/levels.ts';
import { readDataset } from './structures.ts';
import type { TrainRequest } from './train-run.ts';
import { checkElements, type Start } from './train-start.ts';

/** Frames to train on and frames to validate on. */
export interface Part {
  readonly train: readonly Frame[];
  readonly validation: readonly Frame[];
  /** How they were kept apart, in words. */
  readonly description: string;
}

/** The frames of one level of theory. */
export interface LevelPart extends Part {
  readonly name: string;
}

export interface TrainingData extends Part {
  /** All that was read, replay included. */
  readonly datasets: readonly Dataset[];
  /** Old frames to mix in; none without a replay. */
  readonly replay: readonly Frame[];
  /** Frames without the elements that a model is to grow by: they say nothing of these, and are not trained on. */
  readonly unconcerned: readonly Frame[];
  /** The level that is trained for; '' where neither frames nor the request name one. */
  readonly level: string;
  /** The other levels, that with most frames first. */
  readonly others: readonly LevelPart[];
}

const DEFAULT_HOLD_OUT = 0.1;

/** A frame and the level of theory of its labels, '' where nobody says it. */
interface Levelled {
  readonly frame: Frame;
  readonly level: string;
}

/**
 * Reads the files of a request and sets the validation frames apart.
 * @param start the model to start from; it must have a place for all elements
 * @throws NearsightError `mixed-levels`, `unknown-level`, `unknown-file`, `no-frames`, `no-validation`, and what
 *   `checkElements` and readers throw
 */
export async function readTrainingData(
  request: TrainRequest,
  seed: number,
  start: Start | null,
): Promise<TrainingData> {
  const read = (paths: readonly string[]): Promise<Dataset[]> =>
    Promise.all(paths.map((path) => readDataset(path, request.input)));
  const [data, validation, replay] = await Promise.all([
    read(request.data),
    read(request.validation === undefined ? [] : [request.validation]),
    read(request.replay?.data ?? []),
  ]);
  checkFiles(request);
  const levelled = (datasets: readonly Dataset[]): Levelled[] =>
    datasets.flatMap(({ frames, source }) =>
      frames.map((frame) => ({ frame, level: request.levels?.files?.[source] ?? levelOf(frame) })),
    );
  const all = { data: levelled(data), validation: levelled(validation), replay: levelled(replay) };
  const counts = countLevels([...all.data, ...all.validation, ...all.replay]);
  const target = targetLevel(request, counts);
  if (start !== null)
    checkElements(
      start,
      [...data, ...validation, ...replay].flatMap(({ frames }) => frames),
    );
  const added = start?.model.elements.filter((_, s) => start.added[s] === 1) ?? [];
  const concerned = ({ structure }: Frame): boolean =>
    added.length === 0 || added.some((z) => structure.numbers.includes(z));
  const of = (frames: readonly Levelled[], level: string): Frame[] =>
    frames.flatMap((item) => (item.level === level && concerned(item.frame) ? [item.frame] : []));
  const part = (level: string): Part => {
    const frames = of(all.data, level);
    if (validation.length === 0) return heldOut(frames, request.holdOut ?? DEFAULT_HOLD_OUT, seed);
    const apart = of(all.validation, level);
    const description = `validated on ${apart.length} frames of ${basename(validation[0].source)}`;
    return { train: frames, validation: apart, description };
  };
  const chosen = part(target);
  checkParts(request, chosen, target);
  const others = [...counts].filter(([name]) => name !== target).sort(([, p], [, q]) => q - p);
  return {
    ...chosen,
    datasets: [...data, ...validation, ...replay],
    replay: all.replay.flatMap(({ frame, level }) => (level === target ? [frame] : [])),
    unconcerned: [...all.data, ...all.validation].flatMap(({ frame }) => (concerned(frame) ? [] : [frame])),
    level: target,
    others: others.map(([name]) => ({ name, ...part(name) })).filter(({ train }) => train.length > 0),
  };
}

function levelOf({ info }: Frame): string {
  const key = LEVEL_KEYS.find((name) => info[name] !== undefined);
  return key === undefined ? '' : String(info[key]).trim();
}

function countLevels(frames: readonly Levelled[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { level } of frames) counts.set(level, (counts.get(level) ?? 0) + 1);
  return counts;
}

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name === '' ? 'no level named' : name} (${count} frames)`).join(', ');

/** The level that is asked for; the only one where none is. Labels of several levels are never mixed unasked. */
function targetLevel({ levels }: TrainRequest, counts: ReadonlyMap<string, number>): string {
  const names = [...counts.keys()];
  if (levels !== undefined) {
    const found = names.find((name) => name.toLowerCase() === levels.target.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new NearsightError('unknown-level', `no frame is of the level "${levels.target}"`, {
      hint: `there are ${listed(counts)}; a file that does not say its level can be given one in the configuration`,
    });
  }
  if (names.length <= 1) return names[0] ?? '';
  throw new NearsightError('mixed-levels', `the labels are of several levels of theory: ${listed(counts)}`, {
    hint: 'say which of them the model shall speak, with --level NAME: the others then help through what they share; or give the files of one level alone',
  });
}

function checkFiles({ data, validation, replay, levels }: TrainRequest): void {
  const known = [...data, ...(validation === undefined ? [] : [validation]), ...(replay?.data ?? [])];
  const unknown = Object.keys(levels?.files ?? {}).find((path) => !known.includes(path));
  if (unknown === undefined) return;
  throw new NearsightError('unknown-file', `a level is given to ${basename(unknown)}, which is not among the data`, {
    hint: `the data are ${known.map((path) => basename(path)).join(', ')}`,
  });
}

/** Before anything is trained: what the training is for has frames, and so has the file that is to judge it. */
function checkParts({ validation, grow }: TrainRequest, part: Part, level: string): void {
  const wanted = [
    level === '' ? '' : ` of the level ${level}`,
    grow === undefined ? '' : ' with the new elements',
  ].join('');
  if (part.train.length === 0) {
    throw new NearsightError('no-frames', `there is no frame${wanted} to train on`, {
      hint: 'is the file empty, or all of it held out? Frames to validate on are not trained on',
    });
  }
  if (validation === undefined || part.validation.length > 0) return;
  throw new NearsightError('no-validation', `no frame${wanted} is in ${basename(validation)}`, {
    hint: 'validate on frames like those that the model is for, or leave the file out: then a part of the data is held out',
    place: { path: validation },
  });
}

/** Holds a share of the frames out. */
function heldOut(frames: readonly Frame[], fraction: number, seed: number): Part {
  if (fraction === 0) return { train: frames, validation: [], description: 'nothing held out' };
  // Blocks of every group: a firewall would leave whole kinds of structures out, and models get worse (mlearn Si, two
  // seeds: forces 58 instead of 56 meV/Å). What blocks cost in independence is told.
  const split = splitByGroup({ frames }, fraction, createRandom(seed));
  const [train, validation] = [split.train, split.heldOut].map((part) => Array.from(part, (k) => frames[k]));
  return { train, validation, description: `${split.description}${sharedSentence(train, validation)}` };
}

function sharedSentence(train: readonly Frame[], validation: readonly Frame[]): string {
  const shared = sharedTrajectories(train, validation);
  if (shared === 0) return '';
  return ` ${shared} of these ${validation.length} frames share a trajectory with training frames: no independent test.`;
}
