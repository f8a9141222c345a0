import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bruteForceNeighbours, edgeKey, edgeLength, edgesOf } from '../../tests/helpers/brute-force-neighbours.ts';
import { errorOf } from '../../tests/helpers/errors.ts';
import { createRandom, type Random } from '../random.ts';
import { combined, permuted, rattled, rotated, rotationMatrix, strained, supercell, translated } from './builders.ts';
import { crystal } from './crystals.ts';
import { buildNeighbourList, isStale, type NeighbourList, neighboursFor, sitePositions } from './neighbours.ts';
import { createStructure, type Structure } from './structure.ts';

/** A few atoms in and around a random cell: `skew` 0 is orthorhombic, 2.5 is very oblique. */
const anyStructure = fc
  .record({
    seed: fc.integer(),
    atoms: fc.integer({ min: 1, max: 6 }),
    skew: fc.constantFrom(0, 0.5, 2.5),
    pbc: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    spread: fc.constantFrom(1, 3),
    leftHanded: fc.boolean(),
  })
  .map(({ seed, atoms, skew, pbc, spread, leftHanded }) => {
    const random = createRandom(seed);
    const cell = Float64Array.from({ length: 9 }, (_, c) => {
      if (c % 4 === 0) return (2 + 3 * random.uniform()) * (leftHanded ? -1 : 1);
      return c % 3 < Math.floor(c / 3) ? 4 * skew * (2 * random.uniform() - 1) : 0;
    });
    const positions = Float64Array.from({ length: 3 * atoms }, () => 4 * spread * (random.uniform() - 0.4));
    const numbers = Int32Array.from({ length: atoms }, () => 1 + random.below(90));
    return rotated({ numbers, positions, cell, pbc }, randomRotation(random));
  });

/** Cutoff in units of the cell. */
const anyRatio = fc.double({ min: 0.3, max: 3, noNaN: true });
const cutoffOf = (structure: Structure, ratio: number): number =>
  ratio * Math.min(...[0, 3, 6].map((c) => Math.hypot(...structure.cell.subarray(c, c + 3))));

function randomRotation(random: Random): Float64Array {
  return rotationMatrix([random.normal(), random.normal(), random.normal()], 6 * random.uniform());
}

/** Every edge nearer than `reach` is listed once, and nothing else; vectors agree to 1e-9 Å. */
function expectSameEdges(list: NeighbourList, structure: Structure, reach: number): void {
  const blur = 1e-9;
  const found = new Map(edgesOf(list, structure).map((edge) => [edgeKey(edge), edge]));
  expect(found.size).toBe(list.neighbours.length);
  const truth = bruteForceNeighbours(structure, reach + blur);
  for (const edge of truth) {
    const twin = found.get(edgeKey(edge));
    if (twin === undefined) expect(edgeLength(edge)).toBeGreaterThan(reach - blur);
    else for (let c = 0; c < 3; c++) expect(Math.abs(twin.vector[c] - edge.vector[c])).toBeLessThan(blur);
    found.delete(edgeKey(edge));
  }
  expect([...found.keys()]).toEqual([]);
}

/** No edge nearer than the cutoff is missing. */
function expectComplete(list: NeighbourList, structure: Structure): void {
  const found = new Set(edgesOf(list, structure).map(edgeKey));
  for (const edge of bruteForceNeighbours(structure, list.cutoff - 1e-9)) expect(found.has(edgeKey(edge))).toBe(true);
}

/** What the interface promises of sites and edges, whatever the structure. */
function expectWellFormed(list: NeighbourList, structure: Structure): void {
  const atoms = structure.numbers.length;
  const { first, neighbours, owner, shift } = list;
  const sites = owner.length;
  expect([first.length, first[0], first[atoms], shift.length]).toEqual([atoms + 1, 0, neighbours.length, 3 * sites]);
  const isReached = new Uint8Array(sites);
  for (let i = 0; i < atoms; i++) {
    expect(owner[i]).toBe(i);
    for (let p = first[i]; p < first[i + 1]; p++) {
      isReached[neighbours[p]] = 1;
      expect(neighbours[p]).not.toBe(i);
      if (p > first[i]) expect(neighbours[p]).toBeGreaterThan(neighbours[p - 1]);
    }
  }
  // Images are there because somebody sees them, each once, by owner and then by translation.
  for (let s = atoms; s < sites; s++) expect(isReached[s]).toBe(1);
  const names = Array.from(owner, (j, s) => `${j} ${shift.subarray(3 * s, 3 * s + 3).join(' ')}`);
  expect(new Set(names).size).toBe(sites);
  for (let s = atoms + 1; s < sites; s++) expect(owner[s]).toBeGreaterThanOrEqual(owner[s - 1]);
  for (let c = 0; c < shift.length; c++) if (!structure.pbc[c % 3]) expect(shift[c]).toBe(0);
}

