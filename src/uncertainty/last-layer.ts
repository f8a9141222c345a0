/**
 * Uncertainty of a linear fit in the last layer of the network: the Laplace approximation in which everything before it
 * is fixed (Bigi, Chong, Ceriotti & Grasselli 2024, doi:10.1088/2632-2153/ad805f). Formulas: docs/theory/domain.md.
 */
import type { Frame } from '../data/dataset.ts';
import { featureCount, type Kernel, type ModelShape, weightLayout } from '../kernels/kernels.ts';
import { solveLower, solveLowerTransposed } from '../linear-algebra.ts';
import type { DensityModel } from '../model/density-model.ts';
import { foldedWeights, type Model } from '../model/model.ts';
import type { ModelFile } from '../model/model-file.ts';
import { type EnginePotential, kernelSystem, shortRangePotential, speciesOf } from '../model/short-range.ts';
import { createRandom, type Random } from '../random.ts';
import { neighboursFor } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { triangularWhitening } from '../whitening.ts';
import type { Estimator } from './estimator.ts';

/** The last layer of a model: energies are linear in what arrives there. */
export interface LastLayer {
  /** Numbers that arrive, D: h2/M of each of the M heads, then the features x. */
  readonly dimension: number;
  /** Their weights, [D]: w3 of each head, and the mean of `skip`; e_i = weights · φ_i + bias[z]. */
  readonly weights: Float64Array;
  /** Mean of b3 over heads, eV, [S]. */
  readonly bias: Float64Array;
  /** φ of each atom, [N][D], from its features, [N][F], and species, [N]. */
  arrive(features: Float64Array, species: Int32Array): Float64Array;
}

/** The last layer of a model of density projections; null for another one. */
export function lastLayerOf(model: Model): LastLayer | null {
  if (model.kind !== 'density') return null;
  const { shape } = model;
  const { heads, species: S } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const at = weightLayout(shape);
  const W = foldedWeights(model);
  const dimension = heads * H2 + F;
  const weights = new Float64Array(dimension);
  weights.set(W.subarray(at.w3, at.w3 + heads * H2));
  const bias = new Float64Array(S);
  for (let head = 0; head < heads; head++) {
    for (let f = 0; f < F; f++) weights[heads * H2 + f] += W[at.skip + head * F + f] / heads;
    for (let z = 0; z < S; z++) bias[z] += W[at.b3 + head * S + z] / heads;
  }
  const h1 = new Float64Array(H1);
  return {
    ...{ dimension, weights, bias },
    arrive(features, species) {
      const N = features.length / F;
      const phi = new Float64Array(N * dimension);
      for (let i = 0; i < N; i++) {
        const x = features.subarray(i * F, (i + 1) * F);
        const z = species[i];
        for (let head = 0; head < heads; head++) {
          const first = { to: h1, from: x, w: at.w1 + head * F * H1, b: at.b1 + (head * S + z) * H1 };
          layer(W, first);
          const h2 = phi.subarray(i * dimension + head * H2, i * dimension + (head + 1) * H2);
          layer(W, { to: h2, from: h1, w: at.w2 + head * H1 * H2, b: at.b2 + (head * S + z) * H2 });
          for (let h = 0; h < H2; h++) h2[h] /= heads;
        }
        phi.set(x, i * dimension + heads * H2);
      }
      return phi;
    },
  };
}

interface Layer {
  readonly to: Float64Array;
  readonly from: Float64Array;
  /** Offsets of weights, [from][to], and of biases, [to]. */
  readonly w: number;
  readonly b: number;
}

/** to = silu(from · w + b). */
function layer(W: Float64Array, { to, from, w, b }: Layer): void {
  for (let h = 0; h < to.length; h++) {
    let z = W[b + h];
    for (let f = 0; f < from.length; f++) z += from[f] * W[w + f * to.length + h];
    to[h] = z / (1 + Math.exp(-z));
  }
}

/** Drawn models, for what is no linear function of one atom: forces. */
const DRAWN = 16;
const MOST_ATOMS = 8192;

/**
 * The estimator of a model and the frames that it was trained on; null for a model of symmetry functions or with a
 * direct force head. Energies: √((φ̄ − μ)ᵀ C⁻¹ (φ̄ − μ)) of the mean φ̄ over the atoms, C over structures. Forces: their
 * spread over models of which the last layer is drawn from the normal distribution with the covariance C⁻¹, C over
 * atoms; `atoms` says of each atom what a linear fit would. The strengths of C and of its prior are those of the shrunk
 * covariance of `whitening.ts`. Holds an engine: `close` gives it back.
 */
