/**
 * Do energies and stresses belong together? Between two similar structures of the same atoms, the work of stress and
 * forces along the way must be the difference of the energies.
 */

import type { Frame } from '../../data/dataset.ts';
import type { WorkPair } from './work.ts';

/** What energies say of the stresses. */
export interface StressCheck {
  /**
   * `consistent`: σ = +(1/V) ∂E/∂ε; `opposite`: the sign is the other one; `scaled`: another factor, such as that of
   * a unit; `cannot-tell`: too few pairs of similar cells, or too much noise.
   */
  readonly verdict: 'consistent' | 'opposite' | 'scaled' | 'cannot-tell';
  /** Pairs of frames that were compared. */
  readonly pairs: number;
  /** Work that the energies show, over work that the stresses give, and its standard error; null without pairs. */
  readonly slope: number | null;
  readonly slopeError: number | null;
  /** Stress as labelled minus stress that the energies show, eV/Å³, isotropic; null where it cannot be told. */
  readonly offset: number | null;
  readonly offsetError: number | null;
}

interface WorkFit {
  readonly slope: number;
  readonly slopeError: number;
  readonly offset: number | null;
  readonly offsetError: number | null;
  /** Share of the squared energies that the fit explains. */
  readonly explained: number;
}

/** Work between two frames, eV. */
interface Pair {
  /** Difference of the energies less the work of the forces. */
  readonly energy: number;
  /** Work of the stresses. */
  readonly stress: number;
  /** Change of the volume, Å³. */
  readonly volume: number;
  /** What differences of these frames are to be measured by: their number of atoms. */
  readonly atoms: number;
}

const FEWEST_PAIRS = 5;

/** Strains up to which the trapezoidal rule is as good as exact, and pairs that are wanted in any case. */
const SMALL_STRAIN = 0.012;
const ENOUGH_PAIRS = 30;
/** An offset is not to be believed where the fit explains less of the energies (squares). */
const EXPLAINED_FOR_OFFSET = 0.98;

/** Compares frames that hold the same atoms in slightly different cells, labels taken at their word. */
export function checkStress(found: readonly WorkPair[]): StressCheck {
  const pairs = bestPairs(found).map(({ energy, forces, stress, atoms }): Pair => {
    const { diagonal, shear, volume } = stress;
    return { energy: energy - forces, stress: diagonal + shear[0] + shear[4] + shear[8], volume, atoms };
  });
  if (pairs.length < FEWEST_PAIRS) {
    return { verdict: 'cannot-tell', pairs: pairs.length, slope: null, slopeError: null, ...NO_OFFSET };
  }
  const { explained, ...fit } = fitWork(pairs);
  const verdict = verdictOf(fit.slope, fit.slopeError);
  const believed = verdict === 'consistent' && explained >= EXPLAINED_FOR_OFFSET;
  return { ...fit, verdict, pairs: pairs.length, ...(believed ? {} : NO_OFFSET) };
}

type StrainedPair = WorkPair & { readonly stress: NonNullable<WorkPair['stress']> };

/** Homogeneously strained cells where there are some, for they need no forces; of these the least strained ones. */
function bestPairs(found: readonly WorkPair[]): StrainedPair[] {
  const strained = found.filter((pair): pair is StrainedPair => pair.stress !== null);
  const still = strained.filter(({ shift }) => shift === 0);
  const best = still.length >= FEWEST_PAIRS ? still : strained;
  const sorted = [...best].sort((a, b) => a.strain - b.strain || a.from - b.from || a.to - b.to);
  const small = sorted.filter(({ strain }) => strain <= SMALL_STRAIN).length;
  return sorted.slice(0, Math.max(small, ENOUGH_PAIRS));
}

const NO_OFFSET = { offset: null, offsetError: null };

