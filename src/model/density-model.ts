/**
 * The default potential, of density projections, as data: what is learned, what is fixed before learning, and how both become the weights
 * that the kernels work with. Formulas: docs/theory/potential.md.
 */
import { featureCount, type ModelShape, type WeightLayout, weightLayout } from '../kernels/kernels.ts';
import { checkShape } from '../kernels/shape.ts';
import { type Folding, layOut, type ParameterLayout } from './parameters.ts';

/**
 * Trainable parameters:
 *   embedding e [S][d];  coefficients C_l [l][d][n_b][K];  w1 [heads][F][H1], w2 [heads][H1][H2], w3 [heads][H2],
 *   skip [heads][F] on standardised features;  biases of each layer, a constant and a part linear in e:
 *   c1 [heads][H1], B1 [heads][d][H1], c2, B2, c3 [heads], B3 [heads][d];
 * with a direct force head also wF [heads][H2][K], cF [heads][K], BF [heads][d][K]; without one these are empty.
 */
export interface DensityLayout extends ParameterLayout {
  readonly at: Readonly<Record<ParameterName, number>>;
}

export type ParameterName =
  | 'embedding'
  | 'coefficients'
  | 'w1'
  | 'c1'
  | 'B1'
  | 'w2'
  | 'c2'
  | 'B2'
  | 'w3'
  | 'skip'
  | 'c3'
  | 'B3'
  | 'wF'
  | 'cF'
  | 'BF';

/** What is measured once on the training data and then stays. */
export interface Statistics {
  /** P_l, [l][n_b][n_b]: whitens the density projections of each degree. */
  readonly whitening: Float64Array;
  /** Mean and standard deviation of each feature, [F]. */
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** Energy scale of the readout, eV: the standard deviation of the training forces times 1 Å. */
  readonly scale: number;
}

export interface DensityModel {
  readonly kind: 'density';
  /** Atomic numbers, ascending; their order is that of the species indices. */
  readonly elements: readonly number[];
  readonly shape: ModelShape;
  /** Components d of a species' embedding vector. */
  readonly embedding: number;
  readonly parameters: Float64Array;
  readonly statistics: Statistics;
  /** E0 of each element, eV: what an atom counts before the model says anything. */
  readonly referenceEnergies: Float64Array;
}

/** Default embedding width: enough to be as expressive as free coefficients per species, and at most 8. */
export function defaultEmbedding(species: number): number {
  return Math.min(8, 2 * species);
}

export function parameterLayout(shape: ModelShape, embedding: number): DensityLayout {
  const { species: S, radial, lmax, channels: K, heads } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const d = embedding;
  const L = lmax + 1;
  const wanted: [ParameterName, number[], [number, number, number] | null][] = [
    ['embedding', [S, d], null],
    ['coefficients', [L, d, radial, K], [L, d * radial, K]],
    ['w1', [heads, F, H1], [heads, F, H1]],
    ['c1', [heads, H1], null],
    ['B1', [heads, d, H1], null],
    ['w2', [heads, H1, H2], [heads, H1, H2]],
    ['c2', [heads, H2], null],
    ['B2', [heads, d, H2], null],
    ['w3', [heads, H2], null],
    ['skip', [heads, F], null],
    ['c3', [heads], null],
    ['B3', [heads, d], null],
  ];
  const forces: typeof wanted = [
    ['wF', [heads, H2, K], [heads, H2, K]],
    ['cF', [heads, K], null],
    ['BF', [heads, d, K], null],
  ];
  const { blocks, length } = layOut(shape.directForces === true ? [...wanted, ...forces] : wanted);
  const place = (name: ParameterName): number => blocks.find((block) => block.name === name)?.offset ?? length;
  const names = [...wanted, ...forces].map(([name]) => name);
  const at = Object.fromEntries(names.map((name) => [name, place(name)])) as Record<ParameterName, number>;
  return { blocks, length, at };
}

