/** Symmetry functions in the fast kernel; the contract is in ../symmetry.ts. */
import type { KernelModel, KernelResult, KernelSystem } from '../kernels.ts';
import { checkHead, checkSymmetryWeights, checkTrainingSystem } from '../shape.ts';
import { checkSymmetryShape, type SymmetryShape } from '../symmetry.ts';
import { CONTROL_BYTES, type Crew, createCrew, instantiate, type KernelExports } from './crew.ts';
import type { SimdOptions } from './kernel.ts';
import { createBuffer, createHeap, type Heap } from './memory.ts';
import { createSimdSoap } from './soap.ts';
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
  options: SimdOptions & { readonly threads: number },
): KernelModel {
  checkSymmetryShape(shape);
  checkSymmetryWeights(shape, weights);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const heap = createHeap(memory, { start: 4096, guards: options.guards === true });
  const kernels = instantiate(module, memory);
  const control = heap.allocate(CONTROL_BYTES);
  const crew = createCrew(kernels, memory, control);
  const records = createRecords(heap, shape);
  records.setWeights(weights);
  const scratchBuffer = createBuffer(heap);
  const helpers: (() => void)[] = [];
  const engine: SymmetryEngine = {
    ...{ heap, kernels, crew, shape, records },
    threads: options.threads,
    cache: options.cache ?? CACHE,
    scratch(capacity, training, threads) {
      const stride = Math.ceil(kernels.symmetryScratchBytes(records.model, capacity, training) / 64) * 64;
      return [scratchBuffer.ensure(stride * threads), stride];
    },
  };
  const startHelpers = (): void => {
    while (helpers.length < options.threads - 1) helpers.push(options.startThread!(module, memory, control));
  };
  const evaluator = createSymmetryEvaluator(engine);
  const trainer = createSymmetryTrainer(engine);
  const guarded = <T>(result: T): T => {
    if (options.guards === true) heap.checkFences();
    return result;
  };
  return {
    heads: shape.heads,
    setWeights(next) {
      checkSymmetryWeights(shape, next);
      records.setWeights(next);
    },
    evaluate(system: KernelSystem, head?: number): KernelResult {
      if (head !== undefined) checkHead(shape.heads, head);
      if (system.atoms >= 2 * ATOMS_PER_THREAD) startHelpers();
      return guarded(evaluator.evaluate(system, head ?? -1));
    },
    features: (system) => guarded(evaluator.features(system)),
    add(system) {
      checkTrainingSystem(shape, system);
      return trainer.add(system);
    },
    accumulate(terms, gradient) {
      if (gradient.length !== weights.length) throw new RangeError(`${gradient.length} numbers for a gradient`);
      for (const { head } of terms) checkHead(shape.heads, head);
      if (terms.length > 1) startHelpers();
      return guarded(trainer.accumulate(terms, gradient));
    },
    soap: (places, settings) => createSimdSoap(engine, places, settings),
    close() {
      crew.stop();
      for (const end of helpers) end();
    },
  };
}