describe('against brute force', () => {
  test('random cells of any shape, size, handedness and periodicity', () => {
    let edges = 0;
    fc.assert(
      fc.property(anyStructure, anyRatio, (structure, ratio) => {
        const cutoff = cutoffOf(structure, ratio);
        const list = buildNeighbourList(structure, cutoff);
        expectWellFormed(list, structure);
        expectSameEdges(list, structure, cutoff);
        edges += list.neighbours.length;
      }),
      { seed: 11, numRuns: 250 },
    );
    expect(edges).toBeGreaterThan(10000);
  });

  test('each pair is seen from both ends', () => {
    fc.assert(
      fc.property(anyStructure, anyRatio, (structure, ratio) => {
        const edges = edgesOf(buildNeighbourList(structure, cutoffOf(structure, ratio)), structure);
        const keys = new Set(edges.map(edgeKey));
        for (const { i, j, shift } of edges) {
          expect(keys.has(edgeKey({ i: j, j: i, shift: [-shift[0], -shift[1], -shift[2]] }))).toBe(true);
        }
      }),
      { seed: 12, numRuns: 150 },
    );
  });

  test('several hundred atoms, so that boxes matter', () => {
    const random = createRandom(3);
    const cell = [17, 0, 0, 6, 15, 0, -5, 4, 19];
    const positions = Array.from({ length: 900 }, () => 40 * random.uniform() - 15);
    const symbols = Array.from({ length: 300 }, () => 'Si');
    for (const pbc of [
      [true, true, true],
      [false, true, false],
      [false, false, false],
    ] as const) {
      const structure = createStructure(symbols, positions, cell, pbc);
      const list = buildNeighbourList(structure, 3.1, { skin: 0.4 });
      expectWellFormed(list, structure);
      expectSameEdges(list, structure, 3.5);
    }
  });
});