/** Folding of the default potential; see `Folding`. */
export function createFolding(
  shape: ModelShape,
  embedding: number,
  statistics: Statistics,
): Folding & { readonly layout: DensityLayout } {
  checkShape(shape);
  const layout = parameterLayout(shape, embedding);
  const weights = weightLayout(shape);
  const mixing = mixingFold(shape, embedding, statistics.whitening, layout, weights);
  const readout = readoutFold(shape, embedding, statistics, layout, weights);
  const all = Array.from({ length: shape.species }, (_, s) => s);
  return {
    layout,
    weights: weights.length,
    fold(parameters, out, species = all) {
      mixing.fold(parameters, out, species);
      readout.fold(parameters, out, species);
    },
    unfold(parameters, dWeights, gradient, species = all) {
      gradient.fill(0);
      mixing.unfold(parameters, dWeights, gradient, species);
      readout.unfold(parameters, dWeights, gradient, species);
    },
  };
}

/** One part of the folding, for some of the species. */
interface Half {
  fold(parameters: Float64Array, weights: Float64Array, species: readonly number[]): void;
  unfold(parameters: Float64Array, dWeights: Float64Array, gradient: Float64Array, species: readonly number[]): void;
}

/** mix[s, l, b, k] = Σ_b' P_l[b, b'] Σ_d e_s[d] C_l[d, b', k]. */
function mixingFold(
  shape: ModelShape,
  d: number,
  whitening: Float64Array,
  layout: DensityLayout,
  weights: WeightLayout,
): Half {
  const { radial: nb, lmax, channels: K } = shape;
  const L = lmax + 1;
  const plain = new Float64Array(nb * K);
  return {
    fold(p, out, species) {
      for (const s of species) {
        for (let l = 0; l < L; l++) {
          plain.fill(0);
          for (let n = 0; n < d; n++) {
            const e = p[layout.at.embedding + s * d + n];
            const C = layout.at.coefficients + (l * d + n) * nb * K;
            for (let i = 0; i < nb * K; i++) plain[i] += e * p[C + i];
          }
          const to = weights.mix + (s * L + l) * nb * K;
          for (let b = 0; b < nb; b++) {
            for (let k = 0; k < K; k++) {
              let sum = 0;
              for (let c = 0; c < nb; c++) sum += whitening[(l * nb + b) * nb + c] * plain[c * K + k];
              out[to + b * K + k] = sum;
            }
          }
        }
      }
    },
    unfold(p, dWeights, gradient, species) {
      for (const s of species) {
        for (let l = 0; l < L; l++) {
          const from = weights.mix + (s * L + l) * nb * K;
          for (let c = 0; c < nb; c++) {
            for (let k = 0; k < K; k++) {
              let sum = 0;
              for (let b = 0; b < nb; b++) sum += whitening[(l * nb + b) * nb + c] * dWeights[from + b * K + k];
              plain[c * K + k] = sum;
            }
          }
          for (let n = 0; n < d; n++) {
            const at = layout.at.embedding + s * d + n;
            const e = p[at];
            const C = layout.at.coefficients + (l * d + n) * nb * K;
            let de = 0;
            for (let i = 0; i < nb * K; i++) {
              gradient[C + i] += e * plain[i];
              de += p[C + i] * plain[i];
            }
            gradient[at] += de;
          }
        }
      }
    },
  };
}

