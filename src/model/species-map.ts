/**
 * What a model has learned of its elements: how differently it treats any two of them, and a map of that. The vectors
 * themselves mean nothing: they may be turned, stretched and mixed at will if the coefficients go along. What counts is
 * what they do. Formulas: docs/theory/species-embedding.md.
 */
import { periodicPlaceOf } from '../elements.ts';
import { symmetricEigen } from '../linear-algebra.ts';
import { createRandom } from '../random.ts';
import { foldingOf, type Model } from './model.ts';

export interface SpeciesMap {
  /** Atomic numbers, in the order of the model. */
  readonly elements: readonly number[];
  /** What the distances compare: atoms of these elements as neighbours, as centres, or both. */
  readonly compares: readonly ('neighbours' | 'centres')[];
  /**
   * Distances D_ij, [S × S], dimensionless; the root mean square over all pairs is 1:
   *   D² = ½ (N²/⟨N²⟩ + C²/⟨C²⟩),  N as neighbours, C as centres; one of them alone where the other has no meaning.
   */
  readonly distances: Float64Array;
  /** Coordinates of the elements in the plane that keeps most of the distances, [2S]. */
  readonly coordinates: Float64Array;
  /** Share of the squared distances that each of the two coordinates holds. */
  readonly explained: readonly [number, number];
  /** The other elements of each, the most alike first. */
  readonly nearest: readonly (readonly number[])[];
  /** Whether groups of the periodic table were found; null where no group has two elements. */
  readonly groups: GroupOrder | null;
}

/** Where the other elements of its group stand among the neighbours of an element, 1 being the nearest. */
export interface GroupOrder {
  /** Ordered pairs of the same group. */
  readonly pairs: number;
  readonly meanRank: number;
  /** The mean rank that names given at random would have: half the number of elements. */
  readonly chance: number;
  /** Share of 2000 maps with names given at random whose mean rank is as low. */
  readonly probability: number;
}

/** Blocks of parameters that an element's vector is multiplied with to become a bias of its atoms as centres. */
const CENTRE_BLOCKS: readonly string[] = ['B1', 'B2', 'BF'];
const SHUFFLES = 2000;

/**
 * How a model tells its elements apart; null for fewer than three elements, and where elements have networks of their
 * own instead of vectors.
 */
export function speciesMap(model: Model): SpeciesMap | null {
  const { elements, embedding } = model;
  const S = elements.length;
  if (S < 3 || embedding === 0) return null;
  const both = [
    { name: 'neighbours', squares: neighbourSquares(model) },
    { name: 'centres', squares: centreSquares(model) },
  ] as const;
  const parts = both.flatMap(({ name, squares }) => {
    const mean = squares === null ? 0 : meanOfPairs(squares, S);
    return mean > 0 ? [{ name, squares: squares!.map((x) => x / mean) }] : [];
  });
  if (parts.length === 0) return null;
  const squares = new Float64Array(S * S);
  for (const part of parts) for (let k = 0; k < S * S; k++) squares[k] += part.squares[k] / parts.length;
  const distances = squares.map(Math.sqrt);
  const nearest = elements.map((_, i) => orderFrom(distances, S, i).map((j) => elements[j]));
  const compares = parts.map(({ name }) => name);
  return { elements, compares, distances, ...plane(squares, S), nearest, groups: groupOrder(elements, distances) };
}

/**
 * N²_ij, [S × S]: mean over (l, b, k) of (Σ_d (e_i − e_j)_d C_l[d, b, k])², the change of a channel when an atom of i
 * in an average surroundings becomes one of j. Null for symmetry functions, which know their neighbours by name.
 */
function neighbourSquares(model: Model): Float64Array | null {
  if (model.kind === 'symmetry') return null;
  return squaresOf(model, 'coefficients', model.shape.radial * model.shape.channels);
}

/** C²_ij, [S × S]: mean over the neurons of the hidden layers (and force channels) of their biases' squared difference. */
function centreSquares(model: Model): Float64Array | null {
  const [H1, H2] = model.shape.hidden;
  const widths = [H1, H2, model.kind === 'density' ? model.shape.channels : 0];
  const found = CENTRE_BLOCKS.map((name, k) => squaresOf(model, name, widths[k])).filter((squares) => squares !== null);
  if (found.length === 0) return null;
  return found[0].map((_, k) => found.reduce((sum, squares) => sum + squares[k], 0) / found.length);
}

