/** What is settled before the first step: reference energies, whitening, feature statistics, first parameters. */
import { NearsightError } from '../errors.ts';
import type { Kernel, KernelSystem, ModelShape } from '../kernels/kernels.ts';
import { featureCount, weightLayout } from '../kernels/kernels.ts';
import { solveSymmetric, symmetricEigen } from '../linear-algebra.ts';
import { createFolding, type DensityModel, parameterLayout, type Statistics } from '../model/density-model.ts';
import type { Random } from '../random.ts';
import { startingVectors } from './many-elements.ts';

/** Eigenvalues of the density covariance below this fraction of the largest one count as noise. */
const WHITENING_FLOOR = 1e-4;
/** Atoms that the mean and spread of the features are taken from. */
const STATISTICS_ATOMS = 3000;

/**
 * E0 of each element, eV: the minimum-norm least-squares fit of total energies on composition. With one composition
 * ratio only (a compound), elements share what can't be told apart.
 * @param compositions atoms of each species in each structure, [n][S]
 */
export function fitReferenceEnergies(
  compositions: readonly Float64Array[],
  energies: readonly number[],
  species: number,
): Float64Array {
  const normal = new Float64Array(species * species);
  const right = new Float64Array(species);
  for (const [n, counts] of compositions.entries()) {
    for (let s = 0; s < species; s++) {
      right[s] += counts[s] * energies[n];
      for (let t = 0; t < species; t++) normal[s * species + t] += counts[s] * counts[t];
    }
  }
  return solveSymmetric(normal, right, 1e-10);
}

/**
 * P_l = U · diag(1/√(λ + 1e-4 λ_max)) from the covariance of the density projections of degree l over atoms, species
 * and m (rows without any neighbour left out; for l = 0 about the mean). [l][n_b][n_b]
 * @param radialHigh the first so many radial functions go with l = 3; the rows of the others are zero there
 */
export function whiteningFrom(
  shape: ModelShape,
  densities: Iterable<Float64Array>,
  radialHigh: number = shape.radial,
): Float64Array {
  const { radial: nb, lmax } = shape;
  const lms = (lmax + 1) ** 2;
  const covariance = new Float64Array((lmax + 1) * nb * nb);
  const mean = new Float64Array(nb);
  const counts = new Float64Array(lmax + 1);
  for (const D of densities) {
    for (let row = 0; row < D.length; row += nb) {
      const lm = (row / nb) % lms;
      const l = Math.floor(Math.sqrt(lm));
      let size = 0;
      for (let b = 0; b < nb; b++) size += Math.abs(D[row + b]);
      if (size === 0) continue;
      counts[l]++;
      for (let b = 0; b < nb; b++) {
        if (l === 0) mean[b] += D[row + b];
        for (let c = 0; c < nb; c++) covariance[(l * nb + b) * nb + c] += D[row + b] * D[row + c];
      }
    }
  }
  const whitening = new Float64Array(covariance.length);
  for (let l = 0; l <= lmax; l++) {
    const block = covariance.subarray(l * nb * nb, (l + 1) * nb * nb);
    const n = Math.max(1, counts[l]);
    for (let b = 0; b < nb; b++) {
      for (let c = 0; c < nb; c++) {
        block[b * nb + c] = block[b * nb + c] / n - (l === 0 ? (mean[b] * mean[c]) / (n * n) : 0);
      }
    }
    const used = l === 3 ? radialHigh : nb;
    for (let b = 0; b < nb; b++) for (let c = 0; c < nb; c++) if (b >= used || c >= used) block[b * nb + c] = 0;
    const { values, vectors } = symmetricEigen(block, nb);
    const largest = Math.max(...values, 1e-12);
    for (let c = 0; c < nb; c++) {
      const factor = 1 / Math.sqrt(Math.max(values[c], 0) + WHITENING_FLOOR * largest);
      for (let b = 0; b < used; b++) whitening[(l * nb + b) * nb + c] = vectors[b * nb + c] * factor;
    }
  }
  return whitening;
}

