/** A training that starts from a model: the file, what may change in it, its reference energies, and what it promises. */
import { createHash } from 'node:crypto';
import type { Frame } from '../data/dataset.ts';
import { atomicNumberOf, covalentRadiusOf, symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { potentialOf } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import { decodeModel, type ModelFile, type Provenance } from '../model/model-file.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { crystal, rattled, type Structure, supercell } from '../structure/index.ts';
import { grown } from '../training/grow.ts';
import type { TrainingFrame } from '../training/prepare.ts';
import { isOtherLevel, modelSettingsOf, referenceShift, trainableParts, withShift } from '../training/transfer.ts';
import { readChunks } from './files.ts';
import type { TrainRequest } from './train-run.ts';

/** A model to start from, with room for new elements where it is to grow. */
export interface Start {
  /** The model as it was, and the SHA-256 of its file. */
  readonly file: ModelFile;
  readonly sha256: string;
  readonly model: Model;
  /** 1 for each parameter that may change; all of them when absent. */
  readonly trainable: Uint8Array | undefined;
  /** 1 for each species that is new. */
  readonly added: readonly number[];
}

/**
 * The model that a request starts from; null where it starts from nothing.
 * @throws NearsightError `needs-a-model`, `other-shape`, and what reading and growing a model throws
 */
export async function openStart(request: TrainRequest): Promise<Start | null> {
  const { from, freeze = [], grow } = request;
  if (from === undefined) {
    const asked = (['freeze', 'grow', 'replay', 'referenceEnergies'] as const).find((name) => request[name]);
    if (asked === undefined) return null;
    throw new NearsightError('needs-a-model', `"${asked}" is for trainings that start from a model`, {
      hint: 'name the model with --from MODEL',
    });
  }
  const conflict =
    request.levels !== undefined
      ? ['levels of theory', 'tune the model on frames of one level']
      : grow !== undefined && freeze.length > 0
        ? ['--freeze', 'a model that grows keeps all that its old elements depend on']
        : grow !== undefined && request.replay !== undefined
          ? ['--replay', 'what a growing model says of the old elements stays as it is: there is nothing to forget']
          : null;
  if (conflict !== null) {
    throw new NearsightError('conflict', `${conflict[0]} cannot be combined with --${grow ? 'grow' : 'from'}`, {
      hint: conflict[1],
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(from)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const file = decodeModel(bytes, from);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  keepShape(request, file);
  const { model } = file;
  if (grow !== undefined) {
    const elements = grow.elements.map(atomicNumberOf);
    const growth = grown(model, elements, { adapter: grow.adapter ?? 0 });
    const added = growth.model.elements.map((z) => (elements.includes(z) ? 1 : 0));
    return { file, sha256, ...growth, added };
  }
  const trainable = freeze.length === 0 ? undefined : trainableParts(model, freeze);
  return { file, sha256, model, trainable, added: model.elements.map(() => 0) };
}

/** A model keeps its sizes: other ones in the settings are a misunderstanding. */
function keepShape(request: TrainRequest, { model, parts }: ModelFile): void {
  const known = Object.entries(modelSettingsOf(model));
  for (const [name, wanted] of Object.entries(request.settings?.model ?? {})) {
    const [, value] = known.find(([key]) => key === name) ?? [];
    if (wanted === undefined || JSON.stringify(value) === JSON.stringify(wanted)) continue;
    if (name === 'descriptor' && wanted === model.kind) continue;
    const there = value === undefined ? 'says nothing of it' : `has ${JSON.stringify(value)}`;
    throw new NearsightError('other-shape', `${name} ${JSON.stringify(wanted)} is asked for; the model ${there}`, {
      hint: 'a training that starts from a model keeps its sizes: leave them out',
    });
  }
  const there = parts.repulsion !== null;
  if (request.repulsion === undefined || request.repulsion === there) return;
  throw new NearsightError('other-shape', `the model ${there ? 'has a' : 'has no'} repulsion at short distances`, {
    hint: 'a training that starts from a model keeps its parts: leave "repulsion" out',
  });
}

/**
 * Refuses frames that a start has no place for.
 * @throws NearsightError `new-elements`, `absent-element`
 */
export function checkElements({ model, added }: Start, frames: readonly Frame[]): void {
  const present = new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)]));
  const strange = [...present].filter((z) => !model.elements.includes(z)).map(symbolOf);
  if (strange.length > 0) {
    throw new NearsightError('new-elements', `the data hold ${strange.join(', ')}, which the model has never seen`, {
      hint: `add --grow ${strange.join(',')}: all else in the model stays as it is`,
    });
  }
  const absent = model.elements.filter((z, s) => added[s] === 1 && !present.has(z)).map(symbolOf);
  if (absent.length === 0) return;
  throw new NearsightError('absent-element', `no frame holds ${absent.join(', ')}, by which the model is to grow`, {
    hint: 'give frames with the new element, or leave it out of --grow',
  });
}

/** The model to start from, its reference energies settled, and what was done, in a sentence ('' for nothing). */
export interface SettledStart {
  readonly model: Model;
  readonly referenceEnergies: 'kept' | 'refitted';
  readonly note: string;
}

