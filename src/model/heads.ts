/** Heads of a model, picked and repeated. */
import { NearsightError } from '../errors.ts';
import { foldingOf, type Model } from './model.ts';

/** Parameters that all heads share: what leads to the features. Every other block has a part for each head. */
const SHARED: readonly string[] = ['embedding', 'coefficients'];

/** The last layer, in which the energy is linear; of models with a network for each species `w3.0`, `w3.1`, … */
const LAST = /^(w3|b3|c3|B3)(\.\d+)?$/;

/** Whether a block of parameters belongs to the last layer of the readout, in which the energy is linear. */
export const isLastLayer = (name: string): boolean => LAST.test(name);

/**
 * The model whose heads are some of those of another one, in this order: `[2]` takes head 2 alone, `[0, 0]` makes two
 * of one.
 * @throws NearsightError `no-such-head`
 */
export function chooseHeads<M extends Model>(model: M, heads: readonly number[]): M {
  const { heads: there } = model.shape;
  const absent = heads.find((head) => !(Number.isInteger(head) && head >= 0 && head < there));
  if (absent !== undefined || heads.length === 0) {
    throw new NearsightError('no-such-head', `head ${absent ?? 'none'} of a model with ${there}`, {
      hint: 'heads are counted from 0',
    });
  }
  const shape = { ...model.shape, heads: heads.length };
  const chosen = { ...model, shape };
  const from = foldingOf(model).layout;
  const to = foldingOf(chosen).layout;
  const parameters = new Float64Array(to.length);
  for (const [k, { name, offset, dimensions }] of from.blocks.entries()) {
    const at = to.blocks[k].offset;
    const size = dimensions.reduce((p, q) => p * q, 1);
    if (SHARED.includes(name)) {
      parameters.set(model.parameters.subarray(offset, offset + size), at);
      continue;
    }
    const own = size / there;
    for (const [place, head] of heads.entries()) {
      parameters.set(model.parameters.subarray(offset + head * own, offset + (head + 1) * own), at + place * own);
    }
  }
  return { ...chosen, parameters };
}

/** The model with `count` of its heads, from head `first` on. */
export function headsOf<M extends Model>(model: M, first: number, count: number): M {
  return chooseHeads(
    model,
    Array.from({ length: count }, (_, k) => first + k),
  );
}

/**
 * One model from several that differ in their heads only: what all heads share is taken from the first.
 * @param models of the same shape, with one head each
 */
export function joinHeads<M extends Model>(models: readonly M[]): M {
  const wide = chooseHeads(
    models[0],
    models.map(() => 0),
  );
  const from = foldingOf(models[0]).layout;
  const to = foldingOf(wide).layout;
  for (const [k, { name, offset, dimensions }] of from.blocks.entries()) {
    if (SHARED.includes(name)) continue;
    const own = dimensions.reduce((p, q) => p * q, 1);
    const at = to.blocks[k].offset;
    for (const [head, { parameters }] of models.entries()) {
      wide.parameters.set(parameters.subarray(offset, offset + own), at + head * own);
    }
  }
  return wide;
}

/**
 * The model of one head that says what the mean of the heads says, up to rounding: there is one where heads differ in
 * their last layer only, and its last layer is the mean of theirs. Null otherwise, and for a model of one head.
 */
export function meanHead<M extends Model>(model: M): M | null {
  const { heads } = model.shape;
  if (heads === 1) return null;
  const one = chooseHeads(model, [0]);
  const to = foldingOf(one).layout;
  for (const [k, { name, offset, dimensions }] of foldingOf(model).layout.blocks.entries()) {
    if (SHARED.includes(name)) continue;
    const own = dimensions.reduce((p, q) => p * q, 1) / heads;
    const at = to.blocks[k].offset;
    for (let i = 0; i < own; i++) {
      let mean = 0;
      for (let head = 0; head < heads; head++) {
        const value = model.parameters[offset + head * own + i];
        mean += value / heads;
        if (!isLastLayer(name) && value !== one.parameters[at + i]) return null;
      }
      if (isLastLayer(name)) one.parameters[at + i] = mean;
    }
  }
  return one;
}
