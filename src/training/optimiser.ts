/**
 * Gradient steps. Matrices go by SOAP (kernels.ts), all other parameters by Adam (Kingma & Ba 2015). Weight decay is
 * decoupled (Loshchilov & Hutter 2019) and acts on matrices only.
 */
import type { KernelModel, MatrixPlace, SoapOptimiser, SoapSettings } from '../kernels/kernels.ts';
import type { ParameterBlock, ParameterLayout } from '../model/parameters.ts';

export interface OptimiserSettings extends SoapSettings {
  /** 'soap' for matrices, or 'adam' for everything. */
  readonly method: 'soap' | 'adam';
  /** Per unit of learning rate. */
  readonly weightDecay: number;
}

export const DEFAULT_OPTIMISER: OptimiserSettings = {
  method: 'soap',
  beta1: 0.95,
  beta2: 0.97,
  weightDecay: 0.02,
  refresh: 10,
};

/** Updates are cut at this many learning rates: early, when second moments are unsure. */
const LARGEST_UPDATE = 5;
const EPSILON = 1e-8;

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

/** The matrices of a block, one by one. */
function placesOf({ offset, matrices }: ParameterBlock): MatrixPlace[] {
  if (matrices === null) return [];
  const [count, rows, columns] = matrices;
  return Array.from({ length: count }, (_, n) => ({ offset: offset + n * rows * columns, rows, columns }));
}

/**
 * @param trainable 1 for each parameter that may change; all when absent. A matrix of which only a part may goes by Adam
 */
export function createOptimiser(
  engine: KernelModel,
  { blocks, length }: ParameterLayout,
  settings: OptimiserSettings,
  trainable?: Uint8Array,
): Optimiser {
  const { beta1, beta2, weightDecay } = settings;
  const free = ({ offset, rows, columns }: MatrixPlace): boolean =>
    trainable === undefined || trainable.subarray(offset, offset + rows * columns).every((t) => t === 1);
  const places = blocks.flatMap(placesOf).filter(free);
  const soap: SoapOptimiser | null =
    settings.method === 'soap' && places.length > 0 ? engine.soap(places, settings) : null;
  const bySoap = new Uint8Array(length);
  if (soap !== null) for (const { offset, rows, columns } of places) bySoap.fill(1, offset, offset + rows * columns);
  const moment1 = new Float64Array(length);
  const moment2 = new Float64Array(length);
  const direction = new Float64Array(length);
  let step = 0;

  const adam = (gradient: Float64Array): void => {
    const c1 = 1 / (1 - beta1 ** step);
    const c2 = 1 / (1 - beta2 ** step);
    for (let i = 0; i < length; i++) {
      if (bySoap[i] === 1 || trainable?.[i] === 0) continue;
      const g = gradient[i];
      moment1[i] += (1 - beta1) * (g - moment1[i]);
      moment2[i] += (1 - beta2) * (g * g - moment2[i]);
      const update = (moment1[i] * c1) / (Math.sqrt(moment2[i] * c2) + EPSILON);
      direction[i] = Math.max(-LARGEST_UPDATE, Math.min(LARGEST_UPDATE, update));
    }
  };
  return {
    step(parameters, gradient, rate) {
      step++;
      adam(gradient);
      soap?.direction(gradient, direction);
      for (const { offset, rows, columns } of places) {
        for (let i = offset; i < offset + rows * columns; i++) parameters[i] *= 1 - rate * weightDecay;
      }
      for (let i = 0; i < length; i++) parameters[i] -= rate * direction[i];
    },
    save() {
      const prefixed = Object.entries(soap?.save() ?? {}).map(([name, values]) => [`soap.${name}`, values] as const);
      const arrays = {
        moment1: Float64Array.from(moment1),
        moment2: Float64Array.from(moment2),
        ...Object.fromEntries(prefixed),
      };
      return { step, arrays };
    },
    restore(saved) {
      step = saved.step;
      moment1.set(saved.arrays.moment1);
      moment2.set(saved.arrays.moment2);
      const own = Object.entries(saved.arrays).filter(([name]) => name.startsWith('soap.'));
      soap?.restore(Object.fromEntries(own.map(([name, values]) => [name.slice('soap.'.length), values])));
    },
  };
}