describe('known structures', () => {
  const shells = (structure: Structure, cutoff: number): number[] => {
    const { first } = buildNeighbourList(structure, cutoff);
    return Array.from(structure.numbers, (_, i) => first[i + 1] - first[i]);
  };

  test('coordination shells', () => {
    // Neighbours up to the first, second and third shell.
    expect(shells(crystal('diamond', ['Si'], 5.43), 2.4)).toEqual(Array(8).fill(4));
    expect(shells(crystal('diamond', ['Si'], 5.43), 3.9)).toEqual(Array(8).fill(16));
    expect(shells(crystal('diamond', ['Si'], 5.43), 4.6)).toEqual(Array(8).fill(28));
    expect(shells(crystal('fcc', ['Cu'], 3.6), 3)).toEqual(Array(4).fill(12));
    expect(shells(crystal('fcc', ['Cu'], 3.6), 3.7)).toEqual(Array(4).fill(18));
    expect(shells(crystal('bcc', ['Fe'], 2.86), 2.9)).toEqual(Array(2).fill(14));
    expect(shells(crystal('hcp', ['Mg'], 3.2), 3.3)).toEqual(Array(2).fill(12));
    expect(shells(crystal('rocksalt', ['Na', 'Cl'], 5.64), 2.9)).toEqual(Array(8).fill(6));
    expect(shells(crystal('cscl', ['Cs', 'Cl'], 4.1), 3.6)).toEqual(Array(2).fill(8));
    expect(shells(crystal('zincblende', ['Ga', 'As'], 5.65), 2.5)).toEqual(Array(8).fill(4));
    expect(shells(crystal('fluorite', ['Ca', 'F'], 5.46), 2.4)).toEqual([8, 8, 8, 8, ...Array(8).fill(4)]);
    expect(shells(crystal('graphite', ['C'], 2.46, 6.7), 1.5)).toEqual(Array(4).fill(3));
  });

  test('pairs exactly at the cutoff are listed, from both ends', () => {
    for (const a of [1, 2.7, 3.3, 4.05, 5.43, 0.1]) {
      expect(shells(crystal('sc', ['Po'], a), a)).toEqual([6]);
      expect(shells(supercell(crystal('sc', ['Po'], a), [3, 2, 4]), a)).toEqual(Array(24).fill(6));
      expect(shells(supercell(crystal('diamond', ['Si'], a), [1, 2, 1]), (a * Math.sqrt(3)) / 4)).toEqual(
        Array(16).fill(4),
      );
    }
  });

  test('a lonely atom has no neighbours and no images', () => {
    const molecule = createStructure(['He'], [3, 4, 5]);
    const box = createStructure(['He'], [-33, 4, 50], [10, 0, 0, 0, 10, 0, 0, 0, 10]);
    for (const structure of [molecule, box]) {
      const list = buildNeighbourList(structure, 9.9);
      expect([list.owner.length, list.neighbours.length]).toEqual([1, 0]);
      expect(Array.from(list.first)).toEqual([0, 0]);
    }
    expect(Array.from(sitePositions(buildNeighbourList(molecule, 5), molecule))).toEqual([3, 4, 5]);
    expect(Array.from(sitePositions(buildNeighbourList(box, 5), box))).toEqual([7, 4, 0]);
  });

  test('only images that an atom sees become sites', () => {
    // A layer of helium in a tall periodic cell: no images above and below.
    const layer = createStructure(['He'], [0, 0, 25], [3, 0, 0, 0, 3, 0, 0, 0, 50]);
    const list = buildNeighbourList(layer, 4.5);
    expect(list.owner.length).toBe(9);
    expect(Array.from(list.shift.filter((_, c) => c % 3 === 2))).toEqual(Array(9).fill(0));
  });

  test('a molecule does not care about its cell', () => {
    const water = createStructure(['O', 'H', 'H'], [0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0]);
    const inCell = { ...water, cell: Float64Array.of(1, 0, 0, 2, 0, 0, 0, 0, 0) };
    for (const structure of [water, inCell]) {
      expect(shells(structure, 1.2)).toEqual([2, 1, 1]);
      expectSameEdges(buildNeighbourList(structure, 1.6), structure, 1.6);
    }
  });

  test('atoms on faces, edges and corners, and a rounding error beside them', () => {
    const e = 1e-17;
    const places = [0, 0, 0, -e, 2, 2, 4, 2, e, 4, 4, 2, 2, -4, 8 - e, 3, 3, 4 - 1e-15];
    const structure = createStructure(Array(6).fill('Ar'), places, [4, 0, 0, 0, 4, 0, 0, 0, 4]);
    expectSameEdges(buildNeighbourList(structure, 5.1), structure, 5.1);
  });

  test('atoms far outside the cell are brought in', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    const far = { ...si, positions: si.positions.map((r, c) => r + 5.43 * ((c * 7919) % 2001) - 5430) };
    const list = buildNeighbourList(far, 4);
    const vectors = (structure: Structure): string[] =>
      edgesOf(buildNeighbourList(structure, 4), structure)
        .map(({ i, j, vector }) => `${i} ${j} ${vector.map((x) => (x + 100).toFixed(6)).join(' ')}`)
        .sort();
    expect(vectors(far)).toEqual(vectors(si));
    for (const r of sitePositions(list, far).subarray(0, 24)) {
      expect(r).toBeGreaterThan(-1e-9);
      expect(r).toBeLessThan(5.43 + 1e-9);
    }
  });
});

describe('sparse and enormous', () => {
  test('a few atoms in a wide space take no memory and no time', () => {
    const random = createRandom(8);
    for (const spread of [1e4, 1e8]) {
      const positions: number[] = [];
      for (let pair = 0; pair < 20; pair++) {
        const at = [0, 1, 2].map(() => spread * random.uniform());
        positions.push(...at, at[0] + 1, at[1], at[2] - 1);
      }
      const structure = createStructure(Array(40).fill('H'), positions);
      const list = buildNeighbourList(structure, 2);
      expectWellFormed(list, structure);
      expectSameEdges(list, structure, 2);
      expect(list.neighbours.length).toBe(40);
    }
  });

  test('a cluster that has lost an atom far away', () => {
    const cluster = { ...supercell(crystal('fcc', ['Cu'], 3.6), [4, 4, 4]), pbc: [false, false, false] as const };
    const lost = combined(cluster, createStructure(['Cu'], [0, 0, 0]), [1e4, -1e4, 1e4]);
    const list = buildNeighbourList(lost, 4);
    expectWellFormed(list, lost);
    expectSameEdges(list, lost, 4);
  });

  test('what cannot be meant is refused', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    for (const cutoff of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      errorOf('bad-cutoff', () => buildNeighbourList(si, cutoff));
    }
    errorOf('bad-cutoff', () => buildNeighbourList(si, 5, { skin: -0.1 }));
    errorOf('bad-cutoff', () => buildNeighbourList(si, 5, { skin: Number.NaN }));
    errorOf('too-many-neighbours', () => buildNeighbourList(crystal('sc', ['Po'], 1e-3), 5));
    errorOf('position-out-of-range', () => buildNeighbourList(translated(si, [1e8, 0, 0]), 5));
    errorOf('position-out-of-range', () => buildNeighbourList(createStructure(['H'], [0, 1e12, 0]), 5));
    errorOf('not-finite', () => buildNeighbourList(translated(si, [0, Number.NaN, 0]), 5));
  });
});

