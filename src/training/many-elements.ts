/**
 * What a training does otherwise when there are many elements, most of them in few frames: first guesses lean on the
 * periodic table, no single frame rules the loss, and energies do not outweigh forces. docs/theory/species-embedding.md
 */
import type { Frame } from '../data/dataset.ts';
import { periodicPlaceOf } from '../elements.ts';
import { choleskyFactor, choleskySolve } from '../linear-algebra.ts';
import type { Random } from '../random.ts';
import { cellVolume } from '../structure/cell.ts';
import type { TrainingFrame } from './prepare.ts';
import type { LossWeights } from './settings.ts';

/** More elements than this are many: no longer one chemistry, but compounds that have little in common. */
export const MANY_ELEMENTS = 16;

/** Prior of E0: a frame of one element pulls its E0 nine tenths of the way from the mean energy per atom. */
const REFERENCE_RIDGE = 0.1;
/** Standard lengths over which starting vectors change: periods, and groups of the periodic table. */
const PERIOD_REACH = 3;
const GROUP_REACH = 4.5;
/** Share of the variance of starting vectors that belongs to each element alone. */
const OWN_SHARE = 0.15;
/** Share of the frames that count in full. */
const CALM_SHARE = 0.9;
/** Weight decay, per unit of learning rate: ten times the usual, since there is little data for each number. */
export const MANY_ELEMENTS_DECAY = 0.2;
/**
 * Weight of energies: what tells compounds apart is known from few frames of each, and with the usual weight of 30 it is
 * learned by heart, at the cost of forces that are worse than none.
 */
export const MANY_ELEMENTS_ENERGY = 1;

/**
 * E0 of each element, eV: ridge regression of energies per atom on concentrations, towards the mean energy per atom.
 * Every frame counts alike, whatever its size, and an element of a few frames does not take up what is peculiar to them.
 * @param compositions atoms of each species in each structure, [n][S]
 */
export function shrunkReferenceEnergies(
  compositions: readonly Float64Array[],
  energies: readonly number[],
  species: number,
): Float64Array {
  const atoms = compositions.map((counts) => counts.reduce((p, q) => p + q, 0));
  const perAtom = energies.map((energy, n) => energy / atoms[n]);
  const mean = perAtom.reduce((p, q) => p + q, 0) / perAtom.length;
  const normal = new Float64Array(species * species);
  const right = new Float64Array(species);
  for (const [n, counts] of compositions.entries()) {
    for (let s = 0; s < species; s++) {
      if (counts[s] === 0) continue;
      const share = counts[s] / atoms[n];
      right[s] += share * (perAtom[n] - mean);
      for (let t = 0; t < species; t++) normal[s * species + t] += (share * counts[t]) / atoms[n];
    }
  }
  for (let s = 0; s < species; s++) normal[s * (species + 1)] += REFERENCE_RIDGE;
  return choleskySolve(choleskyFactor(normal, species)!, species, right).map((shift) => mean + shift);
}

/** Starting vectors of elements, [S][d]: as different as they can be while there is room, else `periodicVectors`. */
export function startingVectors(elements: readonly number[], embedding: number, random: Random): Float64Array {
  const S = elements.length;
  if (S > embedding) return periodicVectors(elements, embedding, random);
  const vectors = new Float64Array(S * embedding);
  for (let s = 0; s < S; s++) vectors[s * embedding + s] = 1;
  return vectors;
}

/**
 * Starting vectors of elements that share an embedding, [S][d]: each component a random smooth function over the
 * periodic table (a Gaussian process, of variance 1/d) and a little of each element's own. Neighbours in the table start
 * alike, so that what is learned of common elements goes for rare ones too.
 */
export function periodicVectors(elements: readonly number[], embedding: number, random: Random): Float64Array {
  const S = elements.length;
  const places = elements.map(periodicPlaceOf);
  const covariance = new Float64Array(S * S);
  for (const [i, a] of places.entries()) {
    for (const [j, b] of places.entries()) {
      const square = ((a.period - b.period) / PERIOD_REACH) ** 2 + ((a.group - b.group) / GROUP_REACH) ** 2;
      covariance[i * S + j] = (1 - OWN_SHARE) * Math.exp(-square / 2) + (i === j ? OWN_SHARE : 0);
    }
  }
  const L = choleskyFactor(covariance, S)!;
  const vectors = new Float64Array(S * embedding);
  for (let n = 0; n < embedding; n++) {
    const white = Float64Array.from({ length: S }, () => random.normal() / Math.sqrt(embedding));
    for (let i = 0; i < S; i++) {
      for (let k = 0; k <= i; k++) vectors[i * embedding + n] += L[i * S + k] * white[k];
    }
  }
  return vectors;
}

/** What forces and stress of a frame would cost a model that says zero to both; per atom and component, as in the loss. */
function costOfNothing(forces: Float64Array, strainGradient: Float64Array, loss: LossWeights): number {
  const squares = (values: Float64Array): number => values.reduce((sum, x) => sum + x * x, 0);
  const atoms = forces.length / 3;
  return (
    (loss.forces * squares(forces)) / forces.length + (loss.stress * squares(strainGradient)) / (9 * atoms * atoms)
  );
}

/** Factor on the terms of a frame, at most 1: see `LossWeights.frameCap`. */
export function capFactor({ system, has }: TrainingFrame, loss: LossWeights): number {
  if (loss.frameCap === undefined) return 1;
  const none = new Float64Array(9);
  const forces = has.forces ? system.forces : new Float64Array(system.forces.length);
  const cost = costOfNothing(forces, has.stress ? system.strainGradient : none, loss);
  return cost > loss.frameCap ? loss.frameCap / cost : 1;
}

/** The frame with that factor in its weight. */
export function capped(frame: TrainingFrame, loss: LossWeights): TrainingFrame {
  const factor = capFactor(frame, loss);
  return factor === 1 ? frame : { ...frame, weight: factor * (frame.weight ?? 1) };
}

/**
 * What forces and stress of a frame may cost at most, see `LossWeights.frameCap`: nine tenths of the frames stay below.
 * Undefined where there is nothing to cap.
 */
export function frameCapFor(frames: readonly Frame[], loss: LossWeights): number | undefined {
  const costs = frames.map(({ structure, labels }) => {
    const volume = structure.pbc.every((p) => p) ? cellVolume(structure.cell) : 0;
    const gradient = labels.stress?.map((s) => s * volume) ?? new Float64Array(9);
    return costOfNothing(labels.forces ?? new Float64Array(structure.positions.length), gradient, loss);
  });
  const cap = costs.toSorted((p, q) => p - q)[Math.floor(CALM_SHARE * costs.length)];
  return cap > 0 ? cap : undefined;
}
