/** The fast kernel: loads the compiled AssemblyScript and keeps the contract of kernels.ts with it. */
import { NearsightError } from '../errors.ts';
import { CONTROL_BYTES, type Crew, createCrew, instantiate, type KernelExports } from './crew.ts';
import { relaxedWasm } from './generated/relaxed.ts';
import { simdWasm } from './generated/simd.ts';
import {
  featureCount,
  type Kernel,
  type KernelModel,
  type KernelResult,
  type KernelSystem,
  type LossTerm,
  type ModelShape,
  type TermErrors,
  type TrainingSystem,
  weightLayout,
} from './kernels.ts';
import { type Buffer, createBuffer, createHeap, type Heap } from './memory.ts';
import { checkShape, checkSystem, checkWeights } from './shape.ts';

export interface SimdOptions {
  /** Fused multiply-add where the engine has it: 5–9 % faster, but the bits depend on the machine. */
  readonly relaxed?: boolean;
  /** Threads that work together, the calling one included. */
  readonly threads?: number;
  /** Starts a helper thread that calls `serve` (crew.ts) with these; returns what ends it. */
  readonly startThread?: (module: WebAssembly.Module, memory: WebAssembly.Memory, control: number) => () => void;
  /** Fence every block of memory and check the fences after each call: for tests. */
  readonly guards?: boolean;
}

/** Byte lengths of the records that assembly/state.ts and assembly/train.ts read. */
const MODEL_RECORD = 96;
const SYSTEM_RECORD = 128;
const TERM_RECORD = 48;

/** Units per eV/Å of the fixed-point forces, finest first; a coarser one is taken when forces are too large for it. */
const FORCE_SCALES = [2 ** 20, 2 ** 14, 2 ** 8] as const;
/** Below this many atoms a job is not worth waking other threads for. */
const ATOMS_PER_THREAD = 64;

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const compiled = new Map<string, WebAssembly.Module>();

async function compile(name: 'simd' | 'relaxed'): Promise<WebAssembly.Module> {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const module = await WebAssembly.compile(decode(name === 'simd' ? simdWasm : relaxedWasm));
  compiled.set(name, module);
  return module;
}

/** Whether this JavaScript engine knows relaxed SIMD (fused multiply-add). */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(decode(relaxedWasm));
}

/**
 * The SIMD kernel. Single precision inside, f64 positions and energy sums; forces accumulate in fixed point, so
 * that the same input gives the same bits for any number of threads.
 */
export async function createSimdKernel(options: SimdOptions = {}): Promise<Kernel> {
  const name = options.relaxed === true ? 'relaxed' : 'simd';
  if (name === 'relaxed' && !hasRelaxedSimd()) {
    throw new NearsightError('no-relaxed-simd', 'this JavaScript engine has no relaxed SIMD', {
      hint: 'leave the relaxed kernel out, or use Node 22 or newer',
    });
  }
  const module = await compile(name);
  const threads = options.startThread === undefined ? 1 : Math.max(1, options.threads ?? 1);
  return { name, threads, load: (shape, weights) => loadModel(module, shape, weights, { ...options, threads }) };
}

/** The topology of a system in the heap: everything of it but where the sites are. */
interface Resident {
  readonly record: number;
  readonly atoms: number;
  readonly sites: number;
  /** Edges per atom at most, padding included. */
  readonly capacity: number;
  readonly buffers: readonly Buffer[];
}

interface Engine {
  readonly heap: Heap;
  readonly kernels: KernelExports;
  readonly crew: Crew;
  readonly shape: ModelShape;
  readonly threads: number;
  readonly model: number;
  /** Scratch of all threads: [address, bytes of one]. */
  scratch(capacity: number, training: boolean, threads: number): [number, number];
}

