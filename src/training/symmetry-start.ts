/** What is settled before the first step of a model of symmetry functions: the functions, their scaling, first weights. */
import { NearsightError } from '../errors.ts';
import type { Kernel, KernelSystem } from '../kernels/kernels.ts';
import { mostFunctions, type SymmetryFunction, type SymmetryShape, symmetryLayout } from '../kernels/symmetry.ts';
import { defaultEmbedding } from '../model/density-model.ts';
import { type SymmetryModel, type SymmetryStatistics, symmetryParameters } from '../model/symmetry-model.ts';
import type { Random } from '../random.ts';
import { startingVectors } from './many-elements.ts';
import type { SymmetrySettings } from './settings.ts';
import type { TrainingInput } from './trainer.ts';

/** Atoms of each species that centre and deviation of its functions are taken from. */
const STATISTICS_ATOMS = 3000;
/** A deviation is at least this share of the largest value: what hardly varies must not be blown up. */
const SMALLEST_VARIATION = 1e-3;

/** A model before its first step, with everything that is measured on the training structures. */
export function startSymmetryModel(
  { kernel, elements, train }: Pick<TrainingInput, 'kernel' | 'elements' | 'train'>,
  settings: SymmetrySettings,
  measured: { readonly referenceEnergies: Float64Array; readonly forceDeviation: number },
  random: Random,
): SymmetryModel {
  const species = elements.length;
  const { cutoff, cutoffKind, inner, hidden, activation, heads } = settings;
  const embedding = settings.embedding ?? defaultEmbedding(species);
  const functions = automaticFunctions(settings, species);
  const shape: SymmetryShape = {
    ...{ species, cutoff, cutoffKind, inner, hidden, activation, heads },
    functions: elements.map(() => functions),
    elementWeights: elements,
  };
  const parameters = initialSymmetryParameters(shape, elements, embedding, random);
  const systems = train.map((frame) => frame.system);
  const { centre, deviation } = symmetryStatistics(kernel, shape, systems, random);
  const statistics: SymmetryStatistics = { centre, deviation, scale: measured.forceDeviation };
  return {
    kind: 'symmetry',
    elements,
    shape,
    embedding,
    parameters,
    statistics,
    referenceEnergies: measured.referenceEnergies,
  };
}

/**
 * The usual choice of symmetry functions for a cutoff r_c (Imbalzano et al. 2018, doi:10.1063/1.5024611; Gastegger et
 * al. 2018, doi:10.1063/1.5019667), one list for every centre:
 *   radial, n of them: the first half centred on the atom, η_m = (n'^{m/n'}/r_c)², m = 0 … n'−1, of widths from r_c
 *     downwards; the other half on a grid of r_s that ends before r_c, each as wide as the grid is coarse;
 *   angular, n widths η as those of the centred radial ones, each with both λ and every ζ.
 * Element-resolved for each species of the neighbour, and each pair; or weighted, independent of the number of species.
 */
export function automaticFunctions(settings: SymmetrySettings, species: number): SymmetryFunction[] {
  const { cutoff, radial, angular, zetas, wide, weighted } = settings;
  const single = weighted ? [null] : Array.from({ length: species }, (_, s) => s);
  const pairs = weighted ? [null] : single.flatMap((s) => single.slice(Number(s)).map((t) => [s!, t!] as const));
  const centred = Math.ceil(radial / 2);
  const gaussians = [
    ...centredWidths(centred, cutoff).map((eta) => ({ eta, shift: 0 })),
    ...shiftedGrid(radial - centred, cutoff),
  ];
  return [
    ...single.flatMap((neighbour) =>
      gaussians.map((gaussian): SymmetryFunction => ({ kind: 'radial', neighbour, ...gaussian, cutoff })),
    ),
    ...pairs.flatMap((neighbours) =>
      centredWidths(angular, cutoff).flatMap((eta) =>
        zetas.flatMap((zeta) =>
          ([1, -1] as const).map(
            (lambda): SymmetryFunction => ({
              ...{ kind: wide ? 'wide' : 'narrow', neighbours, lambda, zeta, eta, shift: 0, cutoff },
            }),
          ),
        ),
      ),
    ),
  ];
}

