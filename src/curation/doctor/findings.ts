import type { Frame, LabelSources } from '../../data/dataset.ts';
import { LABEL_NAMES } from '../../data/extxyz/labels.ts';
import { symbolOf } from '../../elements.ts';
import { GPA } from '../../units.ts';
import { type CompositionFit, fitComposition } from './composition-fit.ts';
import { duplicateFrames } from './duplicates.ts';
import type { StressCheck } from './energy-stress.ts';
import type { FrameFacts } from './facts.ts';

/** Something that a person should know before training on the data. One per code. */
export interface Finding {
  /** Stable, kebab-case. */
  readonly code: string;
  /** `error`: the data cannot be used so; `warning`: a model would suffer; `note`: good to know. */
  readonly severity: 'error' | 'warning' | 'note';
  /** The frame that shows it best, from 0; null where it is about all of them. */
  readonly frame: number | null;
  /** All frames that show it, ascending; empty where it is about all of them. */
  readonly frames: readonly number[];
  readonly message: string;
  readonly hint: string;
}

/** Contacts below this share of the sum of covalent radii do not occur in matter. */
const IMPOSSIBLE_RATIO = 0.5;
/** Net force per atom that rounding does not explain, and that shows in a model, eV/Å. */
const NET_FORCE = 5e-5;
const LARGE_NET_FORCE = 1e-3;
/** No model needs larger forces, eV/Å. */
const HUGE_FORCE = 100;
/** An energy is an outlier beyond so many robust deviations, and beyond this many eV/atom in any case. */
const OUTLIER = 10;
const LEAST_OUTLIER = 1;
/** Energies of one geometry that differ by more contradict each other, eV/atom. */
const SAME_ENERGY = 1e-3;
/** Offsets between stresses and energies that are worth a word, eV/Å³. */
const LARGE_OFFSET = GPA;

