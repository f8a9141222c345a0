import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { type DensityModel, parameterLayout } from './density-model.ts';
import { speciesMap } from './species-map.ts';
import { randomModel } from './testing-model.ts';

const ELEMENTS = [3, 8, 11, 12, 17, 19, 20, 35];
const model = randomModel(ELEMENTS, createRandom(3), { embedding: 4, sizes: { heads: 2, lmax: 3 } });
const map = speciesMap(model)!;
const S = ELEMENTS.length;

const vectorsOf = ({ parameters, embedding }: DensityModel, s: number): Float64Array =>
  parameters.subarray(s * embedding, (s + 1) * embedding);

/** The same model in other coordinates of the embedding: e → e A, X → A⁻¹ X for all that e is multiplied with. */
function transformed(from: DensityModel, A: readonly number[][], inverse: readonly number[][]): DensityModel {
  const { embedding: d, shape } = from;
  const parameters = Float64Array.from(from.parameters);
  for (const { name, offset, dimensions } of parameterLayout(shape, d).blocks) {
    if (name === 'embedding') {
      for (let s = 0; s < S; s++) {
        const e = vectorsOf(from, s);
        for (let n = 0; n < d; n++) parameters[offset + s * d + n] = A.reduce((sum, row, m) => sum + e[m] * row[n], 0);
      }
    } else if (name === 'coefficients' || name.startsWith('B')) {
      const inner = dimensions.slice(2).reduce((p, q) => p * q, 1);
      for (let c = 0; c < dimensions[0]; c++) {
        for (let n = 0; n < d; n++) {
          for (let k = 0; k < inner; k++) {
            const at = (row: number): number => offset + (c * d + row) * inner + k;
            parameters[at(n)] = inverse[n].reduce((sum, a, m) => sum + a * from.parameters[at(m)], 0);
          }
        }
      }
    }
  }
  return { ...from, parameters };
}

function withVector(from: DensityModel, s: number, vector: ArrayLike<number>): DensityModel {
  const parameters = Float64Array.from(from.parameters);
  parameters.set(Array.from(vector), s * from.embedding);
  return { ...from, parameters };
}

describe('how differently a model treats its elements', () => {
  test('does not depend on the coordinates of the embedding, turned or stretched', () => {
    const c = Math.cos(0.7);
    const s = Math.sin(0.7);
    const A = [
      [2 * c, -2 * s, 0, 0],
      [s, c, 0, 0],
      [0, 0, 1, 3],
      [0, 0, 0, 0.5],
    ];
    const inverse = [
      [c / 2, s, 0, 0],
      [-s / 2, c, 0, 0],
      [0, 0, 1, -6],
      [0, 0, 0, 2],
    ];
    const other = speciesMap(transformed(model, A, inverse))!;
    for (let k = 0; k < S * S; k++) expect(other.distances[k]).toBeCloseTo(map.distances[k], 10);
    for (let k = 0; k < 2 * S; k++) expect(other.coordinates[k]).toBeCloseTo(map.coordinates[k], 10);
    expect(other.groups).toEqual(map.groups);
  });

  test('is nothing for two elements with the same vector, and they share their place', () => {
    const twins = speciesMap(withVector(model, 4, vectorsOf(model, 1)))!;
    expect(twins.distances[4 * S + 1]).toBe(0);
    expect(twins.nearest[4][0]).toBe(ELEMENTS[1]);
    for (const axis of [0, 1]) expect(twins.coordinates[8 + axis]).toBeCloseTo(twins.coordinates[2 + axis], 10);
  });

  test('follows the elements when they change places', () => {
    const random = createRandom(9);
    const order = random.permutation(S);
    const parameters = Float64Array.from(model.parameters);
    for (let s = 0; s < S; s++) parameters.set(vectorsOf(model, order[s]), s * model.embedding);
    const other = speciesMap({ ...model, elements: Array.from(order, (s) => ELEMENTS[s]), parameters })!;
    for (let i = 0; i < S; i++) {
      expect(other.nearest[i]).toEqual(map.nearest[order[i]]);
      for (const axis of [0, 1]) {
        expect(other.coordinates[2 * i + axis]).toBeCloseTo(map.coordinates[2 * order[i] + axis], 9);
      }
    }
    expect(other.groups!.meanRank).toBe(map.groups!.meanRank);
  });

  test('is a metric whose mean square over pairs is one', () => {
    let square = 0;
    for (let i = 0; i < S; i++) {
      expect(map.distances[i * S + i]).toBe(0);
      for (let j = 0; j < S; j++) {
        square += map.distances[i * S + j] ** 2 / (S * (S - 1));
        expect(map.distances[i * S + j]).toBe(map.distances[j * S + i]);
        for (let k = 0; k < S; k++) {
          const detour = map.distances[i * S + k] + map.distances[k * S + j];
          expect(map.distances[i * S + j]).toBeLessThanOrEqual(detour + 1e-12);
        }
      }
    }
    expect(square).toBeCloseTo(1, 12);
  });

  test('of neighbours is what the folded weights differ by, before whitening', () => {
    // Without whitening and biases, the kernel's mixing weights show the distance as they are.
    const { at, length } = parameterLayout(model.shape, model.embedding);
    const parameters = Float64Array.from(model.parameters);
    parameters.fill(0, at.B1, at.w2).fill(0, at.B2, at.w3).fill(0, at.B3, length);
    const only = speciesMap({ ...model, parameters })!;
    const { radial, channels, lmax } = model.shape;
    const d = model.embedding;
    const width = radial * channels;
    const mixed = ELEMENTS.map((_, s) =>
      Float64Array.from({ length: (lmax + 1) * width }, (_one, n) => {
        const block = at.coefficients + Math.floor(n / width) * d * width + (n % width);
        return vectorsOf(model, s).reduce((sum, e, m) => sum + e * parameters[block + m * width], 0);
      }),
    );
    const squares = mixed.map((a) => mixed.map((b) => a.reduce((sum, x, n) => sum + (x - b[n]) ** 2, 0)));
    const mean = squares.flat().reduce((p, q) => p + q, 0) / (S * (S - 1));
    for (let i = 0; i < S; i++) {
      for (let j = 0; j < S; j++) {
        expect(only.distances[i * S + j]).toBeCloseTo(Math.sqrt(squares[i][j] / mean), 10);
      }
    }
  });
});

