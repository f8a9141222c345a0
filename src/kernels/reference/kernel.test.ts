import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import type {
  DensityKernelModel,
  KernelSystem,
  LossTerm,
  ModelShape,
  TrainingSystem,
  WeightLayout,
} from '../kernels.ts';
import { featureCount, weightLayout } from '../kernels.ts';
import {
  displaced,
  largestDifference,
  randomLabels,
  randomRotation,
  randomShape,
  randomSystem,
  randomWeights,
  strained,
  systemFromPositions,
  turned,
} from '../testing.ts';
import { createReferenceKernel } from './kernel.ts';

/** One shape for every lmax and order, with 1 to 4 species, 1 or 3 heads, in and out of a periodic cell. */
const cases = ([2, 3] as const).flatMap((lmax) =>
  ([2, 3, 4] as const).flatMap((order) =>
    [true, false].map((periodic) => {
      const random = createRandom(100 * lmax + 10 * order + Number(periodic));
      const species = 1 + ((lmax + order + 2 * Number(periodic)) % 4);
      const shape: ModelShape = { ...randomShape(random), lmax, order, species, heads: periodic ? 3 : 1 };
      const weights = randomWeights(shape, random);
      const system = randomSystem(shape, random, { atoms: periodic ? 4 : 7, periodic });
      const name = `lmax ${lmax}, order ${order}, ${species} species, ${periodic ? 'crystal, 3 heads' : 'cluster, 1 head'}`;
      return { name, random, shape, weights, system, model: createReferenceKernel().load(shape, weights) };
    }),
  ),
);

function energyOf(model: DensityKernelModel, system: KernelSystem, head?: number): number {
  return model.evaluate(system, head).energies.reduce((sum, e) => sum + e, 0);
}

/** df/dx at 0 from four values, with an error of the order of h⁴. */
function slope(f: (x: number) => number, h: number): number {
  return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
}

describe.each(cases)('reference kernel, $name', ({ shape, weights, system, model, random }) => {
  // Rounding is some 1e-15·|E|/h ≲ 1e-9 eV/Å. An edge within 2h of the onset or the cutoff, where the third derivative of
  // the switching function jumps, gives some 10·h²/Å³ ≲ 1e-8 eV/Å: hence a small h.
  const h = 2e-5;

  test('forces are −∂E/∂r', () => {
    const { forces } = model.evaluate(system);
    const expected = forces.map(
      (_, c) => -slope((x) => energyOf(model, displaced(system, Math.floor(c / 3), c % 3, x)), h),
    );
    expect(largestDifference(forces, expected)).toBeLessThan(1e-8);
  });

  test('the strain gradient is ∂E/∂ε', () => {
    const { strainGradient } = model.evaluate(system);
    const expected = strainGradient.map((_, c) =>
      slope((x) => energyOf(model, strained(system, Math.floor(c / 3), c % 3, x)), h / 4),
    );
    expect(largestDifference(strainGradient, expected)).toBeLessThan(1e-7);
  });

  test('features, energies and forces follow a rotation with reflection', () => {
    const matrix = randomRotation(random).map((c) => -c);
    const image = turned(system, matrix);
    expect(largestDifference(model.features(image), model.features(system))).toBeLessThan(1e-12);
    const [before, after] = [model.evaluate(system), model.evaluate(image)];
    expect(largestDifference(after.energies, before.energies)).toBeLessThan(1e-12);
    const forces = turned({ ...system, sites: before.forces }, matrix).sites;
    expect(largestDifference(after.forces, forces)).toBeLessThan(1e-11);
  });

  test('the gradient of the loss is that of finite differences, for every block of weights', () => {
    const target = randomLabels(system, random);
    const term = { system: model.add(target), head: shape.heads - 1, energy: 0.7, forces: 1.3, strain: 0.2 };
    const gradient = new Float64Array(weights.length);
    const [errors] = model.accumulate([term], gradient);
    const lossAlong = (direction: Float64Array, x: number): number => {
      model.setWeights(weights.map((w, i) => w + x * direction[i]));
      return lossOf(model, target, term).loss;
    };
    for (const [block, start, end] of blocks(shape)) {
      const scale = gradient.subarray(start, end).reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      expect(scale, block).toBeGreaterThan(1e-4);
      // Four single weights, and a direction in which all of the block change at once.
      const directions = Array.from({ length: 4 }, () => {
        const one = start + random.below(end - start);
        return Float64Array.from(weights, (_, i) => Number(i === one));
      });
      directions.push(Float64Array.from(weights, (_, i) => (i >= start && i < end ? random.normal() : 0)));
      for (const direction of directions) {
        const expected = slope((x) => lossAlong(direction, x), 1e-4);
        const along = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
        expect(Math.abs(along - expected) / scale, block).toBeLessThan(1e-9);
      }
    }
    model.setWeights(weights);
    const { energy, forces, strain } = lossOf(model, target, term);
    expect(largestDifference([errors.energy, errors.forces, errors.strain], [energy, forces, strain])).toBeLessThan(
      1e-9,
    );
  });
});

