import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import type { DensityKernelModel, Kernel, KernelSystem, LossTerm, ModelShape } from './kernels.ts';
import { weightLayout } from './kernels.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel, hasRelaxedSimd } from './simd/kernel.ts';
import {
  largestDifference,
  randomLabels,
  randomRotation,
  randomShape,
  randomSystem,
  randomWeights,
  turned,
} from './testing.ts';

/** What values and gradients may be off by, and the step of finite differences with what they may be off by. */
interface Tolerance {
  readonly value: number;
  readonly gradient: number;
  readonly step: number;
  readonly slope: number;
}
const DOUBLE: Tolerance = { value: 1e-11, gradient: 1e-10, step: 1e-4, slope: 1e-8 };
const SINGLE: Tolerance = { value: 2e-5, gradient: 5e-5, step: 4e-4, slope: 5e-3 };

const kernels: readonly (readonly [string, () => Promise<Kernel>, Tolerance])[] = [
  ['reference', async () => createReferenceKernel(), DOUBLE],
  ['simd', () => createSimdKernel({ guards: true }), SINGLE],
  ...(hasRelaxedSimd()
    ? ([['relaxed', () => createSimdKernel({ relaxed: true, guards: true }), SINGLE]] as const)
    : []),
  ['simd with three threads', () => createEngine(3, { guards: true }), SINGLE],
];

/** Σ_i F_i and Σ_i r_i × F_i; of a cluster, whose sites are its atoms. */
function sums(sites: Float64Array, forces: Float64Array): { force: number[]; torque: number[] } {
  const force = [0, 0, 0];
  const torque = [0, 0, 0];
  for (let i = 0; i < forces.length; i += 3) {
    for (let a = 0; a < 3; a++) {
      const [b, c] = [(a + 1) % 3, (a + 2) % 3];
      force[a] += forces[i + a];
      torque[a] += sites[i + b] * forces[i + c] - sites[i + c] * forces[i + b];
    }
  }
  return { force, torque };
}
const square = (v: readonly number[]): number => v.reduce((sum, x) => sum + x * x, 0);

