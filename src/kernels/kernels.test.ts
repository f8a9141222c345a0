import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import type { DensityKernelModel, Kernel, KernelSystem, LossTerm, ModelShape } from './kernels.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel, hasRelaxedSimd } from './simd/kernel.ts';
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
} from './testing.ts';

/** What a kernel may be off by. */
interface Tolerance {
  /** Energies of atoms, eV. */
  readonly energy: number;
  /** Forces, eV/Å, beyond 1 eV/Å relative to the largest; features and densities alike. */
  readonly force: number;
  /** Gradients of the loss, relative to the largest component. */
  readonly gradient: number;
  /** Step of finite differences of the energy, Å, and what forces may differ from them, eV/Å. */
  readonly step: number;
  readonly slope: number;
}

/** Single precision has 6e-8 for each number; hundreds of them cancel in a force. */
const SINGLE: Tolerance = { energy: 1e-5, force: 1e-5, gradient: 5e-5, step: 4e-3, slope: 3e-3 };

/** The kernels that keep the contract (the fast ones with every block of memory fenced): name, factory, tolerance. */
const kernels: readonly (readonly [string, () => Promise<Kernel>, Tolerance])[] = [
  [
    'reference',
    async () => createReferenceKernel(),
    { energy: 1e-10, force: 1e-10, gradient: 1e-10, step: 1e-4, slope: 1e-6 },
  ],
  ['simd', () => createSimdKernel({ guards: true }), SINGLE],
  // Fused multiply-adds, where this engine has them.
  ...(hasRelaxedSimd()
    ? ([['relaxed', () => createSimdKernel({ relaxed: true, guards: true }), SINGLE]] as const)
    : []),
  ['simd with three threads', () => createEngine(3, { guards: true }), SINGLE],
];

