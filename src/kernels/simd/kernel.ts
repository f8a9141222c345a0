/** The fast kernel: loads the compiled AssemblyScript and keeps the contract of kernels.ts with it. */
import { NearsightError } from '../../errors.ts';
import { relaxedWasm } from '../generated/relaxed.ts';
import { simdWasm } from '../generated/simd.ts';
import { type DensityKernelModel, featureCount, type Kernel, type ModelShape, weightLayout } from '../kernels.ts';
import { checkShape, checkWeights } from '../shape.ts';
import { ATOMS_PER_THREAD, createEvaluator } from './evaluate.ts';
import { createWorkplace, type LoadOptions, loadedModel } from './loaded.ts';
import { createBuffer, type Heap } from './memory.ts';
import { createSimdNearest } from './nearest.ts';
import { loadSimdSymmetry } from './symmetry.ts';
import type { Engine } from './system.ts';
import { createTrainer } from './train.ts';

export interface SimdOptions {
  /** Fused multiply-add where the engine has it: 5–9 % faster, but the bits depend on the machine. */
  readonly relaxed?: boolean;
  /** Threads that work together, the calling one included. */
  readonly threads?: number;
  /** Starts a helper thread that calls `serve` (crew.ts) with these; returns what ends it. */
  readonly startThread?: (module: WebAssembly.Module, memory: WebAssembly.Memory, control: number) => () => void;
  /** Bytes of memory in which training may keep symmetry functions and their derivatives; 1 GiB when absent. */
  readonly cache?: number;
  /** Fence every block of memory and check the fences after each call: for tests. */
  readonly guards?: boolean;
}

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
  return {
    name,
    threads,
    load: (shape, weights) => loadModel(module, shape, weights, { ...options, threads }),
    loadSymmetry: (shape, weights) => loadSimdSymmetry(module, shape, weights, { ...options, threads }),
    nearest: createSimdNearest(module, options.guards === true),
  };
}

/** Bytes of the model record that assembly/state.ts reads. */
const MODEL_RECORD = 192;

function loadModel(
  module: WebAssembly.Module,
  shape: ModelShape,
  weights: Float64Array,
  options: LoadOptions,
): DensityKernelModel {
  checkShape(shape);
  const place = createWorkplace(module, options);
  const { heap, kernels, crew } = place;
  const model = heap.allocate(MODEL_RECORD);
  const constants = heap.allocate(kernels.CONSTANT_BYTES.value as number);
  kernels.storeConstants(constants);
  heap.i32(model + 120, 1)[0] = constants;
  const store = createWeightStore(heap, shape, model);
  const scratchBuffer = createBuffer(heap);

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
  const setWeights = (w: Float64Array): void => {
    checkWeights(shape, w);
    store(w);
  };
  setWeights(weights);

  const evaluator = createEvaluator(engine);
  const loaded = loadedModel(place, {
    ...{ species: shape.species, heads: shape.heads, weights: weights.length },
    atomsPerThread: ATOMS_PER_THREAD,
    guards: options.guards === true,
    setWeights,
    evaluator,
    trainer: createTrainer(engine),
  });
  return {
    ...loaded,
    shape,
    densities(system) {
      const densities = evaluator.densities(system);
      if (options.guards === true) heap.checkFences();
      return densities;
    },
  };
}

/**
 * Puts the model record and its weights into the heap: as they are, transposed, and with all heads side by side (for
 * the mean over heads), as assembly/state.ts wants them.
 */
