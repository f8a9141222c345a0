/** Which conventions the labels follow, decided from the labels themselves. */
import type { Frame } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import {
  ENERGY_FACTORS,
  ENERGY_HYPOTHESES,
  type EnergyHypothesis,
  type EnergyScale,
  type EnergyUnit,
  energyCorrection,
  ORDERS,
  SHEAR,
  type Sign,
  STRESS_FACTORS,
  STRESS_HYPOTHESES,
  type StressHypothesis,
  type StressUnit,
  type VoigtOrder,
} from './conventions.ts';
import { extensivity } from './extensivity.ts';
import type { ModelSays } from './force-model.ts';
import {
  addPoint,
  addScores,
  type Decision,
  decide,
  emptySums,
  logLikelihood,
  type Regression,
  type Scores,
  type Sums,
  unnamedLikelihood,
} from './hypotheses.ts';
import type { WorkPair } from './work.ts';

/** What was found of one convention. */
export interface Verdict<Value extends string> {
  /**
   * `ok`: as nearsight has it; a name: that convention instead; `mixed`: not the same in all groups; `cannot-tell`: the
   * data do not support a verdict; `not-labelled`: there is nothing to judge.
   */
  readonly verdict: Value | 'mixed' | 'cannot-tell' | 'not-labelled';
  /** What it would be if one had to say; null without any evidence. */
  readonly likeliest: Value | null;
  /** ln of the odds of the likeliest convention against the next; 6.9 (a thousand to one) makes a verdict. */
  readonly logOdds: number;
  /** What came next; `none` stands for labels that have nothing to do with geometry and forces. */
  readonly next: Value | 'none' | null;
  /** Groups that are decided by themselves. */
  readonly groups: Readonly<Record<string, Value>>;
}

export interface Verdicts {
  /** Energies per structure (ok), or per atom. */
  readonly energyScale: Verdict<EnergyScale>;
  /** Unit of energies measured by forces: a unit that both share cannot be seen. */
  readonly energyUnit: Verdict<EnergyUnit>;
  /** Forces are −∂E/∂r (ok) or gradients. */
  readonly forceSign: Verdict<Sign>;
  /** Stresses are positive in tension (ok). */
  readonly stressSign: Verdict<Sign>;
  readonly stressUnit: Verdict<StressUnit>;
  readonly voigtOrder: Verdict<VoigtOrder>;
}

/** Pairs that differ by less (a share of the distance between neighbours) are all used, and so many in any case. */
const NEAR_SHIFT = 0.12;
const FEW_PAIRS = 20;
/** How well a trapezoid and a linear model know the slope, as widths of its logarithm. */
const PAIR_WIDTH = 0.1;
const MODEL_WIDTH = 0.5;

/** One model is off for all groups alike: each of them bears its share of what that costs. */
const sharedWidth = (groups: number): number => MODEL_WIDTH * Math.sqrt(groups);

/** Scores of the energy hypotheses by group ('' for the extensivity of all). */
export function scoreEnergies(
  frames: readonly Frame[],
  usable: readonly number[],
  pairs: readonly WorkPair[],
  says: readonly ModelSays[],
): Scores {
  const scores: Scores = new Map();
  for (const [group, { whole, perAtom }] of energyPairSums(frames, pairs)) {
    addScores(scores, group, scoresOf(whole, perAtom, PAIR_WIDTH));
  }
  const byModel = energyModelSums(frames, says);
  for (const [group, { whole, perAtom }] of byModel) {
    addScores(scores, group, scoresOf(whole, perAtom, sharedWidth(byModel.size)));
  }
  const extensive = extensivity(frames, usable);
  const odds = ENERGY_HYPOTHESES.map(({ scale }) => (scale === 'ok' ? extensive : -extensive) / 2);
  if (extensive !== 0) addScores(scores, EVERYWHERE, odds);
  return scores;
}

/** Stands for evidence that belongs to no group. */
const EVERYWHERE = '\u0000all';

/** eV/Å; where forces are smaller, they say nothing of energies. */
const LEAST_FORCE = 0.01;