function loadModel(
  module: WebAssembly.Module,
  shape: ModelShape,
  weights: Float64Array,
  options: SimdOptions & { readonly threads: number },
): KernelModel {
  checkShape(shape);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const heap = createHeap(memory, { start: 4096, guards: options.guards === true });
  const kernels = instantiate(module, memory);
  const control = heap.allocate(CONTROL_BYTES);
  const crew = createCrew(kernels, memory, control);
  const model = heap.allocate(MODEL_RECORD);
  const store = createWeightStore(heap, shape, model);
  const scratchBuffer = createBuffer(heap);
  const helpers: (() => void)[] = [];

  const engine: Engine = {
    heap,
    kernels,
    crew,
    shape,
    threads: options.threads,
    model,
    scratch(capacity, training, threads) {
      const stride = Math.ceil(kernels.scratchBytes(model, capacity, training) / 64) * 64;
      return [scratchBuffer.ensure(stride * threads), stride];
    },
  };
  const startHelpers = (): void => {
    while (helpers.length < options.threads - 1) helpers.push(options.startThread!(module, memory, control));
  };
  const setWeights = (w: Float64Array): void => {
    checkWeights(shape, w);
    store(w);
  };
  setWeights(weights);

  const evaluator = createEvaluator(engine);
  const trainer = createTrainer(engine);
  const guarded = <T>(result: T): T => {
    if (options.guards === true) heap.checkFences();
    return result;
  };
  return {
    shape,
    setWeights,
    evaluate(system, head = -1) {
      checkSystem(shape, system);
      if (system.atoms >= 2 * ATOMS_PER_THREAD) startHelpers();
      return guarded(evaluator.evaluate(system, head));
    },
    features: (system) => guarded(evaluator.features(system)),
    densities: (system) => guarded(evaluator.densities(system)),
    add(system) {
      checkSystem(shape, system);
      return trainer.add(system);
    },
    accumulate(terms, gradient) {
      if (terms.length > 1) startHelpers();
      return guarded(trainer.accumulate(terms, gradient));
    },
    close() {
      crew.stop();
      for (const end of helpers) end();
    },
  };
}

/** Puts the model record and its weights, with the transposes that the kernels want, into the heap. */
function createWeightStore(heap: Heap, shape: ModelShape, record: number): (weights: Float64Array) => void {
  const { species: S, radial, lmax, channels: K, heads } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const layout = weightLayout(shape);
  const flat = heap.allocate(4 * (layout.length + 16));
  const mixT = heap.allocate(4 * (layout.w1 - layout.mix));
  const w1T = heap.allocate(4 * heads * F * H1);
  const w2T = heap.allocate(4 * heads * H1 * H2);
  heap.f64(record, 2).set([shape.cutoff, shape.onset]);
  heap.i32(record + 16, 9).set([S, radial, lmax, shape.order, K, H1, H2, heads, F]);
  const at = (offset: number): number => flat + 4 * offset;
  // Rows of every block but `skip` and `b3` are a multiple of four numbers; skip follows w3 (multiples of four too).
  heap
    .i32(record + 52, 11)
    .set([
      at(layout.mix),
      mixT,
      at(layout.w1),
      w1T,
      at(layout.w2),
      w2T,
      at(layout.b1),
      at(layout.b2),
      at(layout.w3),
      at(layout.skip),
      at(layout.b3),
    ]);
  const transpose = (
    weights: Float64Array,
    from: number,
    to: Float32Array,
    size: readonly [number, number, number],
  ): void => {
    const [count, rows, columns] = size;
    for (let n = 0, i = from; n < count; n++) {
      const base = n * rows * columns;
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) to[base + c * rows + r] = weights[i++]!;
    }
  };
  return (weights) => {
    heap.f32(flat, layout.length).set(weights);
    transpose(weights, layout.mix, heap.f32(mixT, layout.w1), [S * (lmax + 1), radial, K]);
    transpose(weights, layout.w1, heap.f32(w1T, heads * F * H1), [heads, F, H1]);
    transpose(weights, layout.w2, heap.f32(w2T, heads * H1 * H2), [heads, H1, H2]);
  };
}

