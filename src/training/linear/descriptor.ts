/**
 * Environments as points in a space: the invariants of the learned potential, with a mixing that was never trained.
 * Rotated, shifted and renumbered copies of an environment are the same point; what outliers, leakage, thinning and
 * maps measure are distances there.
 */
import type { Kernel, KernelSystem, ModelShape } from '../../kernels/kernels.ts';
import { featureCount } from '../../kernels/kernels.ts';
import { foldedWeights } from '../../model/model.ts';
import { kernelSystem, speciesOf } from '../../model/short-range.ts';
import { createRandom } from '../../random.ts';
import { buildNeighbourList } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';
import { initialModel } from '../initial.ts';

/** What an environment is described by. */
export interface DescriptorSettings {
  /** Å. */
  readonly cutoff: number;
  /** Å, where the switching function starts. */
  readonly onset: number;
  /** Radial functions, a multiple of 4. */
  readonly radial: number;
  /** Channels, a multiple of 4; there are nine features for each, eight up to order 3. */
  readonly channels: number;
  /** Highest body order of the invariants; 4 when absent. Lower ones extrapolate less wildly. */
  readonly order?: 2 | 3 | 4;
  /** Of the mixing. */
  readonly seed: number;
}

export const DEFAULT_DESCRIPTOR: DescriptorSettings = { cutoff: 5, onset: 3.5, radial: 8, channels: 16, seed: 1 };

/** A descriptor that is settled: the same structure gives the same features wherever it is loaded. */
export interface Descriptor {
  /** Atomic numbers, ascending. */
  readonly elements: readonly number[];
  readonly shape: ModelShape;
  /** Of a kernel model, see `weightLayout`; those of the readout mean nothing. */
  readonly weights: Float64Array;
}

/**
 * A descriptor for structures like these: their densities whiten its radial functions, a seeded mixing makes channels
 * of them.
 * @param kernel any; the features depend on it by rounding only
 */
export function createDescriptor(
  structures: readonly Structure[],
  kernel: Kernel,
  settings: DescriptorSettings = DEFAULT_DESCRIPTOR,
): Descriptor {
  const elements = [...new Set(structures.flatMap(({ numbers }) => [...new Set(numbers)]))].sort((p, q) => p - q);
  const { cutoff, onset, radial, channels, order = 4, seed } = settings;
  const shape: ModelShape = {
    ...{ species: elements.length, radial, lmax: 3, order, channels, hidden: [4, 4], heads: 1 },
    ...{ cutoff, onset },
  };
  const model = initialModel(
    kernel,
    structures.map((structure) => systemOf(structure, elements, cutoff)),
    {
      elements,
      shape,
      embedding: Math.min(elements.length, 8),
      referenceEnergies: new Float64Array(elements.length),
      forceDeviation: 1,
    },
    createRandom(seed),
  );
  return { elements, shape, weights: foldedWeights(model) };
}

/** Numbers that describe an environment. */
export function descriptorLength({ shape }: Descriptor): number {
  return featureCount(shape);
}

/** A descriptor loaded into a kernel. */
export interface DescriptorEngine {
  /** Features of each atom, [N][F], dimensionless. @throws NearsightError `unknown-species` */
  features(structure: Structure): Float64Array;
  /** Gives memory and threads back. */
  close(): void;
}

export function openDescriptor({ elements, shape, weights }: Descriptor, kernel: Kernel): DescriptorEngine {
  const engine = kernel.load(shape, weights);
  return {
    features: (structure) => engine.features(systemOf(structure, elements, shape.cutoff)),
    close: () => engine.close(),
  };
}

/** A structure as kernels see it. */
export function systemOf(structure: Structure, elements: readonly number[], cutoff: number): KernelSystem {
  const list = buildNeighbourList(structure, cutoff);
  const species = speciesOf(elements, structure.numbers);
  return kernelSystem(
    structure,
    list,
    list.owner.map((atom) => species[atom]),
  );
}
