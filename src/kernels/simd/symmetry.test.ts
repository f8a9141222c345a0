import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../node/engine.ts';
import { createRandom, type Random } from '../../random.ts';
import type { KernelModel, KernelSystem, LossTerm } from '../kernels.ts';
import { loadReferenceSymmetry } from '../reference/symmetry.ts';
import { type AngularFunction, type SymmetryFunction, type SymmetryShape, symmetryLayout } from '../symmetry.ts';
import { largestDifference, randomLabels, randomSystem } from '../testing.ts';
import { randomSymmetryShape, randomSymmetryWeights } from '../testing-symmetry.ts';
import { createSimdKernel } from './kernel.ts';
import { centreTables, type PowerStep } from './symmetry-tables.ts';

const largest = (a: ArrayLike<number>): number => largestDifference(a, new Float64Array(a.length));
const narrow: AngularFunction = {
  ...{ kind: 'narrow', neighbours: [0, 0], lambda: 1, zeta: 1, eta: 0.02, shift: 0, cutoff: 5 },
};

/** One species with these functions. */
function shapeOf(functions: readonly SymmetryFunction[], fixed: Partial<SymmetryShape> = {}): SymmetryShape {
  return {
    ...{ species: 1, cutoff: 5, cutoffKind: 'poly2', inner: 0, functions: [functions], elementWeights: [1] },
    ...{ hidden: [8, 8], activation: 'tanh', heads: 1 },
    ...fixed,
  };
}

/** Every kind of function for every pair of three species, with random numbers in them. */
function fullShape(seed: number): SymmetryShape {
  const random = createRandom(seed);
  const shape = { ...randomSymmetryShape(random), species: 3, cutoff: 4.5, elementWeights: [1, 0, 3], heads: 2 };
  const gaussian = () => ({ eta: 0.2 * random.uniform(), shift: 0, cutoff: random.uniform() < 0.3 ? 3.9 : 4.5 });
  const functions = (): SymmetryFunction[] => [
    ...[0, 1, 2, null].map((neighbour) => ({ kind: 'radial', neighbour, ...gaussian() }) as const),
    ...([[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2], null] as const).flatMap((neighbours) =>
      (['narrow', 'wide'] as const).flatMap((kind) =>
        ([1, -1] as const).map((lambda): AngularFunction => {
          const zeta = [1, 2, 5, 8][random.below(4)];
          return { kind, neighbours, lambda, zeta, ...gaussian() };
        }),
      ),
    ),
  ];
  return { ...shape, functions: [functions(), functions().slice(3), functions().slice(0, 9)] };
}

/** Weights whose deviations are no smaller than a tenth of the functions: they would magnify rounding. */
function calmWeights(shape: SymmetryShape, random: Random): Float64Array {
  const weights = randomSymmetryWeights(shape, random);
  for (const [z, { centre, deviation }] of symmetryLayout(shape).scaling.entries()) {
    for (let f = 0; f < shape.functions[z].length; f++) {
      weights[deviation + f] = Math.max(weights[deviation + f], 0.1 + 0.1 * Math.abs(weights[centre + f]));
    }
  }
  return weights;
}

/** Energies, forces and strain gradient within single precision of those of the reference kernel. */
function expectLikeReference(model: KernelModel, shape: SymmetryShape, weights: Float64Array, system: KernelSystem) {
  const reference = loadReferenceSymmetry(shape, weights);
  const [fast, exact] = [model.evaluate(system), reference.evaluate(system)];
  const close = (a: Float64Array, b: Float64Array, allowed: number): void => {
    expect(largestDifference(a, b)).toBeLessThan(allowed * Math.max(1, largest(b)));
  };
  close(fast.energies, exact.energies, 2e-5);
  close(fast.forces, exact.forces, 3e-5);
  close(fast.strainGradient, exact.strainGradient, 1e-4 * system.atoms);
  close(model.features(system), reference.features(system), 1e-5);
}

function trainingOf(shape: SymmetryShape, seed: number) {
  const random = createRandom(seed);
  const weights = randomSymmetryWeights(shape, random);
  const systems = [20, 3, 9, 1, 33].map((atoms) => randomLabels(randomSystem(shape, random, { atoms }), random));
  const terms = systems.map((_, system): LossTerm => {
    return { system, head: system % shape.heads, energy: 0.3, forces: 0.7, strain: 0.02 };
  });
  const gradientOf = (model: KernelModel): Float64Array => {
    const gradient = new Float64Array(weights.length);
    model.accumulate(terms, gradient);
    return gradient;
  };
  return { weights, systems, terms, gradientOf };
}