/** First parameters; widths as in docs/theory/potential.md. */
export function initialParameters(
  elements: readonly number[],
  shape: ModelShape,
  embedding: number,
  random: Random,
): Float64Array {
  const { species: S, radial, heads } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const { length, blocks, at } = parameterLayout(shape, embedding);
  const parameters = new Float64Array(length);
  const widths: Record<string, number> = {
    coefficients: 1 / Math.sqrt(S * radial),
    w1: 1.5 / Math.sqrt(F),
    c1: 0.5,
    B1: 0.5,
    w2: 1.5 / Math.sqrt(H1),
    w3: 0.3 / Math.sqrt(H2),
    wF: 0.3 / Math.sqrt(H2),
  };
  for (const { name, offset, dimensions } of blocks) {
    const size = dimensions.reduce((p, q) => p * q, 1);
    const width = widths[name] ?? 0;
    if (width > 0) for (let i = 0; i < size; i++) parameters[offset + i] = width * random.normal();
  }
  parameters.set(startingVectors(elements, embedding, random), at.embedding);
  for (let head = 0; head < heads; head++) parameters[at.c3 + head] = 0;
  return parameters;
}

/** A model before its first step, with everything that is measured on the training structures. */
export function initialModel(
  kernel: Kernel,
  systems: readonly KernelSystem[],
  start: {
    readonly elements: readonly number[];
    readonly shape: ModelShape;
    readonly embedding: number;
    readonly radialHigh?: number | undefined;
    readonly referenceEnergies: Float64Array;
    readonly forceDeviation: number;
  },
  random: Random,
): DensityModel {
  const { radialHigh: _, ...kept } = start;
  const { shape, embedding } = kept;
  const F = featureCount(shape);
  const parameters = initialParameters(start.elements, shape, embedding, random);
  const whitening = whiteningFrom(shape, densitiesOf(kernel, shape, systems), start.radialHigh);
  const engine = kernel.load(shape, new Float64Array(weightLayout(shape).length));
  try {
    const neutral: Statistics = {
      whitening,
      mean: new Float64Array(F),
      deviation: new Float64Array(F).fill(1),
      scale: start.forceDeviation,
    };
    const weights = new Float64Array(weightLayout(shape).length);
    createFolding(shape, embedding, neutral).fold(parameters, weights);
    engine.setWeights(weights);
    const statistics = { ...neutral, ...featureStatistics(engine.features, systems, F, random) };
    return { kind: 'density', ...kept, parameters, statistics };
  } finally {
    engine.close();
  }
}

/**
 * Density projections of each system, over the species that it holds, in their order: of the many that a model may know
 * there are few in one structure.
 */
function* densitiesOf(
  kernel: Kernel,
  shape: ModelShape,
  systems: readonly KernelSystem[],
): Generator<Float64Array, void, undefined> {
  const held = systems.map(({ species }) => [...new Set(species)].sort((p, q) => p - q));
  const few: ModelShape = { ...shape, species: Math.max(...held.map(({ length }) => length)) };
  const engine = kernel.load(few, new Float64Array(weightLayout(few).length));
  try {
    for (const [k, system] of systems.entries()) {
      const place = new Map(held[k].map((s, index) => [s, index]));
      yield engine.densities({ ...system, species: system.species.map((s) => place.get(s)!) });
    }
  } finally {
    engine.close();
  }
}

/** Mean and standard deviation of the features over some of the atoms, drawn at random. */
function featureStatistics(
  features: (system: KernelSystem) => Float64Array,
  systems: readonly KernelSystem[],
  F: number,
  random: Random,
): Pick<Statistics, 'mean' | 'deviation'> {
  const atoms = systems.reduce((sum, s) => sum + s.atoms, 0);
  const share = Math.min(1, STATISTICS_ATOMS / atoms);
  const mean = new Float64Array(F);
  const square = new Float64Array(F);
  let count = 0;
  for (const system of systems) {
    const x = features(system);
    for (let i = 0; i < system.atoms; i++) {
      if (share < 1 && random.uniform() >= share) continue;
      count++;
      for (let f = 0; f < F; f++) {
        mean[f] += x[i * F + f];
        square[f] += x[i * F + f] ** 2;
      }
    }
  }
  if (count === 0) throw new NearsightError('no-atoms', 'there is no atom to take statistics from');
  for (let f = 0; f < F; f++) mean[f] /= count;
  const deviation = square.map((q, f) => Math.sqrt(Math.max(0, q / count - mean[f] ** 2)) + 1e-6);
  return { mean, deviation };
}
