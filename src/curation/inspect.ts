import type { Dataset, Frame, LabelSources } from '../data/dataset.ts';
import { symbolOf } from '../elements.ts';
import { checkStress, type StressCheck } from './doctor/energy-stress.ts';
import { type FrameFacts, factsOf } from './doctor/facts.ts';
import { type Finding, findingsOf } from './doctor/findings.ts';

export type { StressCheck } from './doctor/energy-stress.ts';
export type { Finding } from './doctor/findings.ts';

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
  /** Root mean square of the components and largest |F|, eV/Å. */
  readonly forces: { readonly rms: number; readonly max: number; readonly maxFrame: number } | null;
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
  /** Whether energies and stresses belong together. */
  readonly stressCheck: StressCheck;
  readonly findings: readonly Finding[];
}

/** Looks at a data set as a physicist would before training on it. */
export function inspectDataset(dataset: Dataset): Inspection {
  const { frames, source, sha256 } = dataset;
  const facts = frames.map(factsOf);
  const sound = frames.filter((_, index) => facts[index].problem === '');
  const stressCheck = checkStress(sound);
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
    stressCheck,
    findings: findingsOf(frames, facts, stressCheck),
  };
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
  const counts = frames.map(({ structure }) => {
    const count = new Map<number, number>();
    for (const z of structure.numbers) count.set(z, (count.get(z) ?? 0) + 1);
    return count;
  });
  const elements = [...new Set(counts.flatMap((count) => [...count.keys()]))].sort((a, b) => a - b);
  return elements.map((z) => {
    const inFrames = counts.map((count) => count.get(z) ?? 0);
    const fractions = inFrames.map((atoms, k) => atoms / frames[k].structure.numbers.length);
    return {
      symbol: symbolOf(z),
      atoms: inFrames.reduce((sum, atoms) => sum + atoms, 0),
      frames: inFrames.filter((atoms) => atoms > 0).length,
      fraction: rangeOf(fractions) ?? { min: 0, max: 0, mean: 0 },
    };
  });
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
  let max = 0;
  let maxFrame = -1;
  for (const [index, { forces }] of facts.entries()) {
    if (forces === undefined) continue;
    squares += forces.squares;
    if (maxFrame >= 0 && forces.largest <= max) continue;
    max = forces.largest;
    maxFrame = index;
  }
  const components = sound.reduce((sum, { labels }) => sum + (labels.forces?.length ?? 0), 0);
  return maxFrame < 0 ? null : { rms: Math.sqrt(squares / components), max, maxFrame };
}

function stressSummary(sound: readonly Frame[]): Inspection['stress'] {
  const stresses = sound.map(({ labels }) => labels.stress).filter((stress) => stress !== undefined);
  const component = rangeOf(stresses.flatMap((stress) => Array.from(stress)));
  const pressure = rangeOf(stresses.map((s) => -(s[0] + s[4] + s[8]) / 3));
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
