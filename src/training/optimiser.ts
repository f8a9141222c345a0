/**
 * Gradient steps. Matrices go by SOAP (Vyas et al. 2024, arXiv:2409.11321): Adam in the eigenbasis of Shampoo's two
 * Kronecker factors, which turns slowly and is brought up to date by one step of QR iteration now and then; all
 * other parameters go by Adam. Weight decay is decoupled (Loshchilov & Hutter 2019).
 */
import type { ParameterBlock } from '../model/model.ts';
import { multiplyInto, orthonormalise } from './dense.ts';

export interface OptimiserSettings {
  /** 'soap' for matrices where they are small enough, or 'adam' for everything. */
  readonly method: 'soap' | 'adam';
  /** Decay of the averages of the gradient and of its square. */
  readonly beta1: number;
  readonly beta2: number;
  /** Decoupled weight decay, per unit of learning rate; on matrices only. */
  readonly weightDecay: number;
  /** Steps between two updates of the eigenbasis. */
  readonly refresh: number;
}

export const DEFAULT_OPTIMISER: OptimiserSettings = {
  method: 'soap',
  beta1: 0.95,
  beta2: 0.97,
  weightDecay: 0.02,
  refresh: 10,
};

interface OptimiserState {
  step: number;
  readonly moment1: Float64Array;
  readonly moment2: Float64Array;
  /** Kronecker factors and eigenbases of all matrices, one after the other. */
  readonly factors: Float64Array;
  readonly bases: Float64Array;
}

/** Everything that an optimiser remembers, for a checkpoint. */
export interface SavedOptimiser {
  readonly step: number;
  readonly arrays: Readonly<Record<string, Float64Array>>;
}

export interface Optimiser {
  save(): SavedOptimiser;
  restore(saved: SavedOptimiser): void;
  /** parameters −= rate · (direction + decay · parameters). */
  step(parameters: Float64Array, gradient: Float64Array, rate: number): void;
}

/** Sides longer than this are left alone: their eigenbasis would cost more than it brings. */
const LONGEST_SIDE = 256;
/** Updates are cut at this many learning rates: early, when second moments are unsure. */
const LARGEST_UPDATE = 5;
const EPSILON = 1e-8;

interface MatrixPlan {
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  /** Where the factor and basis of each side stand; −1 for a side without. */
  readonly left: number;
  readonly right: number;
}

export function createOptimiser(blocks: readonly ParameterBlock[], length: number, settings: OptimiserSettings): Optimiser {
  const { beta1, beta2, weightDecay, refresh } = settings;
  const plans: MatrixPlan[] = [];
  let factorLength = 0;
  let largest = 0;
  for (const block of blocks) {
    if (block.matrices === null || settings.method === 'adam') continue;
    const [count, rows, columns] = block.matrices;
    const place = (side: number): number => {
      if (side > LONGEST_SIDE || side < 2) return -1;
      factorLength += side * side;
      return factorLength - side * side;
    };
    for (let n = 0; n < count; n++) {
      plans.push({ offset: block.offset + n * rows * columns, rows, columns, left: place(rows), right: place(columns) });
      largest = Math.max(largest, rows * columns, rows * rows, columns * columns);
    }
  }
  const decayed = blocks.filter((b) => b.matrices !== null);
  const state: OptimiserState = {
    step: 0,
    moment1: new Float64Array(length),
    moment2: new Float64Array(length),
    factors: new Float64Array(factorLength),
    bases: new Float64Array(factorLength),
  };
  const inMatrix = new Uint8Array(length);
  for (const { offset, rows, columns } of plans) inMatrix.fill(1, offset, offset + rows * columns);
  const work = Array.from({ length: 4 }, () => new Float64Array(largest));

  const adam = (parameters: Float64Array, gradient: Float64Array, rate: number): void => {
    const { moment1, moment2, step } = state;
    const c1 = 1 / (1 - beta1 ** step);
    const c2 = 1 / (1 - beta2 ** step);
    for (let i = 0; i < length; i++) {
      if (inMatrix[i] === 1) continue;
      const g = gradient[i];
      moment1[i] += (1 - beta1) * (g - moment1[i]);
      moment2[i] += (1 - beta2) * (g * g - moment2[i]);
      const update = (moment1[i] * c1) / (Math.sqrt(moment2[i] * c2) + EPSILON);
      parameters[i] -= rate * Math.max(-LARGEST_UPDATE, Math.min(LARGEST_UPDATE, update));
    }
  };

  const { step: _, ...arrays } = state;
  return {
    save: () => ({
      step: state.step,
      arrays: Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)])),
    }),
    restore(saved) {
      state.step = saved.step;
      for (const [name, values] of Object.entries(arrays)) values.set(saved.arrays[name]);
    },
    step(parameters, gradient, rate) {
      const first = state.step === 0;
      if (!first) {
        for (const { offset, dimensions } of decayed) {
          const size = dimensions.reduce((p, q) => p * q, 1);
          for (let i = offset; i < offset + size; i++) parameters[i] *= 1 - rate * weightDecay;
        }
      }
      state.step++;
      adam(parameters, gradient, rate);
      for (const plan of plans) {
        soapStep(plan, parameters, gradient, { state, settings, rate, work, first, refresh: state.step % refresh === 0 });
      }
    },
  };
}

