/**
 * A model that learns one more element without a change to what it says of the others. Everything it knows of an
 * element is that element's embedding vector: mix_s = P Σ_d e_sd C_d and biases c + e_s·B. So a new element is a new
 * row of the embedding, and an adapter of rank r is r components more, in which the old elements are exactly 0.
 * Theory: docs/theory/transfer.md.
 */
import { periodicPlaceOf, symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import { type DensityModel, parameterLayout } from '../model/density-model.ts';
import type { Model } from '../model/model.ts';

/** A model with room for new elements. */
export interface Growth {
  /** E0 of the new elements is still 0 in it: `referenceShift` fits it. */
  readonly model: DensityModel;
  /** 1 for the parameters of the new elements, 0 for all that the old ones depend on. */
  readonly trainable: Uint8Array;
}

/**
 * The model with more elements: each of the new ones starts as the mean of the known ones, weighted by the inverse
 * square of their distance in the periodic table. With an adapter, its components start with weights of 0: the first
 * model is that without.
 * @param elements atomic numbers of the new elements
 * @param options.adapter rank of the correction, at most the number of new elements (1 makes a single new element free
 *   in all that an embedding can reach); 0: none
 * @throws NearsightError `cannot-grow`, `known-element`, `adapter-rank`
 */
export function grown(model: Model, elements: readonly number[], options: { readonly adapter?: number } = {}): Growth {
  const { adapter = 0 } = options;
  const density = checkGrowth(model, elements, adapter);
  const all = [...density.elements, ...elements].sort((p, q) => p - q);
  const shape = { ...density.shape, species: all.length };
  const [d, wide] = [density.embedding, density.embedding + adapter];
  const from = parameterLayout(density.shape, d);
  const to = parameterLayout(shape, wide);
  const parameters = new Float64Array(to.length);
  const trainable = new Uint8Array(to.length);

  for (const [s, z] of all.entries()) {
    const row = to.at.embedding + s * wide;
    const old = density.elements.indexOf(z);
    const vector = old < 0 ? guessedVector(density, z) : vectorOf(density, old);
    parameters.set(vector, row);
    if (old >= 0) continue;
    trainable.fill(1, row, row + wide);
    if (adapter > 0) parameters[row + d + (elements.indexOf(z) % adapter)] = 1;
  }
  for (const [k, { name, offset, dimensions }] of from.blocks.entries()) {
    if (name === 'embedding') continue;
    const at = to.blocks[k].offset;
    const perComponent = name === 'coefficients' || name.startsWith('B');
    if (!perComponent) {
      const size = dimensions.reduce((p, q) => p * q, 1);
      parameters.set(density.parameters.subarray(offset, offset + size), at);
      continue;
    }
    // [stack][d][…]: the rows of the new components come after those of the old ones, in each of the stack.
    const [stack, , ...rest] = dimensions;
    const own = rest.reduce((p, q) => p * q, 1);
    for (let n = 0; n < stack; n++) {
      const rows = density.parameters.subarray(offset + n * d * own, offset + (n + 1) * d * own);
      parameters.set(rows, at + n * wide * own);
      trainable.fill(1, at + (n * wide + d) * own, at + (n + 1) * wide * own);
    }
  }
  const referenceEnergies = Float64Array.from(all, (z) => {
    const old = density.elements.indexOf(z);
    return old < 0 ? 0 : density.referenceEnergies[old];
  });
  return {
    model: { ...density, elements: all, shape, embedding: wide, parameters, referenceEnergies },
    trainable,
  };
}

function checkGrowth(model: Model, elements: readonly number[], adapter: number): DensityModel {
  if (model.kind !== 'density') {
    throw new NearsightError('cannot-grow', 'a model of symmetry functions has no place for a new element', {
      hint: 'its functions name the elements of the neighbours: train a new model, or one of density projections',
    });
  }
  const known = elements.find((z, k) => model.elements.includes(z) || elements.indexOf(z) !== k);
  if (known !== undefined) {
    throw new NearsightError('known-element', `the model knows ${symbolOf(known)} already, or it is named twice`, {
      hint: 'without --grow the whole model is trained further, all its elements with it',
    });
  }
  if (!(Number.isInteger(adapter) && adapter >= 0 && adapter <= elements.length)) {
    throw new NearsightError(
      'adapter-rank',
      `an adapter of rank ${adapter} for ${elements.length} new element${elements.length === 1 ? '' : 's'}`,
      { hint: 'each new element needs one rank to be free in all that an embedding reaches; more bring nothing' },
    );
  }
  return model;
}

const vectorOf = ({ embedding, shape, parameters }: DensityModel, s: number): Float64Array => {
  const at = parameterLayout(shape, embedding).at.embedding + s * embedding;
  return parameters.slice(at, at + embedding);
};

/** First guess of a new element's vector: the mean of the known ones, the near ones in the periodic table foremost. */
function guessedVector(model: DensityModel, z: number): Float64Array {
  const place = periodicPlaceOf(z);
  const weights = model.elements.map((known) => {
    const { period, group } = periodicPlaceOf(known);
    return 1 / ((period - place.period) ** 2 + (group - place.group) ** 2);
  });
  const sum = weights.reduce((p, q) => p + q, 0);
  const vector = new Float64Array(model.embedding);
  for (const [s, weight] of weights.entries()) {
    for (const [n, component] of vectorOf(model, s).entries()) vector[n] += (weight / sum) * component;
  }
  return vector;
}
