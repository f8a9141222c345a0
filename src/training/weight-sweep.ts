/**
 * Models along a path of loss weights. Each stop of the path starts from the model of a neighbour and is trained for a
 * fraction of a full training, so that a whole front costs a few trainings; see docs/theory/pareto.md.
 */
import { NearsightError } from '../errors.ts';
import type { Model } from '../model/model.ts';
import type { LossWeights, TrainingSettings } from './settings.ts';
import { type TrainingInput, type TrainingProgress, type TrainingResult, train } from './trainer.ts';

/** What a loss weighs against each other, in the order of all lists here. */
export const OBJECTIVES = ['energy', 'forces', 'stress'] as const;
export type Objective = (typeof OBJECTIVES)[number];
export type ObjectiveWeights = Readonly<Record<Objective, number>>;

/** One set of weights on the path. */
export interface Stop {
  readonly weights: ObjectiveWeights;
  /** Which stop it starts from, counted from 1 as on the path; 0 is the model at the centre. */
  readonly from: number;
}

/** At the corners of the path weights differ from those of its centre by factors of about this. */
const REACH = 30;
/** Times that the path goes round its centre. */
const TURNS = 2;
/** Epochs of a stop, as a share of those of the training before. */
const STOP_SHARE = 0.25;
/** Largest learning rate of a stop, as a share of that of the training before. */
const STOP_RATE = 0.3;

/** The weights at the end of a training, around which a sweep goes. */
export function finalWeights({ energy, energyRise, forces, stress }: LossWeights): ObjectiveWeights {
  return { energy: energy * energyRise, forces, stress };
}

/**
 * A path through the weights of some objectives, from neighbour to neighbour, that begins beside `centre`. Of three
 * objectives: a spiral in the plane of their logarithms in which a common factor does not matter, two turns, that ends
 * where stresses weigh most. Of two: outwards on one side, then from the centre outwards on the other. The weight of
 * the forces (of the energy, without them) and those of what is no objective stay.
 * @param count of stops
 * @param reach at the end of the path weights differ from those of the centre by factors of about this
 * @throws NearsightError `one-objective` where less than two weights can be traded
 */
export function weightPath(
  centre: ObjectiveWeights,
  objectives: readonly Objective[],
  count: number,
  reach: number = REACH,
): Stop[] {
  if (objectives.length < 2) {
    const only = objectives[0] ?? 'nothing';
    throw new NearsightError('one-objective', `only ${only} is learned and validated: there is nothing to trade`, {
      hint: 'two of energy, forces and stress must be labelled and have a loss weight above zero',
    });
  }
  const places = objectives.length === 2 ? twoBranches(count) : spiral(count);
  const anchor = Math.max(0, objectives.indexOf('forces'));
  return places.map(({ logs, from }) => {
    const weight = (name: Objective): number => {
      const k = objectives.indexOf(name);
      return k < 0 ? centre[name] : centre[name] * reach ** (logs[k] - logs[anchor]);
    };
    return { weights: { energy: weight('energy'), forces: weight('forces'), stress: weight('stress') }, from };
  });
}

/** A stop in logarithms of the weights, in units of the reach; they add up to zero. */
interface Place {
  readonly logs: readonly number[];
  readonly from: number;
}

/** An Archimedean spiral that ends in the direction of the last objective. */
function spiral(count: number): Place[] {
  return Array.from({ length: count }, (_, k) => {
    const radius = Math.sqrt((k + 1) / count);
    const angle = 2 * Math.PI * TURNS * (radius - 1);
    const logs = [1, -1, 0].map((third) => radius * Math.cos(angle - (2 * Math.PI * third) / 3));
    return { logs, from: k };
  });
}

function twoBranches(count: number): Place[] {
  const first = Math.ceil(count / 2);
  return Array.from({ length: count }, (_, k) => {
    const [side, step, length] = k < first ? [1, k + 1, first] : [-1, k + 1 - first, count - first];
    const x = (side * step) / length / 2;
    return { logs: [x, -x], from: step === 1 ? 0 : k };
  });
}

/** Epochs of each stop of a path that starts from a training of so many. */
export const stopEpochs = (epochs: number): number => Math.max(1, Math.round(STOP_SHARE * epochs));

/**
 * Settings of one stop: its weights from beginning to end, a short cycle of a lower learning rate.
 * @param epochs of the training that the path starts from
 */
export function stopSettings(settings: Omit<TrainingSettings, 'epochs'>, stop: Stop, epochs: number): TrainingSettings {
  return {
    ...settings,
    loss: { ...settings.loss, ...stop.weights, energyRise: 1 },
    rate: STOP_RATE * settings.rate,
    epochs: stopEpochs(epochs),
    // A stop is kept as it is when its learning rate has come to its end. The best moment on few frames is often an
    // early one by luck, and worse on others; this way the validation only chooses between models.
    validations: 1,
    patience: 1,
  };
}

export interface SweepInput {
  /** As of the training that made the model at the centre; its settings are those that stops are made from. */
  readonly training: TrainingInput;
  /** The model at the centre. */
  readonly centre: Model;
  /** Epochs that it took. */
  readonly epochs: number;
  readonly stops: readonly Stop[];
  /** Models of the first stops, where a sweep goes on. */
  readonly finished?: readonly Model[];
}

/** What happens at a stop, counted from 1: an epoch more, or its end. */
export type SweepProgress =
  | { readonly kind: 'epoch'; readonly stop: number; readonly progress: TrainingProgress }
  | {
      readonly kind: 'stop';
      readonly stop: number;
      readonly settings: TrainingSettings;
      readonly result: TrainingResult;
    };

/**
 * Trains along a path of weights; yields every epoch, and every stop with its model. What a stop becomes depends on the
 * model that it starts from and on nothing else: a sweep that goes on from finished stops comes to the same bits.
 * @throws NearsightError what `train` throws; the signal's reason when it is stopped
 */
export async function* sweepWeights(input: SweepInput): AsyncGenerator<SweepProgress, void> {
  const { training, centre, stops, finished = [] } = input;
  const models: Model[] = [centre, ...finished];
  for (let stop = models.length; stop <= stops.length; stop++) {
    const { from } = stops[stop - 1];
    const settings = stopSettings(training.settings, stops[stop - 1], input.epochs);
    const run = train({ ...training, settings, start: models[from], checkpoint: undefined });
    try {
      let next = await run.next();
      for (; next.done !== true; next = await run.next()) yield { kind: 'epoch', stop, progress: next.value };
      models.push(next.value.model);
      yield { kind: 'stop', stop, settings, result: next.value };
    } finally {
      // Whoever leaves early leaves no engine behind.
      await run.return(undefined as never);
    }
  }
}
