/** Heads of a model, picked and repeated. */
import { NearsightError } from '../errors.ts';
import { foldingOf, type Model } from './model.ts';

/** Parameters that all heads share: what leads to the features. Every other block has a part for each head. */
const SHARED: readonly string[] = ['embedding', 'coefficients'];

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
