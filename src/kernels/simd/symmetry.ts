/** Symmetry functions in the fast kernel; the contract is in ../symmetry.ts. */
import type { KernelModel } from '../kernels.ts';
import { checkSymmetryWeights } from '../shape.ts';
import { checkSymmetryShape, type SymmetryShape } from '../symmetry.ts';
import type { Crew, KernelExports } from './crew.ts';
import { createWorkplace, type LoadOptions, loadedModel } from './loaded.ts';
import { createBuffer, type Heap } from './memory.ts';
import { createSymmetryEvaluator } from './symmetry-evaluate.ts';
import { createRecords, type SymmetryRecords } from './symmetry-records.ts';
import { createSymmetryTrainer } from './symmetry-train.ts';

/** A model of symmetry functions in the engine: what all its jobs share. */
export interface SymmetryEngine {
  readonly heap: Heap;
  readonly kernels: KernelExports;
  readonly crew: Crew;
  readonly shape: SymmetryShape;
  readonly threads: number;
  readonly records: SymmetryRecords;
  /** Bytes that may be used to keep symmetry functions of training systems and their derivatives. */
  readonly cache: number;
  /** Scratch of all threads: [address, bytes of one]. */
  scratch(capacity: number, training: boolean, threads: number): [number, number];
}

/** Below this many atoms a job is not worth waking other threads for. */
export const ATOMS_PER_THREAD = 16;

/** Bytes for the cache of training, unless told otherwise: tens of thousands of atoms. */
const CACHE = 2 ** 30;

/** Loads a model of symmetry functions; threads, guards and bits as for the other descriptor, see kernel.ts. */
export function loadSimdSymmetry(
  module: WebAssembly.Module,
  shape: SymmetryShape,
  weights: Float64Array,
  options: LoadOptions,
): KernelModel {
  checkSymmetryShape(shape);
  checkSymmetryWeights(shape, weights);
  const place = createWorkplace(module, options);
  const { heap, kernels } = place;
  const records = createRecords(heap, shape);
  records.setWeights(weights);
  const scratchBuffer = createBuffer(heap);
  const engine: SymmetryEngine = {
    ...{ heap, kernels, crew: place.crew, shape, records },
    threads: options.threads,
    cache: options.cache ?? CACHE,
    scratch(capacity, training, threads) {
      const stride = Math.ceil(kernels.symmetryScratchBytes(records.model, capacity, training) / 64) * 64;
      return [scratchBuffer.ensure(stride * threads), stride];
    },
  };
  return loadedModel(place, {
    ...{ species: shape.species, heads: shape.heads, weights: weights.length },
    atomsPerThread: ATOMS_PER_THREAD,
    guards: options.guards === true,
    setWeights(next) {
      checkSymmetryWeights(shape, next);
      records.setWeights(next);
    },
    evaluator: createSymmetryEvaluator(engine),
    trainer: createSymmetryTrainer(engine),
  });
}
