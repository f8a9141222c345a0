/** How often values occur: what is drawn of a data set, bounded in size whatever the data set's. */
import type { Frame } from '../../data/dataset.ts';
import { symbolOf } from '../../elements.ts';
import { cellVolume } from '../../structure/cell.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';

/** Counts of values between equally spaced edges. */
export interface Histogram {
  readonly from: number;
  readonly width: number;
  readonly counts: readonly number[];
}

/** Energy against volume of the frames of one group that repeat in all directions. */
export interface EnergyVolumeSeries {
  readonly group: string;
  /** Å³/atom. */
  readonly volume: readonly number[];
  /** eV/atom. */
  readonly energy: readonly number[];
}

/** Sizes |F| of the forces on the atoms of one element. */
export interface ForceSizes {
  readonly element: string;
  readonly atoms: number;
  /** Of |F|, eV/Å. */
  readonly histogram: Histogram;
}

/** Distances between two elements. */
export interface PairDistances {
  readonly elements: readonly [string, string];
  /** Pairs that were counted. */
  readonly pairs: number;
  /** Å; null where no two such atoms are within reach. */
  readonly shortest: number | null;
  /** Å, middle of each interval. */
  readonly distance: readonly number[];
  /** Neighbours of the second element around an atom of the first, per volume of the shell, Å⁻³. */
  readonly density: readonly number[];
}

const BINS = 60;

/**
 * Counts of finite values in `bins` intervals; the last edge is at the quantile `upTo` of their sizes, and what lies
 * beyond goes into the last interval.
 */
export function histogramOf(values: Float64Array, bins: number = BINS, upTo = 1): Histogram {
  const sorted = values.filter(Number.isFinite).sort();
  if (sorted.length === 0) return { from: 0, width: 1, counts: [] };
  const from = sorted[0];
  const last = sorted[Math.min(sorted.length - 1, Math.floor(upTo * sorted.length))];
  const width = (last - from) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const value of sorted) counts[Math.min(bins - 1, Math.floor((value - from) / width))]++;
  return { from, width, counts };
}

/** Energies per atom against volumes per atom, group by group, in the order of the file. */
export function energyVolumes(frames: readonly Frame[]): EnergyVolumeSeries[] {
  const series = new Map<string, { volume: number[]; energy: number[] }>();
  for (const { structure, labels, group } of frames) {
    if (labels.energy === undefined || !structure.pbc.every(Boolean)) continue;
    const points = series.get(group) ?? { volume: [], energy: [] };
    points.volume.push(cellVolume(structure.cell) / structure.numbers.length);
    points.energy.push(labels.energy / structure.numbers.length);
    series.set(group, points);
  }
  return Array.from(series, ([group, points]) => ({ group, ...points }));
}

/** How large the forces on each element are, by atomic number. */
export function forceSizes(frames: readonly Frame[]): ForceSizes[] {
  const sizes = new Map<number, number[]>();
  for (const { structure, labels } of frames) {
    const { forces } = labels;
    if (forces === undefined) continue;
    for (const [i, z] of structure.numbers.entries()) {
      const ofElement = sizes.get(z) ?? [];
      ofElement.push(Math.hypot(forces[3 * i], forces[3 * i + 1], forces[3 * i + 2]));
      sizes.set(z, ofElement);
    }
  }
  return [...sizes]
    .sort(([a], [b]) => a - b)
    .map(([z, values]) => ({
      element: symbolOf(z),
      atoms: values.length,
      histogram: histogramOf(Float64Array.from(values), BINS, 0.999),
    }));
}

/** Å. */
const REACH = 6;
const SHELLS = 120;

/** Densities of neighbours around atoms, for every pair of elements of these frames. */
export function pairDistances(frames: readonly Frame[]): PairDistances[] {
  const atoms = new Map<number, number>();
  const pairs = new Map<string, { a: number; b: number; counts: Float64Array; shortest: number }>();
  for (const { structure } of frames) {
    const { numbers } = structure;
    const list = buildNeighbourList(structure, REACH);
    const sites = sitePositions(list, structure);
    for (const [i, z] of numbers.entries()) {
      atoms.set(z, (atoms.get(z) ?? 0) + 1);
      for (let edge = list.first[i]; edge < list.first[i + 1]; edge++) {
        const s = list.neighbours[edge];
        const other = numbers[list.owner[s]];
        if (other < z) continue;
        const r = Math.hypot(
          sites[3 * s] - sites[3 * i],
          sites[3 * s + 1] - sites[3 * i + 1],
          sites[3 * s + 2] - sites[3 * i + 2],
        );
        const key = `${z} ${other}`;
        let pair = pairs.get(key);
        if (pair === undefined) {
          pair = { a: z, b: other, counts: new Float64Array(SHELLS), shortest: r };
          pairs.set(key, pair);
        }
        pair.shortest = Math.min(pair.shortest, r);
        pair.counts[Math.min(SHELLS - 1, Math.floor((r / REACH) * SHELLS))]++;
      }
    }
  }
  const step = REACH / SHELLS;
  return [...pairs.values()]
    .sort((p, q) => p.a - q.a || p.b - q.b)
    .map(({ a, b, counts, shortest }) => ({
      elements: [symbolOf(a), symbolOf(b)] as const,
      pairs: counts.reduce((sum, count) => sum + count, 0),
      shortest,
      distance: Array.from(counts, (_, k) => (k + 0.5) * step),
      density: Array.from(counts, (count, k) => {
        const shell = (4 / 3) * Math.PI * step ** 3 * ((k + 1) ** 3 - k ** 3);
        return count / ((atoms.get(a) ?? 1) * shell);
      }),
    }));
}
