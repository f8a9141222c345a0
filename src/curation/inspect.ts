import type { Dataset, Frame, LabelSources } from '../data/dataset.ts';
import { HEAVIEST_ELEMENT, symbolOf } from '../elements.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { type Diagnosis, diagnose } from './doctor/diagnosis.ts';
import { checkStress, type StressCheck } from './doctor/energy-stress.ts';
import type { Evidence } from './doctor/evidence.ts';
import { allFacts, type FrameFacts } from './doctor/facts.ts';
import { type Finding, findingsOf } from './doctor/findings.ts';
import type { GroupShift } from './doctor/shifts.ts';
import type { Verdicts } from './doctor/verdicts.ts';

export type { StressCheck } from './doctor/energy-stress.ts';
export type { Evidence } from './doctor/evidence.ts';
export type { Finding } from './doctor/findings.ts';
export type { GroupShift } from './doctor/shifts.ts';
export type { Verdict, Verdicts } from './doctor/verdicts.ts';

/** Smallest, largest and mean value. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** How often an element occurs, and which share of the atoms it is in the frames (0 where it is absent). */
export interface ElementCount {
  readonly symbol: string;
  readonly atoms: number;
  readonly frames: number;
  readonly fraction: Range;
}

/** Frames of one group. */
export interface GroupCount {
  readonly name: string;
  readonly frames: number;
  readonly atoms: number;
}

/** What a data set holds. Plain data; null where no frame gives the quantity. */
export interface Inspection {
  readonly source: string;
  readonly sha256: string;
  readonly frames: number;
  readonly atoms: number;
  readonly atomsPerFrame: Range | null;
  /** By atomic number. */
  readonly elements: readonly ElementCount[];
  /** In the order of the file. */
  readonly groups: readonly GroupCount[];
  /** Frames by the number of directions that repeat: none, one, two, three. */
  readonly periodicDirections: readonly [number, number, number, number];
  /** Frames with each label. */
  readonly labelled: { readonly energy: number; readonly forces: number; readonly stress: number };
  /** Names under which the file had the labels, with the number of frames. */
  readonly labelNames: Readonly<Record<keyof LabelSources, Readonly<Record<string, number>>>>;
  /** eV/atom. */
  readonly energyPerAtom: Range | null;
  /** Root mean square of the components; largest |F| of the quietest and of the wildest frame, and which that is, eV/Å. */
  readonly forces: {
    readonly rms: number;
    readonly smallest: number;
    readonly max: number;
    readonly maxFrame: number;
  } | null;
  /** Components, and the pressure −tr σ/3 (positive in compression), eV/Å³. */
  readonly stress: { readonly component: Range; readonly pressure: Range } | null;
  /** Shortest distance in the data set, Å, and between which atoms of which frame. */
  readonly shortest: {
    readonly distance: number;
    readonly frame: number;
    readonly atoms: readonly [number, number];
  } | null;
  /** Shortest distance of each frame, Å. */
  readonly nearest: Range | null;
  /** Å³/atom, of frames that repeat in all directions. */
  readonly volumePerAtom: Range | null;
  /** Which conventions the labels follow, as far as the data themselves can tell. */
  readonly verdicts: Verdicts;
  /** What the verdicts rest on. */
  readonly evidence: Evidence;
  /** Whether energies and stresses, taken at their word, belong together. */
  readonly stressCheck: StressCheck;
  /** Energies of the groups against the others, eV/atom, after what composition and forces explain. */
  readonly groupShifts: readonly GroupShift[];
  readonly findings: readonly Finding[];
}

/**
 * Looks at a data set as a physicist would before training on it.
 * @param kernel for a linear model of the forces, which energies and stresses are held against (some tenths of a second);
 *   without one, only pairs of similar frames are
 */
export function inspectDataset(dataset: Dataset, kernel?: Kernel): Inspection {
  const { frames, source, sha256 } = dataset;
  const facts = allFacts(frames);
  const soundFrames: number[] = [];
  for (let k = 0; k < frames.length; k++) if (facts[k].problem === '') soundFrames.push(k);
  const sound = soundFrames.map((index) => frames[index]);
  const diagnosis: Diagnosis = diagnose(frames, soundFrames, { nearest: typicalDistance(facts), kernel });
  const stressCheck = checkStress(diagnosis.pairs);
  return {
    source,
    sha256,
    frames: frames.length,
    atoms: frames.reduce((sum, frame) => sum + frame.structure.numbers.length, 0),
    atomsPerFrame: rangeOf(frames.map((frame) => frame.structure.numbers.length)),
    elements: countElements(sound),
    groups: countGroups(frames),
    periodicDirections: countDirections(frames),
    labelled: {
      energy: frames.filter(({ labels }) => labels.energy !== undefined).length,
      forces: frames.filter(({ labels }) => labels.forces !== undefined).length,
      stress: frames.filter(({ labels }) => labels.stress !== undefined).length,
    },
    labelNames: countNames(frames),
    energyPerAtom: rangeOf(facts.map((fact) => fact.energyPerAtom)),
    forces: forceSummary(sound, facts),
    stress: stressSummary(sound),
    shortest: shortestOf(facts),
    nearest: rangeOf(facts.map((fact) => fact.contacts?.nearest.distance)),
    volumePerAtom: rangeOf(facts.map((fact) => fact.volumePerAtom)),
    verdicts: diagnosis.verdicts,
    evidence: diagnosis.evidence,
    stressCheck,
    groupShifts: diagnosis.shifts.groups,
    findings: findingsOf(frames, facts, { diagnosis, stressCheck }),
  };
}