/** Not those of a perfect crystal, whose energies a model fitted to forces only guesses. */
function hasForces(forces: Float64Array | undefined): boolean {
  return forces?.some((force) => Math.abs(force) > LEAST_FORCE) === true;
}

/** Labels are exact, what they are compared with is not: so that is what is explained, and the labels explain it. */
interface EnergySums {
  /** By the label over the number of atoms. */
  readonly whole: Sums;
  /** By the label itself. */
  readonly perAtom: Sums;
}

function scoresOf(whole: Regression, perAtom: Regression, width: number): number[] {
  return ENERGY_HYPOTHESES.map(({ scale, unit, sign }) => {
    const data = scale === 'ok' ? whole : perAtom;
    const s = sign === 'ok' ? 1 : -1;
    return unit === 'another-factor'
      ? unnamedLikelihood(data, s)
      : logLikelihood(data, s / ENERGY_FACTORS[unit], width);
  });
}

/** The work of the forces per atom against the energies, for the most similar pairs in the same cell. */
export function energyPairSums(frames: readonly Frame[], pairs: readonly WorkPair[]): Map<string, EnergySums> {
  const byGroup = new Map<string, WorkPair[]>();
  for (const pair of pairs) {
    if (pair.strain > 1e-6 || pair.forces === 0) continue;
    const { group } = frames[pair.from];
    const members = byGroup.get(group);
    if (members === undefined) byGroup.set(group, [pair]);
    else members.push(pair);
  }
  const sums = new Map<string, EnergySums>();
  for (const [group, members] of byGroup) {
    members.sort((a, b) => a.shift - b.shift || a.from - b.from || a.to - b.to);
    const near = members.filter(({ shift }) => shift < NEAR_SHIFT).length;
    const sum = { whole: emptySums(), perAtom: emptySums() };
    const seen = new Set<number>();
    for (const { from, to, atoms, energy, forces } of members.slice(0, Math.max(near, FEW_PAIRS))) {
      seen.add(from).add(to);
      addPoint(sum.whole, energy / atoms, forces / atoms);
      addPoint(sum.perAtom, energy, forces / atoms);
    }
    sum.whole.n = sum.perAtom.n = seen.size - 1;
    sums.set(group, sum);
  }
  return sums;
}

/** Frames of one class have the same atoms and the same origin: their energies differ by what the model can know. */
export function classOf({ structure, group }: Frame): string {
  const counts = new Map<number, number>();
  for (const z of structure.numbers) counts.set(z, (counts.get(z) ?? 0) + 1);
  const formula = [...counts].sort((a, b) => a[0] - b[0]).map(([z, count]) => `${z}:${count}`);
  return `${group}\n${formula.join(' ')}`;
}

/** The energies per atom of the model against the labels, differences within classes. */
export function energyModelSums(frames: readonly Frame[], says: readonly ModelSays[]): Map<string, EnergySums> {
  const classes = new Map<string, { x: number; y: number; atoms: number; group: string }[]>();
  for (const { frame, energy } of says) {
    const { labels, structure, group } = frames[frame];
    if (labels.energy === undefined || !hasForces(labels.forces)) continue;
    const atoms = structure.numbers.length;
    const name = classOf(frames[frame]);
    const members = classes.get(name) ?? [];
    classes.set(name, members);
    members.push({ x: energy / atoms, y: labels.energy / atoms, atoms, group });
  }
  const sums = new Map<string, EnergySums>();
  for (const members of classes.values()) {
    if (members.length < 2) continue;
    const [{ group, atoms }] = members;
    const sum = sums.get(group) ?? { whole: emptySums(), perAtom: emptySums() };
    sums.set(group, sum);
    const meanX = members.reduce((total, { x }) => total + x, 0) / members.length;
    const meanY = members.reduce((total, { y }) => total + y, 0) / members.length;
    for (const { x, y } of members) {
      addPoint(sum.whole, y - meanY, x - meanX);
      addPoint(sum.perAtom, (y - meanY) * atoms, x - meanX);
    }
    sum.whole.n += members.length - 1;
    sum.perAtom.n += members.length - 1;
  }
  return sums;
}

/** Groups with fewer frames than this are judged together. */
const FEWEST_IN_GROUP = 4;

