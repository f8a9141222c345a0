/** The model that a training starts from when it is given none. */
import { defaultEmbedding } from '../model/density-model.ts';
import type { Model } from '../model/model.ts';
import type { Random } from '../random.ts';
import { fitReferenceEnergies, initialModel } from './initial.ts';
import { capFactor, MANY_ELEMENTS, shrunkReferenceEnergies } from './many-elements.ts';
import { startSymmetryModel } from './symmetry-start.ts';
import type { TrainingInput } from './trainer.ts';

/** First model for these frames: reference energies, whitening and statistics measured on the training part. */
export function startModel(input: TrainingInput, random: Random): Model {
  const { kernel, elements, train, settings } = input;
  // Of the target level only: the energies of others have another zero.
  const labelled = train.filter((f) => f.has.energy && (f.level ?? 0) === 0);
  const referenceEnergies =
    labelled.length === 0
      ? new Float64Array(elements.length)
      : (elements.length > MANY_ELEMENTS ? shrunkReferenceEnergies : fitReferenceEnergies)(
          labelled.map((f) => f.composition),
          labelled.map((f) => f.system.energy),
          elements.length,
        );
  let square = 0;
  let count = 0;
  for (const frame of train) {
    if (!frame.has.forces) continue;
    const factor = capFactor(frame, settings.loss);
    for (const f of frame.system.forces) square += factor * f * f;
    count += factor * frame.system.forces.length;
  }
  const forceDeviation = count === 0 || square === 0 ? 1 : Math.sqrt(square / count);
  if (settings.model.descriptor === 'symmetry') {
    return startSymmetryModel(input, settings.model, { referenceEnergies, forceDeviation }, random);
  }
  const { embedding, radialHigh, descriptor: _, sharedLayers: __, ...sizes } = settings.model;
  const start = {
    elements,
    shape: { ...sizes, species: elements.length },
    embedding: embedding ?? defaultEmbedding(elements.length),
    radialHigh,
    referenceEnergies,
    forceDeviation,
  };
  return initialModel(
    kernel,
    train.map((f) => f.system),
    start,
    random,
  );
}
