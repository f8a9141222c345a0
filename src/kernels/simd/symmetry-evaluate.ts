/** Energies, forces and symmetry functions of one system at a time. */
import { NearsightError } from '../../errors.ts';
import type { KernelResult, KernelSystem } from '../kernels.ts';
import { checkSystem } from '../shape.ts';
import { mostFunctions } from '../symmetry.ts';
import type { SymmetryHeadsJob, SymmetryJob } from './crew.ts';
import { isFiniteSum, sumStrains } from './evaluate.ts';
import { type Buffer, createBuffer, type Heap } from './memory.ts';
import { ATOMS_PER_THREAD, type SymmetryEngine } from './symmetry.ts';
import { createSeat, SYSTEM_RECORD, systemBuffers, upload } from './system.ts';

/**
 * Units per eV/Å of the fixed-point forces, finest first. The finest one holds where the forces of an atom's edges add
 * up to less than 128 eV/Å; with some hundred edges its rounding is below that of single precision.
 */
export const SYMMETRY_FORCE_SCALES: readonly number[] = [2 ** 24, 2 ** 20, 2 ** 14, 2 ** 8];

/** Atoms of one species that go through the network together; see assembly/symmetry-state.ts. */
const ROWS = 4;

/** Atoms in blocks of one species each, −1 where a block has fewer: written to the heap and into the record. */
export function placeBlocks(heap: Heap, system: KernelSystem, buffer: Buffer, record: number): number[] {
  const order: number[] = [];
  const bySpecies = new Map<number, number[]>();
  for (let i = 0; i < system.atoms; i++) {
    const list = bySpecies.get(system.species[i]);
    if (list === undefined) bySpecies.set(system.species[i], [i]);
    else list.push(i);
  }
  for (const [, atoms] of [...bySpecies].sort(([a], [b]) => a - b)) {
    for (const i of atoms) order.push(i);
    while (order.length % ROWS > 0) order.push(-1);
  }
  const at = buffer.ensure(4 * order.length);
  heap.i32(at, order.length).set(order);
  heap.i32(record + 116, 2).set([at, order.length / ROWS]);
  return order;
}

export interface SymmetryEvaluator {
  evaluate(system: KernelSystem, head: number): KernelResult;
  evaluateHeads(system: KernelSystem): readonly KernelResult[];
  features(system: KernelSystem): Float64Array;
}

export function createSymmetryEvaluator(engine: SymmetryEngine): SymmetryEvaluator {
  const { heap, kernels, crew, shape, records } = engine;
  const record = heap.allocate(SYSTEM_RECORD);
  const buffers = systemBuffers(heap);
  const [blocks, energies, strains, forces, output] = Array.from({ length: 5 }, () => createBuffer(heap));
  const bring = createSeat(heap, (system) => {
    checkSystem(shape, system);
    const uploaded = upload(engine, system, buffers, record);
    return { ...uploaded, order: placeBlocks(heap, system, blocks, record) };
  });

  /** One result of one head (of their mean where it is −1), or the results of each of them. */
  const evaluate = (system: KernelSystem, head: number | 'each'): readonly KernelResult[] => {
    const { atoms, sites, capacity, order } = bring(system);
    const limit = Math.max(1, Math.min(engine.threads, Math.floor(atoms / ATOMS_PER_THREAD)));
    const [scratch, scratchStride] = engine.scratch(capacity, false, limit);
    const count = head === 'each' ? shape.heads : 1;
    const forcesStride = 16 * sites * count;
    // The order of the numbers in a job is part of the protocol.
    const place = { model: records.model, system: record };
    const room = {
      scratch,
      scratchStride,
      energies: energies.ensure(8 * order.length * count),
      strains: strains.ensure(8 * order.length * count),
      forces: forces.ensure(forcesStride * limit),
      forcesStride,
    };
    /** Results, or null where forces do not fit into the unit. */
    const collect = (threads: number, scale: number): KernelResult[] | null => {
      const out = output.ensure(24 * atoms);
      const results: KernelResult[] = [];
      for (let h = 0; h < count; h++) {
        const own = room.forces + 16 * sites * h;
        kernels.collectForces(record, own, threads, forcesStride, 1 / scale, out);
        if (kernels.forcesFit(own, atoms) === 0) return null;
        results.push({
          energies: byAtom(heap.f64(room.energies + 8 * order.length * h, order.length), order, atoms),
          forces: heap.f64(out, 3 * atoms).slice(),
          strainGradient: sumStrains(heap.f32(room.strains + 8 * order.length * h, 2 * order.length)),
        });
      }
      return results;
    };
    for (const scale of SYMMETRY_FORCE_SCALES) {
      const job: SymmetryJob | SymmetryHeadsJob =
        head === 'each'
          ? { kind: 'symmetry-heads', ...place, ...room, scale }
          : { kind: 'symmetry', ...place, head, ...room, scale };
      const { threads } = crew.run(job, limit);
      const results = collect(threads, scale);
      if (results === null) continue;
      if (results.every((one) => isFiniteSum(one.energies) && isFiniteSum(one.strainGradient))) return results;
      break;
    }
    throw new NearsightError('atoms-too-close', 'the forces of this structure are too large to be numbers', {
      hint: 'two atoms (nearly) coincide; look at the shortest distance in the structure',
    });
  };

  return {
    evaluate(system, head) {
      return evaluate(system, head)[0];
    },
    evaluateHeads: (system) => evaluate(system, 'each'),
    features(system) {
      const { atoms, capacity } = bring(system);
      const F = mostFunctions(shape);
      const [scratch] = engine.scratch(capacity, false, 1);
      const out = output.ensure(8 * atoms * F);
      heap.f64(out, atoms * F).fill(0);
      kernels.symmetryFeatures(records.model, record, scratch, out, F);
      return heap.f64(out, atoms * F).slice();
    },
  };
}

/** What stands in the order of the blocks, in the order of the atoms. */
function byAtom(values: Float64Array, order: readonly number[], atoms: number): Float64Array {
  const result = new Float64Array(atoms);
  for (const [n, i] of order.entries()) if (i >= 0) result[i] = values[n];
  return result;
}