function createWeightStore(heap: Heap, shape: ModelShape, record: number): (weights: Float64Array) => void {
  const { species: S, radial, lmax, channels: K, heads } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const layout = weightLayout(shape);
  const room = (length: number): number => heap.allocate(4 * length);
  const flat = room(layout.length + 16);
  const mixT = room(layout.w1 - layout.mix);
  const w1T = room(heads * F * H1);
  const w2T = room(heads * H1 * H2);
  const all = { w1: room(F * heads * H1), b1: room(S * heads * H1), b2: room(S * heads * H2) };
  const mean = { skip: room(F), b3: room(S) };
  const at = (offset: number): number => flat + 4 * offset;
  const direct = shape.directForces === true ? createForceHeadStore(heap, shape, at) : null;
  if (direct !== null) heap.i32(record + 128, 6).set(direct.record);
  // The heads' w1T, one below the other, are at the same time the transpose of all w1 side by side.
  heap.f64(record, 2).set([shape.cutoff, shape.onset]);
  heap.i32(record + 16, 9).set([S, radial, lmax, shape.order, K, H1, H2, heads, F]);
  const own = [at(layout.mix), mixT, at(layout.w1), w1T, at(layout.w2), w2T];
  const rest = [at(layout.b1), at(layout.b2), at(layout.w3), at(layout.skip), at(layout.b3)];
  heap.i32(record + 52, 17).set([...own, ...rest, all.w1, w1T, all.b1, all.b2, mean.skip, mean.b3]);
  return (weights) => {
    heap.f32(flat, layout.length).set(weights);
    heap.i32(record + 124, 1)[0] = radialOfHighest(shape, weights);
    transpose(weights, layout.mix, heap.f32(mixT, layout.w1), [S * (lmax + 1), radial, K]);
    transpose(weights, layout.w1, heap.f32(w1T, heads * F * H1), [heads, F, H1]);
    transpose(weights, layout.w2, heap.f32(w2T, heads * H1 * H2), [heads, H1, H2]);
    sideBySide(weights, layout.w1, heap.f32(all.w1, F * heads * H1), [heads, F, H1]);
    sideBySide(weights, layout.b1, heap.f32(all.b1, S * heads * H1), [heads, S, H1]);
    sideBySide(weights, layout.b2, heap.f32(all.b2, S * heads * H2), [heads, S, H2]);
    averageHeads(weights, layout.skip, heap.f32(mean.skip, F), heads);
    averageHeads(weights, layout.b3, heap.f32(mean.b3, S), heads);
    direct?.store(weights);
  };
}

/** What a direct force head needs besides: its part of the model record, and its weights transposed and averaged. */
function createForceHeadStore(
  heap: Heap,
  shape: ModelShape,
  at: (offset: number) => number,
): { readonly record: readonly number[]; store(weights: Float64Array): void } {
  const { species: S, channels: K, heads } = shape;
  const H2 = shape.hidden[1];
  const { wF, bF } = weightLayout(shape);
  const [transposed, mean, meanBias] = [heads * H2 * K, heads * H2 * K, S * K].map((n) => heap.allocate(4 * n));
  return {
    record: [1, at(wF), transposed, at(bF), mean, meanBias],
    store(weights) {
      transpose(weights, wF, heap.f32(transposed, heads * H2 * K), [heads, H2, K]);
      // The mean over heads is one product with the weights of all of them, one below the other.
      heap.f32(mean, heads * H2 * K).set(weights.subarray(wF, bF).map((w) => w / heads));
      averageHeads(weights, bF, heap.f32(meanBias, S * K), heads);
    },
  };
}

/**
 * Radial functions that the harmonics of l = 3 are mixed with at all: in fours, at least four. The kernel leaves the
 * others out, which saves a tenth of its time for models that need no fine radial resolution there.
 */
function radialOfHighest(shape: ModelShape, weights: Float64Array): number {
  const { species: S, radial, lmax, channels: K } = shape;
  if (lmax < 3) return radial;
  let used = 4;
  for (let s = 0; s < S; s++) {
    const mix = (s * (lmax + 1) + lmax) * radial * K;
    for (let b = radial - 1; b >= used; b--) {
      if (weights.subarray(mix + b * K, mix + (b + 1) * K).some((w) => w !== 0)) used = Math.ceil((b + 1) / 4) * 4;
    }
  }
  return used;
}

type Stack = readonly [count: number, rows: number, columns: number];

/** Each matrix of a stack transposed. */
function transpose(from: Float64Array, offset: number, to: Float32Array, [count, rows, columns]: Stack): void {
  for (let n = 0, i = offset; n < count; n++) {
    const base = n * rows * columns;
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) to[base + c * rows + r] = from[i++];
  }
}

/** The matrices of a stack as one matrix [rows][count · columns]. */
function sideBySide(from: Float64Array, offset: number, to: Float32Array, [count, rows, columns]: Stack): void {
  for (let n = 0, i = offset; n < count; n++) {
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) to[(r * count + n) * columns + c] = from[i++];
  }
}

function averageHeads(from: Float64Array, offset: number, to: Float32Array, heads: number): void {
  for (let k = 0; k < to.length; k++) {
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += from[offset + h * to.length + k];
    to[k] = sum / heads;
  }
}
