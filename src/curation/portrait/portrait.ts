import type { Dataset, Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import type { Structure } from '../../structure/structure.ts';
import { closestContacts } from '../doctor/closest.ts';
import type { Finding } from '../doctor/findings.ts';
import type { Inspection } from '../inspect.ts';
import {
  type EnergyVolumeSeries,
  energyVolumes,
  type ForceSizes,
  forceSizes,
  type PairDistances,
  pairDistances,
} from './distributions.ts';
import { type EnvironmentMap, environmentMap } from './map.ts';

/** How much labels sway a fit: see `outliers/`. */
export interface Influence {
  /** Cook's distance of each atom of each frame; empty where a frame has no forces. */
  readonly atoms: readonly ArrayLike<number>[];
  /** Frames whose labels do not fit the others, with the atom that shows it (null: the frame as a whole). */
  readonly outliers: readonly { readonly frame: number; readonly atom: number | null; readonly reason: string }[];
}

/** A frame that somebody should look at. */
export interface FlaggedFrame {
  readonly frame: number;
  readonly group: string;
  readonly structure: Structure;
  /** Atoms that the reasons name. */
  readonly atoms: readonly number[];
  readonly reasons: readonly string[];
}

/** A data set as it is drawn: bounded in size whatever the data set's. */
export interface DataPortrait {
  readonly inspection: Inspection;
  readonly energyVolume: readonly EnergyVolumeSeries[];
  readonly forces: readonly ForceSizes[];
  readonly distances: readonly PairDistances[];
  /** Frames that the distances were taken from. */
  readonly distanceFrames: number;
  readonly map: EnvironmentMap | null;
  /** Group of each frame. */
  readonly groups: readonly string[];
  /** Cook's distance at each point of the map; null where it was not asked for. */
  readonly influence: readonly number[] | null;
  readonly flagged: readonly FlaggedFrame[];
  /** Flagged frames, drawn here or not. */
  readonly flaggedCount: number;
}

export interface PortraitOptions {
  readonly kernel: Kernel;
  readonly influence?: Influence;
}

/** Atoms whose neighbours are counted for the histogram of distances. */
const DISTANCE_ATOMS = 20_000;
/** Frames that are drawn at the most, and atoms of the largest of them. */
const MOST_DRAWN = 12;
/** Frames with the very same reasons that are drawn. */
const MOST_ALIKE = 3;
const LARGEST_DRAWN = 400;

/** What people look at first in a data set, in numbers. Frames that cannot be used are left out. */
export function portraitOf(dataset: Dataset, inspection: Inspection, options: PortraitOptions): DataPortrait {
  const { frames } = dataset;
  const unusable = new Set(inspection.findings.find(({ code }) => code === 'unusable-frame')?.frames);
  const sound = frames.filter((_, index) => !unusable.has(index));
  const seen = thinned(sound);
  const map = environmentMap(sound, options.kernel);
  const position = new Map(frames.map((frame, index) => [frame, index]));
  const inFile = (index: number): number => position.get(sound[index]) ?? index;
  const { influence } = options;
  const flagged = flaggedFrames(frames, inspection.findings, influence);
  return {
    inspection,
    energyVolume: energyVolumes(sound),
    forces: forceSizes(sound),
    distances: pairDistances(seen),
    distanceFrames: seen.length,
    map: map === null ? null : { ...map, frame: map.frame.map(inFile) },
    groups: frames.map(({ group }) => group),
    influence:
      map === null || influence === undefined
        ? null
        : map.frame.map((index, point) => influence.atoms[inFile(index)]?.[map.atom[point]] ?? Number.NaN),
    flagged: drawable(flagged),
    flaggedCount: flagged.length,
  };
}

/** Those that can be drawn, some of each kind. */
function drawable(flagged: readonly FlaggedFrame[]): FlaggedFrame[] {
  const alike = new Map<string, number>();
  const kept = flagged.filter(({ structure, reasons }) => {
    if (structure.numbers.length > LARGEST_DRAWN) return false;
    const kind = [...reasons].sort().join();
    alike.set(kind, (alike.get(kind) ?? 0) + 1);
    return (alike.get(kind) ?? 0) <= MOST_ALIKE;
  });
  return kept.slice(0, MOST_DRAWN);
}

function thinned(frames: readonly Frame[]): Frame[] {
  const atoms = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const stride = Math.max(1, atoms / DISTANCE_ATOMS);
  const kept: Frame[] = [];
  for (let k = 0; Math.floor(k * stride) < frames.length; k++) kept.push(frames[Math.floor(k * stride)]);
  return kept;
}

/** Frames that findings and influence name; those with the most reasons first. */
function flaggedFrames(
  frames: readonly Frame[],
  findings: readonly Finding[],
  influence: Influence | undefined,
): FlaggedFrame[] {
  const named = new Map<number, { atoms: number[]; reasons: string[]; weight: number }>();
  const add = (frame: number, reason: string, weight: number, atom: number | null = null): void => {
    const entry = named.get(frame) ?? { atoms: [], reasons: [], weight: 0 };
    entry.reasons.push(reason);
    entry.weight += weight;
    if (atom !== null) entry.atoms.push(atom);
    named.set(frame, entry);
  };
  for (const { frame, atom, reason } of influence?.outliers ?? []) add(frame, reason, 2, atom);
  for (const { code, severity, frame, frames: all } of findings) {
    // What most of a data set shows is no reason to draw one of its frames.
    if (severity === 'note' || 2 * all.length > frames.length) continue;
    for (const index of all) {
      add(index, code, index === frame ? 2 : 1);
      if (code !== 'impossible-distance') continue;
      named.get(index)?.atoms.push(...(closestContacts(frames[index].structure)?.tightest.atoms ?? []));
    }
  }
  return [...named]
    .sort(([a, p], [b, q]) => q.weight - p.weight || a - b)
    .map(([frame, { atoms, reasons }]) => ({
      frame,
      group: frames[frame].group,
      structure: frames[frame].structure,
      atoms: [...new Set(atoms)],
      reasons,
    }));
}
