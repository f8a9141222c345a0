import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import type { Kernel, KernelModel, KernelSystem, LossTerm } from './kernels.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel, hasRelaxedSimd } from './simd/kernel.ts';
import {
  type AngularFunction,
  type CutoffKind,
  checkSymmetryShape,
  mostFunctions,
  type RadialFunction,
  type SymmetryFunction,
  type SymmetryShape,
  symmetryLayout,
} from './symmetry.ts';
import {
  displaced,
  largestDifference,
  randomLabels,
  randomRotation,
  randomSystem,
  strained,
  systemFromPositions,
  turned,
} from './testing.ts';
import { randomSymmetryShape, randomSymmetryWeights } from './testing-symmetry.ts';

/** What a kernel may be off by. */
interface Tolerance {
  /** Energies of atoms, eV. */
  readonly energy: number;
  /** Forces, eV/Å, beyond 1 eV/Å relative to the largest; symmetry functions alike. */
  readonly force: number;
  /** Gradients of the loss, relative to the largest component. */
  readonly gradient: number;
  /** Step of finite differences of the energy, Å, and what forces may differ from them, eV/Å. */
  readonly step: number;
  readonly slope: number;
}

/**
 * Single precision has 6e-8 for each number; a power of 16 makes that sixteen times as much, the division by a small
 * deviation more again, and hundreds of them cancel in a force.
 */
const SINGLE: Tolerance = { energy: 1e-5, force: 3e-5, gradient: 5e-5, step: 4e-3, slope: 3e-3 };

/** The kernels that keep the contract (the fast ones with every block of memory fenced): name, factory, tolerance. */
const kernels: readonly (readonly [string, () => Promise<Kernel>, Tolerance])[] = [
  [
    'reference',
    async () => createReferenceKernel(),
    { energy: 1e-10, force: 1e-10, gradient: 1e-10, step: 1e-4, slope: 1e-5 },
  ],
  ['simd', () => createSimdKernel({ guards: true }), SINGLE],
  // Fused multiply-adds, where this engine has them.
  ...(hasRelaxedSimd()
    ? ([['relaxed', () => createSimdKernel({ relaxed: true, guards: true }), SINGLE]] as const)
    : []),
  ['simd that keeps nothing for training', () => createSimdKernel({ guards: true, cache: 0 }), SINGLE],
  ['simd with three threads', () => createEngine(3, { guards: true }), SINGLE],
];

/** f(r), as the contract has it. */
function cutoffOf({ cutoffKind, inner }: SymmetryShape, r: number, cutoff: number): number {
  if (r >= cutoff) return 0;
  if (cutoffKind === 'tanh3') return Math.tanh(1 - r / cutoff) ** 3;
  const y = Math.max(0, (r - inner * cutoff) / (cutoff - inner * cutoff));
  return cutoffKind === 'cosine' ? (Math.cos(Math.PI * y) + 1) / 2 : 1 - 10 * y ** 3 + 15 * y ** 4 - 6 * y ** 5;
}

/** Symmetry functions of one atom as the formulas of the contract have them, angles from scalar products. */
function byFormulas(shape: SymmetryShape, system: KernelSystem, atom: number): number[] {
  const { sites, species, first, neighbours } = system;
  const seen = Array.from(neighbours.subarray(first[atom], first[atom + 1]), (site) => {
    const r = [0, 1, 2].map((c) => sites[3 * site + c] - sites[3 * atom + c]);
    return { r, d: Math.hypot(...r), s: species[site], Z: shape.elementWeights[species[site]] };
  });
  const radial = (f: RadialFunction): number =>
    seen.reduce((sum, { d, s, Z }) => {
      const count = f.neighbour === null ? Z : Number(s === f.neighbour);
      return sum + count * Math.exp(-f.eta * (d - f.shift) ** 2) * cutoffOf(shape, d, f.cutoff);
    }, 0);
  const angular = (f: AngularFunction): number => {
    let sum = 0;
    for (const [n, j] of seen.entries()) {
      for (const k of seen.slice(n + 1)) {
        const pair = [j.s, k.s].sort().join();
        const count = f.neighbours === null ? j.Z * k.Z : Number(pair === f.neighbours.join());
        const across = Math.hypot(...k.r.map((x, c) => x - j.r[c]));
        const cosine = (j.r[0] * k.r[0] + j.r[1] * k.r[1] + j.r[2] * k.r[2]) / (j.d * k.d);
        const distances = f.kind === 'narrow' ? [j.d, k.d, across] : [j.d, k.d];
        const squares = distances.reduce((total, d) => total + (d - f.shift) ** 2, 0);
        const cut = distances.reduce((product, d) => product * cutoffOf(shape, d, f.cutoff), 1);
        sum += count * Math.max(0, 1 + f.lambda * cosine) ** f.zeta * Math.exp(-f.eta * squares) * cut;
      }
    }
    return 2 ** (1 - f.zeta) * sum;
  };
  return shape.functions[species[atom]].map((f) => (f.kind === 'radial' ? radial(f) : angular(f)));
}