/** The blocks of weights: name, first index, index behind the last. */
function blocks(shape: ModelShape): [string, number, number][] {
  const { length, ...starts } = weightLayout(shape);
  const names = ['mix', 'w1', 'b1', 'w2', 'b2', 'w3', 'skip', 'b3'] as const satisfies (keyof WeightLayout)[];
  return names.map((name, n) => [name, starts[name], n + 1 < names.length ? starts[names[n + 1]] : length]);
}

/** The loss and its residuals, from `evaluate` alone. */
function lossOf(model: DensityKernelModel, target: TrainingSystem, term: Omit<LossTerm, 'system'>) {
  const { energies, forces, strainGradient } = model.evaluate(target, term.head);
  const squares = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
  const energy = energies.reduce((sum, e) => sum + e, 0) - target.energy;
  const force = squares(forces, target.forces);
  const strain = squares(strainGradient, target.strainGradient);
  return {
    loss: term.energy * energy ** 2 + term.forces * force + term.strain * strain,
    energy,
    forces: force,
    strain,
  };
}

describe('by hand', () => {
  const shape: ModelShape = {
    species: 2,
    radial: 4,
    lmax: 3,
    order: 4,
    channels: 4,
    hidden: [4, 4],
    heads: 2,
    cutoff: 5,
    onset: 3.5,
  };
  const random = createRandom(5);
  const weights = randomWeights(shape, random);
  const layout = weightLayout(shape);
  const model = createReferenceKernel().load(shape, weights);
  const silu = (z: number): number => z / (1 + Math.exp(-z));
  /** Readout of one head, from the weights and the formulas of the contract. */
  const readout = (x: Float64Array, head: number, z: number): number => {
    const F = featureCount(shape);
    const at = (block: number, ...indices: [number, number][]): number =>
      weights[block + indices.reduce((offset, [index, size]) => offset * size + index, 0)];
    const layer = (input: number[], w: number, b: number): number[] =>
      [0, 1, 2, 3].map((o) =>
        silu(
          input.reduce((sum, v, i) => sum + v * at(w, [head, 2], [i, input.length], [o, 4]), 0) +
            at(b, [head, 2], [z, 2], [o, 4]),
        ),
      );
    const h1 = layer([...x], layout.w1, layout.b1);
    const h2 = layer(h1, layout.w2, layout.b2);
    const hidden = h2.reduce((sum, v, i) => sum + v * at(layout.w3, [head, 2], [i, 4]), 0);
    const skip = x.reduce((sum, v, i) => sum + v * at(layout.skip, [head, 2], [i, F]), 0);
    return hidden + skip + at(layout.b3, [head, 2], [z, 2]);
  };
  // Atom 0 of species 1, its neighbour of species 0, at r along a slanted unit vector n.
  const n = [2 / 7, -3 / 7, 6 / 7];
  const r = 4.1;
  const dimer = systemFromPositions(Float64Array.from([0, 0, 0, ...n.map((c) => c * r)]), null, Int32Array.of(1, 0), 5);

  test('one neighbour gives the densities B_b(r) Y_lm(n)', () => {
    const D = model.densities(dimer).subarray(0, 2 * 16 * 4);
    const u = (r - 3.5) / 1.5;
    const S = 1 - 10 * u ** 3 + 15 * u ** 4 - 6 * u ** 5;
    const x = (2 * r) / 5 - 1;
    const B = [1, x, 2 * x * x - 1, 4 * x ** 3 - 3 * x].map((T) => T * S);
    expect(largestDifference(D.subarray(0, 4), B)).toBeLessThan(1e-14); // l = 0
    for (const [lm, Y] of [
      [1, n[1]],
      [2, n[2]],
      [3, n[0]],
      [4, Math.sqrt(3) * n[0] * n[1]],
      [15, Math.sqrt(5 / 8) * n[0] * (n[0] ** 2 - 3 * n[1] ** 2)],
    ]) {
      expect(
        largestDifference(
          D.subarray(4 * lm, 4 * lm + 4),
          B.map((b) => b * Y),
        ),
      ).toBeLessThan(1e-14);
    }
    expect(largestDifference(D.subarray(64), new Float64Array(64))).toBe(0); // no neighbour of species 1
  });

  test('one neighbour gives invariants that are powers of one number for each l', () => {
    // A_lm = a_l Y_lm(n), and Σ C Y Y Y along one direction is the Wigner symbol (l1 l2 l3; 0 0 0).
    const D0 = model.densities(dimer).subarray(0, 4);
    const x = model.features(dimer);
    const w = { c112: Math.sqrt(2 / 15), c123: Math.sqrt(3 / 35), c222: Math.sqrt(2 / 35), c233: Math.sqrt(4 / 105) };
    for (let k = 0; k < 4; k++) {
      const a = [0, 1, 2, 3].map((l) =>
        D0.reduce((sum, B, b) => sum + B * weights[layout.mix + (l * 4 + b) * 4 + k], 0),
      );
      const expected = [
        a[0],
        a[1] ** 2,
        a[2] ** 2,
        a[3] ** 2,
        w.c112 * a[1] * a[1] * a[2],
        w.c123 * a[1] * a[2] * a[3],
        w.c222 * a[2] ** 3,
        w.c233 * a[2] * a[3] ** 2,
        w.c112 * w.c222 * a[1] ** 2 * a[2] ** 2,
      ];
      expect(
        largestDifference(
          expected.map((_, p) => x[4 * p + k]),
          expected,
        ),
      ).toBeLessThan(1e-13);
    }
  });

  test('energies are the readout of the features, for each head and their mean', () => {
    const x = model.features(dimer);
    const F = featureCount(shape);
    for (const [i, z] of [1, 0].entries()) {
      const heads = [0, 1].map((head) => readout(x.subarray(i * F, (i + 1) * F), head, z));
      expect(model.evaluate(dimer, 0).energies[i]).toBeCloseTo(heads[0], 13);
      expect(model.evaluate(dimer, 1).energies[i]).toBeCloseTo(heads[1], 13);
      expect(model.evaluate(dimer).energies[i]).toBeCloseTo((heads[0] + heads[1]) / 2, 13);
    }
  });

  test('an atom alone has the energy of its biases, and no force', () => {
    const { energies, forces, strainGradient } = model.evaluate(
      systemFromPositions(Float64Array.of(1, 2, 3), null, Int32Array.of(1), 5),
    );
    const none = new Float64Array(featureCount(shape));
    expect(energies[0]).toBeCloseTo((readout(none, 0, 1) + readout(none, 1, 1)) / 2, 14);
    expect([...forces, ...strainGradient].every((c) => c === 0)).toBe(true);
  });
});

