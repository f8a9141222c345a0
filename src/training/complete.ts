/** Settings that a user has left out, chosen from the data. */
import type { Frame } from '../data/dataset.ts';
import { frameCapFor, MANY_ELEMENTS, MANY_ELEMENTS_DECAY, MANY_ELEMENTS_ENERGY } from './many-elements.ts';
import { elementsOf } from './prepare.ts';
import {
  DEFAULT_TRAINING,
  type DensitySettings,
  type LossWeights,
  MOLECULE_ENERGY_RISE,
  MOLECULE_MODEL,
  type ModelSettings,
  SOLID_MODEL,
  SYMMETRY_MODEL,
  SYMMETRY_MOLECULE_MODEL,
  SYMMETRY_RATE,
  type SymmetrySettings,
  type TrainingSettings,
} from './settings.ts';

/** Sizes of a model that a user may leave out. */
export type PartialModel =
  | Partial<DensitySettings>
  | (Partial<SymmetrySettings> & Pick<SymmetrySettings, 'descriptor'>);

/** Settings that a user may leave out; what is not said is chosen from the data, and told. */
export interface PartialSettings extends Partial<Omit<TrainingSettings, 'model' | 'loss' | 'optimiser' | 'epochs'>> {
  readonly model?: PartialModel;
  readonly loss?: Partial<TrainingSettings['loss']>;
  readonly optimiser?: Partial<TrainingSettings['optimiser']>;
}

function completeModel(partial: PartialModel, periodic: boolean): ModelSettings {
  // Who asks for heads gets heads that were trained: away from the data they say more than those made of one.
  const asked = partial.heads === undefined ? {} : { sharedLayers: false };
  if (partial.descriptor === 'symmetry') {
    return { ...(periodic ? SYMMETRY_MODEL : SYMMETRY_MOLECULE_MODEL), ...asked, ...partial };
  }
  const defaults = periodic ? SOLID_MODEL : MOLECULE_MODEL;
  const cutoff = partial.cutoff ?? defaults.cutoff;
  // Last layers of energies say nothing of forces that have a head of their own.
  const single = partial.directForces === true && defaults.sharedLayers === true;
  const heads = single ? { heads: 1, sharedLayers: false } : {};
  return { ...defaults, ...heads, ...asked, onset: cutoff - (defaults.cutoff - defaults.onset), ...partial };
}

function lossOfMany(usual: LossWeights, { loss = {} }: PartialSettings, frames: readonly Frame[]): LossWeights {
  const weighted = { ...usual, energy: loss.energy ?? MANY_ELEMENTS_ENERGY };
  const frameCap = loss.frameCap ?? frameCapFor(frames, weighted);
  return { ...weighted, ...(frameCap !== undefined && { frameCap }) };
}

/** What the user said over what the data suggest over the defaults. */
export function completeSettings(partial: PartialSettings, frames: readonly Frame[]): Omit<TrainingSettings, 'epochs'> {
  const periodic = frames.some(({ structure }) => structure.pbc.some((p) => p));
  const labelled = (name: 'energy' | 'forces' | 'stress'): boolean => frames.some((f) => f.labels[name] !== undefined);
  const rise = periodic ? DEFAULT_TRAINING.loss.energyRise : MOLECULE_ENERGY_RISE;
  const usual = { ...DEFAULT_TRAINING.loss, energyRise: rise, ...partial.loss };
  const many = elementsOf(frames).length > MANY_ELEMENTS;
  const loss = many ? lossOfMany(usual, partial, frames) : usual;
  return {
    ...DEFAULT_TRAINING,
    ...(partial.model?.descriptor === 'symmetry' && { rate: SYMMETRY_RATE }),
    ...partial,
    model: completeModel(partial.model ?? {}, periodic),
    loss: {
      ...loss,
      energy: labelled('energy') ? loss.energy : 0,
      forces: labelled('forces') ? loss.forces : 0,
      stress: labelled('stress') ? loss.stress : 0,
    },
    optimiser: {
      ...DEFAULT_TRAINING.optimiser,
      ...(many && { weightDecay: MANY_ELEMENTS_DECAY }),
      ...partial.optimiser,
    },
  };
}
