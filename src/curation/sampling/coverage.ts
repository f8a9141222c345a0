/** What a set of structures covers: distances, volumes and environments, as data. */
import type { Frame } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import { type PairDistances, pairDistances } from '../portrait/distributions.ts';
import type { EnvironmentSpace } from './environments.ts';
import type { Sample } from './run.ts';

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
  /** Environments before thinning to some thousands of points. */
  readonly total: number;
}

/** Points of a map. */
const MOST_POINTS = 6000;

/** @param kept numbers of the samples that were kept, ascending */
export function coverageOf(samples: readonly Sample[], kept: readonly number[], space: EnvironmentSpace): Coverage {
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
      samples.map(({ group }) => names.indexOf(group)),
      isKept,
      space,
    ),
  };
}

function mapOf(group: readonly number[], isKept: ReadonlySet<number>, space: EnvironmentSpace): CoverageMap {
  const { dimensions, points, first, explained } = space;
  const total = space.species.length;
  const stride = Math.max(1, total / MOST_POINTS);
  const map = { x: [] as number[], y: [] as number[], group: [] as number[], kept: [] as boolean[] };
  for (let k = 0, frame = 0; k < MOST_POINTS && Math.floor(k * stride) < total; k++) {
    const i = Math.floor(k * stride);
    while (first[frame + 1] <= i) frame++;
    map.x.push(Number(points[i * dimensions].toPrecision(5)));
    map.y.push(Number(points[i * dimensions + 1].toPrecision(5)));
    map.group.push(group[frame]);
    map.kept.push(isKept.has(frame));
  }
  return { ...map, explained: [explained[0], explained[1]], total };
}

function frameOf({ structure, group, info }: Sample, index: number): Frame {
  return { structure, labels: {}, group, info, arrays: {}, line: 0, index };
}