/** Median of the shortest distances of the frames, Å; that of nothing in particular without any. */
function typicalDistance(facts: readonly FrameFacts[]): number {
  const distances = Float64Array.from(
    facts.flatMap(({ contacts }) => (contacts === null ? [] : [contacts.nearest.distance])),
  ).sort();
  return distances.length === 0 ? 2 : distances[distances.length >> 1];
}

/** Of the values that are there; null without any. */
function rangeOf(values: Iterable<number | undefined>): Range | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value === undefined) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
  }
  return count === 0 ? null : { min, max, mean: sum / count };
}

function countElements(frames: readonly Frame[]): ElementCount[] {
  const found = new Map<number, { atoms: number; frames: number; least: number; most: number; sum: number }>();
  const counts = new Int32Array(HEAVIEST_ELEMENT + 1);
  for (const { structure } of frames) {
    const { numbers } = structure;
    counts.fill(0);
    for (let i = 0; i < numbers.length; i++) counts[numbers[i]]++;
    for (let z = 1; z < counts.length; z++) {
      if (counts[z] === 0) continue;
      const fraction = counts[z] / numbers.length;
      const element = found.get(z) ?? { atoms: 0, frames: 0, least: 1, most: 0, sum: 0 };
      found.set(z, element);
      element.atoms += counts[z];
      element.frames++;
      element.least = Math.min(element.least, fraction);
      element.most = Math.max(element.most, fraction);
      element.sum += fraction;
    }
  }
  return [...found]
    .sort((a, b) => a[0] - b[0])
    .map(([z, { atoms, frames: inFrames, least, most, sum }]) => ({
      ...{ symbol: symbolOf(z), atoms, frames: inFrames },
      fraction: { min: inFrames < frames.length ? 0 : least, max: most, mean: sum / frames.length },
    }));
}

function countGroups(frames: readonly Frame[]): GroupCount[] {
  const groups = new Map<string, { frames: number; atoms: number }>();
  for (const { group, structure } of frames) {
    const count = groups.get(group) ?? { frames: 0, atoms: 0 };
    count.frames++;
    count.atoms += structure.numbers.length;
    groups.set(group, count);
  }
  return Array.from(groups, ([name, count]) => ({ name, ...count }));
}

function countDirections(frames: readonly Frame[]): [number, number, number, number] {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  for (const { structure } of frames) counts[structure.pbc.filter(Boolean).length]++;
  return counts;
}

function countNames(frames: readonly Frame[]): Inspection['labelNames'] {
  const count = (label: keyof LabelSources): Record<string, number> => {
    const names = new Map<string, number>();
    for (const frame of frames) {
      const name = frame.names?.[label];
      if (name !== undefined) names.set(name, (names.get(name) ?? 0) + 1);
    }
    return Object.fromEntries(names);
  };
  return { energy: count('energy'), forces: count('forces'), stress: count('stress'), group: count('group') };
}

function forceSummary(sound: readonly Frame[], facts: readonly FrameFacts[]): Inspection['forces'] {
  let squares = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let max = 0;
  let maxFrame = -1;
  for (const [index, { forces }] of facts.entries()) {
    if (forces === undefined) continue;
    squares += forces.squares;
    smallest = Math.min(smallest, forces.largest);
    if (maxFrame >= 0 && forces.largest <= max) continue;
    max = forces.largest;
    maxFrame = index;
  }
  const components = sound.reduce((sum, { labels }) => sum + (labels.forces?.length ?? 0), 0);
  return maxFrame < 0 ? null : { rms: Math.sqrt(squares / components), smallest, max, maxFrame };
}

function stressSummary(sound: readonly Frame[]): Inspection['stress'] {
  const stresses = sound.map(({ labels }) => labels.stress).filter((stress) => stress !== undefined);
  const pressure = rangeOf(stresses.map((s) => -(s[0] + s[4] + s[8]) / 3));
  const component = rangeOf(
    (function* components() {
      for (const stress of stresses) yield* stress;
    })(),
  );
  return component === null || pressure === null ? null : { component, pressure };
}

function shortestOf(facts: readonly FrameFacts[]): Inspection['shortest'] {
  let shortest: Inspection['shortest'] = null;
  for (const [frame, { contacts }] of facts.entries()) {
    if (contacts === null) continue;
    const { distance, atoms } = contacts.nearest;
    if (shortest === null || distance < shortest.distance) shortest = { distance, frame, atoms };
  }
  return shortest;
}