test('heads, systems and gradients that do not exist are refused', () => {
  const random = createRandom(6);
  const shape = { ...randomShape(random), heads: 2 };
  const weights = randomWeights(shape, random);
  const model = createReferenceKernel().load(shape, weights);
  const system = randomLabels(randomSystem(shape, random), random);
  const term = { system: model.add(system), head: 0, energy: 1, forces: 1, strain: 1 };
  const gradient = new Float64Array(weights.length);
  expect(() => model.evaluate(system, 2)).toThrow('head 2 of 2');
  expect(() => model.evaluate(system, -1)).toThrow('head -1 of 2');
  expect(() => model.accumulate([{ ...term, head: 2 }], gradient)).toThrow('head 2 of 2');
  expect(() => model.accumulate([{ ...term, system: 1 }], gradient)).toThrow('no system 1');
  expect(() => model.accumulate([term], gradient.subarray(1))).toThrow('for a gradient');
  expect(() => model.add({ ...system, energy: Number.NaN })).toThrow('a target energy of NaN eV');
});

describe('smoothness', () => {
  test('energy, force and curvature of an atom that leaves the cutoff go to zero with powers 3, 2 and 1', () => {
    const random = createRandom(21);
    const shape = { ...randomShape(random), cutoff: 5, onset: 3.6, species: 1 };
    const model = createReferenceKernel().load(shape, randomWeights(shape, random));
    const at = (x: number): KernelSystem =>
      systemFromPositions(Float64Array.of(0, 0, 0, 0.3, 2, 0.1, x, 0, 0), null, new Int32Array(3), 5.3);
    // The third atom is out of reach of the second; beyond 5 Å it is out of reach of both.
    const [far, h] = [energyOf(model, at(5.2)), 1e-6];
    const force = (x: number): number => model.evaluate(at(x)).forces[6];
    const curvature = (x: number): number => -slope((d) => force(x + d), h);
    const quantities = [
      [3, (x: number) => energyOf(model, at(x)) - far],
      [2, force],
      [1, curvature],
    ] as const;
    for (const [power, quantity] of quantities) {
      expect(Math.abs(quantity(5 + 1e-3))).toBeLessThan(1e-8);
      const ratio = quantity(5 - 2e-3) / quantity(5 - 1e-3);
      expect(ratio).toBeGreaterThan(2 ** power * 0.9);
      expect(ratio).toBeLessThan(2 ** power * 1.1);
    }
  });
});
