/**
 * Heads that have all but the last layer in common, a shallow ensemble: docs/theory/committees.md. The model file and
 * the kernels know nothing of it: each head has a copy of the common layers, and the training keeps the copies equal.
 */
import { foldingOf, type Model } from '../model/model.ts';
import type { HeadRange } from './bootstrap.ts';

/** All but the last layer; of models with a network for each species `w1.0`, `w1.1`, … */
const HIDDEN = /^(w1|w2|b1|b2|c1|c2|B1|B2|skip)(\.\d+)?$/;

/** Numbers that stand `count` times one after the other, from `offset` on, `size` of them each time. */
export interface Copies {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** Where the hidden layers of the heads of each level stand. */
function hiddenLayers(model: Model, levels: readonly HeadRange[]): Copies[] {
  const { heads } = model.shape;
  const blocks = foldingOf(model).layout.blocks.filter(({ name }) => HIDDEN.test(name));
  return blocks.flatMap(({ offset, dimensions }) => {
    const size = dimensions.reduce((p, q) => p * q, 1) / heads;
    return levels.map(({ first, count }) => ({ offset: offset + first * size, size, count }));
  });
}

/** The model with the hidden layers of the first head of each level in all heads of that level. */
export function withSharedLayers<M extends Model>(model: M, levels: readonly HeadRange[]): M {
  const parameters = Float64Array.from(model.parameters);
  spreadCopies(hiddenLayers(model, levels), parameters);
  return { ...model, parameters };
}

/** The hidden layers that all heads of a level have in common, to the last bit; none where any of them differ. */
export function sharedLayersOf(model: Model, levels: readonly HeadRange[]): readonly Copies[] {
  const { parameters } = model;
  const layers = hiddenLayers(model, levels).filter(({ count }) => count > 1);
  const alike = ({ offset, size, count }: Copies): boolean => {
    for (let i = offset + size; i < offset + count * size; i++)
      if (parameters[i] !== parameters[i - size]) return false;
    return true;
  };
  return layers.every(alike) ? layers : [];
}

/** Adds what stands in the copies to the first of them, and leaves zeros there: the gradient by what is in common. */
export function gatherCopies(copies: readonly Copies[], gradient: Float64Array): void {
  for (const { offset, size, count } of copies) {
    for (let i = offset + size; i < offset + count * size; i++) {
      gradient[offset + ((i - offset) % size)] += gradient[i];
      gradient[i] = 0;
    }
  }
}

/** Writes the first copy over the others. */
export function spreadCopies(copies: readonly Copies[], values: Float64Array): void {
  for (const { offset, size, count } of copies) {
    for (let k = 1; k < count; k++) values.copyWithin(offset + k * size, offset, offset + size);
  }
}

/** Which parameters an optimiser may change, 1 or 0: of copies the first. Undefined: all. */
export function firstOfCopies(
  copies: readonly Copies[],
  length: number,
  trainable: Uint8Array | undefined,
): Uint8Array | undefined {
  if (copies.length === 0) return trainable;
  const first = trainable === undefined ? new Uint8Array(length).fill(1) : Uint8Array.from(trainable);
  for (const { offset, size, count } of copies) first.fill(0, offset + size, offset + count * size);
  return first;
}
