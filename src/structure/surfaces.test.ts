import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { findPython, runPython } from '../../tests/helpers/python.ts';
import { rotated, rotationMatrix } from './builders.ts';
import { cellVolume } from './cell.ts';
import { crystal } from './crystals.ts';
import { cofactors3 } from './matrix3.ts';
import { buildNeighbourList } from './neighbours.ts';
import type { Structure } from './structure.ts';
import { layerSpacing, type Miller, millerIn, reducedMiller, slab, terminationsOf, uniquePlanes } from './surfaces.ts';
import { loadSymmetry } from './symmetry.ts';

const wasm = createRequire(import.meta.url).resolve('@spglib/moyo-wasm/moyo_wasm_bg.wasm');
const symmetryOf = loadSymmetry(readFileSync(wasm));

const SI = crystal('diamond', ['Si'], 5.43);
const CU = crystal('fcc', ['Cu'], 3.61);
const NACL = crystal('rocksalt', ['Na', 'Cl'], 5.64);
const HCP = crystal('hcp', ['Mg'], 3.21, 5.21);

/** The smallest cell, and indices given for the conventional one in its terms. */
function smallest(structure: Structure, miller: Miller): [Structure, Miller] {
  const { primitive } = symmetryOf(structure);
  return [primitive, millerIn(miller, structure.cell, primitive.cell)];
}

const areaOf = (cell: Float64Array): number => Math.hypot(...cofactors3(cell).subarray(6, 9));

describe('geometry by hand', () => {
  // Area of the surface cell, spacing of the layers and atoms per layer, in units of the lattice constant.
  test.each([
    ['fcc (100)', CU, [1, 0, 0], 1 / 2, 1 / 2, 1],
    ['fcc (110)', CU, [1, 1, 0], Math.SQRT1_2, 1 / Math.sqrt(8), 1],
    ['fcc (111)', CU, [1, 1, 1], Math.sqrt(3) / 4, 1 / Math.sqrt(3), 1],
    ['diamond (111)', SI, [1, 1, 1], Math.sqrt(3) / 4, 1 / Math.sqrt(3), 2],
    ['rocksalt (100)', NACL, [1, 0, 0], 1 / 2, 1 / 2, 2],
    ['fcc (311)', CU, [3, 1, 1], Math.sqrt(11) / 4, 1 / Math.sqrt(11), 1],
  ] as const)('%s', (_, structure, miller, area, spacing, atoms) => {
    const a = structure.cell[0];
    const [primitive, indices] = smallest(structure, miller);
    const made = slab(primitive, indices, { layers: 5, vacuum: 12 });
    expect(areaOf(made.cell)).toBeCloseTo(area * a * a, 9);
    expect(layerSpacing(indices, primitive.cell)).toBeCloseTo(spacing * a, 9);
    expect(made.numbers).toHaveLength(5 * atoms);
    const heights = Array.from({ length: made.numbers.length }, (_, i) => made.positions[3 * i + 2]);
    const [low, high] = [Math.min(...heights), Math.max(...heights)];
    // The same in the middle of the cell, with the vacuum that was asked for around it.
    expect(low).toBeCloseTo(6, 9);
    expect(made.cell[8] - high).toBeCloseTo(6, 9);
    const gap = terminationsOf(primitive, indices)[0].gap;
    expect(high - low).toBeCloseTo(5 * spacing * a - gap, 9);
  });

  test('hcp (0001) and (10-10)', () => {
    const basal = slab(HCP, [0, 0, 1], { layers: 3, vacuum: 10 });
    expect(areaOf(basal.cell)).toBeCloseTo((Math.sqrt(3) / 2) * 3.21 ** 2, 9);
    expect(layerSpacing([0, 0, 1], HCP.cell)).toBeCloseTo(5.21, 9);
    const prism = slab(HCP, [1, 0, 0], { layers: 3, vacuum: 10 });
    expect(areaOf(prism.cell)).toBeCloseTo(3.21 * 5.21, 9);
    expect(layerSpacing([1, 0, 0], HCP.cell)).toBeCloseTo((Math.sqrt(3) / 2) * 3.21, 9);
  });
});

/** How many neighbours atoms have within `reach`, the most and the least. */
function coordinations(structure: Structure, reach: number): number[] {
  const { first } = buildNeighbourList(structure, reach);
  return Array.from(structure.numbers, (_, i) => first[i + 1] - first[i]);
}

describe('what is inside is the crystal', () => {
  test.each([
    ['Si (111)', SI, [1, 1, 1], 2.6, 4, 3],
    ['Si (100)', SI, [1, 0, 0], 2.6, 4, 2],
    ['Cu (111)', CU, [1, 1, 1], 3, 12, 9],
    ['Cu (100)', CU, [1, 0, 0], 3, 12, 8],
    ['Cu (110)', CU, [1, 1, 0], 3, 12, 7],
    ['Cu (-2 1 3)', CU, [-2, 1, 3], 3, 12, null],
    ['NaCl (100)', NACL, [1, 0, 0], 3, 6, 5],
    ['Mg (0001)', HCP, [0, 0, 1], 3.4, 12, 9],
  ] as const)('%s: bulk and surface coordination', (_, structure, miller, reach, bulk, surface) => {
    const tilted = rotated(structure, rotationMatrix([1, 2, 3], 0.4));
    const [primitive, indices] = smallest(tilted, miller);
    const made = slab(primitive, indices, { layers: 21, vacuum: 12 });
    const found = coordinations(made, reach);
    const order = found.map((_, i) => i).sort((i, j) => made.positions[3 * i + 2] - made.positions[3 * j + 2]);
    expect(found[order[Math.floor(order.length / 2)]]).toBe(bulk);
    expect(Math.max(...found)).toBe(bulk);
    if (surface !== null) expect(Math.min(...found)).toBe(surface);
    // Whole layers: composition and density of the crystal.
    const count = (s: Structure, z: number): number => s.numbers.filter((n) => n === z).length;
    for (const z of new Set(primitive.numbers)) expect(count(made, z)).toBe(21 * count(primitive, z));
    const spacing = layerSpacing(indices, primitive.cell);
    expect(areaOf(made.cell) * spacing).toBeCloseTo(cellVolume(primitive.cell), 8);
  });
});

