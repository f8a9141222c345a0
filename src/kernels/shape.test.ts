import { describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createRandom } from '../random.ts';
import type { KernelSystem, ModelShape } from './kernels.ts';
import { weightLayout } from './kernels.ts';
import { checkShape, checkSystem, checkTrainingSystem, checkWeights } from './shape.ts';
import { randomLabels, randomShape, randomSystem, randomWeights, systemFromPositions } from './testing.ts';

const random = createRandom(31);
const shape: ModelShape = {
  species: 2,
  radial: 8,
  lmax: 3,
  order: 3,
  channels: 8,
  hidden: [32, 32],
  heads: 4,
  cutoff: 5,
  onset: 3.5,
};

/** The code and message of the NearsightError that a call must throw. */
function refusal(call: () => void): string {
  try {
    call();
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    expect(error.hint).toBeTruthy();
    return `${error.code}: ${error.message}`;
  }
  return 'nothing was refused';
}

test('what the contract allows is allowed', () => {
  checkShape(shape);
  for (let n = 0; n < 50; n++) {
    const any = randomShape(random);
    checkShape(any);
    checkWeights(any, randomWeights(any, random));
    checkTrainingSystem(any, randomLabels(randomSystem(any, random), random));
  }
});

test.each<[Partial<Record<keyof ModelShape, unknown>>, string]>([
  [{ species: 0 }, '0 species'],
  [{ radial: 6 }, '6 radial functions'],
  [{ radial: 0 }, '0 radial functions'],
  [{ lmax: 4 }, 'lmax 4'],
  [{ order: 1 }, 'order 1'],
  [{ channels: 10 }, '10 channels'],
  [{ hidden: [32, 30] }, 'hidden layers of 32 and 30'],
  [{ hidden: [32] }, 'hidden layers of 32'],
  [{ heads: 1.5 }, '1.5 heads'],
  [{ cutoff: Number.POSITIVE_INFINITY }, 'a cutoff of Infinity Å'],
  [{ onset: 5 }, 'an onset of 5 Å with a cutoff of 5 Å'],
  [{ onset: Number.NaN }, 'an onset of NaN Å'],
  [{ onset: -1 }, 'an onset of -1 Å'],
])('a shape with %o is refused', (change, words) => {
  expect(refusal(() => checkShape({ ...shape, ...change } as ModelShape))).toContain(
    `model-shape: a model can't have ${words}`,
  );
});

test('weights of the wrong length, or not finite, are refused', () => {
  const { length } = weightLayout(shape);
  expect(refusal(() => checkWeights(shape, new Float64Array(length - 1)))).toBe(
    `model-weights: ${length - 1} weights for a model that has ${length}`,
  );
  const weights = new Float64Array(length);
  weights[17] = Number.NaN;
  expect(refusal(() => checkWeights(shape, weights))).toBe('model-weights: weight 17 is NaN');
});

describe('systems', () => {
  const system = randomSystem(shape, random, { atoms: 3, periodic: true });
  const changed = <K extends keyof KernelSystem>(key: K, change: (array: KernelSystem[K]) => KernelSystem[K]): string =>
    refusal(() => checkSystem(shape, { ...system, [key]: change(system[key]) }));
  const withEntry =
    (index: number, value: number) =>
    <T extends Int32Array | Float64Array>(array: T): T => {
      const copy = array.slice() as T;
      copy[index] = value;
      return copy;
    };

  test('that are whole pass', () => {
    checkSystem(shape, system);
    checkSystem(shape, systemFromPositions(new Float64Array(0), null, new Int32Array(0), 5));
  });

  test('with positions that are not finite are refused by atom', () => {
    expect(changed('sites', withEntry(7, Number.NaN))).toBe('bad-position: a coordinate of atom 2 is NaN');
  });

  test('with two atoms at one point are refused', () => {
    const twins = systemFromPositions(Float64Array.of(1, 1, 1, 1, 1, 1), null, Int32Array.of(0, 1), 5);
    expect(refusal(() => checkSystem(shape, twins))).toBe('coinciding-atoms: atoms 0 and 1 stand at the same point');
  });

  test('with arrays that do not fit together are refused', () => {
    expect(changed('sites', (sites) => sites.slice(3))).toContain('kernel-system');
    expect(changed('owner', (owner) => owner.slice(1))).toContain('kernel-system');
    expect(changed('owner', withEntry(1, 0))).toContain('owner 0 of site 1');
    expect(changed('owner', withEntry(system.owner.length - 1, 3))).toContain('owner 3');
    expect(changed('species', withEntry(0, 2))).toContain('species 2 at site 0 of 2 species');
    expect(changed('species', withEntry(5, 1 - system.species[5]))).toContain(
      'site 5 of another species than its atom',
    );
    expect(changed('first', (first) => first.slice(1))).toContain('kernel-system');
    expect(changed('first', withEntry(1, system.first[2] + 1))).toContain('-1 edges of atom 1');
    expect(changed('neighbours', withEntry(0, system.owner.length))).toContain('an edge to site');
    expect(changed('neighbours', withEntry(0, -1))).toContain('an edge to site -1');
  });

  test('with labels that do not fit are refused', () => {
    const labelled = randomLabels(system, random);
    const refused = (change: object): string => refusal(() => checkTrainingSystem(shape, { ...labelled, ...change }));
    expect(refused({ energy: Number.NaN })).toBe('bad-label: a target energy of NaN eV');
    expect(refused({ forces: new Float64Array(8) })).toBe('bad-label: 8 target force components for 3 atoms');
    expect(refused({ forces: new Float64Array(9).fill(Number.NaN) })).toContain('a target force that is not finite');
    expect(refused({ strainGradient: new Float64Array(6) })).toContain('6 components');
  });
});
