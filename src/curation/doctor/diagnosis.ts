/** The conventions of a data set, and what the verdicts rest on. */
import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import {
  ENERGY_HYPOTHESES,
  ENERGY_PRIORS,
  type EnergyHypothesis,
  energyCorrection,
  STRESS_HYPOTHESES,
  STRESS_PRIORS,
  type StressHypothesis,
} from './conventions.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { askForceModel, type ForceModel, type ModelSays } from './force-model.ts';
import { type EnergyShifts, findShifts, scaledShifts } from './shifts.ts';
import { classOf, scoreEnergies, scoreStresses, type Verdict, type Verdicts, verdictOf } from './verdicts.ts';
import { findPairs, type WorkPair } from './work.ts';

export interface Diagnosis {
  readonly verdicts: Verdicts;
  readonly pairs: readonly WorkPair[];
  /** What the model of the forces says of frames; empty without a kernel or where it makes no sense. */
  readonly says: readonly ModelSays[];
  readonly shifts: EnergyShifts;
  readonly evidence: Evidence;
  /** Whether energies and forces, and whether the stresses, can be taken as they are, all attributes together. */
  readonly energiesAsTheyAre: Verdict<AsItIs>;
  readonly stressesAsTheyAre: Verdict<AsItIs>;
}

export type AsItIs = 'ok' | 'deviating';

const asItIs = (...parts: readonly string[]): AsItIs => (parts.every((part) => part === 'ok') ? 'ok' : 'deviating');

/**
 * @param usable frames without defects @param nearest typical distance between neighbours, Å
 * @param kernel for the linear model of the forces; without it only pairs of similar frames are evidence
 */
export function diagnose(
  frames: readonly Frame[],
  usable: readonly number[],
  { nearest, kernel }: { readonly nearest: number; readonly kernel: Kernel | undefined },
): Diagnosis {
  const pairs = findPairs(frames, usable, nearest);
  const model = kernel === undefined ? null : askForceModel(frames, usable, kernel, nearest);
  try {
    return diagnoseWith(frames, usable, { pairs, model });
  } finally {
    model?.close();
  }
}

function diagnoseWith(
  frames: readonly Frame[],
  usable: readonly number[],
  { pairs, model }: { readonly pairs: readonly WorkPair[]; readonly model: ForceModel | null },
): Diagnosis {
  const first = model?.says() ?? [];
  const { asTheyAre, ...energies } = energyVerdicts(frames, usable, { pairs, says: first });
  const right = presumedEnergies(energies);
  const energyOf = (frame: number): number | undefined => {
    const { labels, structure } = frames[frame];
    if (labels.energy === undefined) return undefined;
    // In the unit of the forces as they are labelled, which the model has.
    const { energy, forces } = energyCorrection(right ?? ENERGY_HYPOTHESES[0], structure.numbers.length);
    return (labels.energy * energy) / forces;
  };
  const says =
    model === null ? [] : right === null ? first : model.saysWithEnergies(energyOf, (frame) => classOf(frames[frame]));
  const labelled = usable.some((index) => frames[index].labels.stress !== undefined);
  const stress = scoreStresses(frames, pairs, says, right ?? ENERGY_HYPOTHESES[0]);
  const ofStress = <Value extends string>(of: (hypothesis: StressHypothesis) => Value): Verdict<Value> =>
    verdictOf(stress, { values: STRESS_HYPOTHESES.map(of), priors: STRESS_PRIORS, labelled });
  const inModelUnits = findShifts(frames, usable, { says: right === null ? [] : says, energyOf });
  const shifts = scaledShifts(inModelUnits, energyCorrection(right ?? ENERGY_HYPOTHESES[0], 1).forces);
  return {
    pairs,
    says,
    shifts,
    evidence: evidenceOf(frames, pairs, { first, says }),
    energiesAsTheyAre: asTheyAre,
    stressesAsTheyAre: ofStress(({ sign, unit, order }) => asItIs(sign, unit, order)),
    verdicts: {
      ...energies,
      stressSign: ofStress(({ sign }) => sign),
      stressUnit: ofStress(({ unit }) => unit),
      voigtOrder: ofStress(({ order }) => order),
    },
  };
}

function energyVerdicts(
  frames: readonly Frame[],
  usable: readonly number[],
  { pairs, says }: { readonly pairs: readonly WorkPair[]; readonly says: readonly ModelSays[] },
): EnergyVerdicts & { readonly asTheyAre: Verdict<AsItIs> } {
  const scores = scoreEnergies(frames, usable, pairs, says);
  const energies = usable.some((index) => frames[index].labels.energy !== undefined);
  const both = energies && usable.some((index) => frames[index].labels.forces !== undefined);
  const verdict = <Value extends string>(
    of: (hypothesis: EnergyHypothesis) => Value,
    labelled: boolean,
  ): Verdict<Value> => verdictOf(scores, { values: ENERGY_HYPOTHESES.map(of), priors: ENERGY_PRIORS, labelled });
  return {
    energyScale: verdict(({ scale }) => scale, energies),
    energyUnit: verdict(({ unit }) => unit, both),
    forceSign: verdict(({ sign }) => sign, both),
    asTheyAre: verdict(({ scale, unit, sign }) => asItIs(scale, unit, sign), energies),
  };
}

type EnergyVerdicts = Pick<Verdicts, 'energyScale' | 'energyUnit' | 'forceSign'>;

const decided = <Value extends string>({ verdict }: Verdict<Value>): Value | null =>
  verdict === 'mixed' || verdict === 'cannot-tell' || verdict === 'not-labelled' ? null : verdict;

/** The convention of the energies where all of it is decided; null otherwise. */
export function settledEnergies({ energyScale, energyUnit, forceSign }: EnergyVerdicts): EnergyHypothesis | null {
  const scale = decided(energyScale);
  const unit = decided(energyUnit);
  const sign = decided(forceSign);
  return scale === null || unit === null || sign === null || unit === 'another-factor' ? null : { scale, unit, sign };
}

/** The same, good enough to go on with: a unit in doubt counts as right where that is likeliest. */
function presumedEnergies(verdicts: EnergyVerdicts): EnergyHypothesis | null {
  const { energyUnit } = verdicts;
  if (energyUnit.verdict !== 'cannot-tell' || energyUnit.likeliest !== 'ok') return settledEnergies(verdicts);
  return settledEnergies({ ...verdicts, energyUnit: { ...energyUnit, verdict: 'ok' } });
}

/**
 * The convention of the stresses of one group where all of it is decided: by the group itself, or by all groups
 * together where they agree; null otherwise. An order that cannot be told counts as right, for the want of shear.
 */
export function settledStress(verdicts: Verdicts, group: string): StressHypothesis | null {
  const of = <Value extends string>(verdict: Verdict<Value>): Value | null => verdict.groups[group] ?? decided(verdict);
  const sign = of(verdicts.stressSign);
  const unit = of(verdicts.stressUnit);
  const order = of(verdicts.voigtOrder) ?? (verdicts.voigtOrder.verdict === 'mixed' ? null : 'ok');
  return sign === null || unit === null || order === null || unit === 'another-factor' ? null : { sign, unit, order };
}