describe('symmetry functions in the fast kernel', () => {
  test('many species, all kinds of functions, chunks that overflow: as the reference says', async () => {
    for (const seed of [1, 2]) {
      const shape = fullShape(seed);
      const random = createRandom(seed);
      const weights = calmWeights(shape, random);
      const model = (await createSimdKernel({ guards: true })).loadSymmetry(shape, weights);
      expectLikeReference(model, shape, weights, randomSystem(shape, random, { atoms: 40, periodic: true }));
      model.close();
    }
  });

  test('rows of more triplets than a chunk has', async () => {
    const functions = [narrow, { ...narrow, kind: 'wide' }, { ...narrow, zeta: 16, lambda: -1 }] as const;
    const shape = shapeOf(functions, { cutoff: 6.5 });
    const far = { ...shape, functions: [functions.map((f) => ({ ...f, cutoff: 6.5 }))] };
    const random = createRandom(5);
    const weights = randomSymmetryWeights(far, random);
    const model = (await createSimdKernel({ guards: true })).loadSymmetry(far, weights);
    const system = randomSystem(far, random, { atoms: 9, periodic: true });
    expect(system.first[1]).toBeGreaterThan(70);
    expectLikeReference(model, far, weights, system);
    model.close();
  });

  test('the same function twice counts twice', async () => {
    const shape = shapeOf([narrow, { ...narrow, lambda: -1 }, narrow]);
    const random = createRandom(6);
    const model = (await createSimdKernel({ guards: true })).loadSymmetry(shape, randomSymmetryWeights(shape, random));
    const G = model.features(randomSystem(shape, random, { atoms: 5, periodic: true }));
    expect(G[0]).toBeGreaterThan(0);
    for (let i = 0; i < 5; i++) expect(G[3 * i + 2]).toBe(G[3 * i]);
    model.close();
  });

  test('the same bits for 1, 2 and 3 threads, for forces and for gradients', async () => {
    const shape = fullShape(3);
    const { weights, systems, gradientOf } = trainingOf(shape, 7);
    const large = randomSystem(shape, createRandom(8), { atoms: 150, periodic: true });
    const results = [];
    for (const threads of [1, 2, 3]) {
      const model = (await createEngine(threads, { guards: true })).loadSymmetry(shape, weights);
      for (const system of systems) model.add(system);
      model.evaluate(large);
      gradientOf(model);
      // Helpers that have woken up by now take part.
      if (threads > 1) await new Promise((resolve) => setTimeout(resolve, 300));
      results.push([model.evaluate(large), model.evaluate(large, 1), gradientOf(model), gradientOf(model)]);
      model.close();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(results[0][3]).toEqual(results[0][2]);
  });

  test('threads that meet a new system at the same time do not disturb each other', async () => {
    const functions = [1, 2, 3, 4, 6, 8, 16].flatMap((zeta) =>
      [0.02, 0.05, 0.1, 0.2, 0.3].map((eta): AngularFunction => ({ ...narrow, zeta, eta })),
    );
    const shape = shapeOf(functions, { heads: 2 });
    const random = createRandom(13);
    const weights = randomSymmetryWeights(shape, random);
    const [large, small] = [120, 50].map((atoms) => randomLabels(randomSystem(shape, random, { atoms }), random));
    const results = [];
    for (const threads of [1, 2]) {
      const model = (await createEngine(threads)).loadSymmetry(shape, weights);
      model.evaluate(large);
      if (threads > 1) await new Promise((resolve) => setTimeout(resolve, 300));
      for (let n = 0; n < 6; n++) {
        // The second thread comes to the large system while the first one is busy with it.
        const [a, b] = [model.add(large), model.add(small)];
        const terms = [[a, 0] as const, [b, 0] as const, [a, 1] as const].map(
          ([system, head]): LossTerm => ({ system, head, energy: 1, forces: 1, strain: 0.01 }),
        );
        const gradient = new Float64Array(weights.length);
        results.push([model.accumulate(terms, gradient), gradient]);
      }
      model.close();
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('thousands of neighbours, as in a structure of wrong units, are a matter of memory', async () => {
    const shape = shapeOf(Array.from({ length: 10 }, (_, n) => ({ ...narrow, eta: 0.01 * (n + 1) })));
    const random = createRandom(14);
    const weights = new Float64Array(symmetryLayout(shape).length).fill(1);
    const kernel = await createSimdKernel({ guards: true });
    for (const count of [4200, 40_000]) {
      const model = kernel.loadSymmetry(shape, weights);
      const system: KernelSystem = {
        atoms: 1,
        sites: Float64Array.from({ length: 3 * count + 3 }, (_, c) => (c < 3 ? 0 : 4 * random.uniform() - 2)),
        species: new Int32Array(count + 1),
        owner: new Int32Array(count + 1),
        first: Int32Array.of(0, count),
        neighbours: Int32Array.from({ length: count }, (_, n) => n + 1),
      };
      expect(() => model.evaluate(system)).toThrowError(expect.objectContaining({ code: 'out-of-memory' }));
      model.close();
    }
  });

  test('functions that all differ in everything, thousands of them, are refused at once', async () => {
    const kernel = await createSimdKernel();
    const n = 12_000;
    const angular = Array.from({ length: n }, (_, k) => ({ ...narrow, eta: k / n, zeta: 1 + (100 * k) / n }));
    const radial = Array.from({ length: n }, (_, k) => {
      return { kind: 'radial', neighbour: 0, eta: k / n, shift: 0, cutoff: 5 } as const;
    });
    for (const functions of [angular, radial]) {
      const shape = shapeOf(functions, { hidden: [1, 1] });
      const load = () => kernel.loadSymmetry(shape, new Float64Array(symmetryLayout(shape).length).fill(1));
      expect(load).toThrowError(
        expect.objectContaining({ code: 'symmetry-table', hint: expect.stringMatching(/reference/) }),
      );
    }
  });

  test('training is the same, up to rounding, whether derivatives are kept or not', async () => {
    for (const seed of [4, 5]) {
      const shape = fullShape(seed);
      const { weights, systems, terms, gradientOf } = trainingOf(shape, 10 + seed);
      const [kept, bare, some] = await Promise.all(
        [2 ** 30, 0, 400_000].map(async (cache) => {
          const model = (await createSimdKernel({ guards: true, cache })).loadSymmetry(shape, weights);
          for (const system of systems) model.add(system);
          const errors = model.accumulate(terms, new Float64Array(weights.length));
          const gradient = gradientOf(model);
          expect(gradientOf(model)).toEqual(gradient);
          model.close();
          return { errors, gradient };
        }),
      );
      expect(kept.gradient).not.toEqual(bare.gradient);
      for (const other of [bare, some]) {
        expect(largestDifference(kept.gradient, other.gradient)).toBeLessThan(5e-5 * largest(kept.gradient));
        for (const [n, { energy, forces, strain }] of other.errors.entries()) {
          expect(Math.abs(kept.errors[n].energy - energy)).toBeLessThan(1e-4 * Math.max(1, Math.abs(energy)));
          expect(Math.abs(kept.errors[n].forces - forces)).toBeLessThan(1e-4 * Math.max(1, forces));
          expect(Math.abs(kept.errors[n].strain - strain)).toBeLessThan(1e-3 * Math.max(1, strain));
        }
      }
    }
  });

  test('forces too large for the finest unit take a coarser one; those that are no numbers are refused', async () => {
    const shape = shapeOf([narrow, { kind: 'radial', neighbour: 0, eta: 0.3, shift: 1, cutoff: 5 }]);
    const random = createRandom(9);
    const weights = randomSymmetryWeights(shape, random);
    const system = randomSystem(shape, random, { atoms: 6, periodic: true });
    const kernel = await createSimdKernel({ guards: true });
    const { w3, b3 } = symmetryLayout(shape).networks[0][0];
    const reference = largest(loadReferenceSymmetry(shape, weights).evaluate(system).forces);
    for (const size of [1e3, 1e5, 1e7]) {
      const strong = weights.map((w, i) => (i >= w3 && i < b3 ? (w * size) / reference : w));
      const model = kernel.loadSymmetry(shape, strong);
      const exact = loadReferenceSymmetry(shape, strong).evaluate(system).forces;
      if (size < 1e7) {
        expect(largestDifference(model.evaluate(system).forces, exact)).toBeLessThan(1e-4 * largest(exact));
        const labelled = randomLabels(system, random);
        const [errors] = model.accumulate(
          [{ system: model.add(labelled), head: 0, energy: 0, forces: 1, strain: 0 }],
          new Float64Array(weights.length),
        );
        const expected = exact.reduce((sum, f, c) => sum + (f - labelled.forces[c]) ** 2, 0);
        expect(Math.abs(errors.forces - expected)).toBeLessThan(1e-3 * expected);
      } else {
        expect(() => model.evaluate(system)).toThrowError(expect.objectContaining({ code: 'atoms-too-close' }));
      }
      model.close();
    }
  });

  test('a power that single precision has no room for is refused, with a way out', async () => {
    const shape = shapeOf([{ ...narrow, zeta: 121 }]);
    const kernel = await createSimdKernel();
    const load = () => kernel.loadSymmetry(shape, new Float64Array(symmetryLayout(shape).length).fill(1));
    expect(load).toThrowError(
      expect.objectContaining({ code: 'symmetry-power', hint: expect.stringMatching(/reference/) }),
    );
  });

  test('an offset of thousands of eV costs no digits', async () => {
    const shape = shapeOf([narrow, { kind: 'radial', neighbour: 0, eta: 0.3, shift: 1, cutoff: 5 }]);
    const random = createRandom(12);
    const weights = randomSymmetryWeights(shape, random);
    const system = randomSystem(shape, random, { atoms: 6, periodic: true });
    const moved = weights.slice();
    const { b3 } = symmetryLayout(shape).networks[0][0];
    moved[b3] += 20_000;
    const [a, b] = [weights, moved].map((w) => loadReferenceSymmetry(shape, w).evaluate(system).energies);
    expect(largestDifference(a, b)).toBeGreaterThan(19_999);
    const model = (await createSimdKernel()).loadSymmetry(shape, moved);
    expect(largestDifference(model.evaluate(system).energies, b)).toBeLessThan(1e-5);
    model.close();
  });
});

describe('tables of functions', () => {
  /** Exponents of 1 + cos θ and 1 − cos θ that stand in the slots after these steps. */
  function slotsAfter(steps: readonly PowerStep[]): [number, number][] {
    const slots: [number, number][] = [
      [0, 0],
      [1, 0],
      [0, 1],
    ];
    for (const step of steps) {
      expect(step.result).toBe(slots.length);
      if (step.kind === 'product') {
        slots.push([slots[step.a][0] + slots[step.b][0], slots[step.a][1] + slots[step.b][1]]);
      } else {
        slots.push([slots[step.base][0] * step.exponent, slots[step.base][1] * step.exponent]);
      }
    }
    return slots;
  }

  test('every function has its place, and its power after the steps', () => {
    const zeta = fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constantFrom(1.5, 2.5, 7.25));
    const angular = fc.record({ lambda: fc.constantFrom(1, -1), zeta, eta: fc.constantFrom(0, 0.1) });
    fc.assert(
      fc.property(fc.array(angular, { minLength: 1, maxLength: 12 }), (list) => {
        const functions = list.map((f): AngularFunction => ({ ...narrow, ...f, lambda: f.lambda === 1 ? 1 : -1 }));
        const [pass, ...others] = centreTables(shapeOf(functions), functions).passes;
        expect(others).toEqual([]);
        const [forward, backward] = [slotsAfter(pass.forwardSteps), slotsAfter(pass.backwardSteps)];
        const found = new Set<number>();
        for (const [h, row] of pass.to.entries()) {
          for (const [q, f] of row.entries()) {
            const power = pass.powers[q];
            const exponents = (e: number): number[] => (power.lambda === 1 ? [e, 0] : [0, e]);
            expect(forward[power.value]).toEqual(exponents(power.zeta));
            expect(backward[power.below]).toEqual(exponents(power.zeta - 1));
            if (f < 0) continue;
            found.add(f);
            expect([functions[f].lambda, functions[f].zeta]).toEqual([power.lambda, power.zeta]);
            expect(functions[f].eta).toBe([...new Set(functions.map(({ eta }) => eta))][h]);
          }
        }
        expect(found.size).toBe(functions.length);
        // λ = 1 comes first.
        expect(pass.powers.map(({ lambda }) => lambda)).toEqual(
          pass.powers.map(({ lambda }) => lambda).sort((a, b) => b - a),
        );
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});