/** Mean over the other dimensions of (Σ_d (e_i − e_j)_d X[·, d, ·])² of a block X, [·][d][width]; null without one. */
function squaresOf(model: Model, name: string, width: number): Float64Array | null {
  const { blocks } = foldingOf(model).layout;
  const block = blocks.find((one) => one.name === name);
  const vectors = blocks.find((one) => one.name === 'embedding');
  if (block === undefined || vectors === undefined) return null;
  const { embedding: d, parameters: p } = model;
  const S = model.elements.length;
  // G = ⟨X Xᵀ⟩, [d × d]: the metric of the vectors.
  const metric = new Float64Array(d * d);
  const count = block.dimensions.reduce((product, n) => product * n, 1) / (d * width);
  for (let c = 0; c < count; c++) {
    for (let m = 0; m < d; m++) {
      for (let n = 0; n < d; n++) {
        const from = block.offset + c * d * width;
        let sum = 0;
        for (let k = 0; k < width; k++) sum += p[from + m * width + k] * p[from + n * width + k];
        metric[m * d + n] += sum / (count * width);
      }
    }
  }
  const squares = new Float64Array(S * S);
  for (let i = 0; i < S; i++) {
    for (let j = 0; j < i; j++) {
      const difference = Array.from(
        { length: d },
        (_, n) => p[vectors.offset + i * d + n] - p[vectors.offset + j * d + n],
      );
      let sum = 0;
      for (let m = 0; m < d; m++) for (let n = 0; n < d; n++) sum += difference[m] * metric[m * d + n] * difference[n];
      squares[i * S + j] = squares[j * S + i] = Math.max(0, sum);
    }
  }
  return squares;
}

function meanOfPairs(squares: Float64Array, S: number): number {
  return squares.reduce((sum, x) => sum + x, 0) / (S * (S - 1));
}

/**
 * Classical multidimensional scaling (Torgerson 1952, doi:10.1007/BF02288916). Of the two senses of an axis, that with
 * the element that is farthest out on the positive side.
 */
function plane(squares: Float64Array, S: number): Pick<SpeciesMap, 'coordinates' | 'explained'> {
  const rows = Array.from({ length: S }, (_, i) => squares.subarray(i * S, (i + 1) * S).reduce((p, q) => p + q, 0) / S);
  const all = rows.reduce((p, q) => p + q, 0) / S;
  const gram = squares.map((x, k) => -0.5 * (x - rows[Math.floor(k / S)] - rows[k % S] + all));
  const { values, vectors } = symmetricEigen(gram, S);
  const [first, second] = Array.from(values.keys()).sort((p, q) => values[q] - values[p]);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const coordinates = new Float64Array(2 * S);
  for (const [axis, k] of [first, second].entries()) {
    const length = Math.sqrt(Math.max(0, values[k]));
    let farthest = 0;
    for (let i = 0; i < S; i++) if (Math.abs(vectors[i * S + k]) > Math.abs(farthest)) farthest = vectors[i * S + k];
    for (let i = 0; i < S; i++) coordinates[2 * i + axis] = Math.sign(farthest) * length * vectors[i * S + k];
  }
  const share = (k: number): number => (total > 0 ? Math.max(0, values[k]) / total : 0);
  return { coordinates, explained: [share(first), share(second)] };
}

/** Indices of the other elements, nearest first. */
function orderFrom(distances: Float64Array, S: number, i: number): number[] {
  const others = Array.from({ length: S }, (_, j) => j).filter((j) => j !== i);
  return others.sort((p, q) => distances[i * S + p] - distances[i * S + q]);
}

/** Group of the periodic table; the f elements are one group, and hydrogen, of no family, is one of its own. */
function familyOf(z: number): string {
  const { group } = periodicPlaceOf(z);
  if (z === 1) return 'H';
  return Number.isInteger(group) ? String(group) : 'f';
}

function groupOrder(elements: readonly number[], distances: Float64Array): GroupOrder | null {
  const S = elements.length;
  const rank = new Float64Array(S * S);
  for (let i = 0; i < S; i++) for (const [k, j] of orderFrom(distances, S, i).entries()) rank[i * S + j] = k + 1;
  const family = elements.map(familyOf);
  const pairs: [number, number][] = [];
  for (let i = 0; i < S; i++) {
    for (let j = 0; j < S; j++) if (i !== j && family[i] === family[j]) pairs.push([i, j]);
  }
  if (pairs.length === 0) return null;
  const meanRank = (names: ArrayLike<number>): number =>
    pairs.reduce((sum, [i, j]) => sum + rank[names[i] * S + names[j]], 0) / pairs.length;
  const own = meanRank(elements.map((_, i) => i));
  // Always the same shuffles: a map is a fact about a model, not a matter of chance.
  const random = createRandom(1);
  let asLow = 0;
  for (let n = 0; n < SHUFFLES; n++) if (meanRank(random.permutation(S)) <= own) asLow++;
  return { pairs: pairs.length, meanRank: own, chance: S / 2, probability: asLow / SHUFFLES };
}