/** Scores of the stress hypotheses by group; energies are put right first, as far as they are known. */
export function scoreStresses(
  frames: readonly Frame[],
  pairs: readonly WorkPair[],
  says: readonly ModelSays[],
  energies: EnergyHypothesis,
): Scores {
  const scores: Scores = new Map();
  const groups = new Map<string, ModelSays[]>();
  for (const one of says) {
    if (one.stress === null || frames[one.frame].labels.stress === undefined) continue;
    const { group } = frames[one.frame];
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [one]);
    else members.push(one);
  }
  const few = [...groups].filter(([, members]) => members.length < FEWEST_IN_GROUP);
  for (const [group] of few) groups.delete(group);
  if (few.length > 0)
    groups.set(
      EVERYWHERE,
      few.flatMap(([, members]) => members),
    );
  // The model has the unit of the labelled forces.
  const toForce = energyCorrection(energies, 1).forces;
  const width = sharedWidth(groups.size);
  for (const [group, members] of groups) {
    addScores(scores, group, stressModelScores(frames, members, { toForce, width }));
  }
  const strained = new Map<string, WorkPair[]>();
  for (const pair of pairs) {
    if (pair.stress === null) continue;
    const { group } = frames[pair.from];
    const members = strained.get(group);
    if (members === undefined) strained.set(group, [pair]);
    else members.push(pair);
  }
  for (const [group, members] of strained) addScores(scores, group, stressPairScores(members, energies));
  return scores;
}

/**
 * Stresses of the model explained by labels. Deviators only: the mean stress is what forces know least of, and where
 * labels are off by a constant.
 */
function stressModelScores(
  frames: readonly Frame[],
  says: readonly ModelSays[],
  { toForce, width }: { readonly toForce: number; readonly width: number },
): number[] {
  return STRESS_HYPOTHESES.map(({ sign, unit, order }) => {
    const diagonal = emptySums();
    const shear = emptySums();
    for (const { frame, stress } of says) {
      const label = frames[frame].labels.stress;
      if (label === undefined || stress === null) continue;
      const size = 1 / sizeOf(unit, frames[frame]);
      const meanLabel = (label[0] + label[4] + label[8]) / 3;
      const meanModel = (stress[0] + stress[4] + stress[8]) / 3;
      const noise = ROUNDING * Math.abs(meanLabel);
      for (let k = 0; k < 9; k += 4) {
        const deviator = label[k] - meanLabel;
        if (Math.abs(deviator) > noise) addPoint(diagonal, size * deviator, toForce * (stress[k] - meanModel));
      }
      for (let k = 0; k < 3; k++) {
        const value = label[SHEAR[ORDERS[order][k]]];
        addPoint(shear, Math.abs(value) > noise ? size * value : 0, toForce * stress[SHEAR[k]]);
      }
      diagonal.n++;
      shear.n++;
    }
    return stressScore(diagonal, { sign, unit }, width) + stressScore(shear, { sign, unit }, width);
  });
}

/** Deviators below this share of the mean stress are rounding. */
const ROUNDING = 1e-6;

function sizeOf(unit: StressUnit, { structure }: Frame): number {
  if (unit === 'virial') return cellVolume(structure.cell);
  return unit === 'virial-per-atom' ? cellVolume(structure.cell) / structure.numbers.length : 1;
}

function stressScore(data: Regression, { sign, unit }: Pick<StressHypothesis, 'sign' | 'unit'>, width: number): number {
  const s = sign === 'ok' ? 1 : -1;
  return unit === 'another-factor' ? unnamedLikelihood(data, s) : logLikelihood(data, s / STRESS_FACTORS[unit], width);
}