/** η_m = (n^{m/n}/r_c)², 1/Å², m = 0 … n−1. */
function centredWidths(n: number, cutoff: number): number[] {
  return Array.from({ length: n }, (_, m) => (n ** (m / n) / cutoff) ** 2);
}

/** r_s at the middles of n equal parts of the outer three quarters of the cutoff; Gaussians of that deviation. */
function shiftedGrid(n: number, cutoff: number): { eta: number; shift: number }[] {
  const spacing = (0.75 * cutoff) / n;
  return Array.from({ length: n }, (_, m) => ({
    eta: 0.5 / spacing ** 2,
    shift: 0.25 * cutoff + (m + 0.5) * spacing,
  }));
}

/** First parameters: widths as those of the default potential. */
export function initialSymmetryParameters(
  shape: SymmetryShape,
  elements: readonly number[],
  embedding: number,
  random: Random,
): Float64Array {
  const { functions } = shape;
  const [H1, H2] = shape.hidden;
  const { length, blocks } = symmetryParameters(shape, embedding);
  const parameters = new Float64Array(length);
  const widths: Record<string, number> = {
    w1: 1.5 / Math.sqrt(functions[0].length),
    c1: 0.5,
    B1: 0.5,
    w2: 1.5 / Math.sqrt(H1),
    w3: 0.3 / Math.sqrt(H2),
  };
  for (const { name, offset, dimensions } of blocks) {
    const size = dimensions.reduce((p, q) => p * q, 1);
    const width = widths[name] ?? 0;
    if (width > 0) for (let i = 0; i < size; i++) parameters[offset + i] = width * random.normal();
    if (name === 'embedding') parameters.set(startingVectors(elements, embedding, random), offset);
  }
  return parameters;
}

/**
 * Mean and standard deviation of each function over atoms of its species, from systems in random order until there are
 * enough of each species: [Σ_z F_z].
 */
function symmetryStatistics(
  kernel: Kernel,
  shape: SymmetryShape,
  systems: readonly KernelSystem[],
  random: Random,
): Pick<SymmetryStatistics, 'centre' | 'deviation'> {
  const row = mostFunctions(shape);
  const rows: Float64Array[][] = shape.functions.map(() => []);
  const engine = kernel.loadSymmetry(shape, unscaledWeights(shape));
  try {
    for (const n of random.permutation(systems.length)) {
      const { atoms, species } = systems[n];
      const wanted = (i: number): boolean => rows[species[i]].length < STATISTICS_ATOMS;
      if (!Array.from({ length: atoms }, (_, i) => wanted(i)).some((w) => w)) continue;
      const G = engine.features(systems[n]);
      for (let i = 0; i < atoms; i++) if (wanted(i)) rows[species[i]].push(G.slice(i * row, (i + 1) * row));
    }
  } finally {
    engine.close();
  }
  if (rows.every((list) => list.length === 0)) {
    throw new NearsightError('no-atoms', 'there is no atom to take statistics from');
  }
  const moments = shape.functions.flatMap((list, z) => list.map((_, f) => momentsOf(rows[z].map((G) => G[f]))));
  return {
    centre: Float64Array.from(moments, ([mean]) => mean),
    deviation: Float64Array.from(moments, ([, deviation]) => deviation),
  };
}

/** Mean, and standard deviation with a floor; 1 for a function that has never been anything but zero. */
function momentsOf(values: readonly number[]): [number, number] {
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (largest === 0) return [0, 1];
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return [mean, Math.max(Math.sqrt(variance), SMALLEST_VARIATION * largest)];
}

/** Weights of a model that says nothing and leaves its functions as they are. */
function unscaledWeights(shape: SymmetryShape): Float64Array {
  const { scaling, length } = symmetryLayout(shape);
  const weights = new Float64Array(length);
  for (const [z, { deviation }] of scaling.entries()) {
    weights.fill(1, deviation, deviation + shape.functions[z].length);
  }
  return weights;
}
