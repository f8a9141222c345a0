import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { createRandom } from '../random.ts';
import { crystal } from '../structure/crystals.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { scopeOf } from './scope.ts';
import { uncertaintyScatter } from './uncertainty-set.ts';

const frame = (structure: Structure, more: Partial<Frame> = {}): Frame => ({
  ...{ structure, labels: {}, group: '', info: {}, arrays: {}, line: 1, index: 0 },
  ...more,
});
const diamond = crystal('diamond', ['Si'], 5.43);
/** The same atoms in a cell that is longer along z: a slab. */
const slab: Structure = { ...diamond, cell: diamond.cell.map((x, k) => (k === 8 ? x + 12 : x)) };
const molecule = createStructure(['O', 'H', 'H'], [0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0]);

describe('what training frames hold', () => {
  test('bulk, slabs and molecules are told apart, also a molecule in a box and a slab across the boundary', () => {
    const boxed = createStructure(['O', 'H', 'H'], molecule.positions, [20, 0, 0, 0, 20, 0, 0, 0, 20]);
    const across: Structure = { ...slab, positions: slab.positions.map((p, k) => (k % 3 === 2 ? p - 3 : p)) };
    const { kinds } = scopeOf([frame(diamond), frame(slab), frame(across), frame(molecule), frame(boxed)]);
    expect(kinds).toEqual({ bulk: 1, surface: 2, molecule: 2 });
  });

  test('temperatures are read from names, comments and numbers, and nothing else', () => {
    const frames = [
      frame(diamond, { group: 'md_900K' }),
      frame(diamond, { info: { description: 'Snapshot 3 of 32 at 300 K', energy: 1500 } }),
      frame(diamond, { info: { temperature: 1250 } }),
      frame(diamond, { group: '50kPa and 80Kr' }),
    ];
    expect(scopeOf(frames).temperature).toEqual({ min: 300, max: 1250 });
    expect(scopeOf([frame(diamond)], { sources: ['train_600K.extxyz'] }).temperature).toEqual({ min: 600, max: 600 });
    expect(scopeOf([frame(diamond)]).temperature).toBeUndefined();
  });

  test('volume, pressure, force and distance have their units and signs', () => {
    const stress = Float64Array.of(-0.03, 0, 0, 0, -0.02, 0, 0, 0, -0.01);
    const forces = new Float64Array(24);
    forces.set([3, 0, 4], 9);
    const labels = { energy: -40, forces, stress };
    const scope = scopeOf([frame(diamond, { labels }), frame(molecule)]);
    expect(scope.pressure!.max).toBeCloseTo(0.02, 12); // squeezed: positive
    expect(scope.volumePerAtom!.min).toBeCloseTo(5.43 ** 3 / 8, 9);
    expect(scope.restingVolume).toBeCloseTo(5.43 ** 3 / 8, 9);
    expect(scope.largestForce).toBe(5);
    const bond = (5.43 * Math.sqrt(3)) / 4;
    expect(scope.shortest.find(({ pair }) => pair === 'Si–Si')!.distance).toBeCloseTo(bond, 9);
    expect(scope.shortest.find(({ pair }) => pair === 'H–O')!.distance).toBeCloseTo(0.96, 9);
    expect(scope.shortest.map(({ distance }) => distance)).toEqual(
      scope.shortest.map(({ distance }) => distance).toSorted((a, b) => a - b),
    );
  });
});

describe('uncertainties beside errors', () => {
  test('root mean squares of ten parts follow σ where errors do', () => {
    const random = createRandom(3);
    const sigma = Float64Array.from({ length: 20_000 }, () => 0.05 * Math.exp(random.normal()));
    const error = sigma.map((s) => s * random.normal());
    const { bins, total, sigma: shown } = uncertaintyScatter(sigma, error);
    expect(bins).toHaveLength(10);
    // 2,000 in each part: 1/√(2·2000) = 1.6 % of noise, times four.
    for (const bin of bins) expect(bin.error / bin.sigma).toBeCloseTo(1, 1);
    expect(total).toBe(20_000);
    expect(shown.length).toBeLessThanOrEqual(2500);
  });

  test('few values have no parts; what is no uncertainty is refused', () => {
    expect(uncertaintyScatter([1, 2], [0, 1]).bins).toEqual([]);
    expect(() => uncertaintyScatter([1], [1, 2])).toThrow(expect.objectContaining({ code: 'report-shape' }));
    expect(() => uncertaintyScatter([0], [1])).toThrow(expect.objectContaining({ code: 'report-not-finite' }));
    expect(() => uncertaintyScatter([1], [Number.NaN])).toThrow(expect.objectContaining({ code: 'report-not-finite' }));
  });
});
