/** What is settled before the first step of a model of symmetry functions: the functions, their scaling, first weights. */
import type { SymmetryModel } from '../model/symmetry-model.ts';
import type { Random } from '../random.ts';
import type { SymmetrySettings } from './settings.ts';
import type { TrainingInput } from './trainer.ts';

export function startSymmetryModel(
  _input: TrainingInput,
  _settings: SymmetrySettings,
  _measured: { readonly referenceEnergies: Float64Array; readonly forceDeviation: number },
  _random: Random,
): SymmetryModel {
  throw new Error('not built yet');
}
