/** What a set of structures covers: distances, volumes and environments, as data. */
import type { Frame } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import type { EnvironmentSpace } from '../environment-space.ts';
import { type PairDistances, pairDistances } from '../portrait/distributions.ts';
import type { Sample } from './draft.ts';

export interface Coverage {
  readonly groups: readonly CoveredGroup[];
  /** Of the structures that were kept; null where there are none to count. */
  readonly distances: readonly PairDistances[];
  readonly map: CoverageMap;
}

export interface CoveredGroup {
  readonly name: string;
  /** Structures that were made, and that were kept. */
  readonly made: number;
  readonly kept: number;
  /** Atoms in those that were kept. */
  readonly atoms: number;
  /** Of those that were kept, Å³/atom; empty for molecules and for slabs, whose cells are mostly vacuum. */
  readonly volumes_A3_per_atom: readonly number[];
}

/** Environments along the two directions in which they differ most. */
export interface CoverageMap {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Number of the group of each point. */
  readonly group: readonly number[];
  /** Whether its structure was kept. */
  readonly kept: readonly boolean[];
  /** Shares of the variance of all features that the two directions hold. */
  readonly explained: readonly [number, number];
  /** Environments of all structures that were made; some thousands of them are points. */
  readonly total: number;
}

/** Points of a map. */
export const MOST_POINTS = 6000;

/**
 * @param kept numbers of the samples that were kept, ascending
 * @param environments points, and the numbers of the samples that they belong to
 */
export function coverageOf(
  samples: readonly Sample[],
  kept: readonly number[],
  environments: { readonly space: EnvironmentSpace; readonly shown: readonly number[] },
): Coverage {
  const names = [...new Set(samples.map(({ group }) => group))];
  const isKept = new Set(kept);
  const groups = names.map((name): CoveredGroup => {
    const own = samples.filter(({ group }) => group === name);
    const left = kept.map((k) => samples[k]).filter(({ group }) => group === name);
    return {
      name,
      made: own.length,
      kept: left.length,
      atoms: left.reduce((sum, { structure }) => sum + structure.numbers.length, 0),
      volumes_A3_per_atom: left.flatMap(({ structure, info }) =>
        structure.pbc.every(Boolean) && info.vacuum_A === undefined
          ? [cellVolume(structure.cell) / structure.numbers.length]
          : [],
      ),
    };
  });
  return {
    groups,
    distances: pairDistances(kept.map((k, index) => frameOf(samples[k], index))),
    map: mapOf(
      environments.shown.map((k) => ({ group: names.indexOf(samples[k].group), isKept: isKept.has(k) })),
      environments.space,
      samples.reduce((sum, { structure }) => sum + structure.numbers.length, 0),
    ),
  };
}

function mapOf(
  frames: readonly { readonly group: number; readonly isKept: boolean }[],
  { dimensions, points, first, explained, species }: EnvironmentSpace,
  total: number,
): CoverageMap {
  const count = species.length;
  const stride = Math.max(1, count / MOST_POINTS);
  const map = { x: [] as number[], y: [] as number[], group: [] as number[], kept: [] as boolean[] };
  for (let k = 0, frame = 0; k < MOST_POINTS && Math.floor(k * stride) < count; k++) {
    const i = Math.floor(k * stride);
    while (first[frame + 1] <= i) frame++;
    map.x.push(Number(points[i * dimensions].toPrecision(5)));
    map.y.push(Number(points[i * dimensions + 1].toPrecision(5)));
    map.group.push(frames[frame].group);
    map.kept.push(frames[frame].isKept);
  }
  return { ...map, explained: [explained[0], explained[1]], total };
}

function frameOf({ structure, group, info }: Sample, index: number): Frame {
  return { structure, labels: {}, group, info, arrays: {}, line: 0, index };
}