/** The readout on raw features: standardisation and energy scale are taken into the weights. */
function readoutFold(
  shape: ModelShape,
  d: number,
  statistics: Statistics,
  layout: DensityLayout,
  weights: WeightLayout,
): Half {
  const { species: S, heads, channels: K } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const { mean, deviation, scale } = statistics;
  const { at } = layout;
  /** Bias of a layer for each species: constant + e_z · B, into `to`; `base` is added. */
  const biases = (
    p: Float64Array,
    out: Float64Array,
    species: readonly number[],
    io: { to: number; c: number; B: number; width: number; factor: number },
  ): void => {
    const { to, c, B, width, factor } = io;
    for (const z of species) {
      for (let h = 0; h < width; h++) {
        let sum = p[c + h];
        for (let n = 0; n < d; n++) sum += p[at.embedding + z * d + n] * p[B + n * width + h];
        out[to + z * width + h] += factor * sum;
      }
    }
  };
  const unbias = (
    p: Float64Array,
    { dOut, gradient }: { dOut: Float64Array; gradient: Float64Array },
    species: readonly number[],
    io: { to: number; c: number; B: number; width: number; factor: number },
  ): void => {
    const { to, c, B, width, factor } = io;
    for (const z of species) {
      for (let h = 0; h < width; h++) {
        const g = factor * dOut[to + z * width + h];
        gradient[c + h] += g;
        for (let n = 0; n < d; n++) {
          gradient[B + n * width + h] += g * p[at.embedding + z * d + n];
          gradient[at.embedding + z * d + n] += g * p[B + n * width + h];
        }
      }
    }
  };
  const layers = (head: number) => ({
    first: { to: weights.b1 + head * S * H1, c: at.c1 + head * H1, B: at.B1 + head * d * H1, width: H1, factor: 1 },
    second: { to: weights.b2 + head * S * H2, c: at.c2 + head * H2, B: at.B2 + head * d * H2, width: H2, factor: 1 },
    last: { to: weights.b3 + head * S, c: at.c3 + head, B: at.B3 + head * d, width: 1, factor: scale },
    forces: { to: weights.bF + head * S * K, c: at.cF + head * K, B: at.BF + head * d * K, width: K, factor: scale },
  });
  const direct = shape.directForces === true;
  const shift = new Float64Array(H1);
  return {
    fold(p, out, species) {
      out.fill(0, weights.w1);
      for (let head = 0; head < heads; head++) {
        const w1 = weights.w1 + head * F * H1;
        const from1 = at.w1 + head * F * H1;
        const skip = weights.skip + head * F;
        let straight = 0;
        shift.fill(0);
        for (let f = 0; f < F; f++) {
          const inverse = 1 / deviation[f];
          for (let h = 0; h < H1; h++) {
            const w = p[from1 + f * H1 + h] * inverse;
            out[w1 + f * H1 + h] = w;
            shift[h] -= mean[f] * w;
          }
          const w = scale * p[at.skip + head * F + f] * inverse;
          out[skip + f] = w;
          straight -= mean[f] * w;
        }
        for (let i = 0; i < H1 * H2; i++) out[weights.w2 + head * H1 * H2 + i] = p[at.w2 + head * H1 * H2 + i];
        for (let i = 0; i < H2; i++) out[weights.w3 + head * H2 + i] = scale * p[at.w3 + head * H2 + i];
        const { first, second, last, forces } = layers(head);
        if (direct) {
          for (let i = 0; i < H2 * K; i++) out[weights.wF + head * H2 * K + i] = scale * p[at.wF + head * H2 * K + i];
          biases(p, out, species, forces);
        }
        for (const z of species) {
          out.set(shift, first.to + z * H1);
          out[last.to + z] = straight;
        }
        for (const layer of [first, second, last]) biases(p, out, species, layer);
      }
    },
    unfold(p, g, gradient, species) {
      for (let head = 0; head < heads; head++) {
        const w1 = weights.w1 + head * F * H1;
        const from1 = at.w1 + head * F * H1;
        const { first, second, last, forces } = layers(head);
        if (direct) {
          for (let i = 0; i < H2 * K; i++)
            gradient[at.wF + head * H2 * K + i] = scale * g[weights.wF + head * H2 * K + i];
          unbias(p, { dOut: g, gradient }, species, forces);
        }
        shift.fill(0);
        let straight = 0;
        for (const z of species) {
          for (let h = 0; h < H1; h++) shift[h] += g[first.to + z * H1 + h];
          straight += g[last.to + z];
        }
        for (let f = 0; f < F; f++) {
          const inverse = 1 / deviation[f];
          for (let h = 0; h < H1; h++) {
            gradient[from1 + f * H1 + h] = (g[w1 + f * H1 + h] - mean[f] * shift[h]) * inverse;
          }
          gradient[at.skip + head * F + f] = scale * (g[weights.skip + head * F + f] - mean[f] * straight) * inverse;
        }
        for (let i = 0; i < H1 * H2; i++) gradient[at.w2 + head * H1 * H2 + i] = g[weights.w2 + head * H1 * H2 + i];
        for (let i = 0; i < H2; i++) gradient[at.w3 + head * H2 + i] = scale * g[weights.w3 + head * H2 + i];
        for (const layer of [first, second, last]) unbias(p, { dOut: g, gradient }, species, layer);
      }
    },
  };
}
