/** Loss gradients over a set of labelled systems that stay in the engine's memory. */
import { type LossTerm, type TermErrors, type TrainingSystem, weightLayout } from '../kernels.ts';
import { checkTerm } from '../shape.ts';
import { accumulateTerms } from './accumulate.ts';
import { createBuffer, type Heap } from './memory.ts';
import {
  type Engine,
  FORCE_SCALES,
  placeSites,
  type Resident,
  SYSTEM_RECORD,
  systemBuffers,
  upload,
} from './system.ts';

/** Bytes of a term's record; see assembly/index.ts. */
const TERM_RECORD = 56;
/** Bytes of a term's residuals. */
const ERROR_RECORD = 40;

/** Puts the labels of a system into the heap and into its record. */
export function placeTargets(heap: Heap, system: TrainingSystem, record: number): void {
  const targets = heap.allocate(16 * system.atoms);
  const f = heap.f32(targets, 4 * system.atoms);
  for (let i = 0; i < system.atoms; i++) for (let c = 0; c < 3; c++) f[4 * i + c] = system.forces[3 * i + c];
  heap.f64(record + 32, 1)[0] = system.energy;
  heap.f64(record + 40, 9).set(system.strainGradient);
  heap.i32(record + 112, 1)[0] = targets;
}

export interface Trainer {
  add(system: TrainingSystem): number;
  accumulate(terms: readonly LossTerm[], gradient: Float64Array): TermErrors[];
}

export function createTrainer(engine: Engine): Trainer {
  const { heap, kernels, crew, shape } = engine;
  const layout = weightLayout(shape);
  const slotBytes = Math.ceil((4 * layout.length) / 64) * 64;
  const systems: Resident[] = [];
  const termBuffer = createBuffer(heap);
  const errorBuffer = createBuffer(heap);
  const gradientBuffer = createBuffer(heap);
  const threadBuffer = createBuffer(heap);
  let most = { capacity: 0, sites: 0, atoms: 0 };

  /** Runs the terms; returns the numbers of those whose forces were too large for this scale. */
  const run = (terms: readonly LossTerm[], scale: number): number[] => {
    const limit = Math.min(engine.threads, terms.length);
    const [scratch, scratchStride] = engine.scratch(most.capacity, true, limit);
    const buffersStride = Math.ceil(kernels.trainingBytes(most.sites, most.atoms) / 64) * 64;
    const records = termBuffer.ensure(TERM_RECORD * terms.length);
    for (const [k, term] of terms.entries()) {
      const record = records + k * TERM_RECORD;
      heap.i32(record, 2).set([systems[term.system].record, term.head]);
      heap.f64(record + 8, 5).set([term.energy, term.forces, term.strain, term.netForce ?? 0, term.netTorque ?? 0]);
    }
    crew.run(
      {
        kind: 'train',
        model: engine.model,
        terms: records,
        count: terms.length,
        scratch,
        scratchStride,
        buffers: threadBuffer.ensure(buffersStride * limit),
        buffersStride,
        gradients: gradientBuffer.ensure(slotBytes * terms.length),
        slotBytes,
        mixLength: layout.w1,
        errors: errorBuffer.ensure(ERROR_RECORD * terms.length),
        scale,
      },
      limit,
    );
    return terms.flatMap((_, k) => (heap.i32(records + k * TERM_RECORD + 48, 1)[0] === 1 ? [] : [k]));
  };

  /** The gradient of the terms of the last run, summed in their order. */
  const addGradient = (count: number, gradient: Float64Array): void => {
    const slots = gradientBuffer.ensure(0);
    kernels.sumSlots(slots, slotBytes, count);
    const sum = heap.f32(slots, layout.length);
    for (let i = 0; i < gradient.length; i++) gradient[i] += sum[i];
  };
  const readErrors = (k: number): TermErrors => {
    const [energy, forces, strain, netForce, netTorque] = heap.f64(errorBuffer.ensure(0) + ERROR_RECORD * k, 5);
    return { energy, forces, strain, ...(shape.directForces === true && { netForce, netTorque }) };
  };

  return {
    add(system) {
      const record = heap.allocate(SYSTEM_RECORD);
      const resident = upload(engine, system, systemBuffers(heap), record);
      placeSites(heap, resident.positions, system.sites);
      placeTargets(heap, system, record);
      systems.push(resident);
      most = {
        capacity: Math.max(most.capacity, resident.capacity),
        sites: Math.max(most.sites, resident.sites),
        atoms: Math.max(most.atoms, resident.atoms),
      };
      return systems.length - 1;
    },
    accumulate(terms, gradient) {
      for (const term of terms) {
        checkTerm(shape, term);
        if (systems[term.system] === undefined) throw new RangeError(`no system ${term.system} was added`);
      }
      return accumulateTerms({ scales: FORCE_SCALES, run, addGradient, readErrors }, terms, gradient);
    },
  };
}
