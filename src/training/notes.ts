/** What a user should know of their settings before the training begins. */
import type { Frame } from '../data/dataset.ts';
import type { TrainingSettings } from './settings.ts';

/** What of the settings has no effect, or another one than it looks like: sentences for the user. */
export function notesOn(settings: Pick<TrainingSettings, 'model' | 'loss'>, frames: readonly Frame[]): string[] {
  return [...committeeNotes(settings.model), ...lossNotes(settings, frames)];
}

function committeeNotes({ heads }: TrainingSettings['model']): string[] {
  if (heads > 1) return [];
  return ['a committee of one has no spread: the model will not say how uncertain it is (--committee 4)'];
}

function lossNotes({ model, loss }: Pick<TrainingSettings, 'model' | 'loss'>, frames: readonly Frame[]): string[] {
  const direct = model.descriptor !== 'symmetry' && model.directForces === true;
  if (!direct) {
    if (loss.netForce === 0 && loss.netTorque === 0) return [];
    return [
      'netForce and netTorque have no effect: forces that are the gradient of an energy add up to no force and no ' +
        'torque, whatever the weights; these penalties are for a model with directForces',
    ];
  }
  const notes = ['directForces: forces come from a head of their own and are no gradient of the energy'];
  if (loss.stress > 0) notes.push('stress is measured but not learned: with directForces it follows from the forces');
  if (loss.netTorque > 0 && frames.every(({ structure }) => structure.pbc.some((repeats) => repeats))) {
    notes.push('netTorque has no effect: in periodic frames a torque means nothing');
  }
  return notes;
}