/** What is wrong or odd, errors first. */
export function findingsOf(frames: readonly Frame[], facts: readonly FrameFacts[], stress: StressCheck): Finding[] {
  const sound = facts.map((fact) => fact.problem === '');
  const found = [
    unusable(facts),
    ...missingLabels(frames),
    zeroLabels(frames),
    mixedNames(frames),
    otherEnergy(frames),
    ...duplicates(frames),
    impossibleDistance(frames, facts),
    hugeForce(facts),
    netForce(facts),
    energyOutliers(frames, sound),
    ...stressFindings(stress),
  ].filter((finding) => finding !== null);
  const order = ['error', 'warning', 'note'];
  return found.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

type Kind = Pick<Finding, 'code' | 'severity'>;

function finding(
  kind: Kind,
  frames: readonly number[],
  text: Pick<Finding, 'message' | 'hint'>,
  frame = frames[0],
): Finding {
  return { ...kind, frame: frame ?? null, frames, ...text };
}

function indicesWhere(count: number, test: (index: number) => boolean): number[] {
  return Array.from({ length: count }, (_, index) => index).filter(test);
}

/** The index among `indices` with the largest value. */
function worst(indices: readonly number[], value: (index: number) => number): number {
  return indices.reduce((best, index) => (value(index) > value(best) ? index : best), indices[0]);
}

/** "3 of 20 frames" */
function share(indices: readonly number[], total: number): string {
  return `${indices.length} of ${total} frame${total === 1 ? '' : 's'}`;
}

function unusable(facts: readonly FrameFacts[]): Finding | null {
  const bad = indicesWhere(facts.length, (index) => facts[index].problem !== '');
  if (bad.length === 0) return null;
  return finding({ code: 'unusable-frame', severity: 'error' }, bad, {
    message: `${share(bad, facts.length)} cannot be used; frame ${bad[0]}: ${facts[bad[0]].problem}`,
    hint: 'remove them, or compute their labels again',
  });
}

function missingLabels(frames: readonly Frame[]): (Finding | null)[] {
  const periodic = (index: number): boolean => frames[index].structure.pbc.every(Boolean);
  const missing = (label: 'energy' | 'forces' | 'stress', could: (index: number) => boolean): Finding | null => {
    const without = indicesWhere(frames.length, (k) => could(k) && frames[k].labels[label] === undefined);
    if (without.length === 0) return null;
    const all = without.length === frames.length;
    const severity = label === 'energy' ? (all ? 'error' : 'warning') : label === 'forces' ? 'warning' : 'note';
    const names = LABEL_NAMES[label].slice(0, 3).join(', ');
    return finding({ code: `missing-${label}`, severity }, without, {
      message: `${share(without, frames.length)} ${without.length === 1 ? 'has' : 'have'} no ${label}`,
      hint: all
        ? `is it there under another name than ${names} …? Then say which`
        : 'they teach only what they are labelled with; label them, or leave them out',
    });
  };
  // A single atom has no forces to speak of.
  const several = (index: number): boolean => frames[index].structure.numbers.length > 1;
  return [missing('energy', () => true), missing('forces', several), missing('stress', periodic)];
}

/** Programs that have nothing to write often write zero. */
function zeroLabels(frames: readonly Frame[]): Finding | null {
  const zero = indicesWhere(frames.length, (index) => {
    const { labels, structure } = frames[index];
    if (structure.numbers.length < 2) return false;
    return labels.energy === 0 || labels.stress?.every((value) => value === 0) === true;
  });
  if (zero.length === 0) return null;
  return finding({ code: 'zero-label', severity: 'warning' }, zero, {
    message: `${share(zero, frames.length)} have an energy or a stress of exactly zero`,
    hint: 'a label that was not computed must be left out: zero would be learnt as the truth',
  });
}

function mixedNames(frames: readonly Frame[]): Finding | null {
  for (const label of ['energy', 'forces', 'stress'] as const satisfies (keyof LabelSources)[]) {
    const names = new Map<string, number>();
    for (const [index, frame] of frames.entries()) {
      const name = frame.names?.[label];
      if (name !== undefined && !names.has(name)) names.set(name, index);
    }
    if (names.size < 2) continue;
    const list = [...names.keys()].join(', ');
    return finding({ code: 'mixed-label-names', severity: 'warning' }, [...names.values()], {
      message: `the ${label} of different frames stand under different names (${list})`,
      hint: 'make sure that they mean the same, or read only one of them',
    });
  }
  return null;
}

/** Energies that stand beside the one that was read. */
function otherEnergy(frames: readonly Frame[]): Finding | null {
  const others = new Set<string>();
  let largest = 0;
  const differing = indicesWhere(frames.length, (index) => {
    const { info, labels, structure } = frames[index];
    let differs = false;
    for (const name of LABEL_NAMES.energy) {
      const other = info[name];
      if (labels.energy === undefined || typeof other !== 'number') continue;
      const difference = Math.abs(other - labels.energy) / structure.numbers.length;
      if (difference === 0) continue;
      others.add(name);
      differs = true;
      largest = Math.max(largest, difference);
    }
    return differs;
  });
  if (differing.length === 0) return null;
  const read = frames[differing[0]].names?.energy ?? 'energy';
  return finding({ code: 'other-energy', severity: largest > SAME_ENERGY ? 'warning' : 'note' }, differing, {
    message: `beside ${read}, which is used, there is ${[...others].join(', ')}, up to ${largest.toPrecision(2)} eV/atom away`,
    hint: 'forces and stresses are derivatives of the free energy where that is one of them; choose the energy that fits them',
  });
}

function duplicates(frames: readonly Frame[]): (Finding | null)[] {
  const sets = duplicateFrames(frames);
  const spreadOf = (set: readonly number[]): number => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const index of set) {
      const { labels, structure } = frames[index];
      if (labels.energy === undefined) continue;
      low = Math.min(low, labels.energy / structure.numbers.length);
      high = Math.max(high, labels.energy / structure.numbers.length);
    }
    return Math.max(0, high - low);
  };
  const conflicting = sets.filter((set) => spreadOf(set) > SAME_ENERGY);
  const plain = sets.filter((set) => !conflicting.includes(set));
  const sorted = (some: readonly number[][]): number[] => some.flat().sort((a, b) => a - b);
  const extra = plain.reduce((sum, set) => sum + set.length - 1, 0);
  return [
    conflicting.length === 0
      ? null
      : finding({ code: 'conflicting-duplicates', severity: 'error' }, sorted(conflicting), {
          message: `frames ${conflicting[0].slice(0, 2).join(' and ')} are the same structure, but their energies differ by ${spreadOf(conflicting[0]).toPrecision(2)} eV/atom${conflicting.length > 1 ? `, and so do ${conflicting.length - 1} more sets` : ''}`,
          hint: 'keep one kind of label: mixed settings or references cannot be learnt',
        }),
    plain.length === 0
      ? null
      : finding({ code: 'duplicate-frames', severity: 'warning' }, sorted(plain), {
          message: `${extra} of ${frames.length} frames repeat the structure of another one; frames ${plain[0].slice(0, 2).join(' and ')} are the same`,
          hint: 'keep one of each: copies on both sides of a split make errors look too good',
        }),
  ];
}

function impossibleDistance(frames: readonly Frame[], facts: readonly FrameFacts[]): Finding | null {
  const ratio = (index: number): number => facts[index].contacts?.tightest.ratio ?? Number.POSITIVE_INFINITY;
  const close = indicesWhere(frames.length, (index) => ratio(index) < IMPOSSIBLE_RATIO);
  const tightest = worst(close, (index) => -ratio(index));
  const contact = facts[tightest]?.contacts?.tightest;
  if (contact === undefined) return null;
  const [i, j] = contact.atoms;
  const symbol = (atom: number): string => symbolOf(frames[tightest].structure.numbers[atom]);
  return finding(
    { code: 'impossible-distance', severity: 'warning' },
    close,
    {
      message: `${share(close, frames.length)} have atoms closer than half the sum of their covalent radii; in frame ${tightest} atoms ${i} (${symbol(i)}) and ${j} (${symbol(j)}) are ${contact.distance.toFixed(2)} Å apart`,
      hint: 'are positions and cell in Å, and do they belong together? Keep such frames only if they are meant to teach repulsion',
    },
    tightest,
  );
}