test('numbers beyond what single precision can do, and pairs with two names, are refused in any kernel', () => {
  const gaussian = { eta: 0.1, shift: 0, cutoff: 5 };
  const pair: AngularFunction = { kind: 'wide', neighbours: [0, 1], lambda: 1, zeta: 1, ...gaussian };
  const shape: SymmetryShape = {
    ...{ species: 2, cutoff: 5, cutoffKind: 'poly2', inner: 0, functions: [[pair], [pair]], elementWeights: [1, 6] },
    ...{ hidden: [4, 4], activation: 'tanh', heads: 1 },
  };
  checkSymmetryShape(shape);
  const bad: readonly (readonly [Partial<SymmetryShape>, Partial<AngularFunction>])[] = [
    [{}, { neighbours: [1, 0] }],
    [{}, { eta: 1e35 }],
    [{}, { shift: -1e36 }],
    [{}, { cutoff: 1e-46 }],
    [{ inner: 1 - 1e-9 }, {}],
    [{ elementWeights: [1e39, 1] }, {}],
    [{ elementWeights: [1, Number.NaN] }, {}],
  ];
  for (const [sizes, numbers] of bad) {
    const wrong = { ...shape, ...sizes, functions: [[pair], [pair, { ...pair, ...numbers }]] };
    expect(() => checkSymmetryShape(wrong)).toThrowError(expect.objectContaining({ code: 'model-shape' }));
  }
});

