/** What a training that starts from a model decides first: what may change, and the reference energies. */
import { nearestName } from '../config-text.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { foldingOf, loadModel, type Model } from '../model/model.ts';
import { fitReferenceEnergies } from './initial.ts';
import type { TrainingFrame } from './prepare.ts';
import { type ModelSettings, SYMMETRY_MODEL } from './settings.ts';

/** Learning rate where a training starts from a model, as a share of the usual one; new elements learn at the usual one. */
export const TUNING_RATE = 0.2;

/** The part of a model that leads to the features; 'readout' is the rest. */
const DESCRIPTOR: readonly string[] = ['embedding', 'coefficients'];

/** Names of the parts of a model that can be kept: blocks of parameters, and the two halves that they make. */
export function partNames(model: Model): string[] {
  const blocks = foldingOf(model).layout.blocks.map(({ name }) => name.replace(/\.\d+$/, ''));
  const halves = blocks.some((name) => DESCRIPTOR.includes(name)) ? ['descriptor', 'readout'] : [];
  return [...halves, ...new Set(blocks)];
}

/**
 * Which parameters may change when some parts of a model are kept: 1 or 0 for each parameter.
 * @param frozen of `partNames`
 * @throws NearsightError `unknown-part`; `nothing-to-train` when all is kept
 */
export function trainableParts(model: Model, frozen: readonly string[]): Uint8Array {
  const known = partNames(model);
  for (const part of frozen) {
    if (known.includes(part)) continue;
    const near = nearestName(part, known);
    throw new NearsightError('unknown-part', `"${part}" is no part of this model`, {
      hint: near === null ? `its parts are ${known.join(', ')}` : `did you mean "${near}"?`,
    });
  }
  const { blocks, length } = foldingOf(model).layout;
  const trainable = new Uint8Array(length).fill(1);
  for (const { name, offset, dimensions } of blocks) {
    const part = name.replace(/\.\d+$/, '');
    const half = DESCRIPTOR.includes(part) ? 'descriptor' : 'readout';
    if (!frozen.includes(part) && !frozen.includes(half)) continue;
    trainable.fill(0, offset, offset + dimensions.reduce((p, q) => p * q, 1));
  }
  if (trainable.includes(1)) return trainable;
  throw new NearsightError('nothing-to-train', `with ${frozen.join(', ')} frozen, nothing is left to train`, {
    hint: 'freeze fewer parts',
  });
}

/** How the reference energies must change for a model to meet the mean of some labels. */
export interface ReferenceShift {
  /** To be added to E0 of each species, eV. */
  readonly change: Float64Array;
  /** Root mean square of label − model, before and after, eV/atom; NaN without energies. */
  readonly before: number;
  readonly after: number;
}

/**
 * Least squares of what a model leaves of the energies, E − E_model, on composition; minimum norm where compositions
 * do not tell elements apart.
 * @param of 1 for each species whose E0 may change; all when absent
 */
export function referenceShift(
  model: Model,
  frames: readonly TrainingFrame[],
  kernel: Kernel,
  of?: ArrayLike<number>,
): ReferenceShift {
  const S = model.elements.length;
  const labelled = frames.filter((frame) => frame.has.energy);
  const engine = loadModel(model, kernel);
  const rests = labelled.map(({ system, composition }) => {
    const learned = engine.evaluate(system).energies.reduce((p, q) => p + q, 0);
    return system.energy - composition.reduce((sum, n, s) => sum + n * model.referenceEnergies[s], 0) - learned;
  });
  engine.close();
  const open = labelled.map(({ composition }) => composition.map((n, s) => (of === undefined || of[s] === 1 ? n : 0)));
  const change = labelled.length === 0 ? new Float64Array(S) : fitReferenceEnergies(open, rests, S);
  const rms = (values: readonly number[]): number =>
    Math.sqrt(values.reduce((sum, x, k) => sum + (x / labelled[k].system.atoms) ** 2, 0) / values.length);
  const left = rests.map((rest, k) => rest - open[k].reduce((sum, n, s) => sum + n * change[s], 0));
  return { change, before: rms(rests), after: rms(left) };
}

/** The model with its reference energies changed. */
export function withShift<M extends Model>(model: M, change: Float64Array): M {
  return { ...model, referenceEnergies: model.referenceEnergies.map((energy, s) => energy + change[s]) };
}

/** Residuals of the start below this, eV/atom, can be those of a model that meets new structures. */
const CLEAR_RESIDUAL = 0.2;
/** And the composition must explain at least this share of them. */
const CLEAR_SHARE = 0.9;

/** Whether the labels have another zero of energy than the model: another level of theory, or compositions new to it. */
export function isOtherLevel({ before, after }: ReferenceShift): boolean {
  return before > CLEAR_RESIDUAL && after < (1 - CLEAR_SHARE) * before;
}

/** The settings that a model of this shape has. */
export function modelSettingsOf(model: Model): ModelSettings {
  if (model.kind === 'density') {
    const { species: _, ...sizes } = model.shape;
    return { ...sizes, embedding: model.embedding };
  }
  const { cutoff, cutoffKind, inner, hidden, activation, heads, functions } = model.shape;
  return {
    ...SYMMETRY_MODEL,
    ...{ cutoff, cutoffKind, inner, hidden, activation, heads, embedding: model.embedding },
    wide: functions.some((list) => list.some(({ kind }) => kind === 'wide')),
    sharedLayers: false,
  };
}
