/** A model in an engine of its own, whatever the descriptor: memory, threads, and the contract around what both do. */
import type { KernelModel, KernelResult, KernelSystem, LossTerm, TermErrors, TrainingSystem } from '../kernels.ts';
import { checkHead, checkTrainingSystem } from '../shape.ts';
import { CONTROL_BYTES, type Crew, createCrew, instantiate, type KernelExports } from './crew.ts';
import type { SimdOptions } from './kernel.ts';
import { createHeap, type Heap } from './memory.ts';
import { createSimdSoap } from './soap.ts';

/** Memory, kernels and threads of one model. */
export interface Workplace {
  readonly heap: Heap;
  readonly kernels: KernelExports;
  readonly crew: Crew;
  readonly threads: number;
  /** Starts the helper threads, once. */
  startHelpers(): void;
  /** Ends all threads. */
  close(): void;
}

export type LoadOptions = SimdOptions & { readonly threads: number };

export function createWorkplace(module: WebAssembly.Module, options: LoadOptions): Workplace {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const heap = createHeap(memory, { start: 4096, guards: options.guards === true });
  const kernels = instantiate(module, memory);
  const control = heap.allocate(CONTROL_BYTES);
  const crew = createCrew(kernels, memory, control);
  const helpers: (() => void)[] = [];
  return {
    ...{ heap, kernels, crew, threads: options.threads },
    startHelpers() {
      while (helpers.length < options.threads - 1) helpers.push(options.startThread!(module, memory, control));
    },
    close() {
      crew.stop();
      for (const end of helpers) end();
    },
  };
}

/** What a descriptor brings. */
export interface LoadedParts {
  readonly species: number;
  readonly heads: number;
  /** Number of weights. */
  readonly weights: number;
  /** Below this many atoms for each thread a job is not worth waking others for. */
  readonly atomsPerThread: number;
  readonly guards: boolean;
  setWeights(weights: Float64Array): void;
  readonly evaluator: {
    evaluate(system: KernelSystem, head: number): KernelResult;
    /** Each head by itself; asked for models of several heads only. */
    evaluateHeads(system: KernelSystem): readonly KernelResult[];
    features(system: KernelSystem): Float64Array;
  };
  readonly trainer: {
    add(system: TrainingSystem): number;
    accumulate(terms: readonly LossTerm[], gradient: Float64Array): TermErrors[];
  };
}

/** The model that the contract asks for. */
export function loadedModel(place: Workplace, parts: LoadedParts): KernelModel {
  const { heads, evaluator, trainer } = parts;
  const guarded = <T>(result: T): T => {
    if (parts.guards) place.heap.checkFences();
    return result;
  };
  return {
    heads,
    setWeights: parts.setWeights,
    evaluate(system, head) {
      if (head !== undefined) checkHead(heads, head);
      if (system.atoms >= 2 * parts.atomsPerThread) place.startHelpers();
      return guarded(evaluator.evaluate(system, head ?? -1));
    },
    evaluateHeads(system) {
      if (system.atoms >= 2 * parts.atomsPerThread) place.startHelpers();
      return guarded(heads > 1 ? evaluator.evaluateHeads(system) : [evaluator.evaluate(system, -1)]);
    },
    features: (system) => guarded(evaluator.features(system)),
    add(system) {
      checkTrainingSystem(parts, system);
      return trainer.add(system);
    },
    accumulate(terms, gradient) {
      if (gradient.length !== parts.weights) throw new RangeError(`${gradient.length} numbers for a gradient`);
      for (const { head } of terms) checkHead(heads, head);
      if (terms.length > 1) place.startHelpers();
      return guarded(trainer.accumulate(terms, gradient));
    },
    soap: (places, settings) => createSimdSoap(place, places, settings),
    close: place.close,
  };
}