/** Work that the energies show beyond that of the forces, against the work that the stresses give. */
function stressPairScores(all: readonly WorkPair[], energies: EnergyHypothesis): number[] {
  const strained = [...all].sort((a, b) => a.strain - b.strain || a.from - b.from).slice(0, MOST_STRAINED);
  const seen = new Set(strained.flatMap(({ from, to }) => [from, to]));
  const y = strained.map(({ atoms, energy, forces }) => {
    const { energy: toEv, forces: toForce } = energyCorrection(energies, atoms);
    return (energy * toEv - forces * toForce) / atoms;
  });
  const dv = strained.map(({ atoms, stress }) => (stress?.volume ?? 0) / atoms);
  // Signs and units of one kind have the same regression: only the factor differs.
  const known = new Map<string, readonly [Regression, Regression]>();
  const regressions = (unit: StressUnit, order: VoigtOrder): readonly [Regression, Regression] => {
    const key = `${unit.startsWith('virial') ? unit : ''} ${order}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const x = strained.map(({ atoms, stress }) =>
      stress === null ? 0 : workUnder(stress, { unit, order }, atoms) / atoms,
    );
    const both = [regressionOf(x, y, seen.size - 1), withoutVolume(x, y, { dv, n: seen.size - 2 })] as const;
    known.set(key, both);
    return both;
  };
  return STRESS_HYPOTHESES.map(({ sign, unit, order }) => {
    const s = sign === 'ok' ? 1 : -1;
    const score = (data: Regression): number =>
      unit === 'another-factor'
        ? unnamedLikelihood(data, s)
        : logLikelihood(data, s / STRESS_FACTORS[unit], PAIR_WIDTH);
    const [plain, offset] = regressions(unit, order);
    return Math.max(score(plain), score(offset) - OFFSET_PENALTY);
  });
}

/** Pairs of one group that are looked at, the least strained ones. */
const MOST_STRAINED = 200;
/** ln of what a constant stress as a further parameter costs. */
const OFFSET_PENALTY = 2;

function workUnder(
  work: NonNullable<WorkPair['stress']>,
  { unit, order }: Pick<StressHypothesis, 'unit' | 'order'>,
  atoms: number,
): number {
  const bare = unit === 'virial' || unit === 'virial-per-atom';
  const shear = bare ? work.bareShear : work.shear;
  let sum = bare ? work.bareDiagonal : work.diagonal;
  for (let k = 0; k < 3; k++) sum += shear[3 * ORDERS[order][k] + k];
  return unit === 'virial-per-atom' ? sum * atoms : sum;
}

function regressionOf(x: readonly number[], y: readonly number[], n: number): Regression {
  const sums = emptySums();
  for (let k = 0; k < x.length; k++) addPoint(sums, x[k], y[k]);
  sums.n = n;
  return sums;
}

/** What is left when a share of the change of volume is taken from both: a constant stress makes no difference then. */
function withoutVolume(
  x: readonly number[],
  y: readonly number[],
  { dv, n }: { readonly dv: readonly number[]; readonly n: number },
): Regression {
  const vv = dv.reduce((sum, v) => sum + v * v, 0);
  if (vv === 0) return regressionOf(x, y, 0);
  const xv = dv.reduce((sum, v, k) => sum + v * x[k], 0) / vv;
  const yv = dv.reduce((sum, v, k) => sum + v * y[k], 0) / vv;
  return regressionOf(
    x.map((value, k) => value - xv * dv[k]),
    y.map((value, k) => value - yv * dv[k]),
    n,
  );
}

/** One attribute decided from scores: for all groups together, and for those that can tell alone. */
export function verdictOf<Value extends string>(
  scores: Scores,
  {
    values,
    priors,
    labelled,
  }: {
    readonly values: readonly Value[];
    readonly priors: readonly number[];
    readonly labelled: boolean;
  },
): Verdict<Value> {
  if (!labelled) return { verdict: 'not-labelled', likeliest: null, logOdds: 0, next: null, groups: {} };
  const total: Scores = new Map();
  const groups: Record<string, Value> = {};
  for (const [group, score] of scores) {
    addScores(total, EVERYWHERE, score);
    const { value } = decide(score, values, priors);
    if (value !== null && group !== EVERYWHERE) groups[group] = value;
  }
  const { value, likeliest, logOdds, next }: Decision<Value> = decide(total.get(EVERYWHERE), values, priors);
  const different = new Set(Object.values(groups));
  const verdict = different.size > 1 ? 'mixed' : (value ?? 'cannot-tell');
  return { verdict, likeliest, logOdds, next, groups };
}
