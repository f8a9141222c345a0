/**
 * A potential of Behler–Parrinello symmetry functions as data. Two forms, one kernel:
 *   embedding d > 0: one network for all elements, which sees the element of the centre by its embedding e_z in every
 *     bias, as the default potential does; it collapses into a network for each element when it is folded;
 *   embedding 0: a network for each element, as n2p2 and RuNNer have them.
 * Formulas: docs/theory/symmetry-functions.md.
 */
import { checkSymmetryShape, type NetworkPlace, type SymmetryShape, symmetryLayout } from '../kernels/symmetry.ts';
import { type Folding, layOut, type ParameterBlock, type ParameterLayout } from './parameters.ts';

/** What is measured once on the training data and then stays. */
export interface SymmetryStatistics {
  /** Centre and deviation of each function, species after species, [Σ_z F_z]: x = (G − centre)/deviation. */
  readonly centre: Float64Array;
  readonly deviation: Float64Array;
  /** Energy scale of the readout, eV. */
  readonly scale: number;
}

export interface SymmetryModel {
  readonly kind: 'symmetry';
  /** Atomic numbers, ascending; their order is that of the species indices. */
  readonly elements: readonly number[];
  readonly shape: SymmetryShape;
  /** Components d of a species' embedding vector; 0: networks of their own for each element. */
  readonly embedding: number;
  readonly parameters: Float64Array;
  readonly statistics: SymmetryStatistics;
  /** E0 of each element, eV. */
  readonly referenceEnergies: Float64Array;
}

/**
 * With an embedding: embedding [S][d]; w1 [heads][F][H1], w2 [heads][H1][H2], w3 [heads][H2]; c1 [heads][H1],
 * B1 [heads][d][H1], c2, B2, c3 [heads], B3 [heads][d]. Without: w1.z [heads][F_z][H1], b1.z [heads][H1], w2.z, b2.z,
 * w3.z, b3.z [heads] for each species z.
 */
export function symmetryParameters(shape: SymmetryShape, embedding: number): ParameterLayout {
  const { species: S, functions, heads } = shape;
  const [H1, H2] = shape.hidden;
  const d = embedding;
  if (d > 0) {
    const F = functions[0].length;
    return layOut([
      ['embedding', [S, d], null],
      ['w1', [heads, F, H1], [heads, F, H1]],
      ['c1', [heads, H1], null],
      ['B1', [heads, d, H1], null],
      ['w2', [heads, H1, H2], [heads, H1, H2]],
      ['c2', [heads, H2], null],
      ['B2', [heads, d, H2], null],
      ['w3', [heads, H2], null],
      ['c3', [heads], null],
      ['B3', [heads, d], null],
    ]);
  }
  return layOut(
    functions.flatMap(({ length: F }, z): [string, number[], ParameterBlock['matrices']][] => [
      [`w1.${z}`, [heads, F, H1], [heads, F, H1]],
      [`b1.${z}`, [heads, H1], null],
      [`w2.${z}`, [heads, H1, H2], [heads, H1, H2]],
      [`b2.${z}`, [heads, H2], null],
      [`w3.${z}`, [heads, H2], null],
      [`b3.${z}`, [heads], null],
    ]),
  );
}

/** Folding of a potential of symmetry functions; see `Folding`. */
export function createSymmetryFolding(
  shape: SymmetryShape,
  embedding: number,
  statistics: SymmetryStatistics,
): Folding {
  checkSymmetryShape(shape);
  const { functions } = shape;
  const layout = symmetryParameters(shape, embedding);
  const kernel = symmetryLayout(shape);
  const pieces = embedding > 0 ? sharedPieces(shape, embedding, layout) : ownPieces(shape, layout);
  const { scale } = statistics;
  return {
    layout,
    weights: kernel.length,
    fold(p, out) {
      let at = 0;
      for (const [z, { length: F }] of functions.entries()) {
        out.set(statistics.centre.subarray(at, at + F), kernel.scaling[z].centre);
        out.set(statistics.deviation.subarray(at, at + F), kernel.scaling[z].deviation);
        at += F;
      }
      for (const [head, networks] of kernel.networks.entries()) {
        for (const [z, place] of networks.entries()) {
          for (const { to, count, factor, terms } of pieces(head, z, place, scale)) {
            for (let i = 0; i < count; i++) {
              let sum = 0;
              for (const { from, by } of terms) sum += (by === null ? 1 : p[by]) * p[from + i];
              out[to + i] = factor === 1 ? sum : factor * sum;
            }
          }
        }
      }
    },
    unfold(p, g, gradient) {
      gradient.fill(0);
      for (const [head, networks] of kernel.networks.entries()) {
        for (const [z, place] of networks.entries()) {
          for (const { to, count, factor, terms } of pieces(head, z, place, scale)) {
            for (let i = 0; i < count; i++) {
              const slope = factor * g[to + i];
              for (const { from, by } of terms) {
                gradient[from + i] += (by === null ? 1 : p[by]) * slope;
                if (by !== null) gradient[by] += p[from + i] * slope;
              }
            }
          }
        }
      }
    },
  };
}

/** Some kernel weights as a sum: weights[to + i] = factor · Σ_terms p[by] · p[from + i]; p[null] is 1. */
interface Piece {
  readonly to: number;
  readonly count: number;
  readonly factor: number;
  readonly terms: readonly { readonly from: number; readonly by: number | null }[];
}

type Pieces = (head: number, z: number, place: NetworkPlace, scale: number) => Piece[];

const offsetOf = ({ blocks }: ParameterLayout, name: string): number => blocks.find((b) => b.name === name)!.offset;

function sharedPieces({ functions, hidden }: SymmetryShape, d: number, layout: ParameterLayout): Pieces {
  const F = functions[0].length;
  const [H1, H2] = hidden;
  const at = (name: string): number => offsetOf(layout, name);
  const embedding = at('embedding');
  return (head, z, place, scale) => {
    const whole = (name: string, to: number, count: number, factor: number): Piece => ({
      ...{ to, count, factor },
      terms: [{ from: at(name) + head * count, by: null }],
    });
    const bias = (layer: 1 | 2 | 3, to: number, count: number, factor: number): Piece => ({
      ...{ to, count, factor },
      terms: [
        { from: at(`c${layer}`) + head * count, by: null },
        ...Array.from({ length: d }, (_, n) => ({
          from: at(`B${layer}`) + (head * d + n) * count,
          by: embedding + z * d + n,
        })),
      ],
    });
    return [
      whole('w1', place.w1, F * H1, 1),
      bias(1, place.b1, H1, 1),
      whole('w2', place.w2, H1 * H2, 1),
      bias(2, place.b2, H2, 1),
      whole('w3', place.w3, H2, scale),
      bias(3, place.b3, 1, scale),
    ];
  };
}

function ownPieces({ functions, hidden }: SymmetryShape, layout: ParameterLayout): Pieces {
  const [H1, H2] = hidden;
  return (head, z, place, scale) => {
    const F = functions[z].length;
    const piece = (name: string, to: number, count: number, factor: number): Piece => ({
      ...{ to, count, factor },
      terms: [{ from: offsetOf(layout, `${name}.${z}`) + head * count, by: null }],
    });
    return [
      piece('w1', place.w1, F * H1, 1),
      piece('b1', place.b1, H1, 1),
      piece('w2', place.w2, H1 * H2, 1),
      piece('b2', place.b2, H2, 1),
      piece('w3', place.w3, H2, scale),
      piece('b3', place.b3, 1, scale),
    ];
  };
}
