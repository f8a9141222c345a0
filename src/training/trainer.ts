/** The training loop: an async generator of progress that ends with a model. */
import { NearsightError } from '../errors.ts';
import type { Kernel, KernelModel, KernelResult, KernelSystem } from '../kernels/kernels.ts';
import { foldingOf, isConservative, loadModel, type Model } from '../model/model.ts';
import type { Folding } from '../model/parameters.ts';
import { createRandom, type Random, type RandomState } from '../random.ts';
import { type HeadRange, headsOfFrames } from './bootstrap.ts';
import {
  addErrors,
  type ErrorSummary,
  type ErrorSums,
  noErrors,
  type Registered,
  referenceOf,
  register,
  summary,
  termsOf,
} from './loss-terms.ts';
import { capped } from './many-elements.ts';
import { createOptimiser, type Optimiser, type SavedOptimiser } from './optimiser.ts';
import type { TrainingFrame } from './prepare.ts';
import type { TrainingSettings } from './settings.ts';
import {
  type Copies,
  firstOfCopies,
  gatherCopies,
  sharedLayersOf,
  spreadCopies,
  withSharedLayers,
} from './shared-layers.ts';
import { startModel } from './start.ts';

export interface TrainingProgress {
  /** Epochs done, of how many. */
  readonly epoch: number;
  readonly epochs: number;
  readonly rate: number;
  readonly loss: number;
  /** Over the epoch, one head at a time, while the weights moved; of what the training is for, not of the replay. */
  readonly train: ErrorSummary;
  /** Of the averaged weights; null where this epoch was not validated. */
  readonly validation: ErrorSummary | null;
  /** A checkpoint of this moment: everything that the rest of the run depends on. Made on demand. */
  checkpoint(): TrainingCheckpoint;
}

/** All that a run needs to go on to the same bits. */
export interface TrainingCheckpoint {
  readonly epoch: number;
  readonly epochs: number;
  readonly model: Model;
  readonly averaged: Float64Array;
  readonly best: { readonly score: number; readonly epoch: number; readonly parameters: Float64Array };
  readonly optimiser: SavedOptimiser;
  readonly random: RandomState;
  readonly history: readonly TrainingRecord[];
}

export type TrainingRecord = Omit<TrainingProgress, 'checkpoint'>;

export interface TrainingResult {
  /** The averaged weights of the epoch with the lowest validation loss (of the last one without validation). */
  readonly model: Model;
  readonly epoch: number;
  readonly history: readonly TrainingRecord[];
}

