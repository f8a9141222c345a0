/** What a potential leaves of some labels, in the form that the fit of variances takes. */
import type { Frame } from '../data/dataset.ts';
import { stressVolume } from '../model/errors.ts';
import type { Committee, Evaluation, Potential } from '../model/potential.ts';
import { speciesOf } from '../model/short-range.ts';
import { evaluateCommittee, type Spread } from './committee.ts';
import { ATOM_FEATURES, type FeatureScale } from './noise-record.ts';
import type { Residuals } from './variance-fit.ts';

/** A frame, the index of its group, and whether the potential has not seen it. */
export interface GroupedFrame {
  readonly frame: Frame;
  readonly group: number;
  readonly heldOut: boolean;
}

/** Residuals of one quantity, and the labelled frames by group. */
export interface Quantity {
  readonly residuals: Residuals;
  readonly train: Int32Array;
  readonly heldOut: Int32Array;
}

export interface Sample {
  readonly energy: Quantity;
  readonly forces: Quantity;
  readonly stress: Quantity;
  readonly scale: FeatureScale;
  /** Frames that were looked at. */
  readonly frames: { readonly train: number; readonly heldOut: number };
}

/** A list of residuals that grows. */
interface Draft {
  readonly components: number;
  readonly squares: number[];
  readonly spreads: number[];
  readonly species: number[];
  readonly groups: number[];
  readonly frames: number[];
  readonly heldOut: number[];
  readonly counts: { readonly train: Int32Array; readonly heldOut: Int32Array };
}

/** What the features of an atom are made of. */
interface AtomDraft {
  /** |F|², eV²/Å², and the atom's energy, eV. */
  readonly force: number[];
  readonly energy: number[];
}

/** Residuals of frames (those that are trained on first or last, as they come) with a potential; `groups`: how many. */
export function collectResiduals(
  potential: Potential & Committee,
  frames: readonly GroupedFrame[],
  groups: number,
): Sample {
  const energy = draft(1, groups);
  const forces = draft(3, groups);
  const stress = draft(6, groups);
  const atoms: AtomDraft = { force: [], energy: [] };
  for (const [f, frame] of frames.entries()) {
    const { structure, labels } = frame.frame;
    const said = evaluateCommittee(potential, structure);
    const N = structure.numbers.length;
    if (labels.energy !== undefined) {
      add(energy, frame, f, [((labels.energy - said.mean.energy) / N) ** 2, (said.spread.energy / N) ** 2]);
    }
    if (labels.forces !== undefined) {
      addForces({ forces, atoms }, frame, f, { ...said, species: speciesOf(potential.elements, structure.numbers) });
    }
    const volume = stressVolume(structure);
    if (labels.stress === undefined || volume === null) continue;
    const { mean, spread } = said;
    const error = meanSquare(labels.stress, (c) => labels.stress![c] - mean.strainGradient[c] / volume);
    add(stress, frame, f, [error, meanSquare(labels.stress, (c) => spread.strainGradient[c] / volume)]);
  }
  const scale = scaleOf(atoms, forces.species, potential.elements.length);
  const heldOut = frames.filter((frame) => frame.heldOut).length;
  return {
    energy: finished(energy, ones(energy.squares.length)),
    forces: finished(forces, atomFeatures(atoms, forces.species, scale)),
    stress: finished(stress, ones(stress.squares.length)),
    scale: { ...scale, ...reachOf(atomFeatures(atoms, forces.species, scale)) },
    frames: { train: frames.length - heldOut, heldOut },
  };
}

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

function draft(components: number, groups: number): Draft {
  const counts = { train: new Int32Array(groups), heldOut: new Int32Array(groups) };
  return { components, counts, squares: [], spreads: [], species: [], groups: [], frames: [], heldOut: [] };
}

function add(to: Draft, { group, heldOut }: GroupedFrame, frame: number, squares: readonly [number, number]): void {
  to.counts[heldOut ? 'heldOut' : 'train'][group]++;
  to.squares.push(squares[0]);
  to.spreads.push(squares[1]);
  to.species.push(0);
  to.groups.push(group);
  to.frames.push(frame);
  to.heldOut.push(heldOut ? 1 : 0);
}

