import type { Random } from '../random.ts';
import { loadReferenceSymmetry } from './reference/symmetry.ts';
import { mostFunctions, type SymmetryFunction, type SymmetryShape, symmetryLayout } from './symmetry.ts';
import { randomSystem } from './testing.ts';

/** Random models of symmetry functions for the tests of the kernels; systems for them come from `testing.ts`. */

/**
 * A small shape from all corners of what the contract allows: functions of all kinds, element-resolved and weighted, with
 * several cutoffs, and unequal numbers of them for the species.
 */
export function randomSymmetryShape(random: Random): SymmetryShape {
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)];
  const species = pick(1, 2, 3);
  const cutoff = 4 + random.uniform();
  const cutoffKind = pick('cosine', 'tanh3', 'poly2');
  return {
    species,
    cutoff,
    cutoffKind,
    inner: cutoffKind === 'tanh3' ? 0 : pick(0, 0.4),
    functions: Array.from({ length: species }, () => randomFunctions(species, cutoff, random)),
    elementWeights: Array.from({ length: species }, () => 1 + random.below(6)),
    hidden: [pick(3, 4, 8, 17), pick(3, 4, 8, 17)],
    activation: pick('tanh', 'softplus', 'silu'),
    heads: pick(1, 3),
  };
}

function randomFunctions(species: number, cutoff: number, random: Random): SymmetryFunction[] {
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)];
  const gaussian = () => ({
    eta: pick(0, 0.01, 0.1, 0.6),
    shift: pick(0, 0, 1.5),
    cutoff: cutoff * pick(1, 0.85),
  });
  const radial = (): SymmetryFunction => ({
    kind: 'radial',
    neighbour: pick(null, random.below(species), random.below(species)),
    ...gaussian(),
  });
  const angular = (): SymmetryFunction => {
    const [s1, s2] = [random.below(species), random.below(species)];
    const pair: [number, number] = [Math.min(s1, s2), Math.max(s1, s2)];
    return {
      kind: pick('narrow', 'wide'),
      neighbours: pick(null, pair, pair),
      lambda: pick(1, -1),
      zeta: pick(1, 2, 2.5, 3, 4, 16),
      ...gaussian(),
    };
  };
  return [
    // The smoothest one sees everything within the cutoff: no atom is without a say.
    { kind: 'radial', neighbour: null, eta: 0.1, shift: 0, cutoff },
    ...Array.from({ length: random.below(4) }, radial),
    ...Array.from({ length: random.below(7) }, angular),
  ];
}

/**
 * Weights that make a lively model of a shape: scaled symmetry functions of the order of 1 in a condensed system,
 * energies and forces of the order of 1 eV per atom and 1 eV/Å, and no block of weights without a say in them.
 */
export function randomSymmetryWeights(shape: SymmetryShape, random: Random): Float64Array {
  const { scaling, networks, length } = symmetryLayout(shape);
  const [H1, H2] = shape.hidden;
  const weights = new Float64Array(length);
  const fill = (at: number, count: number, width: number): void => {
    for (let i = 0; i < count; i++) weights[at + i] = width * random.normal();
  };
  for (const head of networks) {
    for (const [z, { w1, b1, w2, b2, w3, b3 }] of head.entries()) {
      const F = shape.functions[z].length;
      fill(w1, F * H1, 1 / Math.sqrt(F));
      fill(b1, H1, 0.5);
      fill(w2, H1 * H2, 1.5 / Math.sqrt(H1));
      fill(b2, H2, 0.5);
      fill(w3, H2, 2 / Math.sqrt(H2));
      fill(b3, 1, 1);
    }
  }
  for (const [z, { centre, deviation }] of scaling.entries()) {
    const samples = sampleFeatures(shape, z, random);
    for (let f = 0; f < shape.functions[z].length; f++) {
      const mean = samples.reduce((sum, G) => sum + G[f], 0) / samples.length;
      const square = samples.reduce((sum, G) => sum + (G[f] - mean) ** 2, 0) / samples.length;
      weights[centre + f] = mean;
      weights[deviation + f] = Math.sqrt(square) + 1e-3;
    }
  }
  return weights;
}

/** Symmetry functions of some atoms of species z in random crystals. */
function sampleFeatures(shape: SymmetryShape, z: number, random: Random): Float64Array[] {
  const unscaled = new Float64Array(symmetryLayout(shape).length);
  for (const [s, { deviation }] of symmetryLayout(shape).scaling.entries()) {
    unscaled.fill(1, deviation, deviation + shape.functions[s].length);
  }
  const model = loadReferenceSymmetry(shape, unscaled);
  const row = mostFunctions(shape);
  const samples: Float64Array[] = [];
  for (let n = 0; n < 2; n++) {
    const system = randomSystem(shape, random, { atoms: 6, periodic: true });
    // One more of this species for certain.
    for (let s = 0; s < system.species.length; s++) if (system.owner[s] === 0) system.species[s] = z;
    const G = model.features(system);
    for (let i = 0; i < 6; i++) if (system.species[i] === z) samples.push(G.slice(i * row, (i + 1) * row));
  }
  return samples;
}