/** Copies the topology of a system into the heap; the neighbours of each atom are sorted by species. */
function upload(engine: Engine, system: KernelSystem, buffers: readonly Buffer[], record: number): Resident {
  const { heap, shape } = engine;
  const sites = system.species.length;
  const edges = system.neighbours.length;
  // One block of atoms may be read whole, also where the last one is short.
  const positions = buffers[0]!.ensure(32 * sites);
  const species = buffers[1]!.ensure(4 * (sites + 16));
  const owner = buffers[2]!.ensure(4 * sites);
  const first = buffers[3]!.ensure(4 * (system.atoms + 1));
  const neighbours = buffers[4]!.ensure(4 * Math.max(edges, 1));
  heap.i32(species, sites).set(system.species);
  heap.i32(owner, sites).set(system.owner);
  heap.i32(first, system.atoms + 1).set(system.first);
  const list = heap.i32(neighbours, edges);
  list.set(system.neighbours);
  if (shape.species > 1) sortBySpecies(system, list, shape.species);
  let longest = 0;
  for (let i = 0; i < system.atoms; i++) longest = Math.max(longest, system.first[i + 1]! - system.first[i]!);
  // Each species' edges are padded to a multiple of four; one edge more may be written before it is rejected.
  const capacity = Math.ceil((longest + 3 * Math.min(shape.species, longest) + 4) / 4) * 4;
  heap.i32(record, 8).set([system.atoms, sites, positions, species, owner, first, neighbours, capacity]);
  return { record, atoms: system.atoms, sites, capacity, buffers };
}

function sortBySpecies(system: KernelSystem, list: Int32Array, species: number): void {
  const start = new Int32Array(species + 1);
  for (let i = 0; i < system.atoms; i++) {
    const from = system.first[i]!;
    const to = system.first[i + 1]!;
    start.fill(0);
    for (let e = from; e < to; e++) start[system.species[system.neighbours[e]!]! + 1]!++;
    for (let s = 0; s < species; s++) start[s + 1]! += start[s]!;
    for (let e = from; e < to; e++) {
      const j = system.neighbours[e]!;
      list[from + start[system.species[j]!]!++] = j;
    }
  }
}

function placeSites(heap: Heap, address: number, sites: Float64Array): void {
  const to = heap.f64(address, (sites.length / 3) * 4);
  for (let s = 0, k = 0; s < sites.length; s += 3, k += 4) {
    to[k] = sites[s]!;
    to[k + 1] = sites[s + 1]!;
    to[k + 2] = sites[s + 2]!;
  }
}

const fiveBuffers = (heap: Heap): Buffer[] => Array.from({ length: 5 }, () => createBuffer(heap));

interface Evaluator {
  evaluate(system: KernelSystem, head: number): KernelResult;
  features(system: KernelSystem): Float64Array;
  densities(system: KernelSystem): Float64Array;
}

function createEvaluator(engine: Engine): Evaluator {
  const { heap, kernels, crew, shape } = engine;
  const record = heap.allocate(SYSTEM_RECORD);
  const buffers = fiveBuffers(heap);
  const energies = createBuffer(heap);
  const strains = createBuffer(heap);
  const forces = createBuffer(heap);
  const output = createBuffer(heap);
  let resident: Resident | null = null;
  let known: KernelSystem | null = null;

  /** Brings a system in; its topology only when that is not there already. */
  const bring = (system: KernelSystem): Resident => {
    const same =
      known !== null &&
      known.neighbours === system.neighbours &&
      known.first === system.first &&
      known.species === system.species &&
      known.owner === system.owner;
    if (!same || resident === null) resident = upload(engine, system, buffers, record);
    known = system;
    placeSites(heap, heap.i32(record, 8)[2]!, system.sites);
    return resident;
  };

  return {
    evaluate(system, head) {
      const { atoms, sites, capacity } = bring(system);
      const limit = Math.max(1, Math.min(engine.threads, Math.floor(atoms / ATOMS_PER_THREAD)));
      const [scratch, scratchStride] = engine.scratch(capacity, false, limit);
      const forcesStride = 16 * sites;
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
        forces: forces.ensure(forcesStride * limit),
        forcesStride,
      } as const;
      for (const scale of FORCE_SCALES) {
        const { threads, largest } = crew.run({ ...job, scale }, limit);
        // Any atom's force is a sum of at most two contributions per edge: then no sum overflows 32 bits.
        if (!(largest * scale * 2 * capacity < 2 ** 31)) continue;
        const out = output.ensure(24 * atoms);
        kernels.collectForces(record, job.forces, threads, forcesStride, 1 / scale, out);
        const result = {
          energies: Float64Array.from(heap.f32(job.energies, atoms)),
          forces: heap.f64(out, 3 * atoms).slice(),
          strainGradient: sumStrains(heap.f32(job.strains, padded / 2)),
        };
        if (result.energies.every(Number.isFinite) && result.strainGradient.every(Number.isFinite)) return result;
        break;
      }
      throw new NearsightError('atoms-too-close', 'the forces of this structure are too large to be numbers', {
        hint: 'two atoms (nearly) coincide; look at the shortest distance in the structure',
      });
    },
    features(system) {
      const { atoms, capacity } = bring(system);
      const F = featureCount(shape);
      const [scratch] = engine.scratch(capacity, false, 1);
      const out = output.ensure(4 * atoms * F);
      kernels.features(engine.model, record, scratch, out);
      return Float64Array.from(heap.f32(out, atoms * F));
    },
    densities(system) {
      const { atoms, capacity } = bring(system);
      const width = shape.species * (shape.lmax + 1) ** 2 * shape.radial;
      const [scratch] = engine.scratch(capacity, false, 1);
      const out = output.ensure(4 * atoms * width);
      kernels.densitiesOf(engine.model, record, scratch, 0, atoms, out);
      return Float64Array.from(heap.f32(out, atoms * width));
    },
  };
}