export interface TrainingInput {
  readonly kernel: Kernel;
  readonly elements: readonly number[];
  readonly train: readonly TrainingFrame[];
  readonly validation: readonly TrainingFrame[];
  readonly settings: TrainingSettings;
  /** Starts from this model instead of a new one: fine-tuning, warm starts. Its elements and shape are kept. */
  readonly start?: Model | undefined;
  /** 1 for each parameter that may change; all of them when absent. */
  readonly trainable?: Uint8Array | undefined;
  /** Other frames that are mixed in: old ones against forgetting, or those of other levels of theory. */
  readonly replay?: Replay | undefined;
  /**
   * Heads of each level of theory, first and count: frames of a level speak to its heads only, and only those of
   * level 0, the target, are validated. One level with all heads when absent.
   */
  readonly levels?: readonly HeadRange[] | undefined;
  /** Goes on from here. */
  readonly checkpoint?: TrainingCheckpoint | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Frames that take part in every epoch beside those that the training is for. */
export interface Replay {
  readonly frames: readonly TrainingFrame[];
  /** Share of the frames of an epoch, between 0 and 1; which of them is drawn anew for every epoch. */
  readonly share: number;
}

/** The run's moving parts. */
interface Run {
  readonly input: TrainingInput;
  readonly engine: KernelModel;
  readonly folding: Folding;
  readonly model: Model;
  readonly averaged: Float64Array;
  readonly optimiser: Optimiser;
  readonly levels: readonly HeadRange[];
  /** What heads have in common beside the features. */
  readonly copies: readonly Copies[];
  /** 1 for each parameter that the optimiser may change; undefined: all. */
  readonly trainable: Uint8Array | undefined;
  readonly random: Random;
  readonly train: readonly Registered[];
  readonly replay: readonly Registered[];
  readonly validation: readonly Registered[];
  readonly meanAtoms: number;
  /** Scratch: kernel weights, their gradient, the parameters' gradient. */
  readonly weights: Float64Array;
  readonly dWeights: Float64Array;
  readonly gradient: Float64Array;
  step: number;
}

/** Frames of an epoch in steps: as many as `batch` says, nearly equal in number. */
function batchesOf(order: Int32Array, batch: number): Int32Array[] {
  const count = Math.max(1, Math.round(order.length / batch));
  return Array.from({ length: count }, (_, k) =>
    order.subarray(Math.round((k * order.length) / count), Math.round(((k + 1) * order.length) / count)),
  );
}

/** Learning rate at a fraction of the run: a rise over the first 2 %, then half a cosine. */
export function scheduledRate(rate: number, fraction: number): number {
  return rate * 0.5 * (1 + Math.cos(Math.PI * fraction)) * Math.min(1, fraction / 0.02 + 0.01);
}

/** Species that occur in a batch, ascending. */
function speciesIn(batch: readonly Registered[]): number[] {
  const count = batch[0].frame.composition.length;
  return Array.from({ length: count }, (_, s) => s).filter((s) => batch.some(({ frame }) => frame.composition[s] > 0));
}

/** One step of the optimiser on a batch. */
function trainStep(
  run: Run,
  batch: readonly Registered[],
  heads: readonly number[],
  total: number,
  sums: ErrorSums,
): void {
  const { input, engine, folding, model, averaged, weights, dWeights, gradient } = run;
  const { settings } = input;
  const species = speciesIn(batch);
  folding.fold(model.parameters, weights, species);
  engine.setWeights(weights);
  const energy = settings.loss.energyRise ** Math.max(0, (2 * run.step) / total - 1);
  const direct = !isConservative(model);
  const terms = termsOf(batch, heads, { atoms: run.meanAtoms, energy, direct }, settings);
  dWeights.fill(0);
  const errors = engine.accumulate(terms, dWeights);
  for (const [k, member] of batch.entries()) addErrors(sums, member, terms[k], errors[k]);
  folding.unfold(model.parameters, dWeights, gradient, species);
  const { trainable, copies } = run;
  gatherCopies(copies, gradient);
  if (trainable !== undefined) for (let i = 0; i < gradient.length; i++) gradient[i] *= trainable[i];
  let norm = 0;
  for (let i = 0; i < gradient.length; i++) norm += gradient[i] ** 2;
  norm = Math.sqrt(norm);
  // A term whose forces were beyond any number is missing in the gradient, and not a number in the loss.
  if (!Number.isFinite(norm) || !Number.isFinite(sums.loss)) {
    throw new NearsightError('training-diverged', `the loss of step ${run.step + 1} is not a number any more`, {
      hint: 'lower the learning rate, or look for frames with absurd labels (nearsight data inspect)',
    });
  }
  if (norm > settings.clip) for (let i = 0; i < gradient.length; i++) gradient[i] *= settings.clip / norm;
  run.optimiser.step(model.parameters, gradient, scheduledRate(settings.rate, run.step / total));
  spreadCopies(copies, model.parameters);
  run.step++;
  const keep = Math.min(1 - 1 / Math.max(1, settings.averaging * total), (1 + run.step) / (10 + run.step));
  for (let i = 0; i < averaged.length; i++) {
    // What is kept stays to the last bit, the sign of a zero included.
    if (trainable?.[i] !== 0) averaged[i] += (1 - keep) * (model.parameters[i] - averaged[i]);
  }
  spreadCopies(copies, averaged);
}

/** Errors of the averaged weights, mean over heads, and the loss that they make. */
function validate(run: Run): { errors: ErrorSummary; score: number } {
  const { engine, folding, averaged, weights, validation, input } = run;
  folding.fold(averaged, weights);
  engine.setWeights(weights);
  const sums = noErrors();
  const terms = termsOf(
    validation,
    validation.map(() => 0),
    { atoms: run.meanAtoms, energy: 1, direct: !isConservative(run.model) },
    input.settings,
  );
  for (const [k, member] of validation.entries()) {
    const { frame } = member;
    const { system } = frame;
    const result = evaluateHeads(engine, system, run.levels[0]);
    const energy = result.energies.reduce((p, q) => p + q, 0) - targetEnergy(run, frame);
    const squares = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
    const errors = {
      energy,
      forces: frame.has.forces ? squares(result.forces, system.forces) : 0,
      strain: frame.has.stress ? squares(result.strainGradient, system.strainGradient) : 0,
    };
    addErrors(sums, member, terms[k], errors);
  }
  return { errors: summary(sums), score: sums.loss };
}

function targetEnergy(run: Run, frame: TrainingFrame): number {
  return frame.system.energy - referenceOf(frame, run.model.referenceEnergies);
}

/** The mean over some heads. */
function evaluateHeads(engine: KernelModel, system: KernelSystem, { first, count }: HeadRange): KernelResult {
  if (count === engine.heads) return engine.evaluate(system);
  const results = Array.from({ length: count }, (_, k) => engine.evaluate(system, first + k));
  const mean = (part: keyof KernelResult): Float64Array =>
    results[0][part].map((_, i) => results.reduce((sum, result) => sum + result[part][i], 0) / count);
  return { energies: mean('energies'), forces: mean('forces'), strainGradient: mean('strainGradient') };
}

/** How many frames of the replay an epoch has. */
export function replayedPerEpoch({ train, replay }: TrainingInput): number {
  if (replay === undefined || replay.frames.length === 0) return 0;
  return Math.max(1, Math.round((train.length * replay.share) / (1 - replay.share)));
}

/** All frames of the training, and as many of the replay as are due: none twice before all have been there once. */
function framesOfEpoch({ input, train, replay, random }: Run): readonly Registered[] {
  const drawn: Registered[] = [];
  for (let due = replayedPerEpoch(input); due > drawn.length; ) {
    for (const k of random.permutation(replay.length).subarray(0, due - drawn.length)) drawn.push(replay[k]);
  }
  return [...train, ...drawn];
}

function startRun(input: TrainingInput): Run {
  const { kernel, settings, checkpoint } = input;
  const random = createRandom(checkpoint?.random ?? settings.seed);
  const model = copyModel(checkpoint?.model ?? input.start ?? firstModel(input, random));
  const levels = levelsOf(input, model);
  const copies = sharedLayersOf(model, levels);
  const trainable = firstOfCopies(copies, model.parameters.length, input.trainable);
  const folding = foldingOf(model);
  const weights = new Float64Array(folding.weights);
  const engine = loadModel(model, kernel);
  const { layout } = folding;
  const optimiser = createOptimiser(engine, layout, settings.optimiser, trainable);
  if (checkpoint !== undefined) optimiser.restore(checkpoint.optimiser);
  const atoms = input.train.reduce((sum, f) => sum + f.system.atoms, 0);
  const weighted = (frame: TrainingFrame): TrainingFrame => capped(frame, settings.loss);
  const registered = (frames: readonly TrainingFrame[], replayed: boolean): Registered[] => {
    const heads = headsOfFrames(frames, levels, settings);
    return register(engine, frames.map(weighted), model.referenceEnergies, { heads, replayed });
  };
  return {
    input,
    engine,
    folding,
    model,
    averaged: Float64Array.from(checkpoint?.averaged ?? model.parameters),
    optimiser,
    levels,
    copies,
    trainable,
    random,
    train: registered(input.train, false),
    replay: registered(input.replay?.frames ?? [], true),
    validation: input.validation.map((frame) => ({ frame: weighted(frame), number: -1, heads: [], replayed: false })),
    meanAtoms: atoms / input.train.length,
    weights,
    dWeights: new Float64Array(weights.length),
    gradient: new Float64Array(folding.layout.length),
    step: 0,
  };
}

const levelsOf = ({ levels }: TrainingInput, { shape }: Model): readonly HeadRange[] =>
  levels ?? [{ first: 0, count: shape.heads }];

function firstModel(input: TrainingInput, random: Random): Model {
  const model = startModel(input, random);
  return input.settings.model.sharedLayers === true ? withSharedLayers(model, levelsOf(input, model)) : model;
}

const copyModel = (model: Model): Model => ({ ...model, parameters: Float64Array.from(model.parameters) });

/**
 * Trains for `settings.epochs` epochs. Same input and settings: the same bits, for any number of threads and however
 * often it was stopped and resumed.
 */
export async function* train(input: TrainingInput): AsyncGenerator<TrainingProgress, TrainingResult> {
  const { settings, checkpoint, signal } = input;
  if (input.train.length === 0) {
    throw new NearsightError('no-frames', 'there is no frame to train on', {
      hint: 'is the file empty, or all of it held out?',
    });
  }
  const run = startRun(input);
  const history: TrainingRecord[] = [...(checkpoint?.history ?? [])];
  let best = checkpoint?.best ?? {
    score: Number.POSITIVE_INFINITY,
    epoch: 0,
    parameters: Float64Array.from(run.averaged),
  };
  const perEpoch = batchesOf(new Int32Array(run.train.length + replayedPerEpoch(input)), settings.batch).length;
  const total = perEpoch * settings.epochs;
  const every = Math.max(1, Math.floor(settings.epochs / settings.validations));
  const start = checkpoint?.epoch ?? 0;
  run.step = start * perEpoch;
  try {
    for (let epoch = start; epoch < settings.epochs; epoch++) {
      signal?.throwIfAborted();
      // Asked here, before an epoch, so that a run that is resumed at its end stops there as well.
      // What counts is the last epoch that was validated.
      if (best.epoch > 0 && epoch - (epoch % every) - best.epoch >= settings.patience * settings.epochs) break;
      const sums = noErrors();
      const frames = framesOfEpoch(run);
      const order = run.random.permutation(frames.length);
      let position = epoch;
      for (const batch of batchesOf(order, settings.batch)) {
        const members = Array.from(batch, (k) => frames[k]);
        const chosen = members.map(({ heads }) => heads[position++ % heads.length]);
        trainStep(run, members, chosen, total, sums);
      }
      const last = epoch + 1 === settings.epochs;
      let validation: ErrorSummary | null = null;
      if (run.validation.length > 0 && (last || (epoch + 1) % every === 0)) {
        const { errors, score } = validate(run);
        validation = errors;
        if (score < best.score) best = { score, epoch: epoch + 1, parameters: Float64Array.from(run.averaged) };
      }
      const record: TrainingRecord = {
        epoch: epoch + 1,
        epochs: settings.epochs,
        rate: scheduledRate(settings.rate, run.step / total),
        loss: sums.loss / perEpoch,
        train: summary(sums),
        validation,
      };
      if (validation !== null || last || (epoch + 1) % every === 0) history.push(record);
      yield {
        ...record,
        checkpoint: () => ({
          epoch: epoch + 1,
          epochs: settings.epochs,
          model: copyModel(run.model),
          averaged: Float64Array.from(run.averaged),
          best,
          optimiser: run.optimiser.save(),
          random: run.random.state(),
          history: [...history],
        }),
      };
    }
  } finally {
    run.engine.close();
  }
  const parameters = best.epoch > 0 ? best.parameters : run.averaged;
  return {
    model: { ...run.model, parameters: Float64Array.from(parameters) },
    epoch: best.epoch > 0 ? best.epoch : settings.epochs,
    history,
  };
}