function addForces(
  { forces, atoms }: { readonly forces: Draft; readonly atoms: AtomDraft },
  { frame, group, heldOut }: GroupedFrame,
  f: number,
  { mean, spread, species }: { readonly mean: Evaluation; readonly spread: Spread; readonly species: Int32Array },
): void {
  const labels = frame.labels.forces!;
  forces.counts[heldOut ? 'heldOut' : 'train'][group]++;
  for (let i = 0; i < species.length; i++) {
    const three = [3 * i, 3 * i + 1, 3 * i + 2];
    forces.squares.push(meanSquare(three, (c) => labels[three[c]] - mean.forces[three[c]]));
    forces.spreads.push(meanSquare(three, (c) => spread.forces[three[c]]));
    forces.species.push(species[i]);
    forces.groups.push(group);
    forces.frames.push(f);
    forces.heldOut.push(heldOut ? 1 : 0);
    atoms.force.push(3 * meanSquare(three, (c) => mean.forces[three[c]]));
    atoms.energy.push(mean.atomicEnergies[i]);
  }
}

function meanSquare(over: ArrayLike<number>, of: (c: number) => number): number {
  let sum = 0;
  for (let c = 0; c < over.length; c++) sum += of(c) ** 2;
  return sum / over.length;
}

/** With one member nothing is known of the spread: it is taken as the same everywhere, of the size of the errors. */
function spreadsOf({ spreads, squares }: Draft): Float64Array {
  if (spreads.some((u) => u > 0)) return Float64Array.from(spreads);
  const mean = squares.reduce((sum, x) => sum + x / squares.length, 0);
  return new Float64Array(squares.length).fill(mean);
}

function finished(from: Draft, features: Float64Array): Quantity {
  const { components, squares, species, groups, frames, heldOut, counts } = from;
  return {
    residuals: {
      ...{ components, squares: Float64Array.from(squares), spreads: spreadsOf(from), features },
      ...{ species: Int32Array.from(species), groups: Int32Array.from(groups), frames: Int32Array.from(frames) },
      heldOut: Uint8Array.from(heldOut),
    },
    ...counts,
  };
}

type Units = Pick<FeatureScale, 'force' | 'energies'>;

function scaleOf({ force, energy }: AtomDraft, species: readonly number[], elements: number): Units {
  const sums = Array.from({ length: elements }, () => ({ n: 0, first: 0, second: 0 }));
  for (const [i, z] of species.entries()) {
    sums[z].n++;
    sums[z].first += energy[i];
  }
  for (const [i, z] of species.entries()) sums[z].second += (energy[i] - sums[z].first / sums[z].n) ** 2;
  return {
    force: Math.sqrt(force.reduce((sum, x) => sum + x / force.length, 0)) || 1,
    energies: sums.map(({ n, first, second }) => ({
      mean: n === 0 ? 0 : first / n,
      // Where all atoms are the same their energies differ by rounding.
      deviation: n === 0 ? 1 : Math.sqrt(second / n) + 1e-3,
    })),
  };
}

/** Atoms at rest are not infinitely different from those that feel a little. */
const LEAST_FORCE = 0.1;

/** Features of an atom, x: 1, log of the force, energy above the mean of its element; within what the training knows. */
function atomFeatures({ force, energy }: AtomDraft, species: readonly number[], scale: Units): Float64Array {
  const x = new Float64Array((1 + ATOM_FEATURES) * species.length);
  for (const [i, z] of species.entries()) {
    const { mean, deviation } = scale.energies[z];
    x[3 * i] = 1;
    x[3 * i + 1] = Math.log(LEAST_FORCE ** 2 + force[i] / scale.force ** 2) / 2;
    x[3 * i + 2] = Math.asinh((energy[i] - mean) / deviation);
  }
  return x;
}

function reachOf(x: Float64Array): Pick<FeatureScale, 'lowest' | 'highest'> {
  const lowest = [0, 0];
  const highest = [0, 0];
  for (let i = 0; i < x.length; i += 3) {
    for (let k = 0; k < ATOM_FEATURES; k++) {
      lowest[k] = i === 0 ? x[i + 1 + k] : Math.min(lowest[k], x[i + 1 + k]);
      highest[k] = i === 0 ? x[i + 1 + k] : Math.max(highest[k], x[i + 1 + k]);
    }
  }
  return { lowest, highest };
}

/** Features of the atoms of a structure, [N][1 + ATOM_FEATURES]: never beyond those of the training. */
export function featuresOf(
  { forces, atomicEnergies }: Pick<Evaluation, 'forces' | 'atomicEnergies'>,
  species: Int32Array,
  scale: FeatureScale,
): Float64Array {
  const { lowest, highest } = scale;
  const force = Array.from(species, (_, i) => forces[3 * i] ** 2 + forces[3 * i + 1] ** 2 + forces[3 * i + 2] ** 2);
  const x = atomFeatures({ force, energy: Array.from(atomicEnergies) }, Array.from(species), scale);
  return x.map((value, at) => {
    const k = (at % (1 + ATOM_FEATURES)) - 1;
    return k < 0 ? value : Math.min(Math.max(value, lowest[k]), highest[k]);
  });
}
