/** `evaluateHeads` says of every head what `evaluate` says of it, in every kernel and for every kind of model. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import type { Kernel, KernelModel, KernelResult, KernelSystem, ModelShape } from './kernels.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel, hasRelaxedSimd } from './simd/kernel.ts';
import type { SymmetryShape } from './symmetry.ts';
import { largestDifference, randomShape, randomSystem, randomWeights, systemFromPositions } from './testing.ts';
import { randomSymmetryShape, randomSymmetryWeights } from './testing-symmetry.ts';

const PARTS = ['energies', 'forces', 'strainGradient'] as const;

/** Largest difference of any number of two evaluations, relative to the largest number beyond 1. */
function difference(a: KernelResult, b: KernelResult): number {
  return Math.max(
    ...PARTS.map((part) => {
      const scale = Math.max(1, largestDifference(b[part], new Float64Array(b[part].length)));
      // A strain gradient is a sum over all atoms of forces times some 5 Å, most of which cancel.
      return (
        largestDifference(a[part], b[part]) /
        scale /
        (part === 'strainGradient' ? 5 * Math.max(1, a.energies.length) : 1)
      );
    }),
  );
}

/** Single precision, and where the forces of any head are large the unit of all of them is 2⁻¹⁴ eV/Å. */
const SINGLE = 1e-4;

const kernels: readonly (readonly [string, () => Promise<Kernel>, number])[] = [
  ['reference', async () => createReferenceKernel(), 1e-12],
  ['simd', () => createSimdKernel({ guards: true }), SINGLE],
  ...(hasRelaxedSimd()
    ? ([['relaxed', () => createSimdKernel({ relaxed: true, guards: true }), SINGLE]] as const)
    : []),
  ['simd with three threads', () => createEngine(3, { guards: true }), SINGLE],
];

/** Shapes that a head count, a layout of lanes or a missing species could break. */
const shapes: readonly Partial<ModelShape>[] = [
  { heads: 1 },
  { heads: 2, lmax: 2, order: 2 },
  { heads: 3, lmax: 2, order: 3, species: 3 },
  { heads: 4, lmax: 3, order: 3, species: 1, radial: 8, channels: 8 },
  { heads: 4, lmax: 3, order: 4, species: 4, radial: 12, channels: 12 },
  { heads: 5, lmax: 2, order: 4, species: 2 },
  { heads: 9, lmax: 3, order: 2, species: 2 },
  { heads: 4, lmax: 3, species: 2, directForces: true },
  { heads: 1, directForces: true },
];

const name = (shape: object): string => JSON.stringify(shape).replace(/[{}"]/g, '').replaceAll(',', ', ');

describe.each(kernels)('%s kernel: every head by itself', (_name, create, tolerance) => {
  let kernel: Kernel;
  const opened: KernelModel[] = [];
  beforeAll(async () => {
    kernel = await create();
  });
  afterAll(() => {
    for (const model of opened) model.close();
  });

  function expectHeads(model: KernelModel, system: KernelSystem): readonly KernelResult[] {
    const all = model.evaluateHeads(system);
    expect(all.length).toBe(model.heads);
    for (const [head, result] of all.entries()) {
      for (const part of PARTS) expect(result[part].every(Number.isFinite)).toBe(true);
      expect(difference(result, model.evaluate(system, head))).toBeLessThan(tolerance);
    }
    return all;
  }

  test.each(shapes.map((fixed) => [name(fixed), fixed] as const))('%s', (_text, fixed) => {
    const random = createRandom(11);
    const shape = { ...randomShape(random), ...fixed };
    const model = kernel.load(shape, randomWeights(shape, random));
    opened.push(model);
    // Less than a block, more than one, and none.
    for (const atoms of [5, 37, 2, 0]) {
      for (const periodic of [true, false]) {
        const all = expectHeads(model, randomSystem(shape, random, { atoms, periodic }));
        if (shape.heads > 1 && atoms > 0) expect(difference(all[0], all[1])).toBeGreaterThan(1e-3);
      }
    }
  });

  test('a system with one species only, of a model that knows four', () => {
    const random = createRandom(12);
    const shape = { ...randomShape(random), heads: 3, species: 4 };
    const model = kernel.load(shape, randomWeights(shape, random));
    opened.push(model);
    for (const s of [2, 0, 3]) {
      const system = randomSystem(shape, random, { atoms: 9 });
      expectHeads(model, { ...system, species: system.species.map(() => s) });
    }
  });

  test('forces of each head add up to nothing', () => {
    const random = createRandom(13);
    const shape: ModelShape = { ...randomShape(random), heads: 4 };
    const model = kernel.load(shape, randomWeights(shape, random));
    opened.push(model);
    for (const { forces } of model.evaluateHeads(randomSystem(shape, random, { atoms: 20 }))) {
      for (let c = 0; c < 3; c++) {
        const net = forces.reduce((sum, f, k) => sum + (k % 3 === c ? f : 0), 0);
        expect(Math.abs(net)).toBeLessThan(1e-10);
      }
    }
  });

  test('two atoms that (nearly) coincide: large forces are coarser, and infinite ones refused', () => {
    const random = createRandom(14);
    const shape: ModelShape = { ...randomShape(random), species: 1, heads: 4 };
    const at = (x: number, factor: number): readonly [KernelModel, KernelSystem] => {
      const weights = randomWeights(shape, createRandom(15)).map((w) => factor * w);
      const model = kernel.load(shape, weights);
      opened.push(model);
      return [model, systemFromPositions(Float64Array.of(0, 0, 0, x, 0, 0, 0, 2, 0), null, new Int32Array(3), 5)];
    };
    expectHeads(...at(1, 4));
    if (kernel.name === 'reference') return;
    const [model, system] = at(0, 1);
    expect(() => model.evaluateHeads(system)).toThrow(NearsightError);
    expectHeads(model, at(1.2, 1)[1]);
  });

  test.each([1, 2, 3])('symmetry functions, %d heads', (heads) => {
    const random = createRandom(16 + heads);
    const shape: SymmetryShape = { ...randomSymmetryShape(random), heads };
    const model = kernel.loadSymmetry(shape, randomSymmetryWeights(shape, random));
    opened.push(model);
    for (const atoms of [7, 1, 22]) {
      const all = expectHeads(model, randomSystem(shape, random, { atoms }));
      if (heads > 1) expect(difference(all[0], all[1])).toBeGreaterThan(1e-4);
    }
  });
});

test.each(['gradient', 'direct', 'symmetry'])('%s: the same bits for any number of threads', async (kind) => {
  const results: (readonly KernelResult[])[] = [];
  for (const threads of [1, 2, 3]) {
    const kernel = await createEngine(threads, { guards: true });
    const random = createRandom(21);
    const density: ModelShape = { ...randomShape(random), species: 2, heads: 4 };
    const shape = kind === 'direct' ? ({ ...density, directForces: true } as const) : density;
    const symmetry: SymmetryShape = { ...randomSymmetryShape(random), heads: 2 };
    const model =
      kind === 'symmetry'
        ? kernel.loadSymmetry(symmetry, randomSymmetryWeights(symmetry, random))
        : kernel.load(shape, randomWeights(shape, random));
    const system = randomSystem({ species: 2, cutoff: 5 }, createRandom(22), { atoms: 200, periodic: true });
    const species = kind === 'symmetry' ? system.species.map((s) => Math.min(s, symmetry.species - 1)) : system.species;
    const whole = { ...system, species };
    const once = model.evaluateHeads(whole);
    // The helpers need a moment before they take part.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(model.evaluateHeads(whole)).toEqual(once);
    results.push(once);
    model.close();
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
