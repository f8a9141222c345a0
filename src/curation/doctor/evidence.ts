/** The numbers that a person wants to see beside a verdict. */
import type { Frame } from '../../data/dataset.ts';
import { SHEAR } from './conventions.ts';
import type { ModelSays } from './force-model.ts';
import { addPoint, emptySums, type Sums } from './hypotheses.ts';
import { energyModelSums, energyPairSums } from './verdicts.ts';
import type { WorkPair } from './work.ts';

export interface Evidence {
  /** Pairs of similar frames in the same cell. */
  readonly forcePairs: number;
  /** Change of the labelled energy over work of the labelled forces, as they are; null without pairs. */
  readonly pairSlope: number | null;
  /** Pairs of similar frames in strained cells. */
  readonly stressPairs: number;
  /** Frames that a model fitted to the forces was asked about. */
  readonly asked: number;
  /** Labelled energies over those of the model, and labelled shear stresses over those of the model, as they are. */
  readonly energySlope: number | null;
  readonly stressSlope: number | null;
}

export function evidenceOf(
  frames: readonly Frame[],
  pairs: readonly WorkPair[],
  { first, says }: { readonly first: readonly ModelSays[]; readonly says: readonly ModelSays[] },
): Evidence {
  const stress = emptySums();
  for (const { frame, stress: model } of says) {
    const label = frames[frame].labels.stress;
    if (model !== null && label !== undefined) for (const k of SHEAR) addPoint(stress, label[k], model[k]);
  }
  return {
    forcePairs: pairs.filter(({ strain, forces }) => strain <= 1e-6 && forces !== 0).length,
    pairSlope: slopeOf([...energyPairSums(frames, pairs).values()].map(({ whole }) => whole)),
    stressPairs: pairs.filter(({ stress }) => stress !== null).length,
    asked: first.length,
    energySlope: slopeOf([...energyModelSums(frames, first).values()].map(({ whole }) => whole)),
    stressSlope: slopeOf([stress]),
  };
}

/** Of labels over what explains them; the sums have it the other way round. */
function slopeOf(all: readonly Sums[]): number | null {
  const xy = all.reduce((sum, part) => sum + part.xy, 0);
  const yy = all.reduce((sum, part) => sum + part.yy, 0);
  return yy > 0 ? xy / yy : null;
}