describe.each(kernels)('%s kernel', (name, create, tolerance) => {
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await create();
  });

  const opened: DensityKernelModel[] = [];
  /** A random model in the kernel under test, closed at the end. */
  function randomModel(seed: number, fixed: Partial<ModelShape> = {}) {
    const random = createRandom(seed);
    const shape = { ...randomShape(random), ...fixed };
    const weights = randomWeights(shape, random);
    const model = kernel.load(shape, weights);
    opened.push(model);
    return { random, shape, weights, model };
  }
  afterAll(() => {
    for (const model of opened) model.close();
  });

  /** Equality of arrays, absolute up to 1, beyond relative to the largest. */
  function expectClose(a: ArrayLike<number>, b: ArrayLike<number>, allowed: number): void {
    const scale = Math.max(1, largestDifference(b, new Float64Array(b.length)));
    expect(largestDifference(a, b)).toBeLessThanOrEqual(allowed * scale);
  }

  /** A strain gradient, eV, is a sum over all atoms of forces times some 5 Å, most of which cancel. */
  const strainTolerance = (atoms: number): number => 5 * atoms * tolerance.force;

  /** The same from two systems that should give the same; either result carries an error. */
  function expectSameResults(model: DensityKernelModel, a: KernelSystem, b: KernelSystem): void {
    const [ra, rb] = [model.evaluate(a), model.evaluate(b)];
    expectClose(ra.energies, rb.energies, 2 * tolerance.energy);
    expectClose(ra.forces, rb.forces, 2 * tolerance.force);
    expectClose(ra.strainGradient, rb.strainGradient, 2 * strainTolerance(a.atoms));
  }

  const energyOf = (model: DensityKernelModel, system: KernelSystem): number =>
    model.evaluate(system).energies.reduce((sum, e) => sum + e, 0);

  test('many radial functions with an odd number of harmonics, and a loss of no terms', () => {
    for (const radial of [40, 64]) {
      const { random, shape, weights, model } = randomModel(31, { lmax: 2, radial });
      const system = randomSystem(shape, random, { atoms: 20, periodic: true });
      const reference = createReferenceKernel().load(shape, weights).evaluate(system);
      const result = model.evaluate(system);
      expectClose(result.energies, reference.energies, tolerance.energy);
      expectClose(result.forces, reference.forces, 10 * tolerance.force);
      const gradient = new Float64Array(weights.length);
      expect(model.accumulate([], gradient)).toEqual([]);
      expect(gradient.every((g) => g === 0)).toBe(true);
    }
  });

  describe('energies and forces', () => {
    test('forces are −∂E/∂r and the strain gradient is ∂E/∂ε', () => {
      for (const seed of [1, 2, 3, 4]) {
        const { random, shape, model } = randomModel(seed);
        const system = randomSystem(shape, random, { atoms: 5, periodic: seed % 2 === 0 });
        const { forces, strainGradient } = model.evaluate(system);
        const h = tolerance.step;
        /** dE/dh at 0, with an error of the order of h⁴. */
        const slope = (move: (h: number) => KernelSystem): number => {
          const difference = (x: number): number => energyOf(model, move(x)) - energyOf(model, move(-x));
          return (8 * difference(h) - difference(2 * h)) / (12 * h);
        };
        for (const c of [0, 4, 8, 14]) {
          const expected = -slope((h) => displaced(system, Math.floor(c / 3), c % 3, h));
          expectClose([forces[c]], [expected], tolerance.slope);
        }
        for (let c = 0; c < 9; c++) {
          const expected = slope((h) => strained(system, Math.floor(c / 3), c % 3, h / 10));
          expectClose([strainGradient[c]], [10 * expected], 10 * tolerance.slope);
        }
      }
    });

    test('do not change with translation, rotation and reflection', () => {
      for (const seed of [11, 12, 13]) {
        const { random, shape, model } = randomModel(seed);
        const system = randomSystem(shape, random);
        expectSameResults(model, { ...system, sites: system.sites.map((x, c) => x + [0.5, -8, 64.25][c % 3]) }, system);
        for (const sign of [1, -1]) {
          const matrix = randomRotation(random).map((m) => sign * m);
          const image = turned(system, matrix);
          const [before, after] = [model.evaluate(system), model.evaluate(image)];
          expectClose(after.energies, before.energies, 2 * tolerance.energy);
          expectClose(after.forces, turned({ ...system, sites: before.forces }, matrix).sites, 2 * tolerance.force);
          expectClose(model.features(image), model.features(system), 2 * tolerance.force);
        }
      }
    });

    test('go along when the atoms are numbered otherwise', () => {
      const { random, shape, model } = randomModel(21, { species: 3 });
      const cell = Float64Array.of(5, 0, 0, 1, 6, 0, 0.5, -1, 5.5);
      const positions = Float64Array.of(0, 0, 0, 2.5, 0.2, 0.4, 0.4, 3, 0.1, 3, 2.8, 0.3, 1, 1, 2.8);
      const species = Int32Array.of(0, 1, 2, 0, 1);
      const order = random.permutation(5);
      const original = model.evaluate(systemFromPositions(positions, cell, species, shape.cutoff));
      const permuted = model.evaluate(
        systemFromPositions(
          Float64Array.from({ length: 15 }, (_, c) => positions[3 * order[Math.floor(c / 3)] + (c % 3)]),
          cell,
          Int32Array.from(order, (i) => species[i]),
          shape.cutoff,
        ),
      );
      expectClose(
        permuted.energies,
        Float64Array.from(order, (i) => original.energies[i]),
        2 * tolerance.energy,
      );
      const forces = permuted.forces.map((_, c) => original.forces[3 * order[Math.floor(c / 3)] + (c % 3)]);
      expectClose(permuted.forces, forces, 2 * tolerance.force);
      expectClose(permuted.strainGradient, original.strainGradient, 2 * strainTolerance(5));
    });

    test('of a supercell are those of its cells', () => {
      const { shape, model } = randomModel(22, { species: 2 });
      const cell = Float64Array.of(3.9, 0.3, 0, 0, 4.1, 0.2, -0.4, 0, 4.3);
      const positions = Float64Array.of(0.1, 0, 0, 1.7, 2.1, 2.2);
      const species = Int32Array.of(0, 1);
      const moved = positions.map((x, c) => x + cell[3 + (c % 3)]);
      const one = model.evaluate(systemFromPositions(positions, cell, species, shape.cutoff));
      const two = model.evaluate(
        systemFromPositions(
          Float64Array.of(...positions, ...moved),
          cell.map((x, c) => (c >= 3 && c < 6 ? 2 * x : x)),
          Int32Array.of(0, 1, 0, 1),
          shape.cutoff,
        ),
      );
      expectClose(two.energies, [...one.energies, ...one.energies], 2 * tolerance.energy);
      expectClose(two.forces, [...one.forces, ...one.forces], 2 * tolerance.force);
      expectClose(
        two.strainGradient,
        one.strainGradient.map((g) => 2 * g),
        2 * strainTolerance(4),
      );
    });

    test('obey Newton: no net force, no net torque (a symmetric strain gradient)', () => {
      const { random, shape, model } = randomModel(23);
      for (const periodic of [true, false]) {
        const { forces, strainGradient: g } = model.evaluate(randomSystem(shape, random, { atoms: 8, periodic }));
        const net = [0, 1, 2].map((c) => forces.reduce((sum, f, i) => (i % 3 === c ? sum + f : sum), 0));
        expectClose(net, [0, 0, 0], 10 * tolerance.force);
        expectClose([g[1], g[2], g[5]], [g[3], g[6], g[7]], strainTolerance(8));
        expect(Math.max(...forces)).toBeGreaterThan(1e-2);
        expect(Math.abs(g[1])).toBeGreaterThan(1e-3);
      }
    });

    test('leave out edges beyond the cutoff, and ask for no order of the others', () => {
      const { random, shape, model } = randomModel(24);
      const cell = Float64Array.of(6, 0, 0, 0, 6.5, 0, 0, 0, 7);
      const { sites, species } = randomSystem(shape, random, { atoms: 6, periodic: false });
      const [near, far] = [shape.cutoff, shape.cutoff + 2].map((cutoff) =>
        systemFromPositions(sites, cell, species, cutoff),
      );
      expect(far.neighbours.length).toBeGreaterThan(near.neighbours.length);
      expectSameResults(model, far, near);
      const backwards = near.neighbours.slice();
      for (let i = 0; i < near.atoms; i++) backwards.subarray(near.first[i], near.first[i + 1]).reverse();
      expectSameResults(model, { ...near, neighbours: backwards }, near);
    });

    test('of atoms without neighbours, and of no atoms at all, are no special case', () => {
      const { shape, model } = randomModel(25, { species: 1 });
      const lone = systemFromPositions(
        Float64Array.of(0, 0, 0, 20, 0, 0, 21.8, 0, 0),
        null,
        new Int32Array(3),
        shape.cutoff,
      );
      const { energies, forces } = model.evaluate(lone);
      expect([...forces.subarray(0, 3)].map(Math.abs)).toEqual([0, 0, 0]);
      expect(energies[0]).not.toBeCloseTo(energies[1], 3);
      expect(energies.every(Number.isFinite)).toBe(true);
      const none = model.evaluate(systemFromPositions(new Float64Array(0), null, new Int32Array(0), shape.cutoff));
      expect([none.energies.length, none.forces.length, none.strainGradient.length]).toEqual([0, 0, 9]);
      expect([...none.strainGradient].map(Math.abs)).toEqual(new Array(9).fill(0));
    });

    test('change smoothly when an atom crosses the cutoff', () => {
      const { model } = randomModel(26, { species: 1, cutoff: 5, onset: 3.5 });
      const at = (x: number): KernelSystem =>
        systemFromPositions(Float64Array.of(0, 0, 0, 0.3, 2, 0.1, x, 0, 0), null, new Int32Array(3), 5.5);
      const beyond = model.evaluate(at(5.001)).energies[0];
      // S = 10 w³ with w = left/1.5 Å: at 0.01 Å from the cutoff 3e-6, its slope 9e-4 / Å; the model adds a factor below 10.
      const { energies, forces } = model.evaluate(at(4.99));
      expect(Math.abs(energies[0] - beyond)).toBeLessThan(3e-5 + tolerance.energy);
      expect(Math.abs(forces[6])).toBeLessThan(1e-2);
      expect(Math.abs(model.evaluate(at(4.5)).forces[6])).toBeGreaterThan(1e-2);
    });

    test('without a head are the mean over the heads', () => {
      const { random, shape, model } = randomModel(27, { heads: 3 });
      const system = randomSystem(shape, random);
      const heads = [0, 1, 2].map((head) => model.evaluate(system, head));
      const mean = model.evaluate(system);
      const average = (a: Float64Array, b: Float64Array, c: Float64Array) => a.map((x, i) => (x + b[i] + c[i]) / 3);
      const [a, b, c] = heads;
      expectClose(mean.energies, average(a.energies, b.energies, c.energies), tolerance.energy);
      expectClose(mean.forces, average(a.forces, b.forces, c.forces), tolerance.force);
      expectClose(
        mean.strainGradient,
        average(a.strainGradient, b.strainGradient, c.strainGradient),
        strainTolerance(system.atoms),
      );
      expect(largestDifference(a.forces, b.forces)).toBeGreaterThan(1e-2);
    });

    test('are the same bits each time, in fresh arrays', () => {
      const { random, shape, model } = randomModel(28);
      const [one, other] = [randomSystem(shape, random, { atoms: 20 }), randomSystem(shape, random)];
      const first = model.evaluate(one);
      const kept = structuredClone(first);
      model.evaluate(other);
      expect(model.evaluate(one)).toEqual(kept);
      expect(first).toEqual(kept);
    });
  });

  describe('weights', () => {
    test('are replaced by setWeights, and not shared with the caller', () => {
      const { random, shape, weights, model } = randomModel(31);
      const system = randomSystem(shape, random);
      const before = model.evaluate(system);
      const others = randomWeights(shape, random);
      model.setWeights(others);
      const fresh = kernel.load(shape, others);
      const after = fresh.evaluate(system);
      expect(largestDifference(after.energies, before.energies)).toBeGreaterThan(1e-3);
      others.fill(0);
      expect(model.evaluate(system)).toEqual(after);
      expect(fresh.evaluate(system)).toEqual(after);
      fresh.close();
      model.setWeights(weights);
      expect(model.evaluate(system)).toEqual(before);
    });

    test('leave the densities alone', () => {
      const { random, shape, model } = randomModel(32);
      const system = randomSystem(shape, random);
      const before = model.densities(system);
      expect(before).toHaveLength(system.atoms * shape.species * (shape.lmax + 1) ** 2 * shape.radial);
      model.setWeights(randomWeights(shape, random));
      expect(model.densities(system)).toEqual(before);
    });

    test('and shapes that do not fit are refused', () => {
      const { random, shape, weights, model } = randomModel(33);
      expect(() => kernel.load({ ...shape, radial: 6 }, weights)).toThrow(NearsightError);
      expect(() => kernel.load(shape, weights.subarray(1))).toThrow(NearsightError);
      expect(() => model.setWeights(weights.subarray(1))).toThrow(NearsightError);
      const system = randomSystem(shape, random);
      expect(() => model.evaluate({ ...system, sites: system.sites.map(() => Number.NaN) })).toThrow(NearsightError);
      expect(() => model.evaluate(system, shape.heads)).toThrow(RangeError);
      expect(() => model.evaluate(system, -1)).toThrow(RangeError);
      const gradient = new Float64Array(weights.length);
      const term = { system: model.add(randomLabels(system, random)), head: 0, energy: 1, forces: 1, strain: 0 };
      expect(() => model.accumulate([{ ...term, head: shape.heads }], gradient)).toThrow(RangeError);
      expect(() => model.accumulate([{ ...term, system: term.system + 1 }], gradient)).toThrow(RangeError);
      expect(() => model.accumulate([term], gradient.subarray(1))).toThrow(RangeError);
    });
  });

  describe('training', () => {
    /** A model with three labelled systems and a term for each. */
    function training(seed: number) {
      const { random, shape, weights, model } = randomModel(seed, { heads: 3 });
      const systems = [3, 20, 6].map((atoms) => randomLabels(randomSystem(shape, random, { atoms }), random));
      const numbers = systems.map((system) => model.add(system));
      const terms = numbers.map(
        (system): LossTerm => ({ system, head: random.below(3), energy: 0.3, forces: 0.7, strain: 0.02 }),
      );
      const gradientOf = (some: readonly LossTerm[]): Float64Array => {
        const gradient = new Float64Array(weights.length);
        model.accumulate(some, gradient);
        return gradient;
      };
      return { random, shape, weights, model, systems, terms, gradientOf };
    }

    test('residuals are those of evaluate', () => {
      const { weights, model, systems, terms } = training(41);
      const errors = model.accumulate(terms, new Float64Array(weights.length));
      for (const [n, { energy, forces, strain }] of errors.entries()) {
        const result = model.evaluate(systems[n], terms[n].head);
        const squares = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
        const total = result.energies.reduce((sum, e) => sum + e, 0);
        expectClose([energy], [total - systems[n].energy], 10 * tolerance.energy);
        expectClose([forces], [squares(result.forces, systems[n].forces)], 10 * tolerance.gradient);
        expectClose([strain], [squares(result.strainGradient, systems[n].strainGradient)], 10 * tolerance.gradient);
      }
    });

    test('the gradient is ∂L/∂weights', () => {
      const { random, weights, model, terms, gradientOf } = training(42);
      const gradient = gradientOf(terms);
      const loss = (): number =>
        model
          .accumulate(terms, new Float64Array(weights.length))
          .reduce(
            (sum, e, n) =>
              sum + terms[n].energy * e.energy ** 2 + terms[n].forces * e.forces + terms[n].strain * e.strain,
            0,
          );
      const h = tolerance.step / 10;
      for (let n = 0; n < 3; n++) {
        const direction = weights.map(() => random.normal());
        const along = (x: number): number => {
          model.setWeights(weights.map((w, i) => w + x * direction[i]));
          return loss();
        };
        const expected = (along(h) - along(-h)) / (2 * h);
        const dot = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
        expectClose([dot], [expected], 10 * tolerance.slope);
      }
    });

    test('terms add, also to what is in the gradient already', () => {
      const { model, terms, gradientOf } = training(43);
      const parts = terms.map((term) => gradientOf([term]));
      const sum = parts[0].map((g, i) => 1 + g + parts[1][i] + parts[2][i]);
      const together = new Float64Array(sum.length).fill(1);
      model.accumulate(terms, together);
      expectClose(together, sum, tolerance.gradient);
    });

    test('each coefficient has its own share, and 0 leaves a label out', () => {
      const { terms, gradientOf } = training(44);
      const [term] = terms;
      const none = { energy: 0, forces: 0, strain: 0 };
      const [energy, forces, strain] = (['energy', 'forces', 'strain'] as const).map((label) =>
        gradientOf([{ ...term, ...none, [label]: term[label] }]),
      );
      expectClose(
        gradientOf([term]),
        energy.map((g, i) => g + forces[i] + strain[i]),
        tolerance.gradient,
      );
      expect([...gradientOf([{ ...term, ...none }])].every((g) => g === 0)).toBe(true);
      const doubled = gradientOf([{ ...term, energy: 0, strain: 0, forces: 2 * term.forces }]);
      expectClose(
        doubled,
        forces.map((g) => 2 * g),
        tolerance.gradient,
      );
    });

    test('same terms, same bits; the system is kept as it was added', () => {
      const { systems, terms, gradientOf } = training(45);
      const before = gradientOf(terms);
      for (const { sites, forces } of systems) {
        sites.fill(0);
        forces.fill(0);
      }
      expect(gradientOf(terms)).toEqual(before);
    });
  });

  test.skipIf(name === 'reference')('agrees with the reference kernel', () => {
    for (let seed = 51; seed < 75; seed++) {
      const { random, shape, weights, model } = randomModel(seed);
      const reference = createReferenceKernel().load(shape, weights);
      // Sizes around the multiples of 16, the block in which the fast kernels take atoms.
      const system = randomSystem(shape, random, { atoms: [1, 2, 7, 15, 16, 17, 33][seed % 7] });
      const [fast, exact] = [model.evaluate(system), reference.evaluate(system)];
      expectClose(fast.energies, exact.energies, tolerance.energy);
      expectClose(fast.forces, exact.forces, tolerance.force);
      expectClose(fast.strainGradient, exact.strainGradient, strainTolerance(system.atoms));
      expectClose(model.features(system), reference.features(system), tolerance.force);
      expectClose(model.densities(system), reference.densities(system), tolerance.force);

      const target = randomLabels(system, random);
      const term = { head: 0, energy: 0.3, forces: 0.7, strain: 0.02 };
      const [fastGradient, exactGradient] = [model, reference].map((either) => {
        const gradient = new Float64Array(weights.length);
        either.accumulate([{ ...term, system: either.add(target) }], gradient);
        return gradient;
      });
      expectClose(fastGradient, exactGradient, tolerance.gradient);
    }
  });
});
