import type { Frame } from '../../data/dataset.ts';
import type { Structure } from '../../structure/structure.ts';

/** Coordinates that differ by less are the same, Å; twice that may be. */
const GRAIN = 1e-4;

/**
 * Sets of frames with the same atoms, in the same order, at the same places in the same cell: indices, ascending.
 * Copies that were shifted, rotated or relabelled are not found, and coordinates that differ by rounding may be missed
 * where they straddle a multiple of 1e-4 Å.
 */
export function duplicateFrames(frames: readonly Frame[]): number[][] {
  const byHash = new Map<number, number[]>();
  for (const [index, { structure }] of frames.entries()) {
    const hash = hashOf(structure);
    const bucket = byHash.get(hash);
    if (bucket === undefined) byHash.set(hash, [index]);
    else bucket.push(index);
  }
  const sets: number[][] = [];
  for (const bucket of byHash.values()) {
    let rest: readonly number[] = bucket;
    while (rest.length > 1) {
      const [first, ...others] = rest;
      const alike = others.filter((index) => same(frames[first].structure, frames[index].structure));
      if (alike.length > 0) sets.push([first, ...alike]);
      const taken = new Set(alike);
      rest = others.filter((index) => !taken.has(index));
    }
  }
  return sets.sort((a, b) => a[0] - b[0]);
}

/** Energies of one geometry that differ by more contradict each other, eV/atom. */
export const SAME_ENERGY = 1e-3;
/** And forces, eV/Å, or as a share of the largest component: two grains move stiff bonds by less. */
const SAME_FORCE = 0.05;
const SAME_SHARE = 0.02;

/** Sets of frames with one structure: those whose labels contradict each other, and those that just repeat. */
export function duplicateSets(frames: readonly Frame[]): {
  readonly conflicting: readonly number[][];
  readonly plain: readonly number[][];
} {
  const conflicting: number[][] = [];
  const plain: number[][] = [];
  for (const set of duplicateFrames(frames)) {
    const contradicts = energySpread(frames, set) > SAME_ENERGY || forceConflict(frames, set) > 0;
    (contradicts ? conflicting : plain).push(set);
  }
  return { conflicting, plain };
}

/** Frames of a set that have no label but those that a kept one has, too; kept are those with the most labels. */
export function redundantFrames(frames: readonly Frame[], set: readonly number[]): number[] {
  const labelsOf = (index: number): string[] => {
    const { energy, forces, stress } = frames[index].labels;
    return Object.entries({ energy, forces, stress }).flatMap(([name, label]) => (label === undefined ? [] : [name]));
  };
  const kept: string[][] = [];
  const redundant: number[] = [];
  for (const index of [...set].sort((a, b) => labelsOf(b).length - labelsOf(a).length || a - b)) {
    const mine = labelsOf(index);
    if (kept.some((other) => mine.every((name) => other.includes(name)))) redundant.push(index);
    else kept.push(mine);
  }
  return redundant;
}

/** Largest difference between forces of the frames, eV/Å; 0 where they may pass for the same. */
export function forceConflict(frames: readonly Frame[], set: readonly number[]): number {
  const [first, ...others] = set.flatMap((index) => {
    const { forces } = frames[index].labels;
    return forces === undefined ? [] : [forces];
  });
  let size = 0;
  let most = 0;
  for (const forces of others) {
    for (let c = 0; c < forces.length; c++) {
      size = Math.max(size, Math.abs(forces[c]), Math.abs(first[c]));
      most = Math.max(most, Math.abs(forces[c] - first[c]));
    }
  }
  return most > Math.max(SAME_FORCE, SAME_SHARE * size) ? most : 0;
}

/** Largest less smallest energy of the frames, eV/atom. */
export function energySpread(frames: readonly Frame[], set: readonly number[]): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const index of set) {
    const { labels, structure } = frames[index];
    if (labels.energy === undefined) continue;
    low = Math.min(low, labels.energy / structure.numbers.length);
    high = Math.max(high, labels.energy / structure.numbers.length);
  }
  return Math.max(0, high - low);
}

/** FNV-1a of what makes a structure, coordinates in grains. */
function hashOf({ numbers, positions, cell, pbc }: Structure): number {
  let hash = (pbc[0] ? 1 : 0) + (pbc[1] ? 2 : 0) + (pbc[2] ? 4 : 0);
  for (let i = 0; i < numbers.length; i++) hash = mixed(hash, numbers[i]);
  for (let c = 0; c < positions.length; c++) hash = mixed(hash, Math.floor(positions[c] / GRAIN + 0.5) | 0);
  for (let c = 0; c < 9; c++) hash = mixed(hash, Math.floor(cell[c] / GRAIN + 0.5) | 0);
  return hash;
}

function mixed(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x01000193);
  return product ^ (product >>> 15);
}

function same(a: Structure, b: Structure): boolean {
  return (
    a.numbers.length === b.numbers.length &&
    a.numbers.every((z, i) => z === b.numbers[i]) &&
    a.pbc.every((repeats, k) => repeats === b.pbc[k]) &&
    a.cell.every((x, k) => Math.abs(x - b.cell[k]) <= GRAIN) &&
    a.positions.every((x, k) => Math.abs(x - b.positions[k]) <= GRAIN)
  );
}