export function lastLayerEstimator(
  { model }: Pick<ModelFile, 'model'>,
  kernel: Kernel,
  frames: readonly Frame[],
): (Estimator & { atoms(structure: Structure): Float64Array; close(): void }) | null {
  const layer = lastLayerOf(model);
  if (layer === null || model.kind !== 'density' || model.shape.directForces === true || frames.length === 0)
    return null;
  const potential = shortRangePotential(model, kernel);
  const { byAtom, byStructure } = spacesOf(layer, potential, frames);
  const drawn = drawnModels(model, layer, byAtom.L, createRandom(1));
  const engine = kernel.load(drawn.shape, drawn.weights);
  const phiOf = (structure: Structure): Float64Array => arriving(layer, potential, structure);
  return {
    name: 'last-layer',
    estimate(structure, neighbours) {
      const list = neighboursFor(structure, model.shape.cutoff, neighbours);
      const species = speciesOf(model.elements, structure.numbers);
      const all = engine.evaluateHeads(
        kernelSystem(
          structure,
          list,
          list.owner.map((i) => species[i]),
        ),
      );
      // Heads come in sets: the mean of a set is one drawn model.
      const { heads } = model.shape;
      const sets = Array.from({ length: DRAWN }, (_, m) => all.slice(m * heads, (m + 1) * heads));
      const forces = spread(sets.map((set) => meanOf(set.map((one) => one.forces))));
      const strain = spread(sets.map((set) => meanOf(set.map((one) => one.strainGradient))));
      const N = structure.numbers.length;
      const periodic = structure.pbc.every((repeats) => repeats);
      return {
        energy: distance(meanRow(phiOf(structure), layer.dimension), byStructure),
        forces: Float64Array.from({ length: N }, (_, i) => rootMeanSquare(forces.subarray(3 * i, 3 * i + 3))),
        stress: periodic ? rootMeanSquare(strain) / N : null,
      };
    },
    atoms(structure) {
      const phi = phiOf(structure);
      const D = layer.dimension;
      return Float64Array.from({ length: phi.length / D }, (_, i) => distance(phi.slice(i * D, (i + 1) * D), byAtom));
    },
    close() {
      engine.close();
      potential.close();
    },
  };
}

interface Space {
  readonly mean: Float64Array;
  readonly L: Float64Array;
}

function spacesOf(
  layer: LastLayer,
  potential: EnginePotential,
  frames: readonly Frame[],
): { readonly byAtom: Space; readonly byStructure: Space } {
  const D = layer.dimension;
  const total = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const step = Math.ceil(total / MOST_ATOMS);
  const atoms = new Float32Array(Math.ceil(total / step) * D);
  const means = new Float32Array(frames.length * D);
  let count = 0;
  for (const [k, { structure }] of frames.entries()) {
    const phi = arriving(layer, potential, structure);
    means.set(meanRow(phi, D), k * D);
    for (let at = 0; at < phi.length; at += D, count++) {
      if (count % step === 0) atoms.set(phi.subarray(at, at + D), (count / step) * D);
    }
  }
  return { byAtom: triangularWhitening(atoms, D), byStructure: triangularWhitening(means, D) };
}

function arriving(layer: LastLayer, potential: EnginePotential, structure: Structure): Float64Array {
  const system = potential.system(structure);
  return layer.arrive(potential.engine.features(system), system.species.subarray(0, system.atoms));
}

/**
 * Weights of models whose energy is δ·φ with δ = L⁻ᵀ ξ, ξ standard normal: what a drawn last layer says more than the
 * mean. Each takes as many heads as the model has.
 */
function drawnModels(
  model: DensityModel,
  { dimension }: LastLayer,
  L: Float64Array,
  random: Random,
): { readonly shape: ModelShape; readonly weights: Float64Array } {
  const { heads, species: S } = model.shape;
  const [H1, H2] = model.shape.hidden;
  const F = featureCount(model.shape);
  const shape: ModelShape = { ...model.shape, heads: heads * DRAWN };
  const [from, to] = [weightLayout(model.shape), weightLayout(shape)];
  const W = foldedWeights(model);
  const weights = new Float64Array(to.length);
  weights.set(W.subarray(from.mix, from.w1), to.mix);
  for (let m = 0; m < DRAWN; m++) {
    const delta = Float64Array.from({ length: dimension }, () => random.normal());
    solveLowerTransposed(L, dimension, delta);
    for (let head = 0; head < heads; head++) {
      const k = m * heads + head;
      const copy = (name: 'w1' | 'b1' | 'w2' | 'b2', length: number): void =>
        weights.set(W.subarray(from[name] + head * length, from[name] + (head + 1) * length), to[name] + k * length);
      copy('w1', F * H1);
      copy('b1', S * H1);
      copy('w2', H1 * H2);
      copy('b2', S * H2);
      weights.set(delta.subarray(head * H2, (head + 1) * H2), to.w3 + k * H2);
      weights.set(delta.subarray(heads * H2), to.skip + k * F);
    }
  }
  return { shape, weights };
}

/** |L⁻¹ (φ − μ)|. */
function distance(phi: Float64Array, { mean, L }: Space): number {
  const z = phi.map((value, d) => value - mean[d]);
  solveLower(L, z.length, z);
  return Math.hypot(...z);
}

function meanRow(rows: Float64Array, D: number): Float64Array {
  const mean = new Float64Array(D);
  for (let at = 0; at < rows.length; at += D) for (let d = 0; d < D; d++) mean[d] += rows[at + d];
  return mean.map((sum) => (sum * D) / rows.length);
}

function meanOf(rows: readonly Float64Array[]): Float64Array {
  return rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
}

/** Root mean square over draws, by component: their mean is known to be zero. */
function spread(rows: readonly Float64Array[]): Float64Array {
  return rows[0].map((_, c) => Math.sqrt(rows.reduce((sum, row) => sum + row[c] ** 2, 0) / rows.length));
}

function rootMeanSquare(values: Float64Array): number {
  return Math.hypot(...values) / Math.sqrt(values.length);
}
