/** Labels that are absent, null, contradictory or coarse, and frames that repeat. */
import type { Frame, LabelSources } from '../../data/dataset.ts';
import { LABEL_NAMES } from '../../data/extxyz/labels.ts';
import { duplicateSets, energySpread, forceConflict, SAME_ENERGY } from './duplicates.ts';
import type { FrameFacts } from './facts.ts';
import { type Finding, finding, indicesWhere, share } from './finding.ts';
import { findSinglePrecision } from './rounding.ts';

export function labelFindings(frames: readonly Frame[], facts: readonly FrameFacts[]): (Finding | null)[] {
  return [
    unusable(facts),
    ...missingLabels(frames),
    zeroLabels(frames),
    mixedNames(frames),
    otherEnergy(frames),
    ...duplicates(frames),
    unusedCell(frames),
    singlePrecision(frames),
  ];
}

function unusable(facts: readonly FrameFacts[]): Finding | null {
  const bad = indicesWhere(facts.length, (index) => facts[index].problem !== '');
  if (bad.length === 0) return null;
  return finding({ code: 'unusable-frame', severity: 'error' }, bad, {
    message: `${share(bad, facts.length)} cannot be used; frame ${bad[0]}: ${facts[bad[0]].problem}`,
    hint: 'remove them, or compute their labels again',
    fixable: true,
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
  const { energy, stress } = absentAsZero(frames);
  const zero = indicesWhere(frames.length, (index) => energy.has(index) || stress.has(index));
  if (zero.length === 0) return null;
  return finding({ code: 'zero-label', severity: 'warning' }, zero, {
    message: `${share(zero, frames.length)} have an energy or a stress of exactly zero`,
    hint: 'a label that was not computed must be left out: zero would be learnt as the truth',
    fixable: true,
  });
}

/**
 * Frames whose energy, and whose stress, is exactly zero and cannot be the truth. An energy of zero can be where others of
 * the same atoms are about zero, too: that of the lowest frame among relative energies.
 */
export function absentAsZero(frames: readonly Frame[]): {
  readonly energy: ReadonlySet<number>;
  readonly stress: ReadonlySet<number>;
} {
  const several = (index: number): boolean => frames[index].structure.numbers.length > 1;
  const energy = indicesWhere(frames.length, (index) => several(index) && frames[index].labels.energy === 0);
  const stress = indicesWhere(
    frames.length,
    (index) => several(index) && frames[index].labels.stress?.every((value) => value === 0) === true,
  );
  const ranges = energy.length === 0 ? new Map<string, Span>() : energyRanges(frames);
  const isAbsent = (index: number): boolean => !isNear(ranges.get(formulaOf(frames[index])), frames[index]);
  return { energy: new Set(energy.filter(isAbsent)), stress: new Set(stress) };
}

interface Span {
  low: number;
  high: number;
}

const formulaOf = ({ structure }: Frame): string => structure.numbers.toSorted().join(' ');

/** Lowest and highest energy other than zero, by formula, eV. */
function energyRanges(frames: readonly Frame[]): Map<string, Span> {
  const ranges = new Map<string, Span>();
  for (const frame of frames) {
    const { energy } = frame.labels;
    if (energy === undefined || energy === 0) continue;
    const formula = formulaOf(frame);
    const range = ranges.get(formula);
    if (range === undefined) ranges.set(formula, { low: energy, high: energy });
    else {
      range.low = Math.min(range.low, energy);
      range.high = Math.max(range.high, energy);
    }
  }
  return ranges;
}

/** Energies this near to zero are relative ones: what is bound lies farther below its free atoms, eV/atom. */
const ABOUT_ZERO = 0.2;

/** Whether zero is no farther from the energies of the same atoms than these are from each other. */
function isNear(range: Span | undefined, { structure }: Frame): boolean {
  if (range === undefined) return false;
  const reach = Math.max(range.high - range.low, ABOUT_ZERO * structure.numbers.length);
  return range.low <= reach && range.high >= -reach;
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
  const { conflicting, plain } = duplicateSets(frames);
  const sorted = (some: readonly number[][]): number[] => some.flat().sort((a, b) => a - b);
  const extra = plain.reduce((sum, set) => sum + set.length - 1, 0);
  const difference = (set: readonly number[]): string => {
    const spread = energySpread(frames, set);
    return spread > SAME_ENERGY
      ? `their energies differ by ${spread.toPrecision(2)} eV/atom`
      : `their forces differ by up to ${forceConflict(frames, set).toPrecision(2)} eV/Å`;
  };
  return [
    conflicting.length === 0
      ? null
      : finding({ code: 'conflicting-duplicates', severity: 'error' }, sorted(conflicting), {
          message: `frames ${conflicting[0].slice(0, 2).join(' and ')} are the same structure, but ${difference(conflicting[0])}${conflicting.length > 1 ? `, and so do ${conflicting.length - 1} more sets` : ''}`,
          hint: 'keep one kind of label: mixed settings or references cannot be learnt',
        }),
    plain.length === 0
      ? null
      : finding({ code: 'duplicate-frames', severity: 'warning' }, sorted(plain), {
          message: `${extra} of ${frames.length} frames repeat the structure of another one; frames ${plain[0].slice(0, 2).join(' and ')} are the same`,
          hint: 'keep one of each: copies on both sides of a split make errors look too good',
          evidence: { repeated: extra },
          fixable: true,
        }),
  ];
}

/** A cell in which nothing repeats. */
function unusedCell(frames: readonly Frame[]): Finding | null {
  const unused = indicesWhere(frames.length, (index) => {
    const { pbc, cell } = frames[index].structure;
    return !pbc[0] && !pbc[1] && !pbc[2] && cell.some((value) => value !== 0);
  });
  if (unused.length === 0) return null;
  return finding({ code: 'unused-cell', severity: 'note' }, unused, {
    message: `${share(unused, frames.length)} have a cell, but pbc says that nothing repeats: they count as molecules`,
    hint: 'set pbc="T T T" if they are meant to be periodic',
  });
}

/** Steps above this hide what a good model could learn, eV/atom. */
const COARSE_STEP = 1e-3;

function singlePrecision(frames: readonly Frame[]): Finding | null {
  const found = findSinglePrecision(frames);
  if (found === null) return null;
  const { stepPerAtom } = found;
  return finding({ code: 'single-precision', severity: stepPerAtom > COARSE_STEP ? 'warning' : 'note' }, found.frames, {
    message: `the energies were stored in single precision: they come in steps of ${(1000 * stepPerAtom).toPrecision(2)} meV/atom`,
    hint: 'nothing finer can be learnt from them; subtract the energies of the free atoms before rounding, or keep doubles',
    evidence: { step_eV_per_atom: stepPerAtom },
  });
}
