/** Loss gradients of models of symmetry functions, over labelled systems that stay in the engine's memory. */
import type { LossTerm, TermErrors, TrainingSystem } from '../kernels.ts';
import { accumulateTerms } from './accumulate.ts';
import { createBuffer } from './memory.ts';
import type { SymmetryEngine } from './symmetry.ts';
import { placeBlocks, SYMMETRY_FORCE_SCALES } from './symmetry-evaluate.ts';
import { placeSites, type Resident, SYSTEM_RECORD, systemBuffers, upload } from './system.ts';
import { placeTargets } from './train.ts';

/**
 * Room for G and ∂G/∂r of a system, see assembly/symmetry-cache.ts; returns the bytes taken, none when there is not
 * enough room. What is kept depends on the systems and their order alone, as bits do: with the derivatives at hand sums
 * are taken in another order.
 */
function placeCache(
  { heap, records }: SymmetryEngine,
  system: TrainingSystem,
  { order, record, room }: { readonly order: readonly number[]; readonly record: number; readonly room: number },
): number {
  const { species, first, neighbours } = system;
  const sizes = order.map((i) => {
    if (i < 0) return 0;
    const seen = Array.from(neighbours.subarray(first[i], first[i + 1]), (site) => species[site]);
    const edges = seen.reduce((bytes, s) => bytes + 16 + 12 * records.touched[species[i]][s], 0);
    return 16 + 16 * new Set(seen).size + edges;
  });
  const head = 16 + 8 * order.length * records.widest + 16 * Math.ceil(order.length / 4);
  const bytes = sizes.reduce((sum, size) => sum + size, head);
  if (bytes > room) return 0;
  const cache = heap.allocate(bytes);
  const functions = cache + 16;
  const places = functions + 8 * order.length * records.widest;
  heap.i32(cache, 3).set([0, functions, places]);
  let at = cache + head;
  const table = heap.i32(places, order.length);
  for (const [n, size] of sizes.entries()) {
    table[n] = at;
    at += size;
  }
  heap.i32(record + 124, 1)[0] = cache;
  return bytes;
}

/** Bytes of a term's record; see assembly/symmetry.ts. */
const TERM_RECORD = 48;

export interface SymmetryTrainer {
  add(system: TrainingSystem): number;
  accumulate(terms: readonly LossTerm[], gradient: Float64Array): TermErrors[];
}

export function createSymmetryTrainer(engine: SymmetryEngine): SymmetryTrainer {
  const { heap, kernels, crew, records: model } = engine;
  const { slotBytes } = model;
  const systems: Resident[] = [];
  const [termBuffer, errorBuffer, gradientBuffer, threadBuffer] = Array.from({ length: 4 }, () => createBuffer(heap));
  let most = { capacity: 0, sites: 0 };
  let room = engine.cache;

  /** Runs the terms; returns the numbers of those whose forces were too large for this scale. */
  const run = (terms: readonly LossTerm[], scale: number): number[] => {
    const limit = Math.min(engine.threads, terms.length);
    const [scratch, scratchStride] = engine.scratch(most.capacity, true, limit);
    const buffersStride = Math.ceil(kernels.symmetryTrainingBytes(most.sites) / 64) * 64;
    const records = termBuffer.ensure(TERM_RECORD * terms.length);
    for (const [k, term] of terms.entries()) {
      const record = records + k * TERM_RECORD;
      heap.i32(record, 2).set([systems[term.system].record, term.head]);
      heap.f64(record + 8, 3).set([term.energy, term.forces, term.strain]);
    }
    crew.run(
      {
        kind: 'symmetry-train',
        model: model.model,
        terms: records,
        count: terms.length,
        scratch,
        scratchStride,
        buffers: threadBuffer.ensure(buffersStride * limit),
        buffersStride,
        gradients: gradientBuffer.ensure(slotBytes * terms.length),
        slotBytes,
        errors: errorBuffer.ensure(24 * terms.length),
        scale,
      },
      limit,
    );
    return terms.flatMap((_, k) => (heap.i32(records + k * TERM_RECORD + 32, 1)[0] === 1 ? [] : [k]));
  };

  /** The gradient of the terms of the last run, summed in their order. */
  const addGradient = (count: number, gradient: Float64Array): void => {
    const slots = gradientBuffer.ensure(0);
    kernels.sumSlots(slots, slotBytes, count);
    model.addGradient(slots, gradient);
  };
  const readErrors = (k: number): TermErrors => {
    const [energy, forces, strain] = heap.f64(errorBuffer.ensure(0) + 24 * k, 3);
    return { energy: energy!, forces: forces!, strain: strain! };
  };

  return {
    add(system) {
      const record = heap.allocate(SYSTEM_RECORD);
      const resident = upload(engine, system, systemBuffers(heap), record);
      placeSites(heap, resident.positions, system.sites);
      placeTargets(heap, system, record);
      const order = placeBlocks(heap, system, createBuffer(heap), record);
      room -= placeCache(engine, system, { order, record, room });
      systems.push(resident);
      most = {
        capacity: Math.max(most.capacity, resident.capacity),
        sites: Math.max(most.sites, resident.sites),
      };
      return systems.length - 1;
    },
    accumulate(terms, gradient) {
      for (const { system } of terms) {
        if (systems[system] === undefined) throw new RangeError(`no system ${system} was added`);
      }
      return accumulateTerms({ scales: SYMMETRY_FORCE_SCALES, run, addGradient, readErrors }, terms, gradient);
    },
  };
}