function hugeForce(facts: readonly FrameFacts[]): Finding | null {
  const largest = (index: number): number => facts[index].forces?.largest ?? 0;
  const huge = indicesWhere(facts.length, (index) => largest(index) > HUGE_FORCE);
  if (huge.length === 0) return null;
  const most = worst(huge, largest);
  return finding(
    { code: 'huge-force', severity: 'warning' },
    huge,
    {
      message: `${share(huge, facts.length)} have forces above ${HUGE_FORCE} eV/Å, frame ${most} up to ${largest(most).toPrecision(3)} eV/Å`,
      hint: 'such frames outweigh all others in a fit: leave them out, or check the unit of the forces',
    },
    most,
  );
}

function netForce(facts: readonly FrameFacts[]): Finding | null {
  const net = (index: number): number => facts[index].forces?.netPerAtom ?? 0;
  const pushed = indicesWhere(facts.length, (index) => net(index) > NET_FORCE);
  if (pushed.length === 0) return null;
  const most = worst(pushed, net);
  const severity = net(most) > LARGE_NET_FORCE ? 'warning' : 'note';
  return finding(
    { code: 'net-force', severity },
    pushed,
    {
      message: `in ${share(pushed, facts.length)} the forces do not sum to zero, by up to ${(1000 * net(most)).toPrecision(2)} meV/Å per atom (frame ${most})`,
      hint: 'no model can follow a net force; tighten convergence or grids, and leave frames with fixed atoms or outer fields out',
    },
    most,
  );
}

function energyOutliers(frames: readonly Frame[], sound: readonly boolean[]): Finding | null {
  const fit: CompositionFit | null = fitComposition(frames.filter((_, index) => sound[index]));
  if (fit === null) return null;
  const indices = indicesWhere(frames.length, (index) => sound[index]);
  const distance = new Map(indices.map((index, k) => [index, fit.residuals[k] - fit.centre]));
  const off = (index: number): number => Math.abs(distance.get(index) ?? 0);
  const limit = Math.max(LEAST_OUTLIER, OUTLIER * fit.spread);
  const outliers = indices.filter((index) => frames[index].structure.numbers.length > 1 && off(index) > limit);
  if (outliers.length === 0) return null;
  const most = worst(outliers, off);
  const far = distance.get(most) ?? 0;
  return finding(
    { code: 'energy-outlier', severity: 'warning' },
    outliers,
    {
      message: `the energies of ${share(outliers, frames.length)} are more than ${limit.toPrecision(2)} eV/atom from what their composition explains; frame ${most} lies ${Math.abs(far).toPrecision(2)} eV/atom ${far > 0 ? 'above' : 'below'} it`,
      hint: 'an unconverged calculation, another reference energy, or atoms pressed together: look at these frames first',
    },
    most,
  );
}

function stressFindings(stress: StressCheck): (Finding | null)[] {
  const { verdict, slope, slopeError, offset, offsetError, pairs } = stress;
  const measured = `over ${pairs} pairs of similar cells the energies show ${slope?.toPrecision(3)} ± ${slopeError?.toPrecision(1)} times the work that the stresses give`;
  const all = (kind: Kind, message: string, hint: string): Finding => finding(kind, [], { message, hint });
  if (verdict === 'opposite') {
    const hint =
      'stress must be (1/V) ∂E/∂ε, positive in tension: change its sign, or name it virial if that is what it is';
    return [all({ code: 'stress-sign', severity: 'error' }, `the stresses have the wrong sign: ${measured}`, hint)];
  }
  if (verdict === 'scaled') {
    const hint =
      'is the unit eV/Å³? 1 GPa is 0.00624 eV/Å³, 1 kbar a tenth of that, and a virial is −V times the stress';
    return [all({ code: 'stress-unit', severity: 'error' }, `stresses and energies do not fit: ${measured}`, hint)];
  }
  if (offset === null || offsetError === null) return [null];
  if (Math.abs(offset) < LARGE_OFFSET || Math.abs(offset) < 5 * offsetError) return [null];
  const message = `the stresses lie ${(offset / GPA).toFixed(2)} ± ${(offsetError / GPA).toFixed(2)} GPa off what the energies show`;
  const hint = 'a plane-wave cut-off that is low for stresses does that (Pulay stress): give the stress little weight';
  return [all({ code: 'stress-offset', severity: 'warning' }, message, hint)];
}