describe('the map', () => {
  /** Elements in a plane: two components, and coefficients that keep them apart. */
  const flat = randomModel(ELEMENTS, createRandom(5), { embedding: 2 });

  test('of elements that lie in a plane keeps every distance', () => {
    const { distances, coordinates, explained } = speciesMap(flat)!;
    expect(explained[0] + explained[1]).toBeCloseTo(1, 10);
    expect(explained[0]).toBeGreaterThanOrEqual(explained[1]);
    for (let i = 0; i < S; i++) {
      for (let j = 0; j < S; j++) {
        const apart = Math.hypot(
          coordinates[2 * i] - coordinates[2 * j],
          coordinates[2 * i + 1] - coordinates[2 * j + 1],
        );
        expect(apart).toBeCloseTo(distances[i * S + j], 9);
      }
    }
  });

  test('finds groups of the periodic table where they are, and none where they are not', () => {
    const vectors: Record<number, [number, number]> = {
      3: [0, 0],
      11: [0.1, 0],
      19: [0, 0.1],
      12: [5, 0],
      20: [5.1, 0],
      17: [0, 5],
      35: [0.1, 5],
      8: [5, 5],
    };
    const grouped = ELEMENTS.reduce((one, z, s) => withVector(one, s, vectors[z]), flat);
    const found = speciesMap(grouped)!.groups!;
    expect(found.pairs).toBe(6 + 2 + 2);
    // Li, Na and K have their two sisters at ranks 1 and 2, the pairs each other at rank 1.
    expect(found.meanRank).toBeCloseTo((3 * (1 + 2) + 4 * 1) / 10, 12);
    expect(found.chance).toBe(4);
    expect(found.probability).toBeLessThan(0.01);
    const mixed = [...ELEMENTS].reverse().reduce((one, z, s) => withVector(one, s, vectors[z]), flat);
    expect(speciesMap(mixed)!.groups!.probability).toBeGreaterThan(0.2);
  });

  test('is for three elements and more, and for vectors', () => {
    expect(speciesMap(randomModel([3, 8], createRandom(1), { embedding: 4 }))).toBeNull();
    const same = ELEMENTS.reduce((one, _, s) => withVector(one, s, [1, 1]), flat);
    expect(speciesMap(same)).toBeNull();
    expect(speciesMap(randomModel([3, 4, 12], createRandom(1)))!.groups).not.toBeNull();
    expect(speciesMap(randomModel([3, 8, 14], createRandom(1)))!.groups).toBeNull();
  });
});