describe('invariance', () => {
  const random = createRandom(21);
  const si = rattled(crystal('diamond', ['Si'], 5.43), 0.2, random);
  const lengths = (structure: Structure): number[] =>
    edgesOf(buildNeighbourList(structure, 5.2), structure)
      .map(edgeLength)
      .sort((x, y) => x - y);

  function expectSameLengths(structure: Structure, copies = 1): void {
    const expected = lengths(si).flatMap((length) => Array<number>(copies).fill(length));
    const found = lengths(structure);
    expect(found.length).toBe(expected.length);
    found.forEach((length, n) => {
      expect(Math.abs(length - expected[n])).toBeLessThan(1e-9);
    });
  }

  test('distances do not depend on place, direction, order, or the choice of cell', () => {
    expectSameLengths(translated(si, [1.234, -22.1, 7]));
    expectSameLengths(rotated(si, randomRotation(random)));
    expectSameLengths(permuted(si, random.permutation(8)));
    expectSameLengths(supercell(si, [1, 2, 3]), 6);
    expectSameLengths(supercell(si, [1, 1, 0, 0, 1, 0, 3, -2, 1]));
    expectSameLengths(supercell(si, [0, 1, 0, 1, 0, 0, 0, 1, 2]), 2);
  });

  test('the same list comes out twice', () => {
    expect(buildNeighbourList(si, 5)).toEqual(buildNeighbourList(si, 5));
  });
});

