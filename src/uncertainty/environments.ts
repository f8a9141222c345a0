/** Features of atoms, species by species. */
import type { Frame } from '../data/dataset.ts';
import { symbolOf } from '../elements.ts';
import type { EnginePotential } from '../model/short-range.ts';
import { type NeighbourList, neighboursFor } from '../structure/neighbours.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { neighbourCounts } from './domain-crowding.ts';

/** Atoms of one species of a structure. */
export interface SpeciesFeatures {
  /** Features x, [n][F]. */
  readonly rows: Float64Array;
  /** Which atoms these are, [n]. */
  readonly atoms: Int32Array;
  /** Neighbours of each, see `neighbourCounts`, [n]. */
  readonly counts: Float64Array;
}

/** Numbers that describe an environment, F. */
export function featureLength(potential: EnginePotential): number {
  const alone = createStructure([symbolOf(potential.elements[0])], [0, 0, 0]);
  return potential.engine.features(potential.system(alone)).length;
}

/** Features of the atoms of a structure, by species in the order of the potential's elements. */
export function featuresBySpecies(
  potential: EnginePotential,
  structure: Structure,
  neighbours?: NeighbourList,
): SpeciesFeatures[] {
  const list = neighboursFor(structure, potential.cutoff, neighbours);
  const system = potential.system(structure, list);
  const counts = neighbourCounts(structure, list, potential.cutoff);
  const x = potential.engine.features(system);
  const N = structure.numbers.length;
  const F = x.length / N;
  if (potential.elements.length === 1) return [{ rows: x, atoms: Int32Array.from({ length: N }, (_, i) => i), counts }];
  return potential.elements.map((_, s) => {
    const atoms = Int32Array.from(Array.from({ length: N }, (_, i) => i).filter((i) => system.species[i] === s));
    const rows = new Float64Array(atoms.length * F);
    for (const [k, i] of atoms.entries()) rows.set(x.subarray(i * F, (i + 1) * F), k * F);
    return { rows, atoms, counts: Float64Array.from(atoms, (i) => counts[i]) };
  });
}

/** Environments of one species in some frames. */
export interface Environments {
  /** Features, [n][F]. */
  readonly rows: Float64Array;
  /** Position of the frame of each in the list of frames, [n]. */
  readonly frame: Int32Array;
  /** Neighbours of each, see `neighbourCounts`, [n]. */
  readonly counts: Float64Array;
}

/** The environments of all atoms of some frames, by species. */
export function environmentsOf(potential: EnginePotential, frames: readonly Frame[]): Environments[] {
  const parts = potential.elements.map((): { rows: Float64Array; counts: Float64Array; frame: number }[] => []);
  for (const [frame, { structure }] of frames.entries()) {
    for (const [s, { rows, atoms, counts }] of featuresBySpecies(potential, structure).entries()) {
      if (atoms.length > 0) parts[s].push({ rows, counts, frame });
    }
  }
  const F = featureLength(potential);
  return parts.map((list) => {
    const total = list.reduce((sum, { rows }) => sum + rows.length, 0);
    const rows = new Float64Array(total);
    const frame = new Int32Array(total / F);
    const counts = new Float64Array(total / F);
    let at = 0;
    for (const part of list) {
      rows.set(part.rows, at);
      counts.set(part.counts, at / F);
      frame.fill(part.frame, at / F, (at += part.rows.length) / F);
    }
    return { rows, frame, counts };
  });
}