describe.each(kernels)('symmetry functions in the %s kernel', (name, create, tolerance) => {
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await create();
  });

  const opened: KernelModel[] = [];
  function load(shape: SymmetryShape, weights: Float64Array): KernelModel {
    const model = kernel.loadSymmetry(shape, weights);
    opened.push(model);
    return model;
  }
  /** A random model in the kernel under test, closed at the end. */
  function randomModel(seed: number, fixed: Partial<SymmetryShape> = {}) {
    const random = createRandom(seed);
    const shape = { ...randomSymmetryShape(random), ...fixed };
    const weights = randomSymmetryWeights(shape, random);
    return { random, shape, weights, model: load(shape, weights) };
  }
  /** A random model that knows so many species. */
  function modelOfSpecies(species: number, seed: number) {
    for (let n = seed; ; n += 1000) {
      if (randomSymmetryShape(createRandom(n)).species === species) return randomModel(n);
    }
  }
  /** Symmetry functions of a list of them, all of one species, around the first atom of a cluster. */
  function functionsOf(
    functions: readonly SymmetryFunction[],
    positions: readonly number[],
    fixed: Partial<SymmetryShape> = {},
  ): Float64Array {
    const species = fixed.species ?? 1;
    const shape: SymmetryShape = {
      species,
      cutoff: 6,
      cutoffKind: 'cosine',
      inner: 0,
      functions: Array.from({ length: species }, () => functions),
      elementWeights: Array.from({ length: species }, (_, s) => s + 1),
      hidden: [3, 3],
      activation: 'tanh',
      heads: 1,
      ...fixed,
    };
    const model = load(shape, unscaled(shape));
    const kinds = Int32Array.from({ length: positions.length / 3 }, (_, i) => (species === 1 ? 0 : i % species));
    const system = systemFromPositions(Float64Array.from(positions), null, kinds, shape.cutoff);
    return model.features(system).subarray(0, functions.length);
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
  function expectSameResults(model: KernelModel, a: KernelSystem, b: KernelSystem): void {
    const [ra, rb] = [model.evaluate(a), model.evaluate(b)];
    expectClose(ra.energies, rb.energies, 2 * tolerance.energy);
    expectClose(ra.forces, rb.forces, 2 * tolerance.force);
    expectClose(ra.strainGradient, rb.strainGradient, 2 * strainTolerance(a.atoms));
    expectClose(model.features(a), model.features(b), 2 * tolerance.force);
  }
  const energyOf = (model: KernelModel, system: KernelSystem): number =>
    model.evaluate(system).energies.reduce((sum, e) => sum + e, 0);

  const radial: RadialFunction = { kind: 'radial', neighbour: 0, eta: 0.2, shift: 0.5, cutoff: 6 };
  const narrow: AngularFunction = {
    ...{ kind: 'narrow', neighbours: [0, 0], lambda: 1, zeta: 2, eta: 0.03, shift: 0, cutoff: 6 },
  };

  describe('by hand', () => {
    test('two atoms: one Gaussian times the cutoff, and nothing angular', () => {
      const G = functionsOf([radial, narrow, { ...narrow, kind: 'wide' }], [0, 0, 0, 0, 0, 3]);
      expectClose(G, [Math.exp(-0.2 * 2.5 ** 2) / 2, 0, 0], tolerance.force);
    });

    test('an equilateral triangle: (3/2)^ζ or (1/2)^ζ, three Gaussians or two', () => {
      const a = 3; // half of r_c, where the cosine cutoff is 1/2
      const triangle = [0, 0, 0, a, 0, 0, a / 2, (a * Math.sqrt(3)) / 2, 0];
      const functions = [narrow, { ...narrow, lambda: -1 }, { ...narrow, kind: 'wide' }] as const;
      const [three, two] = [Math.exp(-0.03 * 27) / 8, Math.exp(-0.03 * 18) / 4];
      expectClose(functionsOf(functions, triangle), [1.125 * three, 0.125 * three, 1.125 * two], tolerance.force);
    });

    test('a right angle: λ makes no difference, and the pair beyond the cutoff is left to the wide ones', () => {
      const a = 4.5; // r_jk = 6.36 Å
      const corner = [0, 0, 0, a, 0, 0, 0, a, 0];
      const f = (1 + Math.cos(0.75 * Math.PI)) / 2;
      const wide: AngularFunction = { ...narrow, kind: 'wide', zeta: 4 };
      const expected = 2 ** -3 * Math.exp(-0.06 * a * a) * f * f;
      const G = functionsOf([narrow, wide, { ...wide, lambda: -1 }], corner);
      expectClose(G, [0, expected, expected], 1e-2 * tolerance.force);
    });

    test('atoms in a line, and powers that are no whole number: a number, and the right one', () => {
      const line = [0, 0, 0, 1.3, 0.1, 0.4, -2.6, -0.2, -0.8];
      const functions = [1, -1].map((lambda) => ({ ...narrow, kind: 'wide', lambda, zeta: 2.5 }) as AngularFunction);
      const [r1, r2] = [Math.hypot(1.3, 0.1, 0.4), 2 * Math.hypot(1.3, 0.1, 0.4)];
      const f = (r: number): number => (1 + Math.cos((Math.PI * r) / 6)) / 2;
      const G = functionsOf(functions, line);
      expectClose(G, [0, 2 * Math.exp(-0.03 * (r1 * r1 + r2 * r2)) * f(r1) * f(r2)], tolerance.force);
    });

    test('weighted functions count elements times, element-resolved ones only theirs', () => {
      // Species 0, 1, 2, 0 with weights 1, 2, 3; distances equal, so that all terms are.
      const positions = [0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2];
      const functions: SymmetryFunction[] = [
        { ...radial, neighbour: null },
        { ...radial, neighbour: 2 },
        { ...narrow, neighbours: null },
        { ...narrow, neighbours: [1, 2] },
        { ...narrow, neighbours: [1, 1] },
      ];
      const [all, , pairs] = functionsOf([radial, radial, narrow], positions);
      const G = functionsOf(functions, positions, { species: 3 });
      expectClose(
        G,
        [all / 3, all / 3, pairs / 3, pairs / 3, 0].map((x, n) => x * [6, 1, 2 * 3 + 2 + 3, 1, 0][n]),
        tolerance.force,
      );
    });
  });

  test('are those of the formulas', () => {
    for (let seed = 1; seed <= 16; seed++) {
      const { random, shape, model } = randomModel(seed);
      const system = randomSystem(shape, random, { atoms: 4 });
      const row = mostFunctions(shape);
      const G = model.features(system);
      for (let i = 0; i < system.atoms; i++) {
        const expected = new Float64Array(row); // zeros where a species has fewer
        expected.set(byFormulas(shape, system, i));
        expectClose(G.subarray(i * row, (i + 1) * row), expected, tolerance.force);
      }
    }
  });

  test('weighted functions of a system of one element are element-resolved ones times its weight', () => {
    const { random, shape } = randomModel(3);
    const functions = shape.functions.flat();
    const one = { ...shape, species: 1, elementWeights: [7] };
    const resolved = functions.map(
      (f): SymmetryFunction => (f.kind === 'radial' ? { ...f, neighbour: 0 } : { ...f, neighbours: [0, 0] }),
    );
    const weighted = functions.map(
      (f): SymmetryFunction => (f.kind === 'radial' ? { ...f, neighbour: null } : { ...f, neighbours: null }),
    );
    const system = randomSystem(one, random, { atoms: 5, periodic: true });
    const [a, b] = [resolved, weighted].map((list) => {
      const shapeOf = { ...one, functions: [list] };
      return load(shapeOf, unscaled(shapeOf)).features(system);
    });
    const expected = a.map((x, n) => x * (functions[n % functions.length].kind === 'radial' ? 7 : 49));
    expectClose(b, expected, tolerance.force);
  });

  describe('energies and forces', () => {
    test('forces are −∂E/∂r and the strain gradient is ∂E/∂ε', () => {
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const { random, shape, model } = randomModel(seed);
        const system = randomSystem(shape, random, { atoms: 4, periodic: seed % 2 === 0 });
        const { forces, strainGradient } = model.evaluate(system);
        const h = tolerance.step;
        /** dE/dh at 0, with an error of the order of h⁴, of h² where a distance passes a radius of the cutoff. */
        const slope = (move: (h: number) => KernelSystem): number => {
          const difference = (x: number): number => energyOf(model, move(x)) - energyOf(model, move(-x));
          return (8 * difference(h) - difference(2 * h)) / (12 * h);
        };
        for (let c = 0; c < 12; c++) {
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
      for (const seed of [11, 12, 13, 14]) {
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
      const { random, shape, model } = modelOfSpecies(3, 21);
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
      const { shape, model } = modelOfSpecies(1, 25);
      const lone = systemFromPositions(
        Float64Array.of(0, 0, 0, 20, 0, 0, 21.8, 0, 0),
        null,
        new Int32Array(3),
        shape.cutoff,
      );
      const { energies, forces } = model.evaluate(lone);
      expect([...forces.subarray(0, 3)].map(Math.abs)).toEqual([0, 0, 0]);
      expect(energies[0]).not.toBeCloseTo(energies[1], 4);
      expect(energies.every(Number.isFinite)).toBe(true);
      const none = model.evaluate(systemFromPositions(new Float64Array(0), null, new Int32Array(0), shape.cutoff));
      expect([none.energies.length, none.forces.length, none.strainGradient.length]).toEqual([0, 0, 9]);
      expect([...none.strainGradient].map(Math.abs)).toEqual(new Array(9).fill(0));
    });

    test.each<[CutoffKind, number, number]>([
      // How many Å before r_c, and what may be left there: the first term of f, (π w)²/4, w³ or 10 w³, w = left/width.
      ['cosine', 0.01, 1e-4],
      ['tanh3', 0.01, 1e-5],
      ['poly2', 0.01, 1e-5],
    ])('change smoothly when an atom crosses the cutoff, %s', (cutoffKind, left, most) => {
      const inner = cutoffKind === 'tanh3' ? 0 : 0.3;
      const functions: SymmetryFunction[] = [
        { ...radial, eta: 0, cutoff: 5 },
        { ...narrow, kind: 'wide', eta: 0, zeta: 1, cutoff: 5 },
      ];
      const at = (x: number): Float64Array =>
        functionsOf(functions, [0, 0, 0, 0.3, 2, 0.1, x, 0, 0], { cutoffKind, inner, cutoff: 5.5 });
      expect(largestDifference(at(5 - left), at(5.001))).toBeLessThan(most);
      expect(largestDifference(at(4), at(5.001))).toBeGreaterThan(1e-3);
      // Both sides of r_in, where f and its slope have no jump: the second difference vanishes as h².
      const h = 1e-2;
      const [before, mid, after] = [1.5 - h, 1.5, 1.5 + h].map(at);
      for (const [n, x] of mid.entries()) {
        expect(Math.abs(before[n] - 2 * x + after[n])).toBeLessThan(2 * h * h + tolerance.force);
      }
    });

    test('without a head are the mean over the heads', () => {
      const { random, shape, model } = randomModel(27, { heads: 3 });
      const system = randomSystem(shape, random);
      const [a, b, c] = [0, 1, 2].map((head) => model.evaluate(system, head));
      const mean = model.evaluate(system);
      const average = (x: Float64Array, y: Float64Array, z: Float64Array) => x.map((v, i) => (v + y[i] + z[i]) / 3);
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
      const others = randomSymmetryWeights(shape, random);
      model.setWeights(others);
      const fresh = kernel.loadSymmetry(shape, others);
      const after = fresh.evaluate(system);
      expect(largestDifference(after.energies, before.energies)).toBeGreaterThan(1e-3);
      others.fill(1);
      expect(model.evaluate(system)).toEqual(after);
      expect(fresh.evaluate(system)).toEqual(after);
      fresh.close();
      model.setWeights(weights);
      expect(model.evaluate(system)).toEqual(before);
    });

    test('shift and stretch the symmetry functions before the network', () => {
      const { random, shape, weights, model } = randomModel(32);
      const system = randomSystem(shape, random);
      // x = (G − c)/d with d twice and c shifted, undone in the first layer.
      const { scaling, networks } = symmetryLayout(shape);
      const [H1] = shape.hidden;
      const other = weights.slice();
      for (const [z, { centre, deviation }] of scaling.entries()) {
        for (let f = 0; f < shape.functions[z].length; f++) {
          other[centre + f] += 0.5 * weights[deviation + f];
          other[deviation + f] *= 2;
          for (const places of networks) {
            const { w1, b1 } = places[z];
            for (let h = 0; h < H1; h++) {
              const w = weights[w1 + f * H1 + h];
              other[w1 + f * H1 + h] = 2 * w;
              other[b1 + h] += 0.5 * w;
            }
          }
        }
      }
      const [a, b] = [model, load(shape, other)].map((m) => m.evaluate(system));
      expectClose(a.energies, b.energies, 2 * tolerance.energy);
      expectClose(a.forces, b.forces, 2 * tolerance.force);
    });

    test('shapes, weights and systems that do not fit are refused', () => {
      const { random, shape, weights, model } = randomModel(33);
      const bad = (f: Partial<RadialFunction>): SymmetryShape => ({
        ...shape,
        functions: shape.functions.map(() => [{ ...radial, cutoff: 4, ...f }]),
      });
      expect(() => kernel.loadSymmetry({ ...shape, heads: 0 }, weights)).toThrow(NearsightError);
      expect(() => kernel.loadSymmetry(bad({ cutoff: 7 }), weights)).toThrow(NearsightError);
      expect(() => kernel.loadSymmetry(bad({ neighbour: 9 }), weights)).toThrow(NearsightError);
      expect(() => kernel.loadSymmetry(shape, weights.subarray(1))).toThrow(NearsightError);
      expect(() => model.setWeights(weights.subarray(1))).toThrow(NearsightError);
      expect(() => model.setWeights(weights.map((w, i) => (i === 7 ? Number.NaN : w)))).toThrow(NearsightError);
      const flat = weights.slice();
      flat[symmetryLayout(shape).scaling[0].deviation] = 0;
      expect(() => model.setWeights(flat)).toThrow(NearsightError);
      const system = randomSystem(shape, random);
      expect(() => model.evaluate({ ...system, sites: system.sites.map(() => Number.NaN) })).toThrow(NearsightError);
      expect(() => model.evaluate(system, shape.heads)).toThrow(RangeError);
    });
  });

  describe('training', () => {
    /** A model with three labelled systems and a term for each. */
    function training(seed: number) {
      const { random, shape, weights, model } = randomModel(seed, { heads: 3 });
      const systems = [3, 12, 6].map((atoms) => randomLabels(randomSystem(shape, random, { atoms }), random));
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

    test('the gradient is ∂L/∂weights, of every network, and none of the scaling', () => {
      for (const seed of [42, 43, 44]) {
        const { random, shape, weights, model, terms, gradientOf } = training(seed);
        const gradient = gradientOf(terms);
        const loss = (): number =>
          model
            .accumulate(terms, new Float64Array(weights.length))
            .reduce(
              (sum, e, n) =>
                sum + terms[n].energy * e.energy ** 2 + terms[n].forces * e.forces + terms[n].strain * e.strain,
              0,
            );
        const { scaling, networks } = symmetryLayout(shape);
        for (const [z, { centre, deviation }] of scaling.entries()) {
          const F = shape.functions[z].length;
          for (const at of [centre, deviation]) expect([...gradient.subarray(at, at + F)]).toEqual(Array(F).fill(0));
        }
        const starts = Object.values(networks[terms[0].head][0]) as number[];
        const h = tolerance.step / 10;
        for (let n = 0; n < starts.length + 2; n++) {
          // A block of the first network, then all networks at once.
          const [from, to] = n < starts.length ? [starts[n], starts[n + 1] ?? starts[n] + 1] : [networks[0][0].w1, -1];
          const direction = weights.map((_, i) => (i >= from && (i < to || to < 0) ? random.normal() : 0));
          const along = (x: number): number => {
            model.setWeights(weights.map((w, i) => w + x * direction[i]));
            return loss();
          };
          const expected = (along(h) - along(-h)) / (2 * h);
          const dot = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
          expectClose([dot], [expected], 10 * tolerance.slope);
        }
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
      const sum = energy.map((g, i) => g + forces[i] + strain[i]);
      expectClose(gradientOf([term]), sum, tolerance.gradient);
      expect([...gradientOf([{ ...term, ...none }])].every((g) => g === 0)).toBe(true);
      for (const share of [energy, forces, strain]) expect(share.some((g) => Math.abs(g) > 1e-3)).toBe(true);
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
      const reference = createReferenceKernel().loadSymmetry(shape, weights);
      const system = randomSystem(shape, random, { atoms: [1, 2, 7, 15, 16, 17, 33][seed % 7] });
      const [fast, exact] = [model.evaluate(system), reference.evaluate(system)];
      expectClose(fast.energies, exact.energies, tolerance.energy);
      expectClose(fast.forces, exact.forces, tolerance.force);
      expectClose(fast.strainGradient, exact.strainGradient, strainTolerance(system.atoms));
      expectClose(model.features(system), reference.features(system), tolerance.force);

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

/** Weights of a model that says nothing, for its symmetry functions alone. */
function unscaled(shape: SymmetryShape): Float64Array {
  const { scaling, length } = symmetryLayout(shape);
  const weights = new Float64Array(length);
  for (const [z, { deviation }] of scaling.entries()) {
    weights.fill(1, deviation, deviation + shape.functions[z].length);
  }
  return weights;
}