describe.each(kernels)('direct force head, %s kernel', (name, create, tolerance) => {
  let kernel: Kernel;
  const opened: DensityKernelModel[] = [];
  beforeAll(async () => {
    kernel = await create();
  });
  afterAll(() => {
    for (const model of opened) model.close();
  });

  function randomModel(seed: number, fixed: Partial<ModelShape> = {}) {
    const random = createRandom(seed);
    const shape: ModelShape = { ...randomShape(random), directForces: true, ...fixed };
    const weights = randomWeights(shape, random);
    const model = kernel.load(shape, weights);
    opened.push(model);
    return { random, shape, weights, model, layout: weightLayout(shape) };
  }
  /** Equality, absolute up to 1, beyond relative to the largest. */
  function expectClose(a: ArrayLike<number>, b: ArrayLike<number>, allowed: number): void {
    const scale = Math.max(1, largestDifference(b, new Float64Array(b.length)));
    expect(largestDifference(a, b)).toBeLessThanOrEqual(allowed * scale);
  }

  test('forces are Σ_k φ_k A[1m,k] with φ = h2·wF + bF', () => {
    const { random, shape, weights, model, layout } = randomModel(1, { heads: 1, species: 2, lmax: 3 });
    const { radial, channels: K, lmax } = shape;
    const H2 = shape.hidden[1];
    // The force head made a copy of the energy head: every φ_k of an atom is its energy.
    weights.fill(0, layout.skip, layout.b3);
    for (let k = 0; k < K; k++) {
      for (let h = 0; h < H2; h++) weights[layout.wF + h * K + k] = weights[layout.w3 + h];
      for (let z = 0; z < 2; z++) weights[layout.bF + z * K + k] = weights[layout.b3 + z];
    }
    model.setWeights(weights);
    const system = randomSystem(shape, random, { atoms: 5, periodic: true });
    const D = model.densities(system);
    const { energies, forces } = model.evaluate(system, 0);
    const harmonics = (lmax + 1) ** 2;
    const expected = forces.map((_, c) => {
      const i = Math.floor(c / 3);
      const lm = [3, 1, 2][c % 3];
      let sum = 0;
      for (let s = 0; s < 2; s++) {
        for (let b = 0; b < radial; b++) {
          const d = D[((i * 2 + s) * harmonics + lm) * radial + b];
          for (let k = 0; k < K; k++) sum += d * weights[layout.mix + ((s * (lmax + 1) + 1) * radial + b) * K + k];
        }
      }
      return energies[i] * sum;
    });
    expect(Math.max(...expected)).toBeGreaterThan(0.1);
    expectClose(forces, expected, tolerance.value);
    expectClose(model.evaluate(system).forces, expected, tolerance.value);
  });

  test('with the same φ for all atoms they are pair forces: no net force, no torque, and the virial of pairs', () => {
    const { random, shape, weights, model, layout } = randomModel(2, { species: 1 });
    weights.fill(0, layout.wF, layout.bF);
    model.setWeights(weights);
    const system = randomSystem(shape, random, { atoms: 18, periodic: false });
    const { forces, strainGradient } = model.evaluate(system);
    const { force, torque } = sums(system.sites, forces);
    expect(Math.max(...forces)).toBeGreaterThan(0.1);
    expectClose([...force, ...torque], new Float64Array(6), 100 * tolerance.value);
    // G = ½ Σ_ij s r ⊗ r̂ = −Σ_i r_i ⊗ F_i where s_ij = s_ji.
    const expected = new Float64Array(9);
    forces.forEach((f, c) => {
      for (let a = 0; a < 3; a++) expected[3 * a + (c % 3)] -= system.sites[c - (c % 3) + a] * f;
    });
    expectClose(strainGradient, expected, 100 * tolerance.value);
  });

  test('turn with the structure, energies do not', () => {
    for (const seed of [3, 4]) {
      const { random, shape, model } = randomModel(seed);
      const system = randomSystem(shape, random);
      for (const sign of [1, -1]) {
        const matrix = randomRotation(random).map((m) => sign * m);
        const [before, after] = [model.evaluate(system), model.evaluate(turned(system, matrix))];
        expectClose(after.energies, before.energies, tolerance.value);
        expectClose(after.forces, turned({ ...system, sites: before.forces }, matrix).sites, tolerance.value);
      }
    }
  });

  test('leave a net force and a net torque, which the gradient of an energy never does', () => {
    const random = createRandom(5);
    const shape = randomShape(random);
    const system = randomSystem(shape, random, { atoms: 9, periodic: false });
    const gradient = kernel.load(shape, randomWeights(shape, random));
    opened.push(gradient);
    const none = sums(system.sites, gradient.evaluate(system).forces);
    expect(Math.sqrt(square(none.torque))).toBeLessThan(100 * tolerance.value);
    if (name === 'reference') expect(Math.sqrt(square(none.force))).toBeLessThan(1e-12);
    else expect(square(none.force)).toBe(0); // fixed point
    const { model } = randomModel(5);
    const some = sums(system.sites, model.evaluate(system).forces);
    expect(square(some.force)).toBeGreaterThan(0.01);
    expect(square(some.torque)).toBeGreaterThan(0.01);
  });

  test('without a head are the mean over the heads, of energies, forces and strain gradient', () => {
    const { random, shape, model } = randomModel(6, { heads: 3 });
    const system = randomSystem(shape, random);
    const [a, b, c] = [0, 1, 2].map((head) => model.evaluate(system, head));
    const mean = model.evaluate(system);
    for (const part of ['energies', 'forces', 'strainGradient'] as const) {
      const average = a[part].map((x, i) => (x + b[part][i] + c[part][i]) / 3);
      expectClose(mean[part], average, 10 * tolerance.value);
      expect(largestDifference(a[part], b[part])).toBeGreaterThan(1e-2);
    }
  });

  test('lone atoms feel nothing, and no atoms are no special case', () => {
    const { shape, model } = randomModel(7, { species: 1 });
    const lone: KernelSystem = {
      atoms: 1,
      sites: new Float64Array(3),
      species: new Int32Array(1),
      owner: new Int32Array(1),
      first: new Int32Array(2),
      neighbours: new Int32Array(0),
    };
    expect([...model.evaluate(lone).forces, ...model.evaluate(lone).strainGradient].every((x) => x === 0)).toBe(true);
    const none = model.evaluate(randomSystem(shape, createRandom(1), { atoms: 0, periodic: false }));
    expect([none.energies.length, none.forces.length]).toEqual([0, 0]);
  });

  describe('training', () => {
    function training(seed: number, fixed: Partial<ModelShape> = {}) {
      const made = randomModel(seed, { heads: 2, ...fixed });
      const { random, shape, weights, model } = made;
      const systems = [3, 20, 6].map((atoms) =>
        randomLabels(randomSystem(shape, random, { atoms, periodic: false }), random),
      );
      const coefficients = { energy: 0.3, forces: 0.7, strain: 0, netForce: 0.2, netTorque: 0.05 };
      const terms = systems.map((system): LossTerm => {
        return { system: model.add(system), head: random.below(2), ...coefficients };
      });
      const gradientOf = (some: readonly LossTerm[]): Float64Array => {
        const gradient = new Float64Array(weights.length);
        model.accumulate(some, gradient);
        return gradient;
      };
      return { ...made, systems, terms, gradientOf };
    }

    test('residuals are those of evaluate; the torque is about the mean position', () => {
      const { weights, model, systems, terms } = training(11);
      const errors = model.accumulate(terms, new Float64Array(weights.length));
      for (const [n, { energy, forces, strain, netForce, netTorque }] of errors.entries()) {
        const { sites, atoms } = systems[n];
        const result = model.evaluate(systems[n], terms[n].head);
        const total = result.energies.reduce((sum, e) => sum + e, 0);
        const squares = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
        const mean = [0, 1, 2].map((a) => sites.reduce((sum, x, c) => (c % 3 === a ? sum + x / atoms : sum), 0));
        const net = sums(
          sites.map((x, c) => x - mean[c % 3]),
          result.forces,
        );
        expectClose([energy], [total - systems[n].energy], 10 * tolerance.value);
        expectClose([forces], [squares(result.forces, systems[n].forces)], 10 * tolerance.gradient);
        expectClose([strain], [squares(result.strainGradient, systems[n].strainGradient)], 10 * tolerance.gradient);
        expectClose([netForce!, netTorque!], [square(net.force), square(net.torque)], 10 * tolerance.gradient);
        expect(netForce!).toBeGreaterThan(1e-3);
        expect(netTorque!).toBeGreaterThan(1e-3);
      }
    });

    test('the gradient is ∂L/∂weights for every block of weights, of all labels and both penalties', () => {
      for (const seed of [12, 13]) {
        const { random, shape, weights, model, terms, gradientOf } = training(seed);
        const gradient = gradientOf(terms);
        const loss = (): number =>
          model.accumulate(terms, new Float64Array(weights.length)).reduce((sum, e, n) => {
            const { energy, forces, netForce, netTorque } = terms[n];
            const labels = energy * e.energy ** 2 + forces * e.forces;
            return sum + labels + netForce! * e.netForce! + netTorque! * e.netTorque!;
          }, 0);
        const { length, ...starts } = weightLayout(shape);
        const places = Object.values(starts);
        for (const [n, start] of places.entries()) {
          const end = places[n + 1] ?? length;
          const block = gradient.subarray(start, end);
          const size = Math.sqrt(square(Array.from(block)));
          expect(size).toBeGreaterThan(1e-3);
          const direction = weights.map((_, i) => (i >= start && i < end ? random.normal() : 0));
          const along = (x: number): number => {
            model.setWeights(weights.map((w, i) => w + x * direction[i]));
            return loss();
          };
          const h = tolerance.step;
          const expected = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h);
          const dot = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
          expect(Math.abs(dot - expected) / Math.max(1, size)).toBeLessThan(tolerance.slope);
        }
        model.setWeights(weights);
      }
    });

    test('each coefficient has its own share', () => {
      const { terms, gradientOf } = training(14);
      const [, term] = terms;
      const none = { energy: 0, forces: 0, netForce: 0, netTorque: 0 };
      const parts = (['energy', 'forces', 'netForce', 'netTorque'] as const).map((label) =>
        gradientOf([{ ...term, ...none, [label]: term[label] }]),
      );
      expectClose(
        gradientOf([term]),
        parts[0].map((g, i) => parts.reduce((sum, part, n) => (n === 0 ? sum : sum + part[i]), g)),
        tolerance.gradient,
      );
      for (const part of parts) expect(part.some((g) => Math.abs(g) > 1e-4)).toBe(true);
      expect(gradientOf([{ ...term, ...none }]).every((g) => g === 0)).toBe(true);
    });

    test('the strain gradient is measured, not learned', () => {
      const { terms, gradientOf } = training(15);
      expect(() => gradientOf([{ ...terms[0], strain: 0.1 }])).toThrow('a strain coefficient of 0.1');
    });

    test('a gradient model takes the penalties for what they are: nothing', () => {
      const random = createRandom(16);
      const shape = randomShape(random);
      const weights = randomWeights(shape, random);
      const model = kernel.load(shape, weights);
      opened.push(model);
      const system = model.add(randomLabels(randomSystem(shape, random), random));
      const [without, with_] = [{}, { netForce: 5, netTorque: 7 }].map((penalties) => {
        const gradient = new Float64Array(weights.length);
        model.accumulate([{ system, head: 0, energy: 1, forces: 1, strain: 0.1, ...penalties }], gradient);
        return gradient;
      });
      expect(with_).toEqual(without);
    });
  });

  test.skipIf(name === 'reference')('agrees with the reference kernel, in everything', () => {
    for (let seed = 51; seed < 75; seed++) {
      const { random, shape, weights, model } = randomModel(seed);
      const reference = createReferenceKernel().load(shape, weights);
      const atoms = [1, 2, 7, 15, 16, 17, 33][seed % 7];
      const system = randomSystem(shape, random, { atoms });
      for (const head of [undefined, shape.heads - 1]) {
        const [fast, exact] = [model.evaluate(system, head), reference.evaluate(system, head)];
        expectClose(fast.energies, exact.energies, tolerance.value);
        expectClose(fast.forces, exact.forces, tolerance.value);
        expectClose(fast.strainGradient, exact.strainGradient, 5 * atoms * tolerance.value);
      }
      const target = randomLabels(system, random);
      const term = { head: shape.heads - 1, energy: 0.3, forces: 0.7, strain: 0, netForce: 0.1, netTorque: 0.02 };
      const [fastGradient, exactGradient] = [model, reference].map((either) => {
        const gradient = new Float64Array(weights.length);
        either.accumulate([{ ...term, system: either.add(target) }], gradient);
        return gradient;
      });
      expectClose(fastGradient, exactGradient, tolerance.gradient);
    }
  });
});

test('direct forces are the same bits for any number of threads', async () => {
  const results = [];
  for (const threads of [1, 2, 3]) {
    const kernel = await createEngine(threads, { guards: true });
    const random = createRandom(91);
    const shape: ModelShape = { ...randomShape(random), species: 2, heads: 2, directForces: true };
    const weights = randomWeights(shape, random);
    const model = kernel.load(shape, weights);
    const system = randomSystem(shape, random, { atoms: 200, periodic: true });
    // The helpers need a moment before they take part.
    const once = model.evaluate(system);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(model.evaluate(system)).toEqual(once);
    const terms = [0, 1, 0, 1].map((head): LossTerm => {
      const number = model.add(randomLabels(randomSystem(shape, random, { atoms: 20 }), random));
      return { system: number, head, energy: 1, forces: 1, strain: 0, netForce: 1, netTorque: 1 };
    });
    const gradient = new Float64Array(weights.length);
    const errors = model.accumulate(terms, gradient);
    results.push({ once, errors, gradient });
    model.close();
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