/** ∂E/∂ε of all blocks (xx yy zz yz xz xy − −), added in their order. */
function sumStrains(blocks: Float32Array): Float64Array {
  let [xx, yy, zz, yz, xz, xy] = [0, 0, 0, 0, 0, 0];
  for (let b = 0; b < blocks.length; b += 8) {
    xx += blocks[b]!;
    yy += blocks[b + 1]!;
    zz += blocks[b + 2]!;
    yz += blocks[b + 3]!;
    xz += blocks[b + 4]!;
    xy += blocks[b + 5]!;
  }
  return Float64Array.of(xx, xy, xz, xy, yy, yz, xz, yz, zz);
}

interface Trainer {
  add(system: TrainingSystem): number;
  accumulate(terms: readonly LossTerm[], gradient: Float64Array): TermErrors[];
}

function createTrainer(engine: Engine): Trainer {
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
      heap.i32(record, 2).set([systems[term.system]!.record, term.head]);
      heap.f64(record + 8, 3).set([term.energy, term.forces, term.strain]);
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
    const sum = heap.f32(slots, layout.length);
    for (let i = 0; i < gradient.length; i++) gradient[i]! += sum[i]!;
  };
  const readErrors = (k: number): TermErrors => {
    const [energy, forces, strain] = heap.f64(errorBuffer.ensure(0) + 24 * k, 3);
    return { energy: energy!, forces: forces!, strain: strain! };
  };

  return {
    add(system) {
      const record = heap.allocate(SYSTEM_RECORD);
      const resident = upload(engine, system, fiveBuffers(heap), record);
      placeSites(heap, heap.i32(record, 8)[2]!, system.sites);
      const targets = heap.allocate(16 * system.atoms);
      const f = heap.f32(targets, 4 * system.atoms);
      for (let i = 0; i < system.atoms; i++) for (let c = 0; c < 3; c++) f[4 * i + c] = system.forces[3 * i + c]!;
      heap.f64(record + 32, 1)[0] = system.energy;
      heap.f64(record + 40, 9).set(system.strainGradient);
      heap.i32(record + 112, 1)[0] = targets;
      systems.push(resident);
      most = {
        capacity: Math.max(most.capacity, resident.capacity),
        sites: Math.max(most.sites, resident.sites),
        atoms: Math.max(most.atoms, resident.atoms),
      };
      return systems.length - 1;
    },
    accumulate(terms, gradient) {
      const tooLarge = run(terms, FORCE_SCALES[0]);
      const errors = terms.map((_, k) => readErrors(k));
      if (tooLarge.length === 0) {
        addGradient(terms.length, gradient);
        return errors;
      }
      // Rare: the terms that overflowed go again, alone, in coarser units; all others as they are.
      const fine = terms.filter((_, k) => !tooLarge.includes(k));
      if (fine.length > 0) {
        run(fine, FORCE_SCALES[0]);
        addGradient(fine.length, gradient);
      }
      for (const k of tooLarge) {
        const scale = FORCE_SCALES.slice(1).find((s) => run([terms[k]!], s).length === 0);
        if (scale === undefined) {
          errors[k] = { energy: Number.NaN, forces: Number.NaN, strain: Number.NaN };
          continue;
        }
        errors[k] = readErrors(0);
        addGradient(1, gradient);
      }
      return errors;
    },
  };
}