/** Of a new element by least squares; of the others as asked, and unasked where the labels have another zero. */
export function settleEnergies(
  { model, added }: Start,
  frames: { readonly train: readonly TrainingFrame[]; readonly replay: readonly TrainingFrame[] },
  kernel: Kernel,
  wish: NonNullable<TrainRequest['referenceEnergies']>,
): SettledStart {
  const grows = added.includes(1);
  if (wish === 'keep' && !grows) return { model, referenceEnergies: 'kept', note: '' };
  const shift = referenceShift(model, [...frames.train, ...frames.replay], kernel, grows ? added : undefined);
  const meV = (value: number): string => `${(1000 * value).toPrecision(3)} meV/atom`;
  const spread = `what the model leaves of the energies falls from ${meV(shift.before)} to ${meV(shift.after)}`;
  if (grows) {
    const named = model.elements.flatMap((z, s) =>
      added[s] === 1 ? [`${symbolOf(z)} ${shift.change[s].toFixed(3)} eV`] : [],
    );
    const note = Number.isNaN(shift.before)
      ? 'without energies, the reference energies of the new elements are 0'
      : `reference energies of the new elements: ${named.join(', ')}`;
    return { model: withShift(model, shift.change), referenceEnergies: 'kept', note };
  }
  if (wish === 'refit' || isOtherLevel(shift)) {
    const why = wish === 'refit' ? '' : ', since these labels have another zero of energy than the model';
    const note = `reference energies fitted anew${why}: ${spread}`;
    return { model: withShift(model, shift.change), referenceEnergies: 'refitted', note };
  }
  return { model, referenceEnergies: 'kept', note: '' };
}

/** What the model file says of where a training started. */
export function originOf(
  start: Start,
  settled: SettledStart,
  request: TrainRequest,
  replayed: number,
): Pick<Provenance, 'grown' | 'tuned'> {
  const { from, freeze = [], grow, replay } = { ...request, from: start.sha256 };
  if (grow !== undefined) {
    const elements = start.model.elements.filter((_, s) => start.added[s] === 1).map(symbolOf);
    return { grown: { from, elements, adapter: grow.adapter ?? 0, frozen: true, oldChemistry: 'bit-identical' } };
  }
  const mixed = replay === undefined ? null : { frames: replayed, share: replay.share ?? DEFAULT_REPLAY };
  return { tuned: { from, frozen: freeze, referenceEnergies: settled.referenceEnergies, replay: mixed } };
}

/** Share of every epoch that old frames are, unless told otherwise. */
export const DEFAULT_REPLAY = 0.5;

/** Frames of the old elements that a promise is tried on, at most; and made-up crystals. */
const MOST_TRIED = 20;
const MADE_UP = 4;

/**
 * Compares a grown model with the one before on frames of the old elements, and on crystals of them made up.
 * @returns how many structures were compared
 * @throws Error, a bug, where a bit differs
 */
export function checkOldChemistry(
  before: ModelFile,
  after: ModelFile,
  kernel: Kernel,
  frames: readonly Frame[],
): number {
  const structures = oldStructures(before, frames);
  const [one, other] = [before, after].map((file) => {
    const potential = potentialOf(file, kernel);
    const answers = structures.map((structure) => answerOf(potential, structure));
    potential.close();
    return answers;
  });
  const wrong = one.findIndex((answer, k) => !answer.every((x, i) => Object.is(x, other[k][i])));
  if (wrong >= 0) throw new Error(`a grown model says something new of structure ${wrong} of its old elements`);
  return structures.length;
}

/** All numbers that a potential gives for a structure; the code of its refusal where it gives none. */
function answerOf(potential: Potential, structure: Structure): readonly (number | string)[] {
  try {
    const { energy, atomicEnergies, forces, strainGradient } = potential.evaluate(structure);
    return [energy, ...atomicEnergies, ...forces, ...strainGradient];
  } catch (error) {
    if (error instanceof NearsightError) return [error.code];
    throw error;
  }
}

/** Structures that a model and the one that it came from both know: frames, and crystals made up. */
export function oldStructures({ model }: ModelFile, frames: readonly Frame[]): Structure[] {
  const old = frames.filter(({ structure }) => structure.numbers.every((z) => model.elements.includes(z)));
  return [...old.slice(0, MOST_TRIED).map(({ structure }) => structure), ...madeUp(model.elements)];
}

/** Rattled body-centred crystals with the elements dealt out at random, at distances that the largest of them has. */
function madeUp(elements: readonly number[]): Structure[] {
  const random = createRandom(1);
  // Heavier elements than curium have no radius in the tables.
  const radius = Math.max(...elements.map((z) => covalentRadiusOf(Math.min(z, 96))));
  return Array.from({ length: MADE_UP }, () => {
    const cell = supercell(crystal('bcc', [symbolOf(elements[0])], (4 / Math.sqrt(3)) * radius), [2, 2, 2]);
    const numbers = cell.numbers.map(() => elements[random.below(elements.length)]);
    return rattled({ ...cell, numbers }, 0.1, random);
  });
}
