/** What training frames hold, as far as it bears on what a potential may be used for. */
import type { Frame } from '../data/dataset.ts';
import { symbolOf } from '../elements.ts';
import { cellHeights, cellVolume, inverseCell } from '../structure/cell.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import type { ScopeReport, Span } from './trust-data.ts';

/** A gap between atoms that is wider than this along a lattice vector is vacuum, Å. */
const VACUUM = 6;
/** Neighbours nearer than this are looked at for the shortest distances, Å. */
const REACH = 3.2;
/** Atoms whose neighbours are looked at. */
const MOST_ATOMS = 50_000;
/** `300 K`, `train_1200K`: in names of groups and files and in comments. */
const KELVIN = /(?:^|[^\d.])(\d{2,5}(?:\.\d+)?)[ _]?K(?![A-Za-z])/g;
const TEMPERATURE_KEYS = /^(?:temperature|temp|t)(?:_k)?$/i;

/**
 * Groups, kinds of structures, and ranges of temperature, volume, pressure, force and distance.
 * @param sources names of the files: `train_300K.extxyz` says a temperature
 */
export function scopeOf(frames: readonly Frame[], options: { readonly sources?: readonly string[] } = {}): ScopeReport {
  const { sources = [] } = options;
  const counts = new Map<string, number>();
  for (const { group } of frames) counts.set(group, (counts.get(group) ?? 0) + 1);
  const groups = Array.from(counts, ([name, number]) => ({ name, frames: number })).sort((p, q) => q.frames - p.frames);
  const kinds = frames.map(({ structure }) => kindOf(structure));
  const bulk = frames.filter((_, k) => kinds[k] === 'bulk');
  const volume = ({ structure }: Frame): number => cellVolume(structure.cell) / structure.numbers.length;
  const resting = lowest(bulk);
  return {
    frames: frames.length,
    atoms: frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0),
    groups,
    kinds: {
      bulk: bulk.length,
      surface: kinds.filter((kind) => kind === 'surface').length,
      molecule: kinds.filter((kind) => kind === 'molecule').length,
    },
    ...span('temperature', temperatures(frames, sources)),
    ...span('volumePerAtom', bulk.map(volume)),
    ...(resting !== undefined && { restingVolume: volume(resting) }),
    ...span('pressure', frames.flatMap(pressureOf)),
    ...largest(frames),
    shortest: shortestDistances(frames),
  };
}

function span<K extends string>(key: K, values: readonly number[]): { [P in K]?: Span } {
  if (values.length === 0) return {};
  const range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  for (const value of values) {
    range.min = Math.min(range.min, value);
    range.max = Math.max(range.max, value);
  }
  return { [key]: range } as { [P in K]?: Span };
}

function lowest(frames: readonly Frame[]): Frame | undefined {
  const energy = ({ labels, structure }: Frame): number =>
    (labels.energy ?? Number.POSITIVE_INFINITY) / structure.numbers.length;
  return frames.reduce<Frame | undefined>(
    (best, frame) =>
      frame.labels.energy !== undefined && (best === undefined || energy(frame) < energy(best)) ? frame : best,
    undefined,
  );
}

function pressureOf({ labels: { stress } }: Frame): number[] {
  return stress === undefined ? [] : [-(stress[0] + stress[4] + stress[8]) / 3];
}

function largest(frames: readonly Frame[]): { largestForce?: number } {
  let most = -1;
  for (const { labels } of frames) {
    const { forces } = labels;
    if (forces === undefined) continue;
    for (let c = 0; c < forces.length; c += 3)
      most = Math.max(most, Math.hypot(forces[c], forces[c + 1], forces[c + 2]));
  }
  return most < 0 ? {} : { largestForce: most };
}

/** What repeats in all directions without vacuum is bulk; what never repeats, or has vacuum all around, a molecule. */
function kindOf(structure: Structure): 'bulk' | 'surface' | 'molecule' {
  const open = [0, 1, 2].filter((k) => !structure.pbc[k]);
  const directions = open.length === 0 ? vacuumAlong(structure) : open.length;
  return directions === 0 ? 'bulk' : directions === 3 ? 'molecule' : 'surface';
}

/** Along how many lattice vectors there is a gap that is wider than `VACUUM`. */
function vacuumAlong({ cell, positions }: Structure): number {
  const inverse = inverseCell(cell);
  const heights = cellHeights(cell);
  return [0, 1, 2].filter((k) => {
    if (heights[k] <= VACUUM) return false;
    const fractions = Float64Array.from({ length: positions.length / 3 }, (_, i) => {
      const f = [0, 1, 2].reduce((sum, c) => sum + positions[3 * i + c] * inverse[3 * c + k], 0);
      return f - Math.floor(f);
    }).sort();
    let gap = fractions[0] + 1 - fractions[fractions.length - 1];
    for (let i = 1; i < fractions.length; i++) gap = Math.max(gap, fractions[i] - fractions[i - 1]);
    return gap * heights[k] > VACUUM;
  }).length;
}

function temperatures(frames: readonly Frame[], sources: readonly string[]): number[] {
  const texts = new Set([...sources, ...frames.map(({ group }) => group)]);
  const found: number[] = [];
  for (const { info } of frames) {
    for (const [key, value] of Object.entries(info)) {
      if (typeof value === 'string') texts.add(value);
      if (typeof value === 'number' && value > 0 && TEMPERATURE_KEYS.test(key)) found.push(value);
    }
  }
  for (const text of texts) for (const [, kelvin] of text.matchAll(KELVIN)) found.push(Number(kelvin));
  return found;
}

/** By pair of elements; of evenly spread frames where there are many atoms. */
function shortestDistances(frames: readonly Frame[]): { pair: string; distance: number }[] {
  const atoms = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const stride = Math.max(1, atoms / MOST_ATOMS);
  const shortest = new Map<string, number>();
  for (let k = 0; Math.floor(k * stride) < frames.length; k++) {
    const { structure } = frames[Math.floor(k * stride)];
    const { numbers } = structure;
    const list = buildNeighbourList(structure, REACH);
    const at = sitePosition(structure, list);
    for (let i = 0; i < numbers.length; i++) {
      for (let e = list.first[i]; e < list.first[i + 1]; e++) {
        const site = list.neighbours[e];
        const [p, q] = [numbers[i], numbers[list.owner[site]]];
        if (p > q) continue;
        const pair = `${symbolOf(p)}–${symbolOf(q)}`;
        const distance = Math.hypot(...[0, 1, 2].map((c) => at(site, c) - at(i, c)));
        if (distance < (shortest.get(pair) ?? Number.POSITIVE_INFINITY)) shortest.set(pair, distance);
      }
    }
  }
  return Array.from(shortest, ([pair, distance]) => ({ pair, distance })).sort((p, q) => p.distance - q.distance);
}

function sitePosition(
  { positions, cell }: Structure,
  { owner, shift }: { readonly owner: Int32Array; readonly shift: Int32Array },
): (site: number, c: number) => number {
  return (site, c) =>
    positions[3 * owner[site] + c] +
    shift[3 * site] * cell[c] +
    shift[3 * site + 1] * cell[3 + c] +
    shift[3 * site + 2] * cell[6 + c];
}