/** Nothing is said of factors between a half and two that are not one: noise can make them. */
function verdictOf(slope: number, error: number): StressCheck['verdict'] {
  if (!(error < 0.15 * Math.abs(slope))) return 'cannot-tell';
  if (Math.abs(slope - 1) < 0.3) return 'consistent';
  if (Math.abs(slope + 1) < 0.3) return 'opposite';
  return Math.abs(slope) < 0.5 || Math.abs(slope) > 2 ? 'scaled' : 'cannot-tell';
}

/**
 * Least squares of energy = slope · (stress − offset · volume), all per atom; without the offset where the pairs
 * determine the slope better so (or where no volume changes).
 */
function fitWork(pairs: readonly Pair[]): WorkFit {
  const sum = (term: (pair: Pair) => number): number => pairs.reduce((total, p) => total + term(p) / p.atoms ** 2, 0);
  const ss = sum((p) => p.stress * p.stress);
  const sv = sum((p) => p.stress * p.volume);
  const vv = sum((p) => p.volume * p.volume);
  const es = sum((p) => p.energy * p.stress);
  const ev = sum((p) => p.energy * p.volume);
  const ee = sum((p) => p.energy * p.energy);

  const alone = es / ss;
  const aloneError = Math.sqrt(Math.max(0, ee - alone * es) / (pairs.length - 1) / ss);
  const determinant = ss * vv - sv * sv;
  const slope = (es * vv - ev * sv) / determinant;
  const rest = (ev * ss - es * sv) / determinant;
  const variance = Math.max(0, ee - slope * es - rest * ev) / (pairs.length - 2) / determinant;
  const slopeError = Math.sqrt(variance * vv);
  if (!(determinant > 1e-6 * ss * vv) || !(slopeError / Math.abs(slope) < aloneError / Math.abs(alone))) {
    return { slope: alone, slopeError: aloneError, ...NO_OFFSET, explained: (alone * es) / ee };
  }
  const explained = (slope * es + rest * ev) / ee;
  return {
    slope,
    slopeError,
    offset: -rest / slope,
    offsetError: Math.sqrt(variance * ss) / Math.abs(slope),
    explained,
  };
}

/** A group whose stresses and energies do not go together. */
export interface NoisyStress {
  readonly group: string;
  /** Share of the squared changes of energy that the work of the stresses (and a constant stress) explains. */
  readonly explained: number;
}

/** Stresses that explain less are noise in part; and so many pairs make a group. */
const EXPLAINED = 0.9;
const FEWEST_STRAINED = 20;

/**
 * Groups of homogeneously strained cells, in which nothing but the stress does work, whose stresses do not explain their
 * energies; the noisiest first.
 */
export function noisyStresses(frames: readonly Frame[], pairs: readonly WorkPair[]): NoisyStress[] {
  const groups = new Map<string, WorkPair[]>();
  for (const pair of pairs) {
    if (pair.stress === null || pair.shift > 0) continue;
    const { group } = frames[pair.from];
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [pair]);
    else members.push(pair);
  }
  const noisy: NoisyStress[] = [];
  for (const [group, members] of groups) {
    if (members.length < FEWEST_STRAINED) continue;
    const explained = explainedShare(members);
    if (explained < EXPLAINED) noisy.push({ group, explained });
  }
  return noisy.sort((a, b) => a.explained - b.explained);
}

/** Of energy = work + b · change of volume, all per atom. */
function explainedShare(pairs: readonly WorkPair[]): number {
  let vv = 0;
  let rv = 0;
  let rr = 0;
  let ee = 0;
  for (const { energy, stress, atoms } of pairs) {
    if (stress === null) continue;
    const work = stress.diagonal + stress.shear[0] + stress.shear[4] + stress.shear[8];
    const rest = (energy - work) / atoms;
    const volume = stress.volume / atoms;
    vv += volume * volume;
    rv += rest * volume;
    rr += rest * rest;
    ee += (energy / atoms) ** 2;
  }
  const left = vv > 0 ? rr - (rv * rv) / vv : rr;
  return ee > 0 ? 1 - left / ee : 1;
}