describe('stale lists', () => {
  /** Every atom moved by `length`, each in another direction. */
  const jiggled = (structure: Structure, length: number, random: Random): Structure => {
    const positions = structure.positions.slice();
    for (let c = 0; c < positions.length; c += 3) {
      const d = [random.normal(), random.normal(), random.normal()];
      for (let k = 0; k < 3; k++) positions[c + k] += (length * d[k]) / Math.hypot(...d);
    }
    return { ...structure, positions };
  };

  test('moves below half the skin leave it complete; above, it is stale', () => {
    fc.assert(
      fc.property(anyStructure, fc.integer(), (structure, seed) => {
        const random = createRandom(seed);
        const skin = 0.2 + random.uniform();
        const list = buildNeighbourList(structure, 3, { skin });
        expect(isStale(list, structure)).toBe(false);
        const near = jiggled(structure, 0.499 * skin, random);
        expect(isStale(list, near)).toBe(false);
        expectComplete(list, near);
        expect(isStale(list, jiggled(structure, 0.501 * skin, random))).toBe(true);
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  test('with cell changes: complete as long as it is not stale', () => {
    let fresh = 0;
    fc.assert(
      fc.property(anyStructure, fc.integer(), (structure, seed) => {
        const random = createRandom(seed);
        const list = buildNeighbourList(structure, 3, { skin: 0.6 });
        const size = 0.05 * random.uniform();
        const strain = Array.from({ length: 9 }, () => size * random.normal());
        const moved = jiggled(strained(structure, strain), 0.1 * random.uniform(), random);
        if (isStale(list, moved)) return;
        fresh++;
        expectComplete(list, moved);
      }),
      { seed: 14, numRuns: 300 },
    );
    expect(fresh).toBeGreaterThan(50);
  });

  test('a homogeneous strain counts by what it does to pairs, not by how far it moves distant atoms', () => {
    const big = supercell(crystal('sc', ['Po'], 3.3), [12, 12, 12]);
    const list = buildNeighbourList(big, 5, { skin: 0.5 });
    const scaled = (factor: number): Structure => strained(big, [factor - 1, 0, 0, 0, factor - 1, 0, 0, 0, factor - 1]);
    expect(isStale(list, scaled(1.5))).toBe(false);
    // cutoff / (cutoff + skin) = 0.90909
    expect(isStale(list, scaled(0.9091))).toBe(false);
    expect(isStale(list, scaled(0.909))).toBe(true);
    expect(isStale(list, rotated(big, rotationMatrix([1, 2, 3], 1)))).toBe(false);
    // A pure shear of g shortens the diagonal by the factor 1 − g.
    expect(isStale(list, strained(big, [0, 0.0909, 0, 0.0909, 0, 0, 0, 0, 0]))).toBe(false);
    expect(isStale(list, strained(big, [0, 0.091, 0, 0.091, 0, 0, 0, 0, 0]))).toBe(true);
  });

  test('a cell that shrinks onto an atom without images', () => {
    const atom = crystal('sc', ['Po'], 9);
    const list = buildNeighbourList(atom, 5, { skin: 0.5 });
    expect(list.owner.length).toBe(1);
    expect(isStale(list, crystal('sc', ['Po'], 8.9))).toBe(false);
    expect(isStale(list, crystal('sc', ['Po'], 4.9))).toBe(true);
  });

  test('atoms that leave the cell take their edges with them', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    const list = buildNeighbourList(si, 4, { skin: 0.5 });
    const out = translated(si, [-0.1, -0.1, 0.1]);
    expect(isStale(list, out)).toBe(false);
    expectComplete(list, out);
    // Wrapping an atom changes which image is which: the list no longer fits.
    const wrapped = { ...si, positions: si.positions.map((r, c) => (c === 0 ? r + 5.43 : r)) };
    expect(isStale(list, wrapped)).toBe(true);
  });

  test('other atoms, other elements, other periodicity', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    const list = buildNeighbourList(si, 4, { skin: 0.5 });
    expect(isStale(list, crystal('fcc', ['Si'], 5.43))).toBe(true);
    expect(isStale(list, crystal('diamond', ['Ge'], 5.43))).toBe(true);
    expect(isStale(list, { ...si, pbc: [true, true, false] })).toBe(true);
    const wire = createStructure(['Po'], [0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0, 3], [false, false, true]);
    expect(isStale(buildNeighbourList(wire, 4), { ...wire, pbc: [true, true, true] })).toBe(true);
    expect(isStale(list, { ...si, positions: si.positions.map(() => Number.NaN) })).toBe(true);
    expect(isStale(buildNeighbourList(si, 4), crystal('diamond', ['Si'], 5.43))).toBe(false);
  });

  test('the list keeps its own copy of the structure', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    const list = buildNeighbourList(si, 4, { skin: 0.5 });
    si.positions[0] += 1;
    expect(isStale(list, si)).toBe(true);
  });

  test('neighboursFor builds, accepts or refuses', () => {
    const si = crystal('diamond', ['Si'], 5.43);
    const list = buildNeighbourList(si, 4, { skin: 0.5 });
    expect(neighboursFor(si, 3.5, list)).toBe(list);
    expect(neighboursFor(si, 3.5).cutoff).toBe(3.5);
    errorOf('short-neighbours', () => neighboursFor(si, 4.1, list));
    errorOf('stale-neighbours', () => neighboursFor(translated(si, [1, 0, 0]), 4, list));
  });
});

test('site positions follow positions and cell, into the array that is given', () => {
  const si = rattled(crystal('diamond', ['Si'], 5.43), 0.1, createRandom(4));
  const list = buildNeighbourList(si, 5, { skin: 0.5 });
  const stretched = strained(si, [0.02, 0.01, 0, 0, -0.01, 0, 0, 0, 0.03]);
  const out = new Float64Array(list.shift.length + 8);
  expect(sitePositions(list, stretched, out)).toBe(out);
  for (let s = 0; s < list.owner.length; s++) {
    for (let axis = 0; axis < 3; axis++) {
      let expected = stretched.positions[3 * list.owner[s] + axis];
      for (let k = 0; k < 3; k++) expected += list.shift[3 * s + k] * stretched.cell[3 * k + axis];
      expect(Math.abs(out[3 * s + axis] - expected)).toBeLessThan(1e-12);
    }
  }
  expect(() => sitePositions(list, si, new Float64Array(3))).toThrow(RangeError);
  expect(() => sitePositions(list, crystal('fcc', ['Si'], 4))).toThrow(RangeError);
});
