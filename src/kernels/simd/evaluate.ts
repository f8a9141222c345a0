/** Energies, forces, features and densities of one system at a time. */
import { NearsightError } from '../../errors.ts';
import { featureCount, type KernelResult, type KernelSystem } from '../kernels.ts';
import { checkSystem } from '../shape.ts';
import { createBuffer } from './memory.ts';
import { createSeat, type Engine, FORCE_SCALES, SYSTEM_RECORD, systemBuffers, upload } from './system.ts';

/** Heads that the kernel evaluates side by side, one in each lane. */
const LANES = 4;

/** Below this many atoms a job is not worth waking other threads for. */
export const ATOMS_PER_THREAD = 64;

export interface Evaluator {
  evaluate(system: KernelSystem, head: number): KernelResult;
  evaluateHeads(system: KernelSystem): readonly KernelResult[];
  features(system: KernelSystem): Float64Array;
  densities(system: KernelSystem): Float64Array;
}

export function createEvaluator(engine: Engine): Evaluator {
  const { heap, kernels, crew, shape } = engine;
  const record = heap.allocate(SYSTEM_RECORD);
  const buffers = systemBuffers(heap);
  const energies = createBuffer(heap);
  const strains = createBuffer(heap);
  const forces = createBuffer(heap);
  const output = createBuffer(heap);
  const direct = shape.directForces === true;
  const bring = createSeat(heap, (system) => {
    checkSystem(shape, system);
    return upload(engine, system, buffers, record);
  });

  /** The fixed-point forces of all threads, added up and folded back. */
  const collected = (
    job: { readonly forces: number; readonly forcesStride: number },
    threads: number,
    scale: number,
    atoms: number,
  ): Float64Array => {
    const out = output.ensure(24 * atoms);
    kernels.collectForces(record, job.forces, threads, job.forcesStride, 1 / scale, out);
    return heap.f64(out, 3 * atoms).slice();
  };

  /**
   * Runs a job in the finest unit of force that holds it, and refuses what is no number even so. Any atom's force is a
   * sum of at most two contributions per edge, `longest` edges at most: then no sum overflows 32 bits. Padding has no
   * force, and must not count: a model that learns one more species gives the old ones the same bits.
   */
  const inFixedPoint = (
    longest: number,
    run: (scale: number) => { threads: number; largest: number },
    collect: (threads: number, scale: number) => readonly KernelResult[],
  ): readonly KernelResult[] => {
    for (const scale of FORCE_SCALES) {
      const { threads, largest } = run(scale);
      if (!(largest * scale * 2 * longest < 2 ** 31)) continue;
      const results = collect(threads, scale);
      if (results.every((result) => Object.values(result).every(isFiniteSum))) return results;
      break;
    }
    throw new NearsightError('atoms-too-close', 'the forces of this structure are too large to be numbers', {
      hint: 'two atoms (nearly) coincide; look at the shortest distance in the structure',
    });
  };

  const threadsFor = (atoms: number): number =>
    Math.max(1, Math.min(engine.threads, Math.floor(atoms / ATOMS_PER_THREAD)));

  return {
    evaluate(system, head) {
      const { atoms, sites, capacity, longest } = bring(system);
      const limit = threadsFor(atoms);
      const [scratch, scratchStride] = engine.scratch(capacity, false, limit);
      // Direct forces are written by the thread that has their atom: all threads share one array.
      const forcesStride = direct ? 0 : 16 * sites;
      const padded = Math.ceil(atoms / 16) * 16;
      const job = {
        kind: 'evaluate',
        model: engine.model,
        system: record,
        head,
        scratch,
        scratchStride,
        energies: energies.ensure(4 * padded),
        strains: strains.ensure(2 * padded),
        forces: forces.ensure(direct ? 16 * atoms : forcesStride * limit),
        forcesStride,
      } as const;
      const [result] = inFixedPoint(
        longest,
        (scale) => crew.run({ ...job, scale }, limit),
        (threads, scale) => [
          {
            energies: new Float64Array(heap.f32(job.energies, atoms)),
            forces: direct ? triples(heap.f32(job.forces, 4 * atoms)) : collected(job, threads, scale, atoms),
            strainGradient: sumStrains(heap.f32(job.strains, padded / 2)),
          },
        ],
      );
      return result;
    },
    evaluateHeads(system) {
      const { atoms, sites, capacity, longest } = bring(system);
      const limit = threadsFor(atoms);
      const [scratch, scratchStride] = engine.scratch(capacity, false, limit);
      const heads = shape.heads;
      const groups = Math.ceil(heads / LANES);
      const forcesStride = direct ? 0 : 12 * LANES * sites * groups;
      const padded = Math.ceil(atoms / 16) * 16;
      const job = {
        kind: 'heads',
        model: engine.model,
        system: record,
        scratch,
        scratchStride,
        energies: energies.ensure(4 * padded * heads),
        strains: direct ? strains.ensure(2 * padded * heads) : 0,
        forces: forces.ensure(direct ? 16 * atoms * heads : forcesStride * limit),
        forcesStride,
      } as const;
      return inFixedPoint(
        longest,
        (scale) => crew.run({ ...job, scale }, limit),
        (threads, scale) => {
          const out = output.ensure((24 * atoms + 72) * LANES);
          return Array.from({ length: heads }, (_, head): KernelResult => {
            const own = new Float64Array(heap.f32(job.energies + 4 * padded * head, atoms));
            if (direct) {
              return {
                energies: own,
                forces: triples(heap.f32(job.forces + 16 * atoms * head, 4 * atoms)),
                strainGradient: sumStrains(heap.f32(job.strains + 2 * padded * head, padded / 2)),
              };
            }
            const lane = head % LANES;
            const group = job.forces + 12 * sites * (head - lane);
            if (lane === 0) kernels.collectHeads(record, group, threads, forcesStride, 1 / scale, out);
            return {
              energies: own,
              forces: heap.f64(out + 24 * atoms * lane, 3 * atoms).slice(),
              strainGradient: heap.f64(out + 24 * atoms * LANES + 72 * lane, 9).slice(),
            };
          });
        },
      );
    },
    features(system) {
      const { atoms, capacity } = bring(system);
      const F = featureCount(shape);
      const [scratch] = engine.scratch(capacity, false, 1);
      const out = output.ensure(4 * atoms * F);
      kernels.features(engine.model, record, scratch, out);
      return new Float64Array(heap.f32(out, atoms * F));
    },
    densities(system) {
      const { atoms, capacity } = bring(system);
      const width = shape.species * (shape.lmax + 1) ** 2 * shape.radial;
      const [scratch] = engine.scratch(capacity, false, 1);
      const out = output.ensure(4 * atoms * width);
      kernels.densitiesOf(engine.model, record, scratch, 0, atoms, out);
      return new Float64Array(heap.f32(out, atoms * width));
    },
  };
}

/** x y z of each atom from x y z −. */
function triples(fours: Float32Array): Float64Array {
  const result = new Float64Array((fours.length / 4) * 3);
  for (let c = 0; c < result.length; c++) result[c] = fours[c + Math.floor(c / 3)];
  return result;
}

/** NaN and infinity survive any sum. */
export function isFiniteSum(values: Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return Number.isFinite(sum);
}

/** ∂E/∂ε of all blocks (xx yy zz yz xz xy − −), added in their order. */
export function sumStrains(blocks: Float32Array): Float64Array {
  let [xx, yy, zz, yz, xz, xy] = [0, 0, 0, 0, 0, 0];
  for (let b = 0; b < blocks.length; b += 8) {
    xx += blocks[b];
    yy += blocks[b + 1];
    zz += blocks[b + 2];
    yz += blocks[b + 3];
    xz += blocks[b + 4];
    xy += blocks[b + 5];
  }
  return Float64Array.of(xx, xy, xz, xy, yy, yz, xz, yz, zz);
}