describe('terminations', () => {
  const cuts = (structure: Structure, miller: Miller): number[] => {
    const [primitive, indices] = smallest(structure, miller);
    return terminationsOf(primitive, indices, symmetryOf(primitive).operations).map(({ gap }) => gap);
  };

  test('Si (111): between the bilayers, or through them', () => {
    const found = cuts(SI, [1, 1, 1]);
    expect(found).toHaveLength(2);
    expect(found[0]).toBeCloseTo((Math.sqrt(3) / 4) * 5.43, 9);
    expect(found[1]).toBeCloseTo((Math.sqrt(3) / 12) * 5.43, 9);
  });

  test('Si (100), NaCl (100) and the polar NaCl (111) have one', () => {
    expect(cuts(SI, [1, 0, 0])).toHaveLength(1);
    expect(cuts(NACL, [1, 0, 0])).toHaveLength(1);
    expect(cuts(NACL, [1, 1, 1])).toHaveLength(1);
  });

  test('without operations the cuts of Si (100) within its spacing count each', () => {
    const [primitive, indices] = smallest(SI, [1, 0, 0]);
    expect(terminationsOf(primitive, indices)).toHaveLength(2);
  });

  test('each gives its own slab', () => {
    const [primitive, indices] = smallest(SI, [1, 1, 1]);
    const lost = terminationsOf(primitive, indices).map((cut) =>
      Math.min(...coordinations(slab(primitive, indices, { layers: 4, vacuum: 10, cut }), 2.6)),
    );
    expect(lost).toEqual([3, 1]);
  });
});

describe('planes', () => {
  test('cubic: (100), (110), (111); with indices up to 2 six', () => {
    const { pointGroup } = symmetryOf(SI);
    expect(uniquePlanes(1, SI.cell, pointGroup)).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ]);
    // (100) (110) (111) (210) (211) (221) and no other: (200), (220), (222) are not reduced.
    expect(uniquePlanes(2, SI.cell, pointGroup)).toHaveLength(6);
  });

  test('hcp: basal, two prisms, two pyramids', () => {
    const { pointGroup } = symmetryOf(HCP);
    const found = uniquePlanes(1, HCP.cell, pointGroup);
    expect(found).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [1, 1, 0],
      [1, 0, 1],
      [1, 1, 1],
    ]);
  });

  test('what is no plane is refused', () => {
    for (const wrong of [
      [0, 0, 0],
      [1, 2],
      [0.5, 1, 1],
    ]) {
      expect(() => reducedMiller(wrong)).toThrow(expect.objectContaining({ code: 'bad-miller' }));
    }
    expect(reducedMiller([2, -4, 0])).toEqual([1, -2, 0]);
    const options = { layers: 0, vacuum: 10 };
    expect(() => slab(SI, [1, 0, 0], options)).toThrow(expect.objectContaining({ code: 'bad-slab' }));
  });
});

const python = findPython(['ase']);
test.skipIf(python === undefined)('ASE cuts surface cells of the same area and planes at the same heights', () => {
  const cases = [CU, SI, NACL, HCP].flatMap((structure) =>
    [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
      [2, 1, 0],
      [-1, 2, 3],
      [0, 0, 1],
    ].map((miller) => {
      const [primitive, indices] = smallest(structure, miller as unknown as Miller);
      return { primitive, indices };
    }),
  );
  const script = `
import json, sys, numpy as np
from ase import Atoms
from ase.build import surface
out = []
for c in json.load(sys.stdin):
    atoms = Atoms(c['numbers'], positions=np.reshape(c['positions'], (-1, 3)), cell=np.reshape(c['cell'], (3, 3)), pbc=True)
    s = surface(atoms, c['indices'], 4, vacuum=5.0)
    out.append({'area': float(np.linalg.norm(np.cross(s.cell[0], s.cell[1]))), 'heights': sorted(s.positions[:, 2].tolist())})
print(json.dumps(out))`;
  const input = cases.map(({ primitive, indices }) => ({
    numbers: Array.from(primitive.numbers),
    positions: Array.from(primitive.positions),
    cell: Array.from(primitive.cell),
    indices,
  }));
  const theirs = runPython(python!, script, input) as { area: number; heights: number[] }[];
  for (const [k, { primitive, indices }] of cases.entries()) {
    // The cut that ASE happened to make is one of ours.
    const spread = theirs[k].heights.map((z) => z - theirs[k].heights[0]);
    const ours = terminationsOf(primitive, indices).map((cut) => {
      const made = slab(primitive, indices, { layers: 4, vacuum: 10, cut });
      expect(areaOf(made.cell)).toBeCloseTo(theirs[k].area, 6);
      const heights = Array.from(made.numbers, (_, i) => made.positions[3 * i + 2]).sort((a, b) => a - b);
      return heights.map((z) => z - heights[0]);
    });
    const agrees = ours.some((own) => own.every((z, i) => Math.abs(z - spread[i]) < 1e-6));
    expect(agrees).toBe(true);
  }
});