interface SoapContext {
  readonly state: OptimiserState;
  readonly settings: OptimiserSettings;
  readonly rate: number;
  readonly work: readonly Float64Array[];
  readonly first: boolean;
  readonly refresh: boolean;
}

/** One matrix: rotate, Adam, rotate back; then let the factors follow the gradient. */
function soapStep(plan: MatrixPlan, parameters: Float64Array, gradient: Float64Array, context: SoapContext): void {
  const { offset, rows, columns, left, right } = plan;
  const { state, settings, rate, work, first } = context;
  const { beta1, beta2 } = settings;
  const size = rows * columns;
  const G = gradient.subarray(offset, offset + size);
  const m = state.moment1.subarray(offset, offset + size);
  const v = state.moment2.subarray(offset, offset + size);
  const [a, b, c] = work;
  const basisL = left < 0 ? null : state.bases.subarray(left, left + rows * rows);
  const basisR = right < 0 ? null : state.bases.subarray(right, right + columns * columns);

  const follow = (weight: number): void => {
    // L ← L + w (G Gᵀ − L), R ← R + w (Gᵀ G − R)
    if (basisL !== null) {
      multiplyInto(a, G, G, { rows, inner: columns, columns: rows, transposeB: true });
      const L = state.factors.subarray(left, left + rows * rows);
      for (let i = 0; i < L.length; i++) L[i] += weight * (a[i] - L[i]);
    }
    if (basisR !== null) {
      multiplyInto(a, G, G, { rows: columns, inner: rows, columns, transposeA: true });
      const R = state.factors.subarray(right, right + columns * columns);
      for (let i = 0; i < R.length; i++) R[i] += weight * (a[i] - R[i]);
    }
  };
  const refreshBases = (): void => {
    for (const [basis, at, side] of [[basisL, left, rows], [basisR, right, columns]] as const) {
      if (basis === null) continue;
      multiplyInto(a, state.factors.subarray(at, at + side * side), basis, { rows: side, inner: side, columns: side });
      orthonormalise(a, side);
      basis.set(a.subarray(0, side * side));
    }
  };
  if (first) {
    // Nothing moves before there is a basis.
    for (const [basis, side] of [[basisL, rows], [basisR, columns]] as const) {
      if (basis !== null) for (let i = 0; i < side; i++) basis[i * side + i] = 1;
    }
    follow(1);
    for (let k = 0; k < 10; k++) refreshBases();
    return;
  }
  /** basisLᵀ · X · basisR into `out`. */
  const rotate = (X: Float64Array, out: Float64Array): void => {
    if (basisL === null) b.set(X);
    else multiplyInto(b, basisL, X, { rows, inner: rows, columns, transposeA: true });
    if (basisR === null) out.set(b.subarray(0, size));
    else multiplyInto(out, b, basisR, { rows, inner: columns, columns });
  };
  for (let i = 0; i < size; i++) m[i] += (1 - beta1) * (G[i] - m[i]);
  rotate(G, a);
  for (let i = 0; i < size; i++) v[i] += (1 - beta2) * (a[i] * a[i] - v[i]);
  rotate(m, a);
  const step = state.step - 1;
  const c1 = 1 / (1 - beta1 ** step);
  const c2 = 1 / (1 - beta2 ** step);
  for (let i = 0; i < size; i++) {
    const update = (a[i] * c1) / (Math.sqrt(v[i] * c2) + EPSILON);
    a[i] = Math.max(-LARGEST_UPDATE, Math.min(LARGEST_UPDATE, update));
  }
  if (basisL === null) c.set(a.subarray(0, size));
  else multiplyInto(c, basisL, a, { rows, inner: rows, columns });
  if (basisR === null) b.set(c.subarray(0, size));
  else multiplyInto(b, c, basisR, { rows, inner: columns, columns, transposeB: true });
  for (let i = 0; i < size; i++) parameters[offset + i] -= rate * b[i];
  follow(1 - beta2);
  if (context.refresh) refreshBases();
}
