import { expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createRandom } from '../random.ts';
import { crystal, rattled } from '../structure/index.ts';
import { chooseHeads, headsOf } from './heads.ts';
import type { Model } from './model.ts';
import { shortRangePotential } from './short-range.ts';
import { randomModel } from './testing-model.ts';

const structure = rattled(crystal('zincblende', ['Si', 'C'], 4.4), 0.1, createRandom(2));
const kernel = createReferenceKernel();

/** Learned energies of the atoms, by one head or the mean of all. */
function energies(model: Model, head?: number): Float64Array {
  const potential = shortRangePotential(model, kernel);
  const result = potential.engine.evaluate(potential.system(structure), head);
  potential.close();
  return result.energies;
}

test.each([[{}], [{ directForces: true as const }]])(
  'a chosen head says what it said among the others: %j',
  (sizes) => {
    const model = randomModel([6, 14], createRandom(1), { sizes: { ...sizes, heads: 3 } });
    const chosen = chooseHeads(model, [2, 0, 0]);
    expect(energies(chosen, 0)).toEqual(energies(model, 2));
    expect(energies(chosen, 1)).toEqual(energies(model, 0));
    expect(energies(chosen, 2)).toEqual(energies(model, 0));
    expect(energies(chosen, 1)).not.toEqual(energies(chosen, 0));
    expect(energies(headsOf(model, 1, 1))).toEqual(energies(model, 1));
    expect(headsOf(model, 0, 3).parameters).toEqual(model.parameters);
  },
);

test.each([[[3]], [[-1]], [[0.5]], [[]]])('heads %j of a model with two are refused', (heads) => {
  const model = randomModel([14], createRandom(1), { sizes: { heads: 2 } });
  expect(() => chooseHeads(model, heads)).toThrow(expect.objectContaining({ code: 'no-such-head' }));
});
